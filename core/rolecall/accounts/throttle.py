"""Counts attempts at a secret before the secret is checked, in the database (A-09 to A-12, R53).

Owns the limits and their windows. One statement per counter counts and refuses, so parallel guesses cannot slip past a limit. Strangers
cannot lock an account for good: the small limit is per account *and* network, and networks that the account has signed in from before
are not bound by the limits that others can use up. Knows nothing of what is checked.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from ipaddress import IPv6Address, ip_address
from typing import cast

from sqlalchemy import ColumnElement, Delete, Table, bindparam, case, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from rolecall.errors import Busy
from rolecall.store.bulk import among
from rolecall.store.engine import is_sqlite
from rolecall.store.tables import Account, SignIn, Throttle
from rolecall.translation import ngettext


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most ``count`` attempts in ``window``. A ``sliding`` window begins anew with each counted attempt."""

    count: int
    window: timedelta
    sliding: bool = False


_FIVE_MINUTES = timedelta(minutes=5)
#: One account from one network: a person who mistypes.
PAIR = Limit(count=10, window=_FIVE_MINUTES)
#: One account from everywhere: the ceiling of consecutive failures. It lifts by itself, so that nobody is locked out for good.
ACCOUNT = Limit(count=100, window=timedelta(minutes=15), sliding=True)
#: One network against all accounts. A school behind one address signs in correctly, and what is correct is not counted.
ADDRESS = Limit(count=100, window=_FIVE_MINUTES)
#: Everybody against all accounts.
EVERYBODY = Limit(count=1_000, window=_FIVE_MINUTES)
#: How many of an account's last sign-ins make their networks familiar.
_REMEMBERED = 20
#: The network of whoever comes without an address.
_UNKNOWN = "unknown"

_OF, _NOW = bindparam("of", type_=Throttle.key.type), bindparam("now", type_=Throttle.window_ends_at.type)
#: The table itself: no counter is ever an object of a session.
_TABLE = cast(Table, Throttle.__table__)
_COUNTER = _TABLE.c
_FORGET = delete(_TABLE).where(_COUNTER.key == _OF)
_ONE_LESS = update(_TABLE).where(_COUNTER.key == _OF, _COUNTER.count > 0, _COUNTER.window_ends_at > _NOW).values(count=_COUNTER.count - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A counted attempt. ``subject`` is whom it is about, ``network`` where it came from."""

    subject: str
    network: str
    account_id: int | None = None

    @property
    def counters(self) -> tuple[tuple[str, Limit], ...]:
        """Its counters, always in this order, so that two attempts never wait for each other in a circle."""
        return (
            ("everybody", EVERYBODY),
            (f"address:{self.network}", ADDRESS),
            (self.subject, ACCOUNT),
            (f"{self.subject}:{self.network}", PAIR),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A counter that is full: what it counts is refused ``until`` then. It counts everybody, or one account, one network, or both."""

    limit: Limit
    until: datetime
    network: str | None = None


def attempt(*, account_id: int | None, name: str, address: str | None) -> Attempt:
    """Describe an attempt on an account or, where there is none of this name, on the name itself (kept as a digest)."""
    unknown = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]
    subject = f"name:{unknown}" if account_id is None else f"account:{account_id}"
    return Attempt(subject=subject, network=network(address), account_id=account_id)


def count(session: Session, tried: Attempt, *, now: datetime) -> None:
    """Count an attempt before its secret is checked. The unit must commit before the check, and roll back when this raises.

    :raises Busy: when a limit is reached; then nothing was counted, the right secret included.
    """
    familiar: bool | None = None
    for key, limit in tried.counters:
        until = _raise(session, key, limit, tried.account_id if limit in (ACCOUNT, PAIR) else None, now)
        if until is None:
            continue
        if limit in (EVERYBODY, ACCOUNT):
            familiar = _is_familiar(session, tried) if familiar is None else familiar
            if familiar:
                continue
        seconds = max(1, int((until - now).total_seconds()) + 1)
        raise Busy(_waiting(seconds), retry_after=seconds)


def take(session: Session, counters: Sequence[tuple[str, Limit]], *, now: datetime) -> bool:
    """Count one more of something else than attempts at a secret, in each counter up to the first full one; false when one is full."""
    return all(_raise(session, key, limit, None, now) is None for key, limit in counters)


def give_back(session: Session, keys: Iterable[str], *, now: datetime) -> None:
    """Take one back from each of these counters, because what :func:`take` counted did not happen."""
    for key in keys:
        _take_back(session, key, now)


def succeeded(session: Session, tried: Attempt, *, now: datetime) -> None:
    """Take a counted attempt back, because the secret was right: its account starts from nothing, the others lose this one."""
    for key, limit in tried.counters:
        if limit in (ACCOUNT, PAIR):
            session.execute(_FORGET, {"of": key})
        else:
            _take_back(session, key, now)


