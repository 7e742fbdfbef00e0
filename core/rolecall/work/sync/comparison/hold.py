"""What a worker holds of a comparison: a lease with a fence, renewed before every call and with every part that is written down.

Owns that whoever lost it writes nothing more. Knows nothing of what is compared.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import update
from sqlalchemy.orm import Session

from rolecall.store.engine import Database, now
from rolecall.store.tables import Comparison
from rolecall.work.leases import NotCalledError

T = TypeVar("T")


class Hold:
    """A comparison that this worker claimed with ``fence``; ``begun`` is the monotonic time from before that."""

    def __init__(self, db: Database, provider: str, fence: int, *, length: timedelta, begun: float, stop: Callable[[], bool]) -> None:
        self.provider = provider
        self.db = db
        self._fence = fence
        self._length = length
        self._ends = begun + length.total_seconds()
        self._stop = stop

    def lasts(self, length: timedelta) -> None:
        """Renew for this long from now on, if that is longer: a provider whose calls take long needs it."""
        self._length = max(self._length, length)
        self.write(lambda _session: None)

    def ensure(self, seconds: float) -> None:
        """Make sure that the lease lasts this much longer.

        :raises NotCalledError: when it is lost, or the worker is to stop.
        """
        if self._stop():
            raise NotCalledError("The worker stops.")
        if self._ends - time.monotonic() < seconds:
            self.write(lambda _session: None)

    def write(self, unit: Callable[[Session], T], **values: object) -> T:
        """Renew the lease and write down a part in one transaction; ``values`` are of the comparison itself.

        :raises NotCalledError: when another worker has it; nothing is written then.
        """
        begun = time.monotonic()

        def renewed(session: Session) -> T:
            renewal = {"leased_until": now(session) + self._length, **values}
            mine = (Comparison.provider == self.provider, Comparison.fence == self._fence, Comparison.state == "running")
            held = session.execute(
                update(Comparison).where(*mine).values(**renewal).returning(Comparison.fence),
                execution_options={"synchronize_session": False},
            ).first()
            if held is None:
                raise NotCalledError("Another worker goes on with this comparison.")
            return unit(session)

        result = self.db.attempt(renewed)
        self._ends = begun + self._length.total_seconds()
        return result
