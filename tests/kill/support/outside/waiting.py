"""Waits until something is so, and says what was waited for when it never is."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Long enough for a machine that has much else to do; nothing waits this long when all is well.
PATIENCE = 120.0
_BETWEEN = 0.02


def eventually(what: str, found: Callable[[], T], *, seconds: float = PATIENCE, between: float = _BETWEEN) -> T:
    """Return what ``found`` returns as soon as that is true, asking again and again.

    :raises AssertionError: when it is not within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        result = found()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"After {seconds:g} seconds still not: {what}.")
        time.sleep(between)
