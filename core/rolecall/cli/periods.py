"""``rolecall periods``: academic periods, the current one, and deleting what nobody uses."""

from datetime import date, datetime
from typing import Any

import click

from rolecall.accounts import periods as period_rules
from rolecall.cli.carrying import copy_roles, roll_over
from rolecall.cli.face import Face, Misused, face
from rolecall.cli.frame import Words
from rolecall.cli.output import plain
from rolecall.work import period_changes
from rolecall.work.documents import Document, period_document

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group(cls=Words, default="list")
def periods() -> None:
    """Academic periods; one of them is the current one."""


@periods.command("list")
def list_periods() -> None:
    """List the periods, the current one first."""
    call = face()
    call.require("periods:view")
    with call.read() as session:
        items = [period_document(period) for period in period_rules.every(session)]
    columns: dict[str, Any] = {
        "code": "code", "name": "name", "from": "starts_on", "to": "ends_on",
        "": lambda each: "current" if each["is_current"] else "" if each["is_open"] else "closed",
    }  # fmt: skip
    call.answer_list(items, columns, none="There are no periods.")


@periods.command("add")
@click.argument("code")
@click.option("--name", metavar="TEXT", help="The code, unless given.")
@click.option("--from", "starts_on", type=_DAY, required=True, metavar="YYYY-MM-DD")
@click.option("--to", "ends_on", type=_DAY, required=True, metavar="YYYY-MM-DD")
@click.option("--current", is_flag=True, help="Make it the current one at once.")
def add_period(code: str, name: str | None, starts_on: datetime, ends_on: datetime, current: bool) -> None:
    """Add a period, open and not the current one."""
    call = face()
    actor = call.require("periods:create", *(["periods:edit"] if current else []))
    values = {"code": code, "name": name or code, "starts_on": _day(starts_on), "ends_on": _day(ends_on)}
    _answer_period(call, period_changes.add_period(call.app, actor, values, current=current), "Added")


@periods.command("set")
@click.argument("code")
@click.option("--code", "new_code", metavar="CODE", help="Another code.")
@click.option("--name", metavar="TEXT")
@click.option("--from", "starts_on", type=_DAY, metavar="YYYY-MM-DD")
@click.option("--to", "ends_on", type=_DAY, metavar="YYYY-MM-DD")
def set_period(code: str, new_code: str | None, name: str | None, starts_on: datetime | None, ends_on: datetime | None) -> None:
    """Change what is given of a period."""
    values = {"code": new_code, "name": name, "starts_on": _day(starts_on), "ends_on": _day(ends_on)}
    values = {each: value for each, value in values.items() if value is not None}
    if not values:
        raise Misused("Say what to change.", hint="For example --name “Autumn term”.")
    _edit_period(code, "Saved", values)


@periods.command("current")
@click.argument("code")
def make_current(code: str) -> None:
    """Make a period the current one: who has no role in it cannot sign in (R59)."""
    _edit_period(code, "Current", is_current=True)


@periods.command("close")
@click.argument("code")
def close_period(code: str) -> None:
    """Close a period: its roles stay, nobody is given one there any more."""
    _edit_period(code, "Closed", is_open=False)


@periods.command("open")
@click.argument("code")
def open_period(code: str) -> None:
    """Open a closed period again."""
    _edit_period(code, "Open", is_open=True)


@periods.command("delete")
@click.argument("code")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete_period(code: str, yes: bool) -> None:
    """Delete a period in which nobody has a role; any other can be closed."""
    call = face()
    actor = call.require("periods:delete")
    with call.read() as session:
        period = period_rules.by_code(session, code)
    call.agree(f"Delete the period {period.code}?", yes=yes)
    document = period_changes.remove_period(call.app, actor, period.id)
    call.answer(document, f"Deleted: {plain(document['code'])}.")


periods.add_command(copy_roles)
periods.add_command(roll_over)


def _edit_period(code: str, verb: str, values: dict[str, Any] | None = None, **states: bool) -> None:
    call = face()
    actor = call.require("periods:edit")
    with call.read() as session:
        period_id = period_rules.by_code(session, code).id
    period_changes.edit_period(call.app, actor, period_id, values or {}, **states)
    _answer_period(call, period_id, verb)


def _answer_period(call: Face, period_id: int, verb: str) -> None:
    with call.read() as session:
        document: Document = period_document(period_rules.get(session, period_id))
    call.answer(document, f"{verb}: {plain(document['code'])}, {document['starts_on']} to {document['ends_on']}.")


def _day(at: datetime | None) -> date | None:
    return at.date() if at else None
