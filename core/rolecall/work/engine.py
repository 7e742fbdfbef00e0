"""The worker as everybody else sees it: somebody who is nudged. Chooses who that is: threads here, or workers behind a broker.

Knows neither threads nor a broker. Whatever the engine, the rows are the truth, and a nudge may be lost, doubled or late.
"""

import signal
import threading
from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

from rolecall.errors import ConfigurationError
from rolecall.work.threads import GRACE, Threads

if TYPE_CHECKING:
    from rolecall.work.application import Application
    from rolecall.work.broker import Broker

__all__ = ["Engine", "engine_of", "run_forever"]


class Engine(Protocol):
    """Who does the work of an application, here or elsewhere."""

    def start(self) -> None:
        """Be woken by the application's nudges from now on."""

    def nudge(self, name: str, argument: str, after: float = 0) -> None:
        """Say that the job ``name(argument)`` may have something to do, in so many seconds. Never raises, whatever is down."""

    def stop(self, grace: float = GRACE) -> bool:
        """Begin nothing more, wait for what is under way here, and tell whether all of it ended in time."""


def engine_of(app: "Application", *, work: bool) -> Engine | None:
    """Return the engine of a process that serves people: the broker where there is one, else threads if it is to ``work`` itself.

    :raises ConfigurationError: when there is a broker, and its library is missing.
    """
    if app.config.broker_url:
        return _broker(app)
    return Threads(app) if work else None


def run_forever(app: "Application", *, processes: int | None = None, queues: Collection[str] = ()) -> bool:
    """Work until SIGTERM or SIGINT (``rolecall worker``); returns whether everything under way ended in time.

    ``processes`` and ``queues`` are for workers behind a broker: how many work at once, and on what; by default on everything.

    :raises ConfigurationError: when they are given without a broker, or when there is a broker, and its library is missing.
    """
    if app.config.broker_url:
        return _broker(app).serve(processes=processes, queues=queues)
    if processes or queues:
        raise ConfigurationError(
            "Processes and queues are those of a broker, and there is none.", hint="Set ROLECALL_BROKER_URL, or leave the options out."
        )
    asked = threading.Event()
    previous = {number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    engine = Threads(app)
    engine.start()
    try:
        asked.wait()
    finally:
        ended = engine.stop()
        for number, handler in previous.items():
            signal.signal(number, handler)
    return ended


def _broker(app: "Application") -> "Broker":
    # Only where it is asked for: the library is an extra, and takes half a second to load.
    try:
        from rolecall.work.broker import Broker
    except ImportError as error:
        raise ConfigurationError(
            f"ROLECALL_BROKER_URL is set, and the library for it is not installed ({error.name}).",
            hint="Install rolecall[celery], or leave ROLECALL_BROKER_URL out to work without a broker.",
        ) from error
    return Broker(app, app.config.broker_url)
