"""The engine of one machine: threads of this process that look for what is due every second. Nothing has to be installed for it.

Owns the threads and how they stop. The rows are the truth: a nudge only saves waiting for the next look.
"""

import heapq
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import structlog

from rolecall.work.heartbeat import Heartbeat
from rolecall.work.jobs import Job, concurrency, do, due
from rolecall.work.tick import EVERY

if TYPE_CHECKING:
    from rolecall.work.application import Application

log = structlog.get_logger(__name__)

#: Seconds between two looks at what is due.
LOOK = 1.0
#: Seconds that a stop waits for what is under way (R-16).
GRACE = 30.0
#: Runs worked off at once by one process; more would only wait for each other's locks.
RUNS = 2


class Threads:
    """The worker of this process: ``start`` it, ``nudge`` it, ``stop`` it."""

    def __init__(self, app: "Application") -> None:
        self._app = app
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._nudges: list[tuple[float, Job]] = []
        self._active: dict[Job, int] = {}
        self._tick_at = 0.0
        self._heartbeat = Heartbeat(app, "threads")
        self._threads: set[threading.Thread] = set()
        self._dispatcher = threading.Thread(target=self._dispatch, name="rolecall-worker", daemon=True)

    def start(self) -> None:
        """Begin to look for work, and be woken by the application's nudges."""
        self._app.wake_by(self.nudge)
        self._heartbeat.start()
        self._dispatcher.start()

    def nudge(self, name: str, argument: str, after: float = 0) -> None:
        """Say that a job may have something to do, in so many seconds."""
        with self._changed:
            heapq.heappush(self._nudges, (time.monotonic() + after, (name, argument)))
            self._changed.notify()

    def stop(self, grace: float = GRACE) -> bool:
        """Claim nothing more, wait for what is under way, and tell whether all of it ended in time."""
        self._app.wake_by(None)
        self._stopping.set()
        with self._changed:
            self._changed.notify()
        deadline = time.monotonic() + grace
        self._dispatcher.join(max(0.0, deadline - time.monotonic()))
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        self._heartbeat.stop(deadline - time.monotonic())
        return not any(thread.is_alive() for thread in [self._dispatcher, *self._threads])

    def _dispatch(self) -> None:
        look_at = time.monotonic()
        while not self._stopping.is_set():
            if time.monotonic() >= look_at:
                self._guarded(self._look)
                look_at = time.monotonic() + LOOK
            for job in self._take_nudges():
                self._begin(job)
            with self._changed:
                wake_at = min([look_at, *(at for at, _ in self._nudges[:1])])
                if not self._stopping.is_set():
                    self._changed.wait(max(0.0, wake_at - time.monotonic()))

    def _take_nudges(self) -> list[Job]:
        jobs: list[Job] = []
        with self._changed:
            while self._nudges and self._nudges[0][0] <= time.monotonic():
                jobs.append(heapq.heappop(self._nudges)[1])
        return list(dict.fromkeys(jobs))

    def _look(self) -> None:
        for job in due(self._app):
            self._begin(job)
        self._heartbeat.looked()
        if time.monotonic() >= self._tick_at:
            self._tick_at = time.monotonic() + EVERY.total_seconds()
            self._begin(("tick", ""))

    def _begin(self, job: Job) -> None:
        """Start a thread for a job, unless as many as are useful are at it already."""
        with self._changed:
            same = sum(number for (name, _), number in self._active.items() if name == job[0])
            limit = concurrency(self._app, job)
            if self._stopping.is_set() or self._active.get(job, 0) >= limit or (job[0] == "advance" and same >= RUNS):
                return
            self._active[job] = self._active.get(job, 0) + 1
            thread = threading.Thread(target=self._run, args=(job,), name=f"rolecall-{job[0]}-{job[1]}", daemon=True)
            self._threads.add(thread)
        thread.start()

    def _run(self, job: Job) -> None:
        try:
            self._guarded(partial(do, self._app, job, stop=self._stopping.is_set))
        finally:
            with self._changed:
                self._active[job] -= 1
                if not self._active[job]:
                    del self._active[job]
                self._threads.discard(threading.current_thread())

    def _guarded(self, work: Callable[[], object]) -> None:
        """Whatever goes wrong, it is tried again when it is found due; an engine that dies would stop everything."""
        try:
            work()
        except Exception:  # the database is away, a plugin broke: the log has it, the next look goes on
            log.exception("work failed", thread=threading.current_thread().name)
