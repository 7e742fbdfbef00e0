"""Keeps within the credits that Brightspace gives an app each minute, by what its answers say of them.

Owns what is left and until when. Each call costs what the last answer named; prices may change. Waits for nothing: a call that would be
refused is not sent, and core is told how long to wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from rolecall_brightspace.errors import Unreachable

#: Credits of one call, until an answer says otherwise.
USUAL_COST = 10
#: Credits come back every minute; a site that names more is not believed.
LONGEST = 120.0


class Budget:
    """The credits of one app, safe for several threads. ``believed``: whether what answers say is meaningful at this site."""

    def __init__(self, *, believed: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self._believed = believed
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_until = 0.0

    def spend(self) -> None:
        """Take part of the credits for one call.

        :raises Unreachable: when there are none; ``retry_after`` says until when.
        """
        with self._lock:
            left = self._closed_until - self._clock()
        if left > 0:
            raise Unreachable("The app's credits at Brightspace are used up for this minute.", retry_after=timedelta(seconds=left))

    def note(self, status: int, headers: Mapping[str, str], wait: timedelta | None) -> None:
        """Read what an answer says: what is left, what the call cost, when there are new ones; a 429 says only how long to wait."""
        if status == 429 and wait is not None:
            self._close(wait.total_seconds())
        remaining, reset = _number(headers.get("X-Rate-Limit-Remaining")), _number(headers.get("X-Rate-Limit-Reset"))
        if not self._believed or remaining is None or reset is None:
            return
        if remaining < (_number(headers.get("X-Request-Cost")) or USUAL_COST):
            self._close(reset)

    def _close(self, seconds: float) -> None:
        with self._lock:
            self._closed_until = self._clock() + min(seconds, LONGEST)


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
