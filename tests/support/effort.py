"""Bounds on what something costs, which hold on a busy machine too: a clock on the wall would measure whoever else is working."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds that are far less than what waits without an end, and far more than what a busy machine adds to a deadline of parts of one.
_EARLY = 15


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail if this thread needs more processor time than that."""
    begun = time.thread_time()
    yield
    taken = time.thread_time() - begun
    assert taken < seconds, f"{taken:.2f} s of processor time"


@contextmanager
def ends_early() -> Iterator[None]:
    """Fail unless a wait is given up that would go on for half a minute at least."""
    begun = time.monotonic()
    yield
    taken = time.monotonic() - begun
    assert taken < _EARLY, f"{taken:.1f} s"
