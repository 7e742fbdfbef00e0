"""Counts attempts at a secret before the secret is checked, in the database (A-09 to A-12, R53).

Owns the limits and their windows. One statement per counter counts and refuses, so parallel guesses cannot slip past a limit. Strangers
cannot lock an account for good: the small limit is per account *and* network, and networks that the account has signed in from before
are not bound by the limits that others can use up. Knows nothing of what is checked.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from sqlalchemy import case, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from rolecall.errors import Busy
from rolecall.store.engine import is_sqlite
from rolecall.store.tables import SignIn, Throttle


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A counted attempt. ``subject`` is whom it is about, ``network`` where it came from."""

    subject: str
    network: str

    @property
    def counters(self) -> tuple[tuple[str, Limit], ...]:
        """Its counters, always in this order, so that two attempts never wait for each other in a circle."""
        return (
            ("everybody", EVERYBODY),
            (f"address:{self.network}", ADDRESS),
            (self.subject, ACCOUNT),
            (f"{self.subject}:{self.network}", PAIR),
        )


def attempt(*, account_id: int | None, name: str, address: str | None) -> Attempt:
    """Describe an attempt on an account or, where there is none of this name, on the name itself (kept as a digest)."""
    unknown = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]
    return Attempt(subject=f"name:{unknown}" if account_id is None else f"account:{account_id}", network=network(address))


def count(session: Session, tried: Attempt, *, now: datetime) -> None:
    """Count an attempt before its secret is checked. The unit must commit before the check, and roll back when this raises.

    :raises Busy: when a limit is reached; then nothing was counted, the right secret included.
    """
    familiar: bool | None = None
    for key, limit in tried.counters:
        until = _raise(session, key, limit, now)
        if until is None:
            continue
        if limit in (EVERYBODY, ACCOUNT):
            familiar = _is_familiar(session, tried) if familiar is None else familiar
            if familiar:
                continue
        seconds = max(1, int((until - now).total_seconds()) + 1)
        raise Busy(f"Too many attempts. Try again in {_spoken(seconds)}.", retry_after=seconds)


def succeeded(session: Session, tried: Attempt, *, now: datetime) -> None:
    """Take a counted attempt back, because the secret was right: its account starts from nothing, the others lose this one."""
    for key, limit in tried.counters:
        if limit in (ACCOUNT, PAIR):
            session.execute(delete(Throttle).where(Throttle.key == key))
        else:
            session.execute(
                update(Throttle)
                .where(Throttle.key == key, Throttle.count > 0, Throttle.window_ends_at > now)
                .values(count=Throttle.count - 1)
            )


def release(session: Session, account_id: int) -> None:
    """Forget every attempt on an account, from everywhere (R34a)."""
    subject = f"account:{account_id}"
    session.execute(delete(Throttle).where(or_(Throttle.key == subject, Throttle.key.startswith(f"{subject}:", autoescape=True))))


def purge(session: Session, *, now: datetime) -> None:
    """Remove counters whose window is over."""
    session.execute(delete(Throttle).where(Throttle.window_ends_at <= now))


def network(address: str | None) -> str:
    """The network of an address: an IPv4 address itself, the /64 of an IPv6 address (one customer has all of it)."""
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


def _raise(session: Session, key: str, limit: Limit, now: datetime) -> datetime | None:
    """Count one more and return none, or return until when the counter is full."""
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    ends = now + limit.window
    over = Throttle.window_ends_at <= now
    statement = (
        insert(Throttle)
        .values(key=key, count=1, window_ends_at=ends)
        .on_conflict_do_update(
            index_elements=[Throttle.key],
            set_={
                "count": case((over, 1), else_=Throttle.count + 1),
                "window_ends_at": ends if limit.sliding else case((over, ends), else_=Throttle.window_ends_at),
            },
            where=or_(over, Throttle.count < limit.count),
        )
        .returning(Throttle.count)
    )
    if session.execute(statement).first() is not None:
        return None
    return session.execute(select(Throttle.window_ends_at).where(Throttle.key == key)).scalar_one()


def _is_familiar(session: Session, tried: Attempt) -> bool:
    kind, _, number = tried.subject.partition(":")
    if kind != "account" or tried.network == "unknown":
        return False
    known = session.scalars(
        select(SignIn.address).where(SignIn.account_id == int(number), SignIn.result == "ok").order_by(SignIn.at.desc()).limit(_REMEMBERED)
    )
    return any(network(address) == tried.network for address in known)


def _spoken(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"
