"""Pages of messages to people: which match, newest first, how many of each state, and which were followed by a newer one.

Reads only. What may be done with a message is for ``work.delivery.again``.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from rolecall.store.cursors import read_cursor, write_cursor
from rolecall.store.tables import Account, Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list of messages is narrowed by; what is empty or none does not narrow it. ``channel`` is a kind of address."""

    state: str = ""
    kind: str = ""
    channel: str = ""
    account_id: int | None = None
    run_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """A message and the account that it is for; ``is_newest`` of its kind to this account."""

    delivery: Delivery
    username: str
    name: str
    is_newest: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows, and the cursor of the next page (none on the last)."""

    rows: tuple[MessageRow, ...]
    next: str | None


def page(session: Session, filters: Filters, *, related: Sequence[Collection[str]], limit: int, cursor: str | None = None) -> Page:
    """Return one page, newest first. ``related`` are kinds that take each other's place.

    :raises Invalid: for a cursor that is not ours.
    """
    statement = _rows(related).where(*clauses(filters))
    if cursor:
        (last,) = read_cursor(cursor, (int,))
        statement = statement.where(Delivery.id < last)
    found = session.execute(statement.order_by(Delivery.id.desc()).limit(limit + 1)).all()
    rows = tuple(_row(each) for each in found[:limit])
    return Page(rows=rows, next=write_cursor([rows[-1].delivery.id]) if len(found) > limit else None)


def get(session: Session, delivery_id: int, *, related: Sequence[Collection[str]]) -> MessageRow | None:
    """Return one message; none where there is none, or the session does not reach it."""
    found = session.execute(_rows(related).where(Delivery.id == delivery_id)).one_or_none()
    return None if found is None else _row(found)


def counts(session: Session, filters: Filters) -> dict[str, int]:
    """How many messages of each state match, whatever state the filters name."""
    rest = Filters(kind=filters.kind, channel=filters.channel, account_id=filters.account_id, run_id=filters.run_id)
    return dict(session.execute(select(Delivery.state, func.count()).where(*clauses(rest)).group_by(Delivery.state)).all())


def clauses(filters: Filters) -> list[ColumnElement[bool]]:
    """The clauses over ``delivery`` by which a list is narrowed."""
    wanted: list[tuple[Any, Any]] = [
        (Delivery.state, filters.state), (Delivery.kind, filters.kind), (Delivery.channel, filters.channel),
        (Delivery.account_id, filters.account_id), (Delivery.run_id, filters.run_id),
    ]  # fmt: skip
    return [column == value for column, value in wanted if value not in ("", None)]


def followed(related: Sequence[Collection[str]]) -> ColumnElement[bool]:
    """That a newer message of the same kind, or of one that takes its place, was made for the same account."""
    newer = aliased(Delivery)
    same = or_(newer.kind == Delivery.kind, *(and_(newer.kind.in_(each), Delivery.kind.in_(each)) for each in related))
    return select(newer.id).where(newer.account_id == Delivery.account_id, newer.id > Delivery.id, same).correlate(Delivery).exists()


def _rows(related: Sequence[Collection[str]]) -> Select[Delivery, str, str, str, bool]:
    facts = (Account.username, Account.first_name, Account.last_name)
    return select(Delivery, *facts, ~followed(related)).join(Account, Account.id == Delivery.account_id)


def _row(found: Any) -> MessageRow:
    delivery, username, first_name, last_name, is_newest = found
    return MessageRow(delivery=delivery, username=username, name=f"{first_name} {last_name}".strip(), is_newest=bool(is_newest))
