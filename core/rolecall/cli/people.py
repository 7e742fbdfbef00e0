"""``rolecall people`` and ``rolecall roster``: list, add, edit, and import with a preview and a brake (R2, R6)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from rolecall.cli.accounts import one_list, person_id
from rolecall.cli.face import Face, Misused, face, is_terminal, words
from rolecall.cli.frame import Words
from rolecall.cli.output import count, plain, print_csv, table
from rolecall.cli.progress import answer_run, read
from rolecall.errors import Held, Unknown
from rolecall.sdk.words import LISTS
from rolecall.store import people_query
from rolecall.work import changes
from rolecall.work.documents import person_documents
from rolecall.work.imports.confirm import confirm
from rolecall.work.imports.csv_people import COLUMNS
from rolecall.work.imports.preview import PreviewRow, preview_page
from rolecall.work.imports.source import Source, csv_source, plugin_source
from rolecall.work.imports.stage import VERDICTS, Options, stage
from rolecall.work.runs.documents import Document

#: Problems and changes that a preview shows; the run has all of them.
_PROBLEMS, _CHANGES = 20, 10
_COMING = ("new", "changed", "leaving")
_TEXTS = ("first_name", "last_name", "email", "phone", "language", "status")
_YES_NO = click.Choice(["yes", "no"], case_sensitive=False)
_LEFT = "If the people have really left, say --allow-shrink."
_FILE = click.Path(exists=True, path_type=Path)


@click.group(cls=Words, default="list")
def people() -> None:
    """People of the seven lists: list, add, edit, import."""


@click.group(cls=Words)
def roster() -> None:
    """Rosters of other systems, read by plugins."""


def _fields(command: Callable[..., Any]) -> Callable[..., Any]:
    for name in reversed(_TEXTS):
        command = click.option(f"--{name.replace('_', '-')}", name, metavar="TEXT")(command)
    command = click.option("--active", type=_YES_NO)(command)
    return click.option("--no-sync", "no_sync", type=_YES_NO, help="Keep the person out of every provider.")(command)


@people.command("list")
@click.option("--list", "people_list", metavar="LIST", help=f"One of {', '.join(LISTS)}.")
@click.option("--active", metavar="yes|no")
@click.option("--status", metavar="LABEL", help="Status of students.")
@click.option("--no-sync", "no_sync", metavar="yes|no")
@click.option("--account", metavar="yes|no", help="Whether they have an account.")
@click.option("--q", metavar="TEXT", help="Name, e-mail, code or phone.")
@click.option("--limit", default=people_query.LIMIT, show_default=True, type=click.IntRange(1, people_query.MOST), help="Rows of a page.")
@click.option("--cursor", help="Go on where an earlier page ended.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all that match as CSV; the import reads it again.")
def list_people(people_list: str | None, limit: int, cursor: str | None, as_csv: bool, **given: str | None) -> None:
    """List people, with or without an account."""
    call = face()
    call.require("people:view")
    chosen = {name: value for name, value in {"list": people_list, **given}.items() if value is not None}
    with call.read() as session:
        with words():
            clauses = people_query.people_clauses(session, chosen)
            page = people_query.people_page(session, clauses, limit=limit, cursor=cursor)
        if as_csv:
            print_csv(_export(session, clauses))
            return
        items = person_documents(session, [row.id for row in page.rows])
    columns: dict[str, Any] = {
        "list": "list", "code": "code", "name": lambda each: f"{each['first_name']} {each['last_name']}", "e-mail": "email",
        "status": "status", "active": "active", "account": lambda each: "yes" if each["account"] else "",
    }  # fmt: skip
    call.answer_list(items, columns, none="Nobody matches.", total=page.total, following=page.next)


@people.command("add")
@click.option("--list", "people_list", metavar="LIST", required=True, help=f"One of {', '.join(LISTS)}.")
@click.option("--code", metavar="CODE", required=True, help="The key within the list.")
@_fields
def add_person(people_list: str, code: str, **given: str | None) -> None:
    """Add a person; a new student is Registered unless a status is given."""
    call = face()
    actor = call.require("people:create")
    values = {"list": one_list(people_list), "code": code, **_given(given)}
    _answer_person(call, changes.add_person(call.app, actor, values), "Added")


@people.command("set")
@click.argument("code")
@click.option("--list", "people_list", metavar="LIST", help="Needed where several lists have the code.")
@click.option("--code", "new_code", metavar="CODE", help="Another code.")
@_fields
def set_person(code: str, people_list: str | None, new_code: str | None, **given: str | None) -> None:
    """Change what is given of a person; “-” clears a value."""
    call = face()
    actor = call.require("people:edit")
    values = _given({"code": new_code, **given})
    if not values:
        raise Misused("Say what to change.", hint="For example --email anna@example.org.")
    found = person_id(call, code, one_list(people_list) if people_list else None)
    follows = changes.edit_person(call.app, actor, found, values)
    _answer_person(call, found, "Saved", follows.message if follows else "")


@people.command("import")
@click.argument("file", type=_FILE)
@click.option("--list", "people_list", metavar="LIST", help="The list that rows without one belong to.")
@click.option("--yes", is_flag=True, help="Do it. Without this the import is only shown.")
@click.option("--complete", is_flag=True, help="Who is missing from the file has left; classes end, and members are taken out.")
@click.option("--allow-shrink", is_flag=True, help="Do it although more people would leave than the brake allows.")
def import_people(file: Path, people_list: str | None, yes: bool, complete: bool, allow_shrink: bool) -> None:
    """Import a CSV of people, classes or relations: show what it would change, and with --yes do it (R6, R60a)."""
    call = face()
    chosen = None if people_list is None else one_list(people_list)
    source = csv_source(file, file.name, chosen)
    _import(call, source, Options(complete=complete, lists=(chosen,) if chosen else ()), yes=yes, allow_shrink=allow_shrink)


@roster.command("import")
@click.argument("source_id", metavar="SOURCE")
@click.argument("path", type=_FILE)
@click.option("--yes", is_flag=True, help="Do it. Without this the import is only shown.")
@click.option("--complete", is_flag=True, help="Who is missing from the roster has left; classes end, and members are taken out.")
@click.option("--allow-shrink", is_flag=True, help="Do it although more people would leave than the brake allows.")
def import_roster(source_id: str, path: Path, yes: bool, complete: bool, allow_shrink: bool) -> None:
    """Import a roster through a plugin: a folder, a zip or a file, as the plugin SOURCE reads it."""
    call = face()
    call.require("people:create", "people:edit")
    with call.read() as session:
        view = call.app.plugins.view(session)
    if source_id not in view.sources:
        known = ", ".join(view.sources) or "none; “rolecall plugins enable oneroster” adds one"
        raise Unknown(f"There is no roster source {plain(source_id)}.", hint=f"Enabled sources: {known}.")
    with plugin_source(view, source_id, path) as source:
        _import(call, source, Options(complete=complete), yes=yes, allow_shrink=allow_shrink)


def _import(call: Face, source: Source, options: Options, *, yes: bool, allow_shrink: bool) -> None:
    actor = call.actor
    run_id = stage(call.app, actor, source, options)
    if not yes:
        document = read(call, run_id)
        if call.as_json or not is_terminal():
            call.answer(document, lambda: [*_preview(call, document, allow_shrink=allow_shrink), "Nothing was changed yet; --yes does it."])
            return
        for line in _preview(call, document, allow_shrink=allow_shrink):
            click.echo(line)
        if not _waiting(document):
            return
        if document["facts"]["held"] and not allow_shrink:
            raise Held("This import is held.", hint=_LEFT)
        click.confirm(f"Import {count(_waiting(document), 'change')}?", abort=True, err=True)
    try:
        confirm(call.app, actor, run_id, allow_shrink=allow_shrink)
    except Held as error:
        raise Held(f"The import is held as run {run_id}. {error.message}", hint=_LEFT) from error
    answer_run(call, run_id)


def _waiting(document: Document) -> int:
    return int(document["counts"]["waiting"])


def _preview(call: Face, document: Document, *, allow_shrink: bool) -> Iterator[str]:
    counts = document["facts"]["counts"]
    told = [f"{counts[name]:,} {name}" for name in VERDICTS if counts.get(name) or name != "leaving"]
    yield f"Run {document['id']}: {', '.join(told)}."
    yield from (plain(note) for note in document["facts"].get("notes", ()))
    with call.read() as session:
        problems = preview_page(session, document["id"], verdict="rejected", limit=_PROBLEMS)
        coming = [row for verdict in _COMING for row in preview_page(session, document["id"], verdict=verdict, limit=_CHANGES)]
    if problems:
        yield ""
        yield from (plain(f"Row {row.row}: {row.message}" if row.row else row.message) for row in problems)
        yield from _rest(counts["rejected"], _PROBLEMS, document)
    if coming:
        yield ""
        yield from table(["", "who", "name", "what"], [_cells(row) for row in coming[:_CHANGES]])
        yield from _rest(_waiting(document), _CHANGES, document)
    held: Sequence[str] = document["facts"].get("held") or ()
    if held:
        yield ""
        yield f"{'Allowed' if allow_shrink else 'Held'}: {plain(' '.join(held))}"


def _rest(total: int, shown: int, document: Document) -> Iterator[str]:
    if total > shown:
        yield f"... and {total - shown:,} more; “rolecall runs {document['id']} --csv” has all of them."


def _cells(row: PreviewRow) -> list[str]:
    new = row.verdict == "new"
    # The name of somebody new has a column of its own.
    told = [(field, before, after) for field, before, after in row.changes if not (new and field in ("first name", "last name"))]
    changes = "; ".join(f"{field}: {after}" if new else f"{field}: {before} → {after}" for field, before, after in told)
    who = "/".join(part for part in (row.list, row.code) if part)
    return [row.verdict, plain(who), plain(row.name), plain(row.message if row.verdict == "leaving" else changes)]


def _given(given: Mapping[str, str | None]) -> dict[str, str | None]:
    """What was said, with the CSV's dash for what is to be cleared."""
    return {name: None if value == "-" else value for name, value in given.items() if value is not None}


def _answer_person(call: Face, found: int, verb: str, more: str = "") -> None:
    with call.read() as session:
        document = person_documents(session, [found])[0]
    name = plain(f"{document['first_name']} {document['last_name']}")
    call.answer(document, f"{verb}: {name} ({document['list']}/{plain(document['code'])}).{f' {plain(more)}' if more else ''}")


def _export(session: Session, clauses: Any) -> Iterator[list[str]]:
    yield list(COLUMNS)
    cursor: str | None = None
    while True:
        page = people_query.people_page(session, clauses, limit=people_query.MOST, cursor=cursor)
        for row in page.rows:
            facts = [row.list, row.code, row.first_name, row.last_name, row.email, row.phone, row.language]
            flags = ["yes" if row.active else "no", row.status, "yes" if row.no_sync else "no"]
            yield [value or "" for value in (*facts, *flags)]
        cursor = page.next
        if cursor is None:
            return
