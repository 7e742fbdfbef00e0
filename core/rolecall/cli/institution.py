"""``rolecall roles``: what accounts of each type may do."""

from collections.abc import Sequence
from typing import Any

import click

from rolecall.accounts import roles as role_rules
from rolecall.cli.face import Face, Misused, face, words
from rolecall.cli.frame import Words
from rolecall.cli.output import plain
from rolecall.errors import Unknown
from rolecall.sdk.words import MENUS, USER_TYPES
from rolecall.store.filters import choose
from rolecall.work import changes
from rolecall.work.documents import role_document

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
    with call.read() as session:
        items = [role_document(row) for row in role_rules.every(session, user_type=_type(user_type) if user_type else None)]
    columns: dict[str, Any] = {
        "type": "user_type", "name": "name", "active": "active", "default": lambda each: "yes" if each["is_default"] else "",
        "accounts": "accounts", "reaches": lambda each: ", ".join(each["limited_to"] or ["all"]),
        "permissions": lambda each: ", ".join(each["permissions"]),
    }  # fmt: skip
    call.answer_list(items, columns, none="There are no roles.")


@roles.command("add")
@click.argument("name")
@click.option("--type", "user_type", metavar="TYPE", required=True, help=f"Whom it is for: {', '.join(USER_TYPES)}.")
@click.option("--permission", "permissions", metavar="PERMISSION", multiple=True, help="Such as accounts:view or act:password.reset.")
@click.option("--limited-to", "limited_to", metavar="TYPE", multiple=True, help="Its rights reach accounts of these user types alone.")
@click.option("--default", "is_default", is_flag=True, help="New accounts of the type get it in the current period.")
def add_role(name: str, user_type: str, permissions: Sequence[str], limited_to: Sequence[str], is_default: bool) -> None:
    """Add a role."""
    call = face()
    actor = call.require("roles:create")
    values = {
        "name": name, "user_type": _type(user_type), "permissions": _split(permissions), "is_default": is_default,
        "limited_to": _types(limited_to),
    }  # fmt: skip
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
@click.option("--limited-to", "limited_to", metavar="TYPE", multiple=True, help="Its rights reach these user types alone; “all” ends it.")
def set_role(
    name: str, user_type: str | None, new_name: str | None, active: str | None, is_default: bool, permissions: Sequence[str],
    added: Sequence[str], removed: Sequence[str], limited_to: Sequence[str],
) -> None:  # fmt: skip
    """Change what is given of a role."""
    call = face()
    actor = call.require("roles:edit")
    values: dict[str, Any] = {
        "name": new_name, "active": None if active is None else active == "yes", "is_default": is_default or None,
        "permissions": _split(permissions) or None, "add": _split(added), "remove": _split(removed),
    }  # fmt: skip
    reach = {"limited_to": _types(limited_to)} if limited_to else {}
    if not reach and not any(value not in (None, []) for value in values.values()):
        raise Misused("Say what to change.", hint="For example --add-permission accounts:view.")
    role_id = _role(call, name, _type(user_type) if user_type else None)
    changes.edit_role(call.app, actor, role_id, values | reach)
    _answer_role(call, role_id, "Saved")


@roles.command("copy")
@click.argument("name")
@click.argument("new_name")
@click.option("--type", "user_type", metavar="TYPE", help="Needed where roles of several types have the name.")
def copy_role(name: str, new_name: str, user_type: str | None) -> None:
    """Add a role that allows the same as another."""
    call = face()
    actor = call.require("roles:create")
    role_id = _role(call, name, _type(user_type) if user_type else None)
    _answer_role(call, changes.copy_role(call.app, actor, role_id, new_name), "Added")


@roles.command("delete")
@click.argument("name")
@click.option("--type", "user_type", metavar="TYPE", help="Needed where roles of several types have the name.")
def delete_role(name: str, user_type: str | None) -> None:
    """Delete a role that nobody has."""
    call = face()
    actor = call.require("roles:delete")
    role_id = _role(call, name, _type(user_type) if user_type else None)
    with call.read() as session:
        document = next(role_document(row) for row in role_rules.every(session) if row.id == role_id)
    changes.remove_role(call.app, actor, role_id)
    call.answer(document, f"Deleted: {plain(document['name'])} ({document['user_type']}).")


@roles.command("menu")
@click.argument("name")
@click.option("--type", "user_type", metavar="TYPE", help="Needed where roles of several types have the name.")
@click.option("--hide", "hidden", metavar="ENTRY", multiple=True, help=f"Leave an entry out: {', '.join(MENUS)}.")
@click.option("--rename", "renamed", metavar="ENTRY=NAME", multiple=True, help="Show an entry under another name.")
def set_menu(name: str, user_type: str | None, hidden: Sequence[str], renamed: Sequence[str]) -> None:
    """Say what the menu of a role hides and renames; without options it is shown as it is."""
    call = face()
    actor = call.require("roles:edit")
    labels = dict(_pair(each) for each in renamed)
    role_id = _role(call, name, _type(user_type) if user_type else None)
    menus = [{"id": item, "hidden": item in hidden, "label": labels.get(item)} for item in dict.fromkeys([*hidden, *labels])]
    changes.edit_role(call.app, actor, role_id, {"menus": menus})
    _answer_role(call, role_id, "Saved")


def _pair(text: str) -> tuple[str, str]:
    item, equals, label = text.partition("=")
    if not equals:
        raise Misused(f"{plain(text)} says no name.", hint="Write it like --rename accounts=Pupils.")
    return item.strip(), label.strip()


def _type(word: str) -> str:
    return _word("type", word, USER_TYPES)


def _types(given: Sequence[str]) -> list[str] | None:
    chosen = [_word("limited-to", each, [*USER_TYPES, "all"]) for each in _split(given)]
    return None if not chosen or "all" in chosen else chosen


def _word(name: str, value: str, known: Any) -> str:
    with words():
        return choose(name, value, known)


def _split(permissions: Sequence[str]) -> list[str]:
    return [part.strip() for each in permissions for part in each.split(",") if part.strip()]


def _role(call: Face, name: str, user_type: str | None) -> int:
    with call.read() as session:
        if user_type is not None:
            return role_rules.by_name(session, user_type, name).id
        found = [row for row in role_rules.every(session) if row.name.casefold() == " ".join(name.split()).casefold()]
    if not found:
        raise Unknown(f"There is no role {plain(name)}.", hint="“rolecall roles” lists them.")
    if len(found) > 1:
        types = ", ".join(row.user_type for row in found)
        raise Misused(f"Several types have a role {plain(name)}.", hint=f"Add --type with one of {types}.")
    return found[0].id


def _answer_role(call: Face, role_id: int, verb: str) -> None:
    with call.read() as session:
        document = next(role_document(row) for row in role_rules.every(session) if row.id == role_id)
    call.answer(document, f"{verb}: {plain(document['name'])} ({document['user_type']}), {len(document['permissions'])} permissions.")
