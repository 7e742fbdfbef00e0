"""Claims links that are behind, of accounts and of classes alike, one provider at a time.

Owns the due condition; `plan` decides, `call` acts, `settle` records. A claim is guarded by the whole condition that made the link due, so
that a link finished by another worker in between is not taken again. The fence it raises proves later that the claim still holds.
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true, update
from sqlalchemy.orm import Session

from rolecall.store.tables import ClassLink, Link, Run
from rolecall.work import brakes

Table = type[Link] | type[ClassLink]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedLink:
    """A link, of an account or a class, as it was when this worker claimed it."""

    table: ClassVar[Table]

    id: int
    provider: str
    goal: str
    external_id: str | None
    wanted: int
    fence: int
    sent: dict[str, Any] | None
    attempts: int
    error_class: str | None
    changed_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed(ClaimedLink):
    """The link of an account."""

    table: ClassVar[Table] = Link

    account_id: int
    sealed_password: bytes | None
    password_since: datetime | None = None
    sign_in_name: str | None = None
    converts: bool = False
    #: What the safety limits said of it, if it closes the account (R62).
    brake: str | None = None

    @property
    def may_exist(self) -> bool:
        """Whether the provider may have been asked to create the account, even if nobody lived to write the answer down.

        The initial password is made and committed before the first such call.
        """
        return self.external_id is None and self.sealed_password is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedClass(ClaimedLink):
    """The link of a class."""

    table: ClassVar[Table] = ClassLink

    class_id: int


Kind = TypeVar("Kind", bound=ClaimedLink)


def is_due(provider: str, moment: datetime, table: Table = Link) -> ColumnElement[bool]:
    """Whether a link of the provider may be claimed now."""
    return and_(
        table.provider == provider,
        table.synced < table.wanted,
        table.not_before <= moment,
        ~table.blocked,
        table.goal != "released",
        brakes.may_go() if table is Link else true(),
        or_(table.leased_until.is_(None), table.leased_until <= moment),
    )


def has_due(session: Session, provider: str, moment: datetime) -> bool:
    """Whether there is anything to claim, of accounts or of classes."""
    return (
        is_any_due(session, Link, provider, moment)
        or is_any_undecided(session, provider, moment)
        or is_any_due(session, ClassLink, provider, moment)
    )


def undecided(provider: str, moment: datetime) -> ColumnElement[bool]:
    """Whether a link would close an account now, or may, and the safety limits have not looked at it (R62).

    What a run closes is looked at when the run has ended: its first batch alone may be within a limit that all of it is not.
    """
    under_way = exists(select(Run.id).where(Run.id == Link.run_id, Run.state.in_(("queued", "running"))))
    return and_(
        Link.provider == provider,
        brakes.CLOSING,
        or_(Link.brake.is_(None), Link.brake == brakes.ASKED),
        Link.goal != "released",
        or_(Link.leased_until.is_(None), Link.leased_until <= moment),
        ~under_way,
    )


def is_any_undecided(session: Session, provider: str, moment: datetime) -> bool:
    """Whether the safety limits have anything to look at."""
    return session.scalar(select(Link.id).where(undecided(provider, moment)).limit(1)) is not None


def on_their_way(session: Session, provider: str, moment: datetime) -> int:
    """How many links, of accounts and classes, workers have claimed at a provider and not settled yet."""
    counts = (
        select(func.count()).select_from(table).where(table.provider == provider, table.synced < table.wanted, table.leased_until > moment)
        for table in (Link, ClassLink)
    )
    return sum(session.scalar(each) or 0 for each in counts)


def is_any_due(session: Session, table: Table, provider: str, moment: datetime) -> bool:
    """Whether there is anything to claim of one kind."""
    return session.scalar(select(table.id).where(is_due(provider, moment, table)).limit(1)) is not None


def claim(session: Session, provider: str, *, limit: int, lease: timedelta, moment: datetime) -> list[Claimed]:
    """Lease at most ``limit`` due links of accounts until ``moment + lease``, oldest first. Two workers never get the same one."""
    return claim_links(session, Claimed, provider, limit=limit, lease=lease, moment=moment)


def claim_links(session: Session, kind: type[Kind], provider: str, *, limit: int, lease: timedelta, moment: datetime) -> list[Kind]:
    """Lease links of accounts or of classes, as :func:`claim` does."""
    table = kind.table
    due = (
        select(table.id)
        .where(is_due(provider, moment, table))
        .order_by(table.not_before, table.id)
        .limit(limit)
        # SQLite has one writer and knows no lock clause.
        .with_for_update(skip_locked=True)
        .cte("due")
        .prefix_with("MATERIALIZED")
    )
    statement = (
        update(table)
        .where(table.id.in_(select(due.c.id)), is_due(provider, moment, table))
        .values(fence=table.fence + 1, leased_until=moment + lease)
        .returning(*(getattr(table, each.name) for each in fields(kind)))
    )
    rows = session.execute(statement, execution_options={"synchronize_session": False})
    return sorted((kind(**row._mapping) for row in rows), key=lambda claimed: claimed.id)
