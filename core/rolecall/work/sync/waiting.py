"""The links of one provider that are not done, one by one: for the lists of the sync page. A read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from rolecall.store.engine import now
from rolecall.store.tables import Account, Link
from rolecall.work import brakes, links


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One account that a provider has not heard of yet. ``next_at`` is when it is tried again; none for what is blocked."""

    account_id: int
    username: str
    name: str
    goal: str
    state: str
    attempts: int
    next_at: datetime | None
    error: str | None
    since: datetime
    #: The safety limits hold it until somebody looks at it (R62).
    held: bool = False


def waiting(
    session: Session, provider: str, *, state: str | None = None, error: str | None = None, limit: int = 50, offset: int = 0
) -> tuple[list[Waiting], int]:
    """Return one page of what is not done, oldest first, and the number of all; of one state or with one error where these are given."""
    moment = now(session)
    word = links.state(moment)
    conditions = _conditions(provider, error)
    if state:
        conditions.append(word == state)
    total = session.scalar(select(func.count()).select_from(Link).where(*conditions)) or 0
    rows = session.execute(
        select(Link, word.label("state"), Account.username, Account.first_name, Account.last_name)
        .join(Account, Account.id == Link.account_id)
        .where(*conditions)
        .order_by(Link.changed_at, Link.id)
        .limit(limit)
        .offset(offset)
    )
    found = [
        Waiting(
            account_id=link.account_id, username=username, name=f"{first} {last}".strip(), goal=link.goal, state=of, attempts=link.attempts,
            next_at=link.not_before if of in ("queued", "retrying") else None, error=link.error, since=link.changed_at,
            held=link.brake in brakes.WAITING,
        )
        for link, of, username, first, last in rows
    ]  # fmt: skip
    return found, total


def accounts_with(session: Session, provider: str, error: str) -> Sequence[int]:
    """Return the accounts whose link waits or is blocked with this error."""
    return session.scalars(select(Link.account_id).where(*_conditions(provider, error)).order_by(Link.account_id)).all()


def _conditions(provider: str, error: str | None) -> list[ColumnElement[bool] | Any]:
    conditions: list[ColumnElement[bool]] = [Link.provider == provider, Link.synced < Link.wanted, Link.goal != links.RELEASED]
    return [*conditions, Link.error == error] if error else conditions
