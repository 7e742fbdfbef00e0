"""One page of the accounts list: its rows with all that the list shows, the exact total, and where the next page begins (R8-R14).

Five statements whatever the number of rows. Clauses come from ``filters``; knows nothing of faces or rights.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import visitors

from rolecall.errors import Invalid
from rolecall.store.cursors import LARGEST_ID, read_cursor, write_cursor
from rolecall.store.sync_states import sync_state
from rolecall.store.tables import Account, Link, Listing, Person, Role, RolePeriod

#: Rows of a page unless asked otherwise, and at most.
LIMIT = 50
MOST = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """A provider in the list: its remote account and how far it is (``queued running retrying blocked done``)."""

    provider: str
    external_id: str | None
    goal: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One row of the list. ``role`` is the account's role in the chosen period, ``role_enabled`` whether it counts there."""

    id: int
    key: str
    username: str
    email: str | None
    email_verified: bool
    type: str
    first_name: str
    last_name: str
    active: bool
    deleted: bool
    must_change_password: bool
    sso_provider: str | None
    is_owner: bool
    protected: bool
    invited_at: datetime | None
    last_login_at: datetime | None
    version: int
    person_id: int
    list: str
    code: str
    role: str | None
    role_enabled: bool
    links: tuple[LinkRow, ...]
    pending: bool

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows, the exact number of all that match, and the cursor of the next page (none on the last)."""

    rows: tuple[AccountRow, ...]
    total: int
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sort:
    expression: Any
    needs_account: bool = False
    kind: type = str


#: What a list can be sorted by; a hyphen before it turns the order around.
SORTS = {
    "name": _Sort(expression=Listing.sort_name),
    "type": _Sort(expression=Listing.type),
    "username": _Sort(expression=Account.username_key, needs_account=True),
    "email": _Sort(expression=func.coalesce(Account.email_key, ""), needs_account=True),
    "last_login": _Sort(
        expression=func.coalesce(Account.last_login_at, _EPOCH, type_=Account.last_login_at.type), needs_account=True, kind=datetime
    ),
    "created": _Sort(expression=Listing.account_id, kind=int),
}


def page(
    session: Session,
    clauses: Sequence[ColumnElement[bool]],
    *,
    now: datetime,
    sort: str = "name",
    limit: int = LIMIT,
    cursor: str | None = None,
    offset: int = 0,
    period_id: int | None = None,
) -> Page:
    """Return one page. ``cursor`` goes on where an earlier page ended, at any depth; ``offset`` jumps.

    :raises Invalid: for an unknown sort, an impossible limit or offset, or a cursor that is not ours.
    """
    if not 1 <= limit <= MOST:
        raise Invalid(f"A page has 1 to {MOST:,} rows, not {limit}.")
    if not 0 <= offset <= LARGEST_ID:
        raise Invalid(f"A list cannot begin at row {offset}.")
    by, descending = sorting(sort)
    order = [by.expression.desc(), Listing.account_id.desc()] if descending else [by.expression, Listing.account_id]
    statement = _joined(select(Listing.account_id, by.expression), clauses, account=by.needs_account).where(*clauses)
    if cursor:
        statement = statement.where(_after(sort, by, descending, cursor))
    found = session.execute(statement.order_by(*order).limit(limit + 1).offset(offset)).all()
    shown = found[:limit]
    rows = load_rows(session, [row[0] for row in shown], now=now, period_id=period_id)
    more = write_cursor((sort, shown[-1][1], shown[-1][0])) if len(found) > limit else None
    # The first page of a small answer is the whole answer; a search without hits would be looked for twice.
    whole = more is None and not cursor and not offset
    return Page(rows=tuple(rows), total=len(shown) if whole else count(session, clauses), next=more)


def count(session: Session, clauses: Sequence[ColumnElement[bool]]) -> int:
    """Count exactly what the clauses match."""
    return session.scalar(_joined(select(func.count()).select_from(Listing), clauses).where(*clauses)) or 0


def is_listed(session: Session, account_id: int) -> bool:
    """Tell whether an account is one of those that the session's lists are made of; for faces, there are no others (R58)."""
    return session.scalar(select(Listing.account_id).where(Listing.account_id == account_id)) is not None


