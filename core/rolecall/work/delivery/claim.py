"""Claims messages that are due, one kind of address at a time; guarded, leased and fenced as links are.

Owns the due condition, and the guard of everything that is written about a claimed message. A message that was claimed is not sent yet:
that begins with `compose`, one message at a time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, and_, bindparam, or_, select, update
from sqlalchemy.orm import Session

from rolecall.accounts.messages import QUEUED
from rolecall.store.tables import Delivery

_OPTIONS = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMessage:
    """A message as it was when this worker claimed it; ``attempts`` were made to send it before, ``doubts`` of them may have."""

    id: int
    kind: str
    channel: str
    account_id: int
    run_id: int | None
    address: str
    facts: dict[str, Any]
    attempts: int
    doubts: int
    message_id: str | None
    created_at: datetime
    fence: int

    @property
    def may_have_left(self) -> bool:
        """Whether an earlier attempt may have sent it."""
        return self.doubts > 0


_COLUMNS = tuple(getattr(Delivery, name) for name in ClaimedMessage.__dataclass_fields__)
_ROW = cast(Table, Delivery.__table__)
# Built once: to put a statement together anew takes longer than the database needs for it, and there are some for each message.
_OURS = update(_ROW).where(_ROW.c.id == bindparam("of_id"), _ROW.c.fence == bindparam("of_fence"), _ROW.c.state == QUEUED)


def is_due(address: str, moment: datetime) -> ColumnElement[bool]:
    """Whether a message to this kind of address may be claimed now."""
    return and_(
        Delivery.channel == address,
        Delivery.state == QUEUED,
        or_(Delivery.not_before.is_(None), Delivery.not_before <= moment),
        or_(Delivery.leased_until.is_(None), Delivery.leased_until <= moment),
    )


def has_due(session: Session, address: str, moment: datetime) -> bool:
    """Whether there is anything to claim."""
    return session.scalar(select(Delivery.id).where(is_due(address, moment)).limit(1)) is not None


def claim(session: Session, address: str, *, limit: int, lease: timedelta, moment: datetime) -> list[ClaimedMessage]:
    """Lease at most ``limit`` due messages until ``moment + lease``, oldest first. Two workers never get the same one."""
    due = (
        select(Delivery.id)
        .where(is_due(address, moment))
        .order_by(Delivery.not_before, Delivery.id)
        .limit(limit)
        # SQLite has one writer and knows no lock clause.
        .with_for_update(skip_locked=True)
        .cte("due")
        .prefix_with("MATERIALIZED")
    )
    statement = (
        update(Delivery)
        .where(Delivery.id.in_(select(due.c.id)), is_due(address, moment))
        .values(fence=Delivery.fence + 1, leased_until=moment + lease)
        .returning(*_COLUMNS)
    )
    rows = session.execute(statement, execution_options=_OPTIONS)
    return sorted((ClaimedMessage(**row._mapping) for row in rows), key=lambda each: each.id)


def write(session: Session, claimed: ClaimedMessage, **values: Any) -> bool:
    """Write these columns of a claimed message; false, and nothing written, when it is no longer this worker's."""
    return session.connection().execute(_OURS, {"of_id": claimed.id, "of_fence": claimed.fence, **values}).rowcount == 1


def begin(session: Session, claimed: ClaimedMessage, message_id: str) -> bool:
    """Write down, before a message leaves, that it is tried and under which id; false when it is no longer this worker's.

    From here on it may have been sent, until it is known that it was not.
    """
    return write(
        session, claimed, attempts=claimed.attempts + 1, doubts=claimed.doubts + 1, message_id=message_id, error_class=None
    )  # fmt: skip


def release(session: Session, claimed: list[ClaimedMessage]) -> None:
    """Give messages back that were claimed and never begun."""
    for each in claimed:
        session.execute(
            update(Delivery).where(Delivery.id == each.id, Delivery.fence == each.fence).values(leased_until=None),
            execution_options=_OPTIONS,
        )
