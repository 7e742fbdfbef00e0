"""``rolecall classes``: classes of a period, and who is in them (R60a)."""

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy.orm import Session

from rolecall.accounts import classes as class_rules
from rolecall.accounts import periods
from rolecall.cli.accounts import one_list, person_id
from rolecall.cli.face import Face, Misused, face, words
from rolecall.cli.frame import Words
from rolecall.cli.output import count, plain
from rolecall.errors import Refused, Unknown
from rolecall.sdk.words import CLASS_ROLES
from rolecall.store import classes_query
from rolecall.work import class_changes
from rolecall.work.documents import Document, class_documents, member_document

_YES_NO = click.Choice(["yes", "no"], case_sensitive=False)


def _paged(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--cursor", help="Go on where an earlier page ended.")(command)
    rows = click.IntRange(1, classes_query.MOST)
    return click.option("--limit", default=classes_query.LIMIT, show_default=True, type=rows, help="Rows of a page.")(command)


def _in_period(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--period", metavar="CODE", help="The period of the class; the current one unless given.")(command)


@click.group(cls=Words, default="list")
def classes() -> None:
    """Classes of the periods, and who is in them."""


@classes.command("list")
@click.option("--period", metavar="CODE", help="Those of one period.")
@click.option("--active", metavar="yes|no", help="Whether they are taught.")
@click.option("--q", metavar="TEXT", help="Code or name.")
@_paged
def list_classes(limit: int, cursor: str | None, **given: str | None) -> None:
    """List classes, the newest period first."""
    call = face()
    call.require("people:view")
    chosen = {name: value for name, value in given.items() if value is not None}
    with call.read() as session:
        with words():
            clauses = classes_query.class_clauses(session, chosen)
            page = classes_query.classes_page(session, clauses, limit=limit, cursor=cursor)
        items = class_documents(session, page.rows)
    columns: dict[str, Any] = {
        "period": "period", "code": "code", "name": "name", "students": "students", "teachers": "teachers", "assistants": "assistants",
        "": lambda each: "" if each["active"] else "ended",
    }  # fmt: skip
    call.answer_list(items, columns, none="There are no classes here.", total=page.total, following=page.next)


@classes.command("show")
@click.argument("code")
@_in_period
def show_class(code: str, period: str | None) -> None:
    """Show one class, and how it stands at each provider."""
    call = face()
    call.require("people:view")
    document = _read(call, _find(call, code, period))

    def lines() -> list[str]:
        links = [", ".join(filter(None, (each["provider"], each["state"], each["error"]))) for each in document["links"]]
        return [_in_words(document), *(plain(each) for each in links)]

    call.answer(document, lines)


@classes.command("add")
@click.argument("code")
@click.option("--name", metavar="TEXT", help="The code, unless given.")
@_in_period
def add_class(code: str, name: str | None, period: str | None) -> None:
    """Add a class without members."""
    call = face()
    actor = call.require("people:create")
    with call.read() as session:
        period_id = _period(session, period)
    class_id = class_changes.add_class(call.app, actor, {"period_id": period_id, "code": code, "name": name or code})
    _answer(call, class_id, "Added")


@classes.command("set")
@click.argument("code")
@_in_period
@click.option("--code", "new_code", metavar="CODE", help="Another code.")
@click.option("--name", metavar="TEXT")
@click.option("--active", type=_YES_NO, help="“no” ends the class: providers archive what they have of it.")
def set_class(code: str, period: str | None, new_code: str | None, name: str | None, active: str | None) -> None:
    """Change what is given of a class, or end it."""
    values = {"code": new_code, "name": name, "active": None if active is None else active.lower() == "yes"}
    values = {each: value for each, value in values.items() if value is not None}
    if not values:
        raise Misused("Say what to change.", hint="For example --name “Mathematics 7A”, or --active no.")
    call = face()
    actor = call.require("people:edit")
    class_id = _find(call, code, period)
    class_changes.edit_class(call.app, actor, class_id, values)
    _answer(call, class_id, "Saved")


@classes.command("delete")
@click.argument("code")
@_in_period
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete_class(code: str, period: str | None, yes: bool) -> None:
    """Delete a class that no provider holds; any other can be ended with “set --active no”."""
    call = face()
    actor = call.require("people:delete")
    class_id = _find(call, code, period)
    document = _read(call, class_id)
    call.agree(f"Delete the class {document['code']} of {document['period']}?", yes=yes)
    class_changes.remove_class(call.app, actor, class_id)
    call.answer(document, f"Deleted: {plain(document['code'])}.")


@classes.group("members", cls=Words, default="list")
def members() -> None:
    """Who is in a class."""


@members.command("list")
@click.argument("code")
@_in_period
@click.option("--role", metavar="ROLE", help=f"One of {', '.join(CLASS_ROLES)}.")
@_paged
def list_members(code: str, period: str | None, role: str | None, limit: int, cursor: str | None) -> None:
    """List who is in a class: who teaches first, then by name."""
    call = face()
    call.require("people:view")
    class_id, chosen = _find(call, code, period), None if role is None else _role(role)
    with call.read() as session, words():
        page = classes_query.members_page(session, class_id, role=chosen, limit=limit, cursor=cursor)
    columns: dict[str, Any] = {
        "role": "role", "list": "list", "code": "code", "name": lambda each: f"{each['first_name']} {each['last_name']}",
        "active": "active", "account": lambda each: "yes" if each["account"] else "",
    }  # fmt: skip
    items = [member_document(each) for each in page.rows]
    call.answer_list(items, columns, none="Nobody is in this class.", total=page.total, following=page.next)


@members.command("add")
@click.argument("code")
@click.argument("people", nargs=-1, required=True, metavar="PERSON...")
@_in_period
@click.option("--role", metavar="ROLE", default="student", show_default=True, help=f"One of {', '.join(CLASS_ROLES)}.")
@click.option("--list", "people_list", metavar="LIST", help="Needed where several lists have a code.")
def add_members(code: str, people: tuple[str, ...], period: str | None, role: str, people_list: str | None) -> None:
    """Put people into a class by their codes, or give those who are in it another role."""
    call = face()
    actor = call.require("people:edit")
    class_id, role = _find(call, code, period), _role(role)
    of_list = one_list(people_list) if people_list else None
    put = {person_id(call, each, of_list): role for each in people}
    moved = class_changes.change_members(call.app, actor, class_id, put=put)
    _answer(call, class_id, f"{count(len(moved.added), 'person', 'people')} put in, {len(moved.changed):,} with another role")


@members.command("remove")
@click.argument("code")
@click.argument("people", nargs=-1, required=True, metavar="PERSON...")
@_in_period
@click.option("--list", "people_list", metavar="LIST", help="Needed where several lists have a code.")
def remove_members(code: str, people: tuple[str, ...], period: str | None, people_list: str | None) -> None:
    """Take people out of a class by their codes."""
    call = face()
    actor = call.require("people:edit")
    class_id, of_list = _find(call, code, period), one_list(people_list) if people_list else None
    moved = class_changes.change_members(call.app, actor, class_id, put={}, out=[person_id(call, each, of_list) for each in people])
    _answer(call, class_id, f"{count(len(moved.removed), 'person', 'people')} taken out")


def _find(call: Face, code: str, period: str | None) -> int:
    with call.read() as session:
        return class_rules.by_code(session, _period(session, period), code).id


def _period(session: Session, code: str | None) -> int:
    period = periods.current(session) if code is None else periods.by_code(session, code)
    if period is None:
        raise Refused("There is no current period.", hint="Name the period with --period.")
    return period.id


def _role(word: str) -> str:
    if word.lower() not in CLASS_ROLES:
        raise Unknown(f"There is no role {plain(word)} in a class.", hint=f"The roles are {', '.join(CLASS_ROLES)}.")
    return word.lower()


def _read(call: Face, class_id: int) -> Document:
    with call.read() as session:
        row = classes_query.class_row(session, class_id)
        if row is None:
            raise Unknown(f"There is no class with the id {class_id}.")
        return class_documents(session, [row])[0]


def _answer(call: Face, class_id: int, verb: str) -> None:
    document = _read(call, class_id)
    call.answer(document, f"{verb}: {_in_words(document)}")


def _in_words(document: Document) -> str:
    people = ", ".join(f"{document[f'{role}s']:,} {role}s" for role in CLASS_ROLES)
    ended = "" if document["active"] else ", ended"
    return f"{plain(document['code'])}, {plain(document['name'])}, in {plain(document['period'])}{ended}: {people}."
