"""Keeps Python's garbage collector out of the way where thousands of rows live until the end of a batch."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Container objects made before the youngest are looked at: more than a batch of 5,000 accounts makes, so that it is never interrupted.
SELDOM = 5_000_000
#: What the process began with; several batches may be under way in threads, and the last one to end leaves it so.
NORMAL = gc.get_threshold()


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect rarely meanwhile: it would walk all the rows again and again and find nothing to free.

    Not never: a handler that hangs in here must not leave the whole process without a collector.
    """
    before = gc.get_threshold()
    gc.set_threshold(SELDOM, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(NORMAL[0], *before[1:])
