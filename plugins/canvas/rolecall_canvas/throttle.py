"""Leaves Canvas alone for a moment when its bucket runs low, before it refuses a call.

Owns what the answers say of the bucket. How fast it fills again is not published: the pause is the plugin's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

#: A full bucket holds some hundreds; a list of a hundred users costs some ten. Below this the next call may be refused.
LOW = 100.0
#: Seconds to leave it alone then. Each later answer says whether that was enough.
PAUSE = 1.0


class Bucket:
    """What is left of what one token may do. ``sleep`` waits so many seconds."""

    def __init__(self, sleep: Callable[[float], object] = time.sleep) -> None:
        self._sleep = sleep
        self._remaining: float | None = None

    def noted(self, headers: Mapping[str, str]) -> None:
        """Learn from the head of an answer; one that says nothing of it teaches nothing."""
        try:
            self._remaining = float(headers.get("X-Rate-Limit-Remaining", ""))
        except ValueError:
            return

    def wait(self) -> None:
        """Wait where the last answer said that little is left."""
        if self._remaining is not None and self._remaining < LOW:
            self._remaining = None
            self._sleep(PAUSE)
