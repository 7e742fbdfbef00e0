"""The classes at a provider that are not in step: how many in which state, and one by one for the lists of the sync page. A read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from rolecall.sdk.words import SYNC_STATES
from rolecall.store.engine import now
from rolecall.store.tables import ClassLink, Period, SchoolClass
from rolecall.work import class_links


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFigures:
    """How classes stand at one provider; ``linked`` are those it holds or is to hold, ``oldest`` is since when the first one waits."""

    linked: int = 0
    pending: int = 0
    oldest: datetime | None = None
    by_state: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(SYNC_STATES, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingClass:
    """One class that a provider has not heard of yet. ``next_at`` is when it is tried again; none for what is blocked."""

    class_id: int
    code: str
    name: str
    period: str
    goal: str
    state: str
    attempts: int
    next_at: datetime | None
    error: str | None
    since: datetime


def figures(session: Session) -> dict[str, ClassFigures]:
    """Return how classes stand, by provider; providers without any are absent."""
    rows = session.execute(
        select(
            ClassLink.provider, class_links.state(now(session)).label("state"), func.count().label("number"),
            func.min(ClassLink.changed_at).label("oldest"),
        )
        .where(ClassLink.goal != class_links.RELEASED)
        .group_by(ClassLink.provider, "state")
    ).all()  # fmt: skip
    found = {}
    for provider in {row.provider for row in rows}:
        own = [row for row in rows if row.provider == provider]
        waits = [row for row in own if row.state != "done"]
        found[provider] = ClassFigures(
            linked=sum(row.number for row in own),
            pending=sum(row.number for row in waits),
            oldest=min((row.oldest for row in waits), default=None),
            by_state={word: sum(row.number for row in own if row.state == word) for word in SYNC_STATES},
        )
    return found


def waiting_classes(
    session: Session, provider: str, *, state: str | None = None, limit: int = 50, offset: int = 0
) -> tuple[list[WaitingClass], int]:
    """Return one page of what is not done, oldest first, and the number of all; of one state where it is given."""
    word = class_links.state(now(session))
    conditions = _conditions(provider)
    if state:
        conditions.append(word == state)
    total = session.scalar(select(func.count()).select_from(ClassLink).where(*conditions)) or 0
    rows = session.execute(
        select(ClassLink, word.label("state"), SchoolClass.code, SchoolClass.name, Period.code.label("period"))
        .join(SchoolClass, SchoolClass.id == ClassLink.class_id)
        .join(Period, Period.id == SchoolClass.period_id)
        .where(*conditions)
        .order_by(ClassLink.changed_at, ClassLink.id)
        .limit(limit)
        .offset(offset)
    )
    found = [
        WaitingClass(
            class_id=link.class_id, code=code, name=name, period=period, goal=link.goal, state=of, attempts=link.attempts,
            next_at=link.not_before if of in ("queued", "retrying") else None, error=link.error, since=link.changed_at,
        )
        for link, of, code, name, period in rows
    ]  # fmt: skip
    return found, total


def classes_with(session: Session, provider: str, error: str) -> Sequence[int]:
    """Return the classes whose link waits or is blocked with this error."""
    conditions = [*_conditions(provider), ClassLink.error == error]
    return session.scalars(select(ClassLink.class_id).where(*conditions).order_by(ClassLink.class_id)).all()


def _conditions(provider: str) -> list[ColumnElement[bool] | Any]:
    return [ClassLink.provider == provider, ClassLink.synced < ClassLink.wanted, ClassLink.goal != class_links.RELEASED]