def half_way(session: Session, tried: Attempt, *, now: datetime) -> None:
    """Take a counted attempt back from what its network and everybody share: the secret was right, and another one is asked for.

    Its account goes on counting, so that nobody guesses the second secret without an end by giving the first again and again (A-11).
    """
    for key, limit in tried.counters:
        if limit not in (ACCOUNT, PAIR):
            _take_back(session, key, now)


def release(session: Session, account_ids: Iterable[int]) -> None:
    """Forget every attempt on these accounts, from everywhere (R34a)."""
    session.execute(delete(Throttle).where(Throttle.account_id.in_(among(session, account_ids))))


def was_tried(now: datetime) -> ColumnElement[bool]:
    """Whether attempts on an account are counted now, full or not, as SQL over account."""
    return Account.id.in_(select(Throttle.account_id).where(Throttle.account_id.is_not(None), Throttle.window_ends_at > now))


def locks(session: Session, account_id: int, networks: Collection[str], *, now: datetime) -> list[Lock]:
    """Return what refuses attempts on an account now: from everywhere, from any network of its own counters, and from these networks.

    Networks that are :func:`familiar` to the account are not bound by ``EVERYBODY`` and ``ACCOUNT``.
    """
    subject = f"account:{account_id}"
    limits: dict[str, tuple[Limit, str | None]] = {"everybody": (EVERYBODY, None), subject: (ACCOUNT, None)}
    limits |= {f"address:{each}": (ADDRESS, each) for each in networks}
    rows = session.execute(
        select(Throttle.key, Throttle.count, Throttle.window_ends_at)
        .where(or_(Throttle.key.in_(limits), Throttle.key.startswith(f"{subject}:", autoescape=True)), Throttle.window_ends_at > now)
        .order_by(Throttle.key)
    )
    found = [(*limits.get(key, (PAIR, key.removeprefix(f"{subject}:"))), count, until) for key, count, until in rows]
    return [Lock(limit=limit, until=until, network=where) for limit, where, count, until in found if count >= limit.count]


def familiar(session: Session, account_id: int) -> frozenset[str]:
    """The networks that an account has lately signed in from."""
    known = session.scalars(
        select(SignIn.address).where(SignIn.account_id == account_id, SignIn.result == "ok").order_by(SignIn.at.desc()).limit(_REMEMBERED)
    )
    return frozenset(network(address) for address in known) - {_UNKNOWN}


def housekeeping(now: datetime) -> Delete:
    """What removes counters whose window is over; each begins anew without it, too."""
    return delete(Throttle).where(Throttle.window_ends_at <= now)


def network(address: str | None) -> str:
    """The network of an address: an IPv4 address itself, the /64 of an IPv6 address (one customer has all of it)."""
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return _UNKNOWN
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


def _raise(session: Session, key: str, limit: Limit, account_id: int | None, now: datetime) -> datetime | None:
    """Count one more and return none, or return until when the counter is full."""
    values = {"of": key, "about": account_id, "ends": now + limit.window, "now": now, "most": limit.count}
    counted = session.execute(_one_more(on_sqlite=is_sqlite(session), sliding=limit.sliding), values)
    if counted.first() is not None:
        return None
    return session.execute(select(Throttle.window_ends_at).where(Throttle.key == key)).scalar_one()


@cache
def _one_more(*, on_sqlite: bool, sliding: bool) -> ReturningInsert[tuple[int]]:
    """Counts, unless the counter is full; built once, because every attempt asks it four times."""
    insert = sqlite.insert if on_sqlite else postgresql.insert
    ends, over = bindparam("ends", type_=_COUNTER.window_ends_at.type), _COUNTER.window_ends_at <= _NOW
    return (
        insert(_TABLE)
        .values(key=_OF, account_id=bindparam("about", type_=_COUNTER.account_id.type), count=1, window_ends_at=ends)
        .on_conflict_do_update(
            index_elements=[_COUNTER.key],
            set_={
                "count": case((over, 1), else_=_COUNTER.count + 1),
                "window_ends_at": ends if sliding else case((over, ends), else_=_COUNTER.window_ends_at),
            },
            where=or_(over, _COUNTER.count < bindparam("most", type_=_COUNTER.count.type)),
        )
        .returning(_COUNTER.count)
    )


def _take_back(session: Session, key: str, now: datetime) -> None:
    session.execute(_ONE_LESS, {"of": key, "now": now})


def _is_familiar(session: Session, tried: Attempt) -> bool:
    return tried.account_id is not None and tried.network != _UNKNOWN and tried.network in familiar(session, tried.account_id)


def _waiting(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return ngettext("Too many attempts. Try again in a minute.", "Too many attempts. Try again in {count} minutes.", minutes)
