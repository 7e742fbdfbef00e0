"""Wakes what is due: runs, providers, the clock. In threads of this process, or once from beginning to end.

The rows are the truth: a nudge only saves waiting for the next look. Owns the threads and how they stop. What is done when is decided
by the functions themselves, which take a leased place first, so a doubled nudge is harmless.
"""

import heapq
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import structlog

from rolecall.store.engine import now
from rolecall.work.runs.advance import advance
from rolecall.work.runs.advance import due as due_runs
from rolecall.work.sync.claim import has_due
from rolecall.work.sync.drain import drain
from rolecall.work.tick import EVERY, tick

if TYPE_CHECKING:
    from rolecall.work.application import Application

log = structlog.get_logger(__name__)

#: Seconds between two looks at what is due.
LOOK = 1.0
#: Seconds that a stop waits for what is under way (R-16).
GRACE = 30.0
#: Runs worked off at once by one process; more would only wait for each other's locks.
RUNS = 2

Job = tuple[str, str]


class Engine:
    """The worker of this process: ``start`` it, ``nudge`` it, ``stop`` it."""

    def __init__(self, app: "Application") -> None:
        self._app = app
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._nudges: list[tuple[float, Job]] = []
        self._active: dict[Job, int] = {}
        self._tick_at = 0.0
        self._threads: set[threading.Thread] = set()
        self._dispatcher = threading.Thread(target=self._dispatch, name="rolecall-worker", daemon=True)

    def start(self) -> None:
        """Begin to look for work, and be woken by the application's nudges."""
        self._app.wake_by(self.nudge)
        self._dispatcher.start()

    def nudge(self, name: str, argument: str, after: float = 0) -> None:
        """Say that ``drain(provider)``, ``advance(run)`` or ``tick`` has something to do, in so many seconds."""
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
        if time.monotonic() >= self._tick_at:
            self._tick_at = time.monotonic() + EVERY.total_seconds()
            self._begin(("tick", ""))

    def _begin(self, job: Job) -> None:
        """Start a thread for a job, unless as many as are useful are at it already."""
        with self._changed:
            same = sum(number for (name, _), number in self._active.items() if name == job[0])
            limit = 1 if job[0] != "drain" else concurrency(self._app, job[1])
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


def due(app: "Application") -> list[Job]:
    """Return what has something to do now: runs first, because they make work for providers."""
    with app.db.read() as session:
        moment = now(session)
        providers = [each for each in app.plugins.view(session).providers if has_due(session, each, moment)]
        return [*(("advance", str(each)) for each in due_runs(session)), *(("drain", each) for each in providers)]


def do(app: "Application", job: Job, *, stop: Callable[[], bool] = lambda: False) -> bool:
    """Do one job now and tell whether that achieved anything."""
    name, argument = job
    if name == "advance":
        return advance(app, int(argument), stop=stop)
    if name == "drain":
        return drain(app, argument, stop=stop) > 0
    if name == "tick":
        return tick(app) > 0
    raise ValueError(f"There is no such job as {name}.")


def concurrency(app: "Application", provider_id: str) -> int:
    """Return how many workers a provider can take at once."""
    for plugin in app.plugins.installed.values():
        if provider_id in plugin.providers:
            return max(1, plugin.providers[provider_id].limits.concurrency)
    return 1


def run_once(app: "Application") -> int:
    """Work until nothing is due any more, in this thread (``rolecall worker --once``); returns how many jobs achieved something.

    What waits for its next attempt, and what other workers hold, is not due.
    """
    tick(app, force=True)
    achieved = 0
    while True:
        progress = sum(do(app, job) for job in due(app))
        if not progress:
            return achieved
        achieved += progress


def run_forever(app: "Application") -> bool:
    """Work until SIGTERM or SIGINT (``rolecall worker``); returns whether everything under way ended in time."""
    asked = threading.Event()
    previous = {number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    engine = Engine(app)
    engine.start()
    try:
        asked.wait()
    finally:
        ended = engine.stop()
        for number, handler in previous.items():
            signal.signal(number, handler)
    return ended
