"""``rolecall roles``, ``periods`` and ``statuses``: what an institution is made of."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import click

from rolecall.accounts import periods as period_rules
from rolecall.accounts import roles as role_rules
from rolecall.accounts import statuses as status_rules
from rolecall.cli.face import Face, Misused, face, words
from rolecall.cli.frame import Words
from rolecall.cli.output import plain
from rolecall.errors import Unknown
from rolecall.sdk.words import PROVIDER_ACTIONS, STATUS_TYPES, USER_TYPES
from rolecall.store.filters import choose
from rolecall.work import changes
from rolecall.work.documents import Document, period_document, role_document, status_document

_DAY = click.DateTime(["%Y-%m-%d"])
_YES_NO = click.Choice(["yes", "no"], case_sensitive=False)


@click.group(cls=Words, default="list")
def roles() -> None:
    """Roles and the permissions they hold."""


@roles.command("list")
@click.option("--type", "user_type", metavar="TYPE", help=f"Only of one user type: {', '.join(USER_TYPES)}.")
def list_roles(user_type: str | None) -> None:
    """List the roles with their permissions."""
    call = face()
    call.require("roles:view")
    with call.app.db.read() as session:
        items = [role_document(row) for row in role_rules.every(session, user_type=_type(user_type) if user_type else None)]
    columns: dict[str, Any] = {
        "type": "user_type", "name": "name", "active": "active", "default": lambda each: "yes" if each["is_default"] else "",
        "accounts": "accounts", "permissions": lambda each: ", ".join(each["permissions"]),
    }  # fmt: skip
    call.answer_list(items, columns, none="There are no roles.")


@roles.command("add")
@click.argument("name")
@click.option("--type", "user_type", metavar="TYPE", required=True, help=f"Whom it is for: {', '.join(USER_TYPES)}.")
@click.option("--permission", "permissions", metavar="PERMISSION", multiple=True, help="Such as accounts:view or act:password.reset.")
@click.option("--default", "is_default", is_flag=True, help="New accounts of the type get it in the current period.")
def add_role(name: str, user_type: str, permissions: Sequence[str], is_default: bool) -> None:
    """Add a role."""
    call = face()
    actor = call.require("roles:create")
    values = {"name": name, "user_type": _type(user_type), "permissions": _split(permissions), "is_default": is_default}
    _answer_role(call, changes.add_role(call.app, actor, values), "Added")


@roles.command("set")
@click.argument("name")
@click.option("--type", "user_type", metavar="TYPE", help="Needed where roles of several types have the name.")
@click.option("--name", "new_name", metavar="NAME", help="Another name.")
@click.option("--active", type=_YES_NO)
@click.option("--default", "is_default", is_flag=True, help="Make it the default role of its type.")
@click.option("--permission", "permissions", metavar="PERMISSION", multiple=True, help="All that it shall hold; replaces what it has.")
@click.option("--add-permission", "added", metavar="PERMISSION", multiple=True)
@click.option("--remove-permission", "removed", metavar="PERMISSION", multiple=True)
def set_role(
    name: str, user_type: str | None, new_name: str | None, active: str | None, is_default: bool, permissions: Sequence[str],
    added: Sequence[str], removed: Sequence[str],
) -> None:  # fmt: skip
    """Change what is given of a role."""
    call = face()
    actor = call.require("roles:edit")
    values: dict[str, Any] = {
        "name": new_name, "active": None if active is None else active == "yes", "is_default": is_default or None,
        "permissions": _split(permissions) or None, "add": _split(added), "remove": _split(removed),
    }  # fmt: skip
    if not any(value not in (None, []) for value in values.values()):
        raise Misused("Say what to change.", hint="For example --add-permission accounts:view.")
    role_id = _role(call, name, _type(user_type) if user_type else None)
    changes.edit_role(call.app, actor, role_id, values)
    _answer_role(call, role_id, "Saved")


@click.group(cls=Words, default="list")
def periods() -> None:
    """Academic periods; one of them is the current one."""


@periods.command("list")
def list_periods() -> None:
    """List the periods, the current one first."""
    call = face()
    call.require("periods:view")
    with call.app.db.read() as session:
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
    _answer_period(call, changes.add_period(call.app, actor, values, current=current), "Added")


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


@click.group(cls=Words, default="list")
def statuses() -> None:
    """Student statuses."""


@statuses.command("list")
def list_statuses() -> None:
    """List the statuses."""
    call = face()
    call.require("settings:view")
    with call.app.db.read() as session:
        items = [status_document(status) for status in status_rules.every(session)]
    call.answer_list(items, {"label": "label", "type": "type", "at providers": "provider_action"}, none="There are no statuses.")


@statuses.command("add")
@click.argument("label")
@click.option("--type", "kind", metavar="TYPE", required=True, help=f"What rules look at: {', '.join(STATUS_TYPES)}.")
@click.option("--at-providers", "provider_action", metavar="WORD", default="nothing", help=f"{', '.join(PROVIDER_ACTIONS)}.")
def add_status(label: str, kind: str, provider_action: str) -> None:
    """Add a status."""
    call = face()
    actor = call.require("settings:edit")
    values = {
        "label": label, "type": _word("type", kind, STATUS_TYPES),
        "provider_action": _word("at-providers", provider_action, PROVIDER_ACTIONS),
    }  # fmt: skip
    _answer_status(call, changes.add_status(call.app, actor, values), "Added")


@statuses.command("set")
@click.argument("label")
@click.option("--label", "new_label", metavar="TEXT", help="Another label.")
@click.option("--type", "kind", metavar="TYPE", help=f"{', '.join(STATUS_TYPES)}.")
@click.option("--at-providers", "provider_action", metavar="WORD", help=f"{', '.join(PROVIDER_ACTIONS)}.")
def set_status(label: str, new_label: str | None, kind: str | None, provider_action: str | None) -> None:
    """Change what is given of a status; its students follow at once."""
    call = face()
    actor = call.require("settings:edit")
    values = {
        "label": new_label, "type": _word("type", kind, STATUS_TYPES) if kind else None,
        "provider_action": _word("at-providers", provider_action, PROVIDER_ACTIONS) if provider_action else None,
    }  # fmt: skip
    if not any(values.values()):
        raise Misused("Say what to change.", hint="For example --type graduated.")
    with call.app.db.read() as session:
        known = status_rules.ids_by_key(session)
    status_id = known.get(status_rules.label_key(label))
    if status_id is None:
        raise Unknown(f"There is no student status {plain(label)}.", hint="“rolecall statuses” lists them.")
    changes.edit_status(call.app, actor, status_id, values)
    _answer_status(call, status_id, "Saved")


def _type(word: str) -> str:
    return _word("type", word, USER_TYPES)


def _word(name: str, value: str, known: Any) -> str:
    with words():
        return choose(name, value, known)


def _day(at: datetime | None) -> date | None:
    return at.date() if at else None


def _split(permissions: Sequence[str]) -> list[str]:
    return [part.strip() for each in permissions for part in each.split(",") if part.strip()]


def _role(call: Face, name: str, user_type: str | None) -> int:
    with call.app.db.read() as session:
        if user_type is not None:
            return role_rules.by_name(session, user_type, name).id
        found = [row for row in role_rules.every(session) if row.name.casefold() == " ".join(name.split()).casefold()]
    if not found:
        raise Unknown(f"There is no role {plain(name)}.", hint="“rolecall roles” lists them.")
    if len(found) > 1:
        types = ", ".join(row.user_type for row in found)
        raise Misused(f"Several types have a role {plain(name)}.", hint=f"Add --type with one of {types}.")
    return found[0].id


def _edit_period(code: str, verb: str, values: dict[str, Any] | None = None, **states: bool) -> None:
    call = face()
    actor = call.require("periods:edit")
    with call.app.db.read() as session:
        period_id = period_rules.by_code(session, code).id
    changes.edit_period(call.app, actor, period_id, values or {}, **states)
    _answer_period(call, period_id, verb)


def _answer_role(call: Face, role_id: int, verb: str) -> None:
    with call.app.db.read() as session:
        document = next(role_document(row) for row in role_rules.every(session) if row.id == role_id)
    call.answer(document, f"{verb}: {plain(document['name'])} ({document['user_type']}), {len(document['permissions'])} permissions.")


def _answer_period(call: Face, period_id: int, verb: str) -> None:
    with call.app.db.read() as session:
        document: Document = period_document(period_rules.get(session, period_id))
    call.answer(document, f"{verb}: {plain(document['code'])}, {document['starts_on']} to {document['ends_on']}.")


def _answer_status(call: Face, status_id: int, verb: str) -> None:
    with call.app.db.read() as session:
        document = status_document(status_rules.get(session, status_id))
    call.answer(document, f"{verb}: {plain(document['label'])}, type {document['type']}, at providers: {document['provider_action']}.")
