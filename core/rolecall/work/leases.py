"""What one worker holds of the links it claimed: for how long, and whether there is time for another call.

Owns the renewal. Times are kept twice: in the database by its own clock, for others; here by the monotonic clock from before the claim
was asked for, so that we never think we hold a lease longer than others do.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Protocol

from sqlalchemy import tuple_, update
from sqlalchemy.orm import Session

from rolecall.errors import Transient
from rolecall.store.engine import Database, now
from rolecall.store.tables import ClassLink, Delivery, Link
from rolecall.work.slots import Slot


class NotCalledError(Transient):
    """The call was not made, for a reason that has nothing to do with the account: no attempt is counted."""

    code = "not-called"


class Lease:
    """The links of one claim, until they are settled; of accounts, unless another ``table`` is given: of classes, or messages."""

    def __init__(
        self,
        db: Database,
        fences: Mapping[int, int],
        *,
        length: timedelta,
        begun: float,
        slot: Slot | None = None,
        table: type[Link] | type[ClassLink] | type[Delivery] = Link,
    ) -> None:
        """Take the links with their fences. ``begun`` is the monotonic time from before they were claimed."""
        self._db = db
        self._fences = dict(fences)
        self._length = length
        self._ends = begun + length.total_seconds()
        self._slot = slot
        self._table = table

    @property
    def left(self) -> float:
        """Seconds until others may claim what is not settled."""
        return self._ends - time.monotonic()

    def settled(self, ids: Iterable[int]) -> None:
        """Let go of links that need no lease any more."""
        for each in ids:
            self._fences.pop(each, None)

    def ensure(self, seconds: float) -> None:
        """Make sure that the lease lasts this much longer, renewing it where it would not.

        :raises NotCalledError: when it cannot: it is over, or somebody else owns one of the links.
        """
        if self.left >= seconds or not self._fences:
            return
        begun = time.monotonic()
        if self.left <= 0 or not self._db.attempt(self._renew):
            raise NotCalledError("The time for this account was over before it was called.")
        self._ends = begun + self._length.total_seconds()
        if self.left < seconds:
            raise NotCalledError("One call may take longer than the lease.", hint="Raise ROLECALL_LEASE_SECONDS.")

    def _renew(self, session: Session) -> bool:
        until = now(session) + self._length
        table = self._table
        held = tuple_(table.id, table.fence).in_(list(self._fences.items()))
        renewed = session.execute(
            update(table).where(held, table.leased_until.is_not(None)).values(leased_until=until).returning(table.id),
            execution_options={"synchronize_session": False},
        ).all()
        return len(renewed) == len(self._fences) and (self._slot is None or self._slot.renew(session, self._length))


class Renewable(Protocol):
    """What a thread works under: a claim of links, or a comparison."""

    def ensure(self, seconds: float) -> None:
        """Make sure that it lasts this much longer, or raise :class:`NotCalledError`."""


_current: ContextVar[Renewable | None] = ContextVar("current", default=None)


@contextmanager
def under(lease: Renewable) -> Iterator[None]:
    """Make this the lease that every call of the current thread asks for time."""
    token = _current.set(lease)
    try:
        yield
    finally:
        _current.reset(token)


def ensure(seconds: float) -> None:
    """Make sure that the current thread's lease, if it has one, lasts this much longer.

    :raises NotCalledError: when it cannot.
    """
    lease = _current.get()
    if lease is not None:
        lease.ensure(seconds)
