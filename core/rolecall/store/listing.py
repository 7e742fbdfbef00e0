"""Writes what lists sort, filter and search by: the ``listing`` rows and the search text of people. Nobody else writes them.

Set-based: reads the raw values of a chunk, computes, and writes only the rows that differ. ``pending`` is not copied; it is a question
to the links (R13). Knows the tables and no rule.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Select, Table, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session

from rolecall.store.bulk import CHUNK, among, chunks, ids_of, insert_into
from rolecall.store.folding import fold, search_text
from rolecall.store.tables import Account, Link, Listing, Person

_LONGEST_SORT_NAME = 420
_OPTIONS = {"synchronize_session": False, "preserve_rowcount": True}
_COLUMNS = ("type", "active", "deleted", "verified", "logged_on", "invited", "external", "sort_name", "search")
_ROW = cast(Table, Listing.__table__)
# Built once: it is executed for each message that leaves.
_INVITED = update(_ROW).where(_ROW.c.account_id == bindparam("of_id"), ~_ROW.c.invited).values(invited=True)


def refresh(session: Session, ids: Iterable[int] | Select[Any]) -> int:
    """Bring the list rows of these accounts up to date and return how many differed.

    Called by whoever changed an account, its person's names, e-mail, code or phone, or its links, in the same transaction.
    """
    session.flush()
    return sum(_refresh(session, chunk) for chunk in chunks(ids_of(session, ids)))


def refresh_flags(session: Session, ids: Iterable[int]) -> int:
    """Bring everything but names and search text of these accounts' rows up to date, where the texts cannot have changed."""
    session.flush()
    changed = 0
    for chunk in chunks(ids_of(session, ids)):
        flags = _flags()
        labelled = (value.label(name) for name, value in flags.items())
        fresh = select(Account.id, *labelled).where(Account.id.in_(among(session, chunk))).subquery()
        differs = or_(*(getattr(Listing, name).is_distinct_from(fresh.c[name]) for name in flags))
        statement = update(Listing).where(Listing.account_id == fresh.c.id, differs).values({name: fresh.c[name] for name in flags})
        changed += cast(CursorResult[Any], session.execute(statement, execution_options=_OPTIONS)).rowcount
    return changed


def mark_invited(session: Session, account_id: int) -> None:
    """Note in its row that an account was invited: what :func:`refresh_flags` would find, without comparing all of them."""
    session.connection().execute(_INVITED, {"of_id": account_id})


def refresh_people(session: Session, person_ids: Iterable[int] | Select[Any]) -> int:
    """Bring the search text of these people and the list rows of their accounts up to date; return how many rows differed."""
    session.flush()
    changed = 0
    for chunk in chunks(ids_of(session, person_ids)):
        changed += _refresh_people(session, chunk)
        changed += _refresh(session, session.scalars(select(Account.id).where(Account.person_id.in_(among(session, chunk)))).all())
    return changed


def _refresh(session: Session, ids: Sequence[int]) -> int:
    raw = session.connection().execute(
        select(
            Account.id, *(value.label(name) for name, value in _flags().items()), Account.first_name, Account.last_name, Account.username,
            Account.email, Person.first_name.label("person_first_name"), Person.last_name.label("person_last_name"),
            Person.email.label("person_email"), Person.code, Person.phone, Person.language,
            *(getattr(Listing, column).label(f"old_{column}") for column in _COLUMNS),
        )
        .join(Person, Person.id == Account.person_id)
        .join(Listing, Listing.account_id == Account.id, isouter=True)
        .where(Account.id.in_(among(session, ids)))
    ).all()  # fmt: skip
    differing = []
    for row in raw:
        wanted = _wanted(row)
        if wanted != row[-len(_COLUMNS) :]:
            differing.append({"account_id": row.id} | dict(zip(_COLUMNS, wanted, strict=True)))
    for part in chunks(differing, CHUNK):
        insert = insert_into(session, Listing)
        upsert = insert.on_conflict_do_update(index_elements=["account_id"], set_={column: insert.excluded[column] for column in _COLUMNS})
        session.connection().execute(upsert, part)
    return len(differing)


def _flags() -> dict[str, ColumnElement[Any]]:
    linked = exists().where(Link.account_id == Account.id, Link.external_id.is_not(None), Link.goal != "released").correlate(Account)
    return {
        "type": Account.type.expression,
        "active": Account.active.expression,
        "deleted": Account.deleted_at.is_not(None),
        "verified": Account.email_verified.expression,
        "logged_on": Account.last_login_at.is_not(None),
        "invited": Account.invited_at.is_not(None),
        "external": or_(Account.sso_provider.is_not(None), linked),
    }


def _wanted(row: Any) -> tuple[Any, ...]:
    person_differs = (row.first_name, row.last_name) != (row.person_first_name, row.person_last_name)
    return (
        row.type,
        row.active,
        row.deleted,
        row.verified,
        row.logged_on,
        row.invited,
        row.external,
        fold(f"{row.last_name} {row.first_name}")[:_LONGEST_SORT_NAME],
        search_text(
            _both_orders(row.first_name, row.last_name),
            _both_orders(row.person_first_name, row.person_last_name) if person_differs else None,
            row.username,
            row.email,
            row.person_email,
            row.code,
            row.phone,
            _digits(row.phone),
            language=row.language,
        ),
    )


def _refresh_people(session: Session, ids: Sequence[int]) -> int:
    raw = session.execute(
        select(
            Person.id, Person.first_name, Person.last_name, Person.email, Person.code, Person.phone, Person.language, Person.search
        ).where(Person.id.in_(among(session, ids)))
    )
    differing = []
    for row in raw:
        name = _both_orders(row.first_name, row.last_name)
        text = search_text(name, row.email, row.code, row.phone, _digits(row.phone), language=row.language)
        if text != row.search:
            differing.append({"person": row.id, "text": text})
    if differing:
        table = Person.__table__
        session.connection().execute(update(Person).where(table.c.id == bindparam("person")).values(search=bindparam("text")), differing)
    return len(differing)


def _both_orders(first: str, last: str) -> str:
    """One text in which "first last" and "last first" are both found."""
    return f"{first} {last} {first}"


def _digits(phone: str | None) -> str | None:
    digits = "".join(filter(str.isdigit, phone or ""))
    return None if digits == phone else digits
