"""``rolecall accounts``: list by the filter words, export, open."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import people
from rolecall.cli.face import Face, Misused, face, words
from rolecall.cli.frame import Command, Words
from rolecall.cli.output import plain, print_csv
from rolecall.cli.progress import answer_run
from rolecall.errors import RolecallError, Unknown
from rolecall.plugins.registry import View
from rolecall.sdk.lists import Filter, FilterContext
from rolecall.sdk.words import LISTS
from rolecall.store import accounts_query, filters
from rolecall.store.accounts_query import AccountRow, Page
from rolecall.store.engine import now
from rolecall.store.folding import canonical
from rolecall.store.tables import Person
from rolecall.work.documents import account_documents
from rolecall.work.runs.opening import start_opening

_WORD = "word_"
_SORTS = f"{', '.join(accounts_query.SORTS)}; with - before it, downwards."
_COLUMNS = ("Name", "User name", "E-mail", "Verified", "Type", "Role", "Active", "Deleted", "Last login", "Pending", "Providers")


@click.group(cls=Words, default="list")
def accounts() -> None:
    """Accounts: list, export, open."""


class FilterCommand(Command):
    """A command with one option for each filter word that the enabled plugins register."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The declared options, and those of the words."""
        if _WORD not in ctx.meta:
            ctx.meta[_WORD] = [
                click.Option([f"--{each.id}", f"{_WORD}{each.id}"], metavar="TEXT", help=f"{each.label}. {each.help}".strip())
                for each in _known_filters(ctx).values()
            ]
        return [*ctx.meta[_WORD], *super().get_params(ctx)]


def _known_filters(ctx: click.Context) -> Mapping[str, Filter]:
    call = ctx.find_object(Face)
    try:
        if call is not None:
            with call.app.db.read() as session:
                return call.app.plugins.view(session).filters
    except RolecallError:
        # The help page is for those without a database too; the command itself will say what is missing.
        pass
    return {each.id: each for each in filters.CORE_FILTERS}


@accounts.command("list", cls=FilterCommand)
@click.option("--sort", default="name", show_default=True, help=_SORTS)
@click.option("--limit", default=accounts_query.LIMIT, show_default=True, type=click.IntRange(1, accounts_query.MOST), help="Of a page.")
@click.option("--cursor", help="Go on where an earlier page ended.")
@click.option("--csv", "as_csv", is_flag=True, help="Print every account that matches as CSV, safe to open in a spreadsheet.")
def list_accounts(sort: str, limit: int, cursor: str | None, as_csv: bool, **given: str | None) -> None:
    """List the accounts that the filter words match (R8-R14)."""
    call = face()
    call.require("accounts:view")
    chosen = {name.removeprefix(_WORD): value for name, value in given.items() if value is not None}
    with call.read() as session:
        view = call.app.plugins.view(session)
        if as_csv:
            print_csv(_export(session, view, chosen, sort))
            return
        page = _page(session, view, chosen, sort, limit=limit, cursor=cursor)
        if call.as_json:
            items = account_documents(session, [row.id for row in page.rows], now=now(session))
            call.answer({"items": items, "next": page.next, "total": page.total}, "")
            return
    rows = [dict(zip(_COLUMNS, _cells(row), strict=True)) for row in page.rows]
    shown = {name.lower(): name for name in _COLUMNS if name not in ("Verified", "Deleted")}
    call.answer_list(rows, shown, none="No account matches.", total=page.total, following=page.next)


@accounts.command("open")
@click.option("--list", "people_list", metavar="LIST", help=f"For everybody of a list who is entitled to one: {', '.join(LISTS)}.")
@click.option("--person", metavar="CODE", help="For one person; with --list where several lists have the code.")
def open_accounts(people_list: str | None, person: str | None) -> None:
    """Open accounts for people who are entitled to one and have none; without an option, for all of them (R4, R49, R50)."""
    call = face()
    actor = call.require("accounts:create")
    if people_list is not None:
        people_list = one_list(people_list)
    chosen = None if person is None else [person_id(call, person, people_list)]
    answer_run(call, start_opening(call.app, actor, people=chosen, people_list=None if chosen else people_list))


def one_list(name: str) -> str:
    """Return the list that a word means.

    :raises Misused: naming the one that comes nearest.
    """
    with words():
        return filters.choose("list", name, LISTS)


def person_id(call: Face, code: str, people_list: str | None) -> int:
    """Return the id of the person with a code, in one list or whichever has it.

    :raises Unknown: when nobody has it.
    :raises Misused: when several lists have it.
    """
    with call.read() as session:
        if people_list is not None:
            return people.by_code(session, people_list, code).id
        found = session.execute(select(Person.id, Person.list).where(Person.code_key == canonical(code, what="code", words=True))).all()
    if not found:
        raise Unknown(f"Nobody has the code {plain(code)}.", hint="“rolecall people list --q ...” finds people.")
    if len(found) > 1:
        lists = ", ".join(row.list for row in found)
        raise Misused(f"Several lists have the code {plain(code)}.", hint=f"Add --list with one of {lists}.")
    return int(found[0].id)


def _page(
    session: Session, view: View, chosen: Mapping[str, str], sort: str, *, limit: int = accounts_query.MOST, cursor: str | None = None
) -> Page:
    moment = now(session)
    with words():
        period = filters.chosen_period(session, chosen)
        clauses = filters.compile(view.filters, chosen, FilterContext(session=session, period_id=period, now=moment))
        return accounts_query.page(session, clauses, now=moment, sort=sort, limit=limit, cursor=cursor, period_id=period)


def _export(session: Session, view: View, chosen: Mapping[str, str], sort: str) -> Iterator[Sequence[str]]:
    """The header and every row that matches, a page of the database at a time."""
    yield [*_COLUMNS, *(column.label for column in view.columns.values())]
    cursor: str | None = None
    while True:
        page = _page(session, view, chosen, sort, cursor=cursor)
        ids = [row.id for row in page.rows]
        added: list[Mapping[int, Any]] = [column.values(session, ids) for column in view.columns.values()] if ids else []
        for row in page.rows:
            yield [*_cells(row), *(str(values.get(row.id, "")) for values in added)]
        cursor = page.next
        if cursor is None:
            return


def _cells(row: AccountRow) -> list[str]:
    role = "" if row.role is None else row.role if row.role_enabled else f"{row.role} (disabled)"
    return [
        row.name, row.username, row.email or "", _word(row.email_verified), row.type, role, _word(row.active), _word(row.deleted),
        row.last_login_at.isoformat(timespec="minutes").replace("+00:00", "Z") if row.last_login_at else "", _word(row.pending),
        " ".join(link.provider for link in row.links if link.external_id is not None and link.goal != "released"),
    ]  # fmt: skip


def _word(value: bool) -> str:
    return "yes" if value else "no"
