"""The turn of a year, step by step: the next period, what becomes of each role, what that comes to; then the run (R59a).

Every step is an address. Knows no rule: what accounts get is for ``carrying``, doing it for the action ``roles.rollover``.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import carrying, periods, role_maps
from rolecall.accounts.carrying import Forecast
from rolecall.errors import Invalid, Refused, Unknown
from rolecall.sdk.fields import FormField
from rolecall.sdk.words import USER_TYPES
from rolecall.store.tables import Account, Period, Role
from rolecall.work import period_changes
from rolecall.work.runs.plan import find_action
from rolecall.work.runs.selection import count, of_words, select_accounts
from rolecall.work.runs.start import Request, start
from rolecall_webapp import forms, period_form
from rolecall_webapp.errors import status_of
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import watch
from rolecall_webapp.paging import address, problems
from rolecall_webapp.parts import Confirm, Empty, Form, Head, Link, Note, Part, Row, Table, cell

pages = Blueprint("rollover", __name__, url_prefix="/periods/<int(max=2147483647):period_id>/rollover")

ACTION = "roles.rollover"
_RIGHT = f"act:{ACTION}"
_ROLE = "role-"
_SAME, _NONE = "same", "none"
_EVERYBODY = of_words({})
_NUMBER = re.compile(r"\d+")


@pages.get("")
@needs(_RIGHT)
def index(period_id: int) -> ResponseReturnValue:
    """Step 1: the period that roles go into, one that is there or a new one."""
    return _choose(periods.get(g.db, period_id))


@pages.post("")
@needs("periods:create")
def create(period_id: int) -> ResponseReturnValue:
    """Add the new period and go on with it."""
    source = periods.get(g.db, period_id)
    try:
        target = period_changes.add_period(application(), g.actor, period_form.values(request.form))
    except Refused as error:
        wrong, status = problems(error)
        return _choose(source, forms.echo(request.form, period_form.FIELDS), wrong), status
    g.db.rollback()
    return redirect(url_for("rollover.roles", period_id=period_id, to=periods.get(g.db, target).code), 303)


@pages.get("/roles")
@needs(_RIGHT)
def roles(period_id: int) -> ResponseReturnValue:
    """Step 2: what becomes of each role that somebody has now."""
    source, target = _periods(period_id)
    held = carrying.roles_held(g.db, source.id)
    title, kicker = f"From {source.code} into {target.code}", "Step 2 of 3: what becomes of roles"
    if not held:
        back = Link(label="To the periods", href=url_for("periods.index"))
        empty = Empty(text=f"Nobody has a role in {source.code}.", hint="There is nothing to roll over.", links=[back])
        return render_template("page.html", title=title, kicker=kicker, parts=[empty])
    every = [role for role in g.db.query(Role).order_by(Role.name_key) if role.active]
    fields = [_field(role, number, [each for each in every if each.user_type == role.user_type], source) for role, number in held]
    form = Form(
        action=url_for("rollover.plan", period_id=source.id),
        method="get",
        fields=fields,
        values={each.name: request.args.get(each.name) or each.default for each in fields},
        hidden={"to": target.code},
        button="Show what this comes to",
        help="Where a role with the next number exists, it is suggested. Nothing is done yet.",
        cancel=url_for("rollover.index", period_id=source.id),
    )
    return render_template("page.html", title=title, kicker=kicker, parts=[form])


@pages.get("/plan")
@needs(_RIGHT)
def plan(period_id: int) -> ResponseReturnValue:
    """Step 3: what it comes to, before anything is done."""
    source, target = _periods(period_id)
    return _plan(source, target, _chosen(request.args))


@pages.post("/plan")
@needs(_RIGHT)
def start_run(period_id: int) -> ResponseReturnValue:
    """Begin the run, and lead to where it can be watched."""
    source, target = _periods(period_id)
    chosen = _chosen(request.form)
    expected = request.form.get("expected", "")
    order = Request(
        action=ACTION,
        selection=_EVERYBODY,
        params={
            "from_period": source.code,
            "period": target.code,
            "map": role_maps.write(g.db, chosen),
            "make_current": request.form.get("make_current") == "yes",
        },
        agreed=request.form.get("agreed") == "yes",
        expected=int(expected) if expected.isascii() and expected.isdigit() and len(expected) < 10 else None,
        idempotency_key=f"web:{key}" if (key := request.form.get("run_key")) else None,
    )
    g.db.rollback()
    try:
        run_id = start(application(), g.actor, order)
    except Unknown:
        raise
    except Refused as error:
        g.db.rollback()
        source, target = _periods(period_id)
        return _plan(source, target, chosen, error), status_of(error)
    watch(run_id)
    return redirect(url_for("runs.page", run_id=run_id), 303)


def _choose(source: Period, values: Mapping[str, Any] | None = None, wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    others = [each for each in periods.every(g.db) if each.is_open and each.id != source.id]
    later = [each for each in others if each.starts_on > source.starts_on]
    parts: list[Part] = []
    if others:
        options = tuple((each.code, f"{each.name} ({each.code})") for each in others)
        field = FormField(name="to", label="Period", kind="choice", required=True, options=options)
        into = Form(
            action=url_for("rollover.roles", period_id=source.id),
            method="get",
            title="Into a period that is there",
            fields=[field],
            values={"to": min(later, key=lambda each: each.starts_on).code if later else ""},
            button="Go on",
        )
        parts.append(into)
    if may("periods:create"):
        new = Form(
            action=url_for("rollover.create", period_id=source.id),
            title="Into a new period",
            fields=period_form.FIELDS,
            values=values or periods.following(source),
            errors=wrong or {},
            button="Add the period and go on",
            help="It is added open and not current, so nothing changes for anybody yet.",
        )
        # What is most likely wanted stands first, and a mistake always does.
        parts.insert(0 if wrong or not later else len(parts), new)
    if not parts:
        hint = "Ask somebody who may add periods for the next one."
        parts.append(Empty(kind="permission", text="There is no other open period.", hint=hint))
    note = "Roles go from one period into the next: as they are, by a map, or not at all. You see what it comes to before it is done."
    return render_template("page.html", title=f"Roll over {source.name}", kicker="Step 1 of 3: the new period", note=note, parts=parts)


def _field(role: Role, number: int, every: Sequence[Role], source: Period) -> FormField:
    same = ((_SAME, f"{role.name} (stays the same)"),) if role.active else ()
    others = tuple((str(each.id), each.name) for each in every if each.id != role.id)
    following = next((str(each.id) for each in every if each.name_key == _next_name(role.name_key)), None)
    accounts = "1 account" if number == 1 else f"{number:,} accounts"
    closed = "" if role.active else " It is not active, so it cannot stay."
    return FormField(
        name=f"{_ROLE}{role.id}",
        label=role.name,
        kind="choice",
        required=True,
        help=f"{accounts} in {source.code}.{closed}",
        options=(*same, *others, (_NONE, "No role")),
        default=following or (_SAME if role.active else _NONE),
        group=USER_TYPES[role.user_type],
    )


def _next_name(name: str) -> str | None:
    """The same name with its last number one higher: ``year 9`` leads to ``year 10``."""
    numbers = list(_NUMBER.finditer(name))
    if not numbers:
        return None
    last = numbers[-1]
    return f"{name[: last.start()]}{int(last[0]) + 1:0{len(last[0])}d}{name[last.end() :]}"


def _plan(source: Period, target: Period, chosen: Mapping[int, int | None], error: Refused | None = None) -> str:
    way = carrying.between(g.db, source.code, target.code, roles=chosen)
    accounts = select_accounts(g.db, g.view, _EVERYBODY, g.actor).with_only_columns(Account.id).order_by(None)
    forecast = carrying.foresee(g.db, accounts, way, actor=g.actor)
    back = address("rollover.roles", {"to": target.code, **_words(chosen)}, period_id=source.id)
    parts: list[Part] = [
        _becomes(forecast, source, target),
        *_left(forecast, source),
        *_warnings(forecast, target),
        _form(forecast, source, target, chosen, back, error),
    ]
    title, kicker = f"From {source.code} into {target.code}", "Step 3 of 3: what it comes to"
    return render_template("page.html", title=title, kicker=kicker, note="Nothing has been done yet.", parts=parts)


def _becomes(forecast: Forecast, source: Period, target: Period) -> Table:
    rows = [
        Row(cells=[cell(line.role), cell(line.becomes), cell(f"{line.count:,}", plain=True, numeric=True)])
        for line in forecast.lines
        if line.verdict.role is not None
    ]
    heads = [Head(label=f"In {source.code}"), Head(label=f"In {target.code}"), Head(label="Accounts", numeric=True)]
    empty = Empty(text="Nobody would get a role.", hint="Below is why.")
    return Table(title="Who becomes what", caption="Who becomes what", heads=heads, rows=rows, empty=empty)


def _left(forecast: Forecast, source: Period) -> list[Part]:
    rows = [
        Row(cells=[cell(line.role or "–"), cell(line.verdict.message), cell(f"{line.count:,}", plain=True, numeric=True)])
        for line in forecast.lines
        if line.verdict.role is None
    ]
    heads = [Head(label=f"In {source.code}"), Head(label="Why nothing is done"), Head(label="Accounts", numeric=True)]
    return [Table(title="Left as they are", caption="Left as they are", heads=heads, rows=rows)] if rows else []


def _warnings(forecast: Forecast, target: Period) -> list[Part]:
    notes: list[Part] = []
    if forecast.without:
        who = "1 account ends" if forecast.without == 1 else f"{forecast.without:,} accounts end"
        hint = (
            f"{forecast.locked_out:,} of them can sign in today and could not any more once {target.code} is the current period."
            if forecast.locked_out
            else "None of them can sign in today."
        )
        text = f"{who} without a role in {target.code}. The run lists them when it is done."
        notes.append(Note(text=text, look="wait", hint=hint))
    if g.view.providers:
        names = ", ".join(provider.label for provider in g.view.providers.values())
        hint = "Pause an integration first, and look at its plan before you resume it, if you want to see what it would send."
        links = [Link(label="To the integrations", href=url_for("integrations.index"))] if may("integrations:view") else []
        notes.append(Note(text=f"{names} will follow the new roles by itself.", hint=hint, links=links))
    return notes


def _form(
    forecast: Forecast, source: Period, target: Period, chosen: Mapping[int, int | None], back: str, error: Refused | None
) -> Form | Note:
    if not forecast.given:
        return Note(text="Nothing would change, so there is nothing to start.", links=[Link(label="Change the roles", href=back)])
    action = find_action(g.view, g.actor, ACTION)
    fields = []
    if may("periods:edit") and not target.is_current:
        text = "When every account is through without a failure. An undo of the run takes this back too."
        fields.append(FormField(name="make_current", label=f"Make {target.code} the current period afterwards", kind="yesno", help=text))
    wrong = {} if error is None else problems(error)[0]
    if error is not None and error.code == "consent-required":
        wrong = {"agreed": ["Tick that you agree, or go back."]}
    return Form(
        action=url_for("rollover.start_run", period_id=source.id, to=target.code),
        fields=fields,
        values={"make_current": request.form.get("make_current", "no") if request.method == "POST" else "yes"},
        errors=wrong,
        hidden={**_words(chosen), "expected": str(count(g.db, g.view, _EVERYBODY, g.actor)), "run_key": secrets.token_hex(8)},
        button=f"Roll over {forecast.given:,} {'account' if forecast.given == 1 else 'accounts'}",
        confirm=Confirm(grade=action.grade.value, text=action.confirm or ""),
        cancel=back,
    )


def _periods(period_id: int) -> tuple[Period, Period]:
    """Both periods, as the address names them.

    :raises Invalid: when it does not say into which.
    """
    source, code = periods.get(g.db, period_id), request.args.get("to", "")
    if not code:
        raise Invalid("The new period is not chosen yet.", hint="Begin at the first step of the rollover.")
    way = carrying.between(g.db, source.code, code)
    return way.source, way.target


def _chosen(sent: Mapping[str, str]) -> dict[int, int | None]:
    """What becomes of which role; what stays the same is left out.

    :raises Invalid: for what no form of ours sends.
    """
    found: dict[int, int | None] = {}
    for name, value in sent.items():
        if not name.startswith(_ROLE) or value == _SAME:
            continue
        role, becomes = name.removeprefix(_ROLE), value
        if not _is_id(role) or not (becomes == _NONE or _is_id(becomes)):
            raise Invalid("What becomes of a role cannot be read.", hint="Choose again for each role.")
        found[int(role)] = None if becomes == _NONE else int(becomes)
    known = role_maps.words_of(g.db)
    if any(each not in known for each in (*found, *(each for each in found.values() if each is not None))):
        raise Invalid("A role that was chosen is not there any more.", hint="Choose again for each role.")
    return role_maps.read(g.db, role_maps.write(g.db, found))


def _words(chosen: Mapping[int, int | None]) -> dict[str, str]:
    return {f"{_ROLE}{old}": _NONE if new is None else str(new) for old, new in chosen.items()}


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
