"""How much each provider has not heard of yet, counted from what is behind alone: as cheap with a million accounts in step as with none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from rolecall.store.engine import now
from rolecall.store.tables import ClassLink, Link
from rolecall.work import brakes, links

#: The states of what waits, with what the safety limits hold apart from what merely has not had its turn (R62).
WORDS = ("queued", "running", "retrying", "blocked", "held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits at a provider, by word.

    ``oldest`` is when the first of all that waits for nobody fell behind, ``queued_since`` the first of those that were never tried.
    """

    accounts: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(WORDS, 0))
    classes: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(WORDS, 0))
    oldest: datetime | None = None
    queued_since: datetime | None = None

    @property
    def pending(self) -> int:
        """All that is not done, of accounts and classes."""
        return sum(self.accounts.values()) + sum(self.classes.values())

    @property
    def blocked(self) -> int:
        """What waits for somebody because it cannot be done."""
        return self.accounts["blocked"] + self.classes["blocked"]

    @property
    def held(self) -> int:
        """What waits for somebody because it is too much (R62)."""
        return self.accounts["held"]


def backlogs(session: Session) -> dict[str, Backlog]:
    """Return what waits by provider; providers at which nothing waits are absent."""
    accounts, classes = _counted(session, Link), _counted(session, ClassLink)
    found = {}
    for provider in {*accounts, *classes}:
        own = [*accounts.get(provider, ()), *classes.get(provider, ())]
        found[provider] = Backlog(
            accounts=_numbers(accounts.get(provider, ())),
            classes=_numbers(classes.get(provider, ())),
            oldest=min((since for word, _, since in own if word not in ("blocked", "held")), default=None),
            queued_since=min((since for word, _, since in own if word == "queued"), default=None),
        )
    return found


def _counted(session: Session, table: type[Link] | type[ClassLink]) -> dict[str, list[tuple[str, int, datetime]]]:
    word = links.state(now(session), table)
    if table is Link:
        word = case((and_(Link.goal != "present", Link.brake.in_(brakes.WAITING)), "held"), else_=word)
    rows = session.execute(
        select(table.provider, word.label("word"), func.count().label("number"), func.min(table.changed_at).label("since"))
        .where(table.synced < table.wanted, table.goal != links.RELEASED)
        .group_by(table.provider, "word")
    )
    found: dict[str, list[tuple[str, int, datetime]]] = {}
    for row in rows:
        found.setdefault(row.provider, []).append((row.word, row.number, row.since))
    return found


def _numbers(counted: "list[tuple[str, int, datetime]] | tuple[()]") -> dict[str, int]:
    return dict.fromkeys(WORDS, 0) | {word: number for word, number, _ in counted}
