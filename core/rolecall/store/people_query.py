"""One page of the list of people: rows with their account, the exact total, and where the next page begins (R6).

Owns the words of that list: ``list active status no_sync account q``. Knows nothing of faces or rights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, not_, select, tuple_
from sqlalchemy.orm import Session

from rolecall.errors import Invalid
from rolecall.sdk.words import LISTS
from rolecall.store import reach
from rolecall.store.cursors import LARGEST_ID, read_cursor, write_cursor
from rolecall.store.filters import LONGEST_VALUE, choose, search_clause
from rolecall.store.tables import Account, Person, StudentStatus

WORDS = ("list", "active", "status", "no_sync", "account", "q")
LIMIT = 50
MOST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """One row of the list of people; ``account_id`` is none for people without an account."""

    id: int
    list: str
    code: str
    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    language: str | None
    active: bool
    status: str | None
    status_type: str | None
    no_sync: bool
    version: int
    account_id: int | None
    username: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """Rows, the exact number of all that match, and the cursor of the next page (none on the last)."""

    rows: tuple[PersonRow, ...]
    total: int
    next: str | None


def people_clauses(session: Session, words: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """Turn the words into clauses over ``person``; absent, empty and ``all`` do not narrow.

    :raises Invalid: for an unknown word or value.
    """
    clauses: list[ColumnElement[bool]] = []
    for word, value in words.items():
        if word not in WORDS:
            raise Invalid(f"“{word[:40]}” is not a filter of people.", hint=f"The filters are {', '.join(WORDS)}.")
        if not isinstance(value, str):
            raise Invalid(f"The value of {word} is not a text.")
        if len(value) > LONGEST_VALUE:
            raise Invalid(f"The value of {word} is too long.", hint=f"Use at most {LONGEST_VALUE} characters.")
        value = value.strip()
        if value and (value != "all" or word == "q"):
            clause = _clause(session, word, value)
            if clause is not None:
                clauses.append(clause)
    return clauses


def people_page(
    session: Session, clauses: list[ColumnElement[bool]], *, limit: int = LIMIT, cursor: str | None = None, offset: int = 0
) -> PeoplePage:
    """Return one page by last name, first name.

    :raises Invalid: for an impossible limit or offset, or a cursor that is not ours.
    """
    if not 1 <= limit <= MOST or not 0 <= offset <= LARGEST_ID:
        raise Invalid(f"A page has 1 to {MOST:,} rows and begins at row 0 or later.")
    clauses = [*clauses, *reach.listed_people(session)]
    order = (Person.last_name, Person.first_name, Person.id)
    statement = _rows().where(*clauses)
    if cursor:
        statement = statement.where(tuple_(*order) > tuple_(*read_cursor(cursor, (str, str, int))))
    found = session.execute(statement.order_by(*order).limit(limit + 1).offset(offset)).all()
    rows = tuple(PersonRow(**row._asdict()) for row in found[:limit])
    total = session.scalar(select(func.count()).select_from(Person).where(*clauses)) or 0
    more = write_cursor((rows[-1].last_name, rows[-1].first_name, rows[-1].id)) if len(found) > limit else None
    return PeoplePage(rows=rows, total=total, next=more)


def person_rows(session: Session, ids: list[int]) -> list[PersonRow]:
    """Return the rows of these people in the order of ``ids``."""
    found = {row.id: PersonRow(**row._asdict()) for row in session.execute(_rows().where(Person.id.in_(ids)))}
    return [found[each] for each in ids if each in found]


def _rows() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Person.id, Person.list, Person.code, Person.first_name, Person.last_name, Person.email, Person.phone, Person.language,
            Person.active, StudentStatus.label.label("status"), StudentStatus.type.label("status_type"), Person.no_sync, Person.version,
            Account.id.label("account_id"), Account.username,
        )
        .join(StudentStatus, StudentStatus.id == Person.status_id, isouter=True)
        .join(Account, Account.person_id == Person.id, isouter=True)
    )  # fmt: skip


def _clause(session: Session, word: str, value: str) -> ColumnElement[bool] | None:
    if word == "list":
        return Person.list == choose("list", value, LISTS)
    if word == "q":
        return search_clause(Person.search.expression, value)
    if word == "status":
        labels = dict(session.execute(select(StudentStatus.label, StudentStatus.id)).all())
        return Person.status_id == labels[choose("status", value, labels)]
    yes = choose(word, value, ("yes", "no")) == "yes"
    if word == "account":
        having = exists().where(Account.person_id == Person.id).correlate(Person)
        return having if yes else not_(having)
    return Person.active.is_(yes) if word == "active" else Person.no_sync.is_(yes)
