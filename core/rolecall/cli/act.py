"""``rolecall actions`` and ``rolecall act``: whatever the enabled plugins register, with plan, consent and result.

Has no code for any particular action: parameters, consequence and permission come from the registry.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.cli.face import Misused, face, find_account, is_terminal, misused, nearest, pairs, words
from rolecall.cli.frame import Command
from rolecall.cli.output import count, plain, table
from rolecall.cli.progress import answer_run
from rolecall.errors import ConsentRequired, Invalid, Unknown
from rolecall.plugins.registry import View
from rolecall.sdk.action import Action, Grade
from rolecall.sdk.fields import FormField, describe
from rolecall.sdk.lists import FilterContext
from rolecall.store import filters
from rolecall.store.engine import now
from rolecall.work.delivery import quotes
from rolecall.work.runs.foresee import foresee
from rolecall.work.runs.forms import Form, Params, load_params
from rolecall.work.runs.plan import Plan, Skipped
from rolecall.work.runs.selection import Selection, of_ids, of_words
from rolecall.work.runs.start import Request, start

#: From this many accounts on a terminal is asked before anything happens, whatever the action.
_MANY = 2
#: Types of JSON Schema by kinds of form fields; all others are strings.
_TYPES = {"yesno": "boolean", "number": "integer"}


@click.command(cls=Command)
def actions() -> None:
    """List what can be done with accounts: what the enabled plugins register, with parameters (R68)."""
    call = face()
    actor = call.actor
    with call.read() as session:
        view = call.app.plugins.view(session)
        items = [_document(session, view, actor, each) for each in view.actions.values()]
    columns: dict[str, Any] = {
        "id": "id", "": "label", "many": "bulk", "consent": lambda each: "yes" if each["confirm"] else "", "allowed": "allowed",
        "parameters": _parameters,
    }  # fmt: skip
    call.answer_list(items, columns, none="No action is registered.")


@click.command(cls=Command)
@click.argument("action_id", metavar="ID")
@click.option("--account", "accounts", metavar="USERNAME", multiple=True, help="An account; may be given several times.")
@click.option("--where", metavar="FILTER", help="Every account that matches, such as 'type=student role=\"Main student\"'.")
@click.option("--set", "given", metavar="NAME=VALUE", multiple=True, help="A parameter; several values are separated by commas.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Agree to the consequence, and ask nothing.")
@click.option("--expected", type=click.IntRange(0), metavar="N", help="Do it only while exactly so many accounts are selected.")
@click.option("--reason", metavar="TEXT", help="Kept in the run and the audit.")
def act(
    action_id: str, accounts: Sequence[str], where: str | None, given: Sequence[str], dry_run: bool, yes: bool, expected: int | None,
    reason: str | None,
) -> None:  # fmt: skip
    """Do something with accounts; “rolecall actions” lists what there is."""
    if bool(accounts) == (where is not None):
        raise Misused("Say which accounts are meant: --account USERNAME (one or more), or --where FILTER.")
    call = face()
    actor = call.actor
    params = pairs(given)
    with call.read() as session:
        view = call.app.plugins.view(session)
        action = _find(view, action_id)
        selection = _selection(session, view, accounts, where)
        form = Form(session=session, view=view, account_ids=selection.ids or ())
        loaded = _check_params(action, form, params)
        consequence = action.consequence(form)
        foreseen = foresee(call.app, session, view, actor, action_id, selection, loaded.all)
    plan = foreseen.plan
    left = quotes.funds(call.app, foreseen.quote.channel) if foreseen.quote is not None and not yes else None
    cost = quotes.quote_document(foreseen.quote, left)
    if cost is not None:
        consequence = f"{cost['sentence']} {consequence or ''}".strip()
    if dry_run:
        call.answer(_plan_document(plan, cost), lambda: _plan_lines(action, plan, consequence))
        return
    agreed = yes or _ask(action, plan, consequence)
    if agreed and expected is None and action.grade is Grade.RETYPE:
        expected = plan.total
    request = Request(action=action.id, selection=selection, params=params, agreed=agreed, expected=expected, reason=reason)
    answer_run(call, start(call.app, actor, request))


def _find(view: View, action_id: str) -> Action:
    action = view.actions.get(action_id)
    if action is None:
        hint = nearest(action_id, view.actions, "“rolecall actions” lists what the enabled plugins register.")
        raise misused(Unknown(f"There is no action called {plain(action_id)}.", hint=hint))
    return action


def _selection(session: Session, view: View, accounts: Sequence[str], where: str | None) -> Selection:
    if where is None:
        return of_ids([find_account(session, each).id for each in accounts])
    with words():
        found = filters.parse_where(where)
        # Compiled once here, so that a wrong word is a wrong usage and not a refusal.
        context = FilterContext(session=session, period_id=filters.chosen_period(session, found), now=now(session))
        filters.compile(view.filters, found, context)
    return of_words(found)


def _check_params(action: Action, form: Form, params: Mapping[str, str]) -> Params:
    known = list(action.params().fields)
    for name in params:
        if name not in known:
            hint = nearest(name, known, f"It takes {', '.join(known) or 'none'}.")
            raise Misused(f"{action.id} has no parameter {plain(name)}.", hint=hint, code="invalid")
    try:
        return load_params(action.params, params, form)
    except Invalid as error:
        raise misused(error) from error


def _ask(action: Action, plan: Plan, consequence: str | None) -> bool:
    """Whether the person at the terminal agreed; without a terminal only actions without a consequence go on."""
    asks = action.grade is not Grade.PLAIN
    if not is_terminal():
        if asks:
            raise ConsentRequired(consequence or action.label, hint="Give --yes to agree.")
        return False
    if not asks and plan.total < _MANY:
        return False
    for line in _plan_lines(action, plan, consequence):
        click.echo(line, err=True)
    if action.grade is Grade.RETYPE:
        question = f"{plain(consequence or '')} Type the number of accounts to go on"
        typed = click.prompt(question, err=True, default="", show_default=False)
        if typed.replace(",", "").strip() != str(plan.total):
            raise click.Abort
        return True
    question = f"{plain(consequence)} I agree" if consequence else f"{plain(action.label)} for {count(plan.will, 'account')}?"
    click.confirm(question, abort=True, err=True)
    return True


def _plan_lines(action: Action, plan: Plan, consequence: str | None) -> Iterator[str]:
    yield f"{plain(action.label)}: {count(plan.total, 'account')} selected, {plan.will:,} will change."
    if consequence:
        yield plain(consequence)
    if plan.examples:
        yield ""
        yield from table(["for example", "user name"], [[plain(name), plain(username)] for _, name, username in plan.examples])
    if plan.skipped:
        yield ""
        rows = [[f"{each.count:,}", plain(each.message), _some(each)] for each in plan.skipped]
        yield from table(["skipped", "because", "for example"], rows)


def _some(skipped: Skipped) -> str:
    return ", ".join(plain(username) for _, _, username in skipped.examples) + (", …" if skipped.count > len(skipped.examples) else "")


def _plan_document(plan: Plan, cost: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "dry_run": True,
        "total": plan.total,
        "will": plan.will,
        "skipped": [
            {"code": each.code, "message": each.message, "count": each.count, "examples": _names(each.examples)} for each in plan.skipped
        ],
        "examples": _names(plan.examples),
        "cost": cost,
    }


def _names(found: Sequence[tuple[int, str, str]]) -> list[dict[str, Any]]:
    return [{"id": account_id, "username": username, "name": name} for account_id, name, username in found]


def _document(session: Session, view: View, actor: Actor, action: Action) -> dict[str, Any]:
    form = Form(session=session, view=view)
    return {
        "id": action.id,
        "label": action.label,
        "help": action.help,
        "plugin": view.owner(action.id),
        "group": action.group,
        "bulk": action.bulk,
        "grade": action.grade.value,
        "confirm": action.consequence(form),
        "undo": action.undo is not None,
        "permission": action.permission,
        "allowed": actor.may(action.permission),
        "requires": [{"code": each.code, "message": each.message} for each in action.requires],
        "params": _json_schema(describe(action.params, form)),
    }


def _json_schema(fields: Sequence[FormField]) -> dict[str, Any]:
    """The parameters as JSON Schema, with the choices there are now."""
    return {
        "type": "object",
        "properties": {each.name: _property(each) for each in fields},
        "required": [each.name for each in fields if each.required],
        "additionalProperties": False,
    }


def _property(each: FormField) -> dict[str, Any]:
    choices = {"enum": [value for value, _ in each.options]} if each.options else {}
    kind: dict[str, Any] = {"type": _TYPES.get(each.kind, "string"), **choices}
    if each.kind in ("choices", "lines"):
        kind = {"type": "array", "items": {"type": "string", **choices}}
    # What a form shows first in a field that must be given is not filled in for a program that leaves it out.
    default = None if each.required else each.default
    more = {"title": each.label, "description": each.help, "default": default, "writeOnly": each.secret or None}
    return kind | {name: value for name, value in more.items() if value not in (None, "")}


def _parameters(item: Mapping[str, Any]) -> str:
    required = item["params"]["required"]
    return " ".join(name if name in required else f"[{name}]" for name in item["params"]["properties"])
