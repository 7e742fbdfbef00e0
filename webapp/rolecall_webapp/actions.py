"""The one dialog for every registered action: what, who, how, consequences; posting it starts the run.

The selection stands in the address and the parameters in the form, so a parameter may be called like a filter word. Knows no
particular action.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.errors import ConsentRequired, CountChanged, Forbidden, Invalid, Refused, Unknown
from rolecall.sdk.action import Action, Grade
from rolecall.sdk.fields import FormField, describe
from rolecall.store.tables import Run
from rolecall.work.delivery import quotes
from rolecall.work.runs.documents import run_document
from rolecall.work.runs.foresee import foresee
from rolecall.work.runs.forms import Form as FormContext
from rolecall.work.runs.plan import Plan, find_action
from rolecall.work.runs.secrets import count_secrets
from rolecall.work.runs.selection import Selection, of_ids, of_words
from rolecall.work.runs.start import Request, start
from rolecall_webapp import forms, settings_form
from rolecall_webapp.errors import status_of
from rolecall_webapp.frame import application, local_path, needs, require_fresh
from rolecall_webapp.notices import await_providers, say, watch
from rolecall_webapp.parts import Confirm, Form

pages = Blueprint("actions", __name__, url_prefix="/act")

#: Names in the address that are not filter words.
_OWN = {"ids", "all", "expected", "back"}
#: Before the name of a parameter in the address: what the form shows first in its field.
_PRESET = "set:"
_REASON = FormField(name="run_reason", label="Why", kind="text", help="Optional; it stands in the history of the run.", advanced=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What an address asks for: the accounts, the count that was shown there, and where to go back to."""

    selection: Selection
    expected: int | None
    back: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What the dialog shows again after a mistake."""

    values: Mapping[str, object] = field(default_factory=dict)
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    was: int | None = None


@pages.get("/<action_id>")
@needs(None)
def ask(action_id: str) -> ResponseReturnValue:
    """Show what the action would do to the selected accounts, before anything is done."""
    action = find_action(g.view, g.actor, action_id)
    asked = _read()
    if action.page is not None:
        return redirect(url_for(f"{action.page}.ask", account_id=(asked.selection.ids or [0])[0]), 303)
    if action.fresh_login:
        require_fresh()
    preset = {name.removeprefix(_PRESET): value for name, value in request.args.items() if name.startswith(_PRESET)}
    return _dialog(action, asked, _State(values=preset, was=asked.expected))


@pages.post("/<action_id>")
@needs(None)
def start_run(action_id: str) -> ResponseReturnValue:
    """Start the run and lead to where it can be watched."""
    action = find_action(g.view, g.actor, action_id)
    asked = _read()
    if action.fresh_login:
        require_fresh(_address(action, asked))
    fields = _fields(action, asked)
    shown = forms.echo(request.form, (*fields, _REASON))
    try:
        order = Request(
            action=action.id,
            selection=asked.selection,
            params=forms.collect(request.form, fields),
            agreed=_agreed(action, asked),
            expected=asked.expected,
            reason=request.form.get("run_reason", "").strip()[:500] or None,
            idempotency_key=f"web:{key}" if (key := request.form.get("run_key")) else None,
        )
        # The run is written in units of its own; what was read until here would be an old picture afterwards.
        g.db.rollback()
        run_id = start(application(), g.actor, order)
    except (Unknown, Forbidden):
        raise
    except Refused as error:
        return _dialog(action, asked, _mistake(error, asked, shown)), status_of(error)
    return _finish(action, asked, run_id)


def _finish(action: Action, asked: _Asked, run_id: int) -> ResponseReturnValue:
    g.db.rollback()
    run = g.db.get_one(Run, run_id)
    if run.state in ("queued", "running"):
        watch(run_id)
    elif action.awaits_providers:
        await_providers(run_id)
    counts = run_document(g.db, run)["counts"]
    small = sum(counts.values()) == 1 and counts["done"] == 1 and not count_secrets(g.db, run_id)
    if not small:
        return redirect(url_for("runs.page", run_id=run_id), 303)
    undo = run_id if action.undo is not None else None
    say(f"{action.label}: done.", run=run_id, link="See the run", undo=undo)
    return redirect(asked.back, 303)


def _read() -> _Asked:
    """Read the selection from the address.

    :raises Invalid: when it cannot be read, or selects nothing.
    """
    args = request.args
    words = {name: value for name, value in args.items() if name not in _OWN and not name.startswith(_PRESET)}
    source = request.form if request.form.get("ids") else args
    ids = [part for value in source.getlist("ids") for part in value.split(",") if part]
    if any(not (part.isascii() and part.isdigit() and len(part) < 10) for part in ids):
        raise Invalid("An account is named by its number.")
    everything = args.get("all") == "1"
    selection = of_words(words) if everything else of_ids([int(part) for part in ids])
    expected = request.form.get("expected") or (args.get("expected") if everything else None)
    back = request.form.get("back") or args.get("back")
    if not back:
        back = url_for("accounts.index") + (f"?{urlencode(words)}" if words else "")
        if selection.is_single and not words:
            back = url_for("accounts.overview", account_id=(selection.ids or (0,))[0])
    number = int(expected) if expected and expected.isascii() and expected.isdigit() and len(expected) < 10 else None
    return _Asked(selection=selection, expected=number, back=local_path(back))


def _address(action: Action, asked: _Asked) -> str:
    """The dialog's address without the count: what it shows is counted anew."""
    selected = (
        {"ids": ",".join(map(str, asked.selection.ids or ()))} if asked.selection.words is None else {**asked.selection.words, "all": "1"}
    )
    return url_for("actions.ask", action_id=action.id) + "?" + urlencode({**selected, "back": asked.back})


