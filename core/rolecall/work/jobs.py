"""What there is to do, and how each of it is begun: runs, providers, channels, comparisons, the clock.

Owns the list of jobs, of which every engine makes the same use. Each takes a leased place first and works from rows, so beginning it
twice, late or for nothing is harmless. Knows nothing of who begins it when.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from rolecall.store.engine import now
from rolecall.work import heartbeat
from rolecall.work.delivery.deliver import deliver
from rolecall.work.delivery.deliver import due as due_channels
from rolecall.work.delivery.listen import due as due_lines
from rolecall.work.delivery.listen import listen
from rolecall.work.heartbeat import Work
from rolecall.work.runs.advance import advance
from rolecall.work.runs.advance import due as due_runs
from rolecall.work.sync.claim import has_due
from rolecall.work.sync.comparison.job import compare
from rolecall.work.sync.comparison.job import due as due_comparisons
from rolecall.work.sync.drain import drain
from rolecall.work.tick import tick

if TYPE_CHECKING:
    from rolecall.work.application import Application

Stop = Callable[[], bool]
#: The name of what is to be done, and what it is done to.
Job = tuple[str, str]

#: Each begins its work on an argument, ends early when asked to stop, and tells whether it achieved anything.
JOBS: Mapping[str, "Callable[[Application, str, Stop], bool]"] = MappingProxyType({
    "advance": lambda app, run_id, stop: advance(app, int(run_id), stop=stop),
    "drain": lambda app, provider, stop: drain(app, provider, stop=stop) > 0,
    "deliver": lambda app, channel, stop: deliver(app, channel, stop=stop) > 0,
    "listen": lambda app, channel, _: listen(app, channel) > 0,
    "compare": lambda app, provider, stop: compare(app, provider, stop=stop),
    "tick": lambda app, _, __: tick(app) > 0,
})  # fmt: skip


def due(app: "Application") -> list[Job]:
    """Return what has something to do now: runs first, because they make work for providers."""
    with app.db.read() as session:
        moment = now(session)
        providers = [each for each in app.plugins.view(session).providers if has_due(session, each, moment)]
        return [
            *(("advance", str(each)) for each in due_runs(session)),
            *(("drain", each) for each in providers),
            *(("deliver", each) for each in due_channels(app, session)),
            *(("listen", each) for each in due_lines(app, session)),
            *(("compare", each) for each in due_comparisons(session, moment)),
        ]


def neglected(app: "Application", session: Session) -> Work | None:
    """Return since when nobody looks for what is due, while something is; none while all is well, which is found out at once."""
    work = heartbeat.work(session)
    return work if work.idle and due(app) else None


def do(app: "Application", job: Job, *, stop: Stop = lambda: False) -> bool:
    """Do one job now and tell whether that achieved anything."""
    name, argument = job
    if name not in JOBS:
        raise ValueError(f"There is no such job as {name}.")
    return JOBS[name](app, argument, stop)


def concurrency(app: "Application", job: Job) -> int:
    """Return how many workers can be at a job at once to any purpose."""
    name, argument = job
    for plugin in app.plugins.installed.values():
        if name == "drain" and argument in plugin.providers:
            return max(1, plugin.providers[argument].limits.concurrency)
        if name == "deliver" and argument in plugin.channels:
            return max(1, plugin.channels[argument].concurrency)
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
