"""One page of the list of classes, one page of who is in a class, and the classes of a person (R60a).

Owns the words of the list: ``period active q``. Counts and members are those whom the session may see. Knows nothing of faces or rights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, tuple_
from sqlalchemy.orm import Session

from rolecall.errors import Invalid
from rolecall.sdk.words import CLASS_ROLES
from rolecall.store.cursors import LARGEST_ID, read_cursor, write_cursor
from rolecall.store.filters import LONGEST_VALUE, choose, search_clause
from rolecall.store.tables import Account, ClassMember, Period, Person, SchoolClass

WORDS = ("period", "active", "q")
LIMIT = 50
MOST = 1_000
#: Who teaches is read before who learns.
_RANKS = {"teacher": 0, "assistant": 1, "student": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One row of the list of classes, with how many are in it in which role."""

    id: int
    key: str
    code: str
    name: str
    period_id: int
    period: str
    active: bool
    version: int
    students: int
    teachers: int
    assistants: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """Somebody in a class; ``account_id`` is none for people without an account."""

    person_id: int
    list: str
    code: str
    first_name: str
    last_name: str
    active: bool
    role: str
    account_id: int | None
    username: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnClass:
    """A class of one person, with the role there."""

    id: int
    code: str
    name: str
    period: str
    active: bool
    role: str


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """Rows, the exact number of all that match, and the cursor of the next page (none on the last)."""

    rows: tuple[Row, ...]
    total: int
    next: str | None


def class_clauses(session: Session, words: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """Turn the words into clauses over ``school_class``; absent, empty and ``all`` do not narrow.

    :raises Invalid: for an unknown word or value.
    """
    clauses: list[ColumnElement[bool]] = []
    for word, value in words.items():
        if word not in WORDS:
            raise Invalid(f"“{word[:40]}” is not a filter of classes.", hint=f"The filters are {', '.join(WORDS)}.")
        if len(value) > LONGEST_VALUE:
            raise Invalid(f"The value of {word} is too long.", hint=f"Use at most {LONGEST_VALUE} characters.")
        value = value.strip()
        if not value or (value == "all" and word != "q"):
            continue
        if word == "q":
            searched = search_clause(SchoolClass.search.expression, value)
            clauses += [] if searched is None else [searched]
        elif word == "period":
            periods = dict(session.execute(select(Period.code, Period.id)).all())
            clauses.append(SchoolClass.period_id == periods[choose("period", value, periods)])
        else:
            clauses.append(SchoolClass.active.is_(choose("active", value, ("yes", "no")) == "yes"))
    return clauses


def classes_page(
    session: Session, clauses: Sequence[ColumnElement[bool]], *, limit: int = LIMIT, cursor: str | None = None, offset: int = 0
) -> Page[ClassRow]:
    """Return one page: the newest period first, in it by code.

    :raises Invalid: for an impossible limit or offset, or a cursor that is not ours.
    """
    _check(limit, offset)
    statement = _rows().where(*clauses)
    if cursor:
        period_id, code_key = read_cursor(cursor, (int, str))
        statement = statement.where(
            or_(SchoolClass.period_id < period_id, and_(SchoolClass.period_id == period_id, SchoolClass.code_key > code_key))
        )
    statement = statement.add_columns(SchoolClass.code_key).order_by(SchoolClass.period_id.desc(), SchoolClass.code_key)
    found = session.execute(statement.limit(limit + 1).offset(offset)).all()
    shown = [each._asdict() for each in found[:limit]]
    keys = [each.pop("code_key") for each in shown]
    rows = tuple(ClassRow(**each) for each in shown)
    total = session.scalar(select(func.count()).select_from(SchoolClass).where(*clauses)) or 0
    more = write_cursor((rows[-1].period_id, keys[-1])) if len(found) > limit else None
    return Page(rows=rows, total=total, next=more)


def class_row(session: Session, class_id: int) -> ClassRow | None:
    """Return the row of one class, or none when there is no such class."""
    found = session.execute(_rows().where(SchoolClass.id == class_id)).one_or_none()
    return None if found is None else ClassRow(**found._asdict())


def members_page(
    session: Session, class_id: int, *, role: str | None = None, limit: int = LIMIT, cursor: str | None = None, offset: int = 0
) -> Page[MemberRow]:
    """Return one page of who is in a class: who teaches first, then by last name, first name.

    :raises Invalid: for an impossible limit or offset, or a cursor that is not ours.
    """
    _check(limit, offset)
    rank = case(_RANKS, value=ClassMember.role, else_=len(_RANKS))
    order = (rank, Person.last_name, Person.first_name, Person.id)
    of_class = [ClassMember.class_id == class_id, *([] if role is None else [ClassMember.role == role])]
    statement = (
        select(
            Person.id.label("person_id"), Person.list, Person.code, Person.first_name, Person.last_name, Person.active, ClassMember.role,
            Account.id.label("account_id"), Account.username,
        )
        .join(ClassMember, ClassMember.person_id == Person.id)
        .join(Account, Account.person_id == Person.id, isouter=True)
        .where(*of_class)
    )  # fmt: skip
    if cursor:
        statement = statement.where(tuple_(*order) > tuple_(*read_cursor(cursor, (int, str, str, int))))
    found = session.execute(statement.order_by(*order).limit(limit + 1).offset(offset)).all()
    rows = tuple(MemberRow(**each._asdict()) for each in found[:limit])
    total = session.scalar(select(func.count()).select_from(ClassMember).where(*of_class)) or 0
    more = None
    if len(found) > limit:
        last = rows[-1]
        more = write_cursor((_RANKS.get(last.role, len(_RANKS)), last.last_name, last.first_name, last.person_id))
    return Page(rows=rows, total=total, next=more)


def classes_of(session: Session, person_id: int, *, limit: int = MOST) -> list[OwnClass]:
    """Return the classes of a person, the newest period first."""
    rows = session.execute(
        select(SchoolClass.id, SchoolClass.code, SchoolClass.name, Period.code.label("period"), SchoolClass.active, ClassMember.role)
        .join(ClassMember, ClassMember.class_id == SchoolClass.id)
        .join(Period, Period.id == SchoolClass.period_id)
        .where(ClassMember.person_id == person_id)
        .order_by(SchoolClass.period_id.desc(), SchoolClass.code_key)
        .limit(limit)
    )
    return [OwnClass(**row._asdict()) for row in rows]


def roles_in(session: Session, class_id: int, person_ids: Sequence[int]) -> dict[int, str]:
    """Return which of these people are in a class, with their role there."""
    rows = select(ClassMember.person_id, ClassMember.role).where(ClassMember.class_id == class_id, ClassMember.person_id.in_(person_ids))
    return {row.person_id: row.role for row in session.execute(rows)}


def _rows() -> Select[*tuple[Any, ...]]:
    counts = [
        select(func.count())
        .select_from(ClassMember)
        .where(ClassMember.class_id == SchoolClass.id, ClassMember.role == role)
        .correlate(SchoolClass)
        .scalar_subquery()
        .label(f"{role}s")
        for role in CLASS_ROLES
    ]
    return select(
        SchoolClass.id, SchoolClass.key, SchoolClass.code, SchoolClass.name, SchoolClass.period_id, Period.code.label("period"),
        SchoolClass.active, SchoolClass.version, *counts,
    ).join(Period, Period.id == SchoolClass.period_id)  # fmt: skip


def _check(limit: int, offset: int) -> None:
    if not 1 <= limit <= MOST or not 0 <= offset <= LARGEST_ID:
        raise Invalid(f"A page has 1 to {MOST:,} rows and begins at row 0 or later.")
