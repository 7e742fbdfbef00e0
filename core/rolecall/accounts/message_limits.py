"""How many messages that cost money may leave: to one address in an hour, and to everybody in a day (R42, T-13).

Owns the counters. They stand in the database and are raised before a message leaves, in one statement each, so that workers together send
no more than one would. Knows no channel: whoever sends says what the limits are and how an address is written.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import audit, throttle
from rolecall.accounts.actors import WORKER
from rolecall.accounts.throttle import Limit
from rolecall.sdk.channel import MessageLimits
from rolecall.store.bulk import among_texts
from rolecall.store.tables import Throttle

log = structlog.get_logger(__name__)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: The kind of the audit's entry that tells that a limit was reached.
REACHED = "messages.limit"
_TOLD = Limit(count=1, window=HOUR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What is left at a moment: for everybody, and what addresses have had, by the key of each."""

    today: int
    used: dict[str, int]


def take(session: Session, channel: str, address: str, limits: MessageLimits, *, now: datetime, account_id: int) -> str | None:
    """Count a message that is about to leave, and return none; or return why it must not leave, for a person.

    The first message that a limit stops is told to the audit and the log; more of them within the hour are not.

    :param address: as :meth:`Channel.canonical` writes it.
    """
    counted: list[str] = []
    for key, limit, why in _counters(channel, address, limits):
        if not throttle.take(session, [(key, limit)], now=now):
            throttle.give_back(session, counted, now=now)
            _tell(session, channel, key, limit, now=now, account_id=account_id)
            return why
        counted.append(key)
    return None


def give_back(session: Session, channel: str, address: str, limits: MessageLimits, *, now: datetime) -> None:
    """Uncount a message that surely did not leave."""
    throttle.give_back(session, [key for key, _, _ in _counters(channel, address, limits)], now=now)


def room(session: Session, channel: str, addresses: Collection[str], limits: MessageLimits, *, now: datetime) -> Room:
    """Return what is left now; another worker may take it before the next statement, so this only foretells what :func:`take` says."""
    keys = {_key(channel, each): each for each in addresses}
    day = _day(channel)
    found = select(Throttle.key, Throttle.count).where(Throttle.key.in_(among_texts(session, [day, *keys])), Throttle.window_ends_at > now)
    counts: dict[str, int] = {row.key: row[1] for row in session.execute(found)}
    return Room(today=max(0, limits.a_day - counts.get(day, 0)), used={keys[key]: count for key, count in counts.items() if key in keys})


def used_today(session: Session, channel: str, *, now: datetime) -> int:
    """How many messages count for the day."""
    return session.scalar(select(Throttle.count).where(Throttle.key == _day(channel), Throttle.window_ends_at > now)) or 0


def address_is_full(limits: MessageLimits) -> str:
    """Why a message to an address that got enough does not leave."""
    return f"Not sent: {limits.an_hour} messages within an hour are the most for one number. Send it again in an hour."


def day_is_full(limits: MessageLimits) -> str:
    """Why no more messages leave today."""
    return f"Not sent: today's limit of {limits.a_day:,} messages is reached. Send it again tomorrow, or raise the limit in the settings."


def _counters(channel: str, address: str, limits: MessageLimits) -> tuple[tuple[str, Limit, str], ...]:
    """Always in this order: an address that is full uses up nothing of the day, and nobody waits for anybody in a circle."""
    return (
        # Sliding: between the first of them and the next beyond the limit there is always an hour.
        (_key(channel, address), Limit(count=limits.an_hour, window=HOUR, sliding=True), address_is_full(limits)),
        (_day(channel), Limit(count=limits.a_day, window=DAY), day_is_full(limits)),
    )


def _tell(session: Session, channel: str, key: str, limit: Limit, *, now: datetime, account_id: int) -> None:
    which = "day" if key == _day(channel) else "number"
    log.warning("limit of messages reached", channel=channel, limit=which, count=limit.count)
    if throttle.take(session, [(f"{key}:told", _TOLD)], now=now):
        payload = {"channel": channel, "limit": which, "count": limit.count}
        audit.append(session, actor=WORKER, kind=REACHED, payload=payload, account_id=account_id, at=now)


def _key(channel: str, address: str) -> str:
    # A digest, because counters are no place for people's numbers.
    return f"{channel}:to:{hashlib.sha256(address.encode()).hexdigest()[:32]}"


def _day(channel: str) -> str:
    return f"{channel}:day"
