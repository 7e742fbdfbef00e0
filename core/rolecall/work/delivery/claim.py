"""Claims messages that are due, one kind of address at a time; guarded, leased and fenced as links are.

Owns the due condition. A message that was claimed is not sent yet: that begins with `compose`, one message at a time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
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


def begin(session: Session, claimed: ClaimedMessage, message_id: str) -> bool:
    """Write down, before a message leaves, that it is tried and under which id; false when it is no longer this worker's.

    From here on it may have been sent, until it is known that it was not.
    """
    return (
        session.execute(
            update(Delivery)
            .where(Delivery.id == claimed.id, Delivery.fence == claimed.fence, Delivery.state == QUEUED)
            .values(attempts=claimed.attempts + 1, doubts=claimed.doubts + 1, message_id=message_id, error_class=None)
            .returning(Delivery.id),
            execution_options=_OPTIONS,
        ).first()
        is not None
    )


def release(session: Session, claimed: list[ClaimedMessage]) -> None:
    """Give messages back that were claimed and never begun."""
    for each in claimed:
        session.execute(
            update(Delivery).where(Delivery.id == each.id, Delivery.fence == each.fence).values(leased_until=None),
            execution_options=_OPTIONS,
        )
