"""Lets the threads of one process write one after the other, in the order in which they came.

SQLite has one writer at a time, and whoever waits for the lock looks again after up to a tenth of a second. Among threads that write
all the time somebody may look at the wrong moments for as long as they may wait, and is told that the database is locked. Those who
stand in a line here are woken. Knows no database, and nothing of other processes: they still wait for the lock.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock


class Turns:
    """A line of threads, of which the first one has its turn."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken = False
        self._line: deque[Event] = deque()

    @contextmanager
    def turn(self, patience: float) -> Iterator[bool]:
        """Wait for one's turn and have it inside the block; after ``patience`` seconds go on without one, which is what is yielded."""
        has_it = self._wait(patience)
        try:
            yield has_it
        finally:
            if has_it:
                self._pass_on()

    @property
    def waiting(self) -> int:
        """How many stand in the line."""
        with self._lock:
            return len(self._line)

    def _wait(self, patience: float) -> bool:
        mine = Event()
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            self._line.append(mine)
        try:
            if mine.wait(patience):
                return True
        except BaseException:
            if not self._leave(mine):
                self._pass_on()
            raise
        return not self._leave(mine)

    def _leave(self, mine: Event) -> bool:
        """Go out of the line; false when the turn came in the last moment."""
        with self._lock:
            if mine.is_set():
                return False
            self._line.remove(mine)
            return True

    def _pass_on(self) -> None:
        with self._lock:
            if self._line:
                self._line.popleft().set()
            else:
                self._taken = False
