"""Leased places that bound how many workers do one thing at once, across threads, processes and machines.

A worker that dies gives its place back by time. Knows nothing of what is done in a place.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import Update, and_, or_, select, update
from sqlalchemy import tuple_ as sql_tuple
from sqlalchemy.orm import Session

from rolecall.store import tables
from rolecall.store.bulk import insert_into
from rolecall.store.engine import now

_OPTIONS = {"synchronize_session": False}
Row = tables.Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place that was taken. ``owner`` is random, so nobody renews or frees the place of his successor."""

    name: str
    n: int
    owner: str

    def renew(self, session: Session, length: timedelta) -> bool:
        """Keep the place for this much longer; false when somebody else has it."""
        until = now(session) + length
        return session.execute(self._mine().values(leased_until=until).returning(Row.n), execution_options=_OPTIONS).first() is not None

    def free(self, session: Session) -> None:
        """Give the place back; one that was lost is left to its new owner."""
        session.execute(self._mine().values(owner=None, leased_until=None), execution_options=_OPTIONS)

    def _mine(self) -> Update:
        return update(Row).where(Row.name == self.name, Row.n == self.n, Row.owner == self.owner)


def owners(session: Session, name: str) -> frozenset[str]:
    """Return who has a place of this name now."""
    taken = select(Row.owner).where(Row.name == name, Row.leased_until > now(session))
    return frozenset(owner for owner in session.scalars(taken) if owner)


def take(session: Session, name: str, *, count: int = 1, length: timedelta) -> Slot | None:
    """Take one of ``count`` places of this name for ``length``; none when all are taken."""
    moment = now(session)
    free = and_(Row.name == name, Row.n < count, or_(Row.leased_until.is_(None), Row.leased_until <= moment))
    if len(session.scalars(select(Row.n).where(Row.name == name, Row.n < count)).all()) < count:
        session.execute(insert_into(session, Row).values([{"name": name, "n": n} for n in range(count)]).on_conflict_do_nothing())
    # SQLite has one writer and knows no lock clause.
    first = select(Row.name, Row.n).where(free).order_by(Row.n).limit(1).with_for_update(skip_locked=True)
    chosen = first.cte("chosen").prefix_with("MATERIALIZED")
    owner = uuid4().hex
    taken = session.execute(
        update(Row)
        .where(sql_tuple(Row.name, Row.n).in_(select(chosen.c.name, chosen.c.n)), free)
        .values(owner=owner, leased_until=moment + length)
        .returning(Row.n),
        execution_options=_OPTIONS,
    ).first()
    return Slot(name=name, n=taken.n, owner=owner) if taken else None
