"""Claims links that are behind, one provider at a time.

Owns the due condition. Knows nothing of what a provider does: `plan` decides, `call` acts, `settle` records.
A claim is guarded by the whole condition that made the link due, so that a link finished by another worker in between is not taken
again. The fence it raises is the number by which a later write proves that the claim still holds.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from rolecall.store.tables import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A link as it was when this worker claimed it."""

    id: int
    account_id: int
    provider: str
    goal: str
    external_id: str | None
    wanted: int
    fence: int
    sent: dict[str, Any] | None
    sealed_password: bytes | None
    attempts: int
    error_class: str | None
    changed_at: datetime
    settled_at: datetime | None

    @property
    def may_exist(self) -> bool:
        """Whether the provider may have been asked to create the account, even if nobody lived to write the answer down.

        The initial password is made and committed before the first such call.
        """
        return self.external_id is None and self.sealed_password is not None


_COLUMNS = tuple(getattr(Link, name) for name in Claimed.__dataclass_fields__)


def is_due(provider: str, moment: datetime) -> ColumnElement[bool]:
    """Whether a link of the provider may be claimed now."""
    return and_(
        Link.provider == provider,
        Link.synced < Link.wanted,
        Link.not_before <= moment,
        ~Link.blocked,
        Link.goal != "released",
        or_(Link.leased_until.is_(None), Link.leased_until <= moment),
    )


def has_due(session: Session, provider: str, moment: datetime) -> bool:
    """Whether there is anything to claim."""
    return session.scalar(select(Link.id).where(is_due(provider, moment)).limit(1)) is not None


def claim(session: Session, provider: str, *, limit: int, lease: timedelta, moment: datetime) -> list[Claimed]:
    """Lease at most ``limit`` due links until ``moment + lease``, oldest first. Two workers never get the same one."""
    due = (
        select(Link.id)
        .where(is_due(provider, moment))
        .order_by(Link.not_before, Link.id)
        .limit(limit)
        # SQLite has one writer and knows no lock clause.
        .with_for_update(skip_locked=True)
        .cte("due")
        .prefix_with("MATERIALIZED")
    )
    statement = (
        update(Link)
        .where(Link.id.in_(select(due.c.id)), is_due(provider, moment))
        .values(fence=Link.fence + 1, leased_until=moment + lease)
        .returning(*_COLUMNS)
    )
    rows = session.execute(statement, execution_options={"synchronize_session": False})
    return sorted((Claimed(**row._mapping) for row in rows), key=lambda claimed: claimed.id)