def _context(asked: _Asked) -> FormContext:
    return FormContext(session=g.db, view=g.view, account_ids=asked.selection.ids or ())


def _fields(action: Action, asked: _Asked) -> tuple[FormField, ...]:
    return describe(action.params, _context(asked))


def _agreed(action: Action, asked: _Asked) -> bool:
    """Whether the consequence was agreed to, as its grade asks.

    :raises Invalid: when another number was typed.
    """
    agreed = request.form.get("agreed") == "yes"
    if agreed and action.grade is Grade.RETYPE:
        typed = "".join(filter(str.isalnum, request.form.get("typed", "")))
        if typed != str(asked.expected):
            raise Invalid("The number is not the one that was asked for.", fields={"typed": [f"Type {asked.expected:,} to confirm."]})
    return agreed


def _mistake(error: Refused, asked: _Asked, shown: Mapping[str, object]) -> _State:
    if isinstance(error, CountChanged):
        return _State(values=shown, was=asked.expected)
    if isinstance(error, ConsentRequired):
        return _State(values=shown, errors={"agreed": ["Tick that you agree, or cancel."]})
    if isinstance(error, Invalid) and error.fields:
        return _State(values=shown, errors=error.fields)
    return _State(values=shown, errors={"": [str(error)]})


def _dialog(action: Action, asked: _Asked, state: _State) -> str:
    g.db.rollback()
    foreseen = foresee(application(), g.db, g.view, g.actor, action.id, asked.selection)
    plan, left = foreseen.plan, None
    if foreseen.quote is not None:
        g.db.rollback()  # no transaction stays open while the gateway takes its time
        left = quotes.funds(application(), foreseen.quote.channel)
    fields = _fields(action, asked)
    confirm = None
    if action.grade is not Grade.PLAIN:
        confirm = Confirm(grade=action.grade.value, text=action.consequence(_context(asked)) or "", number=plan.total)
    form = Form(
        action=_address(action, asked),
        fields=(*fields, _REASON),
        button=action.label if plan.total == 1 else f"{action.label}: {_accounts(plan.will)}",
        values={**forms.starting(fields), **state.values},
        errors=state.errors,
        hidden={"expected": str(plan.total), "run_key": secrets.token_hex(8)},
        cancel=asked.back,
        confirm=confirm,
        danger=action.grade is not Grade.PLAIN,
        strength=url_for("strength.index", action=action.id, ids=asked.selection.ids) if asked.selection.is_single else None,
    )
    # The address that is posted to has no count of its own: the one in the form is the one that is shown here.
    return render_template(
        "plan.html",
        title=_title(action, plan),
        action=action,
        plan=plan,
        form=form,
        was=state.was if state.was is not None and state.was != plan.total else None,
        owner=g.view.owner_label(action.id),
        governed=settings_form.governing(action.id),
        followed=[provider.label for provider in g.view.providers.values()] if action.syncs else [],
        skipped=plan.total - plan.will,
        cost=quotes.quote_document(foreseen.quote, left),
        listed=url_for("accounts.index") + "?" + urlencode(asked.selection.words or {}) if asked.selection.words is not None else None,
    )


def _title(action: Action, plan: Plan) -> str:
    if plan.total == 1:
        return f"{action.label}: {plan.examples[0][1] or plan.examples[0][2]}" if plan.examples else action.label
    return f"{action.label}: {plan.will:,} of {_accounts(plan.total)}"


def _accounts(number: int) -> str:
    return "1 account" if number == 1 else f"{number:,} accounts"