def ids_select(clauses: Sequence[ColumnElement[bool]]) -> Select[int]:
    """The ids that the clauses match, as a statement to insert from; order it by ``Listing.sort_name, Listing.account_id`` if need be."""
    return _joined(select(Listing.account_id).select_from(Listing), clauses).where(*clauses)


def sorting(sort: str) -> tuple[_Sort, bool]:
    """Return what a sort word means and whether it is turned around.

    :raises Invalid: naming the words there are.
    """
    word = sort.removeprefix("-")
    if word not in SORTS:
        raise Invalid(
            f"A list cannot be sorted by {word[:40]!r}.", hint=f"It can be sorted by {', '.join(SORTS)}; with - before it, downwards."
        )
    return SORTS[word], sort.startswith("-")


def load_rows(session: Session, ids: Sequence[int], *, now: datetime, period_id: int | None = None) -> list[AccountRow]:
    """Return the rows of these accounts in the order of ``ids``, in three statements."""
    if not ids:
        return []
    facts: list[InstrumentedAttribute[Any]] = [
        Account.id, Account.key, Account.username, Account.email, Account.email_verified, Account.type, Account.first_name,
        Account.last_name, Account.active, Account.must_change_password, Account.sso_provider, Account.is_owner, Account.protected,
        Account.invited_at, Account.last_login_at, Account.version, Account.person_id, Person.list, Person.code,
    ]  # fmt: skip
    accounts = session.execute(
        select(*facts, Account.deleted_at.is_not(None).label("deleted"))
        .join(Person, Person.id == Account.person_id)
        .where(Account.id.in_(ids))
    )
    by_id = {row.id: row._asdict() for row in accounts}
    roles = session.execute(
        select(RolePeriod.account_id, Role.name, RolePeriod.enabled)
        .join(Role, Role.id == RolePeriod.role_id)
        .where(RolePeriod.account_id.in_(ids), RolePeriod.period_id == period_id)
    )
    role_of = {account_id: (name, enabled) for account_id, name, enabled in roles}
    links: dict[int, list[LinkRow]] = {}
    for link in session.execute(
        select(
            Link.account_id, Link.provider, Link.external_id, Link.goal, Link.wanted, Link.synced, Link.blocked, Link.attempts,
            Link.leased_until,
        ).where(Link.account_id.in_(ids)).order_by(Link.provider)
    ):  # fmt: skip
        row = LinkRow(provider=link.provider, external_id=link.external_id, goal=link.goal, state=sync_state(link, now))
        links.setdefault(link.account_id, []).append(row)
    return [_row(by_id[each], role_of.get(each), tuple(links.get(each, ()))) for each in ids if each in by_id]


def _row(facts: dict[str, Any], role: tuple[str, bool] | None, links: tuple[LinkRow, ...]) -> AccountRow:
    shown = tuple(link for link in links if link.goal != "released" or link.state != "done")
    return AccountRow(
        **facts,
        role=role[0] if role else None,
        role_enabled=role[1] if role else False,
        links=shown,
        pending=any(link.state != "done" for link in links),
    )


def _joined(statement: Select[Any], clauses: Iterable[ColumnElement[bool]], *, account: bool = False) -> Select[Any]:
    """Join the account where a clause looks at it; core's own never do, and counting is twice as fast without."""
    if account or any(_mentions_account(clause) for clause in clauses):
        return statement.join(Account, Account.id == Listing.account_id)
    return statement


def _mentions_account(clause: ColumnElement[bool]) -> bool:
    return any(getattr(part, "table", None) is Account.__table__ for part in visitors.iterate(clause))


def _after(sort: str, by: _Sort, descending: bool, cursor: str) -> ColumnElement[bool]:
    made_for, value, account_id = read_cursor(cursor, (str, by.kind, int))
    if made_for != sort:
        raise Invalid("The list is sorted in another way now.", hint="Begin again at the first page.")
    if descending:
        return or_(by.expression < value, and_(by.expression == value, Listing.account_id < account_id))
    # The first half alone is what an index can begin at.
    return and_(by.expression >= value, or_(by.expression > value, Listing.account_id > account_id))
