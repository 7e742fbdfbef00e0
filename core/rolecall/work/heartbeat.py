"""Who works, and since when nobody does: every worker leaves a row, and brings it up to date while it lives.

Owns those rows, and what follows from them. A worker that only lives is no help: what counts is that somebody *looked* for what is due,
which takes a database, and behind a broker also that messages arrive.
"""

import os
import socket
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import case, delete, func, null, or_, select, update
from sqlalchemy.orm import Session

from rolecall.store.bulk import insert_into
from rolecall.store.engine import now
from rolecall.store.tables import Worker
from rolecall.work.sync import totals

if TYPE_CHECKING:
    from rolecall.work.application import Application

log = structlog.get_logger(__name__)

#: Seconds between two signs of life.
BEAT = 10.0
#: Whoever gave none for so long is not there: several were missed, so one slow transaction is no alarm.
SILENT = timedelta(seconds=60)
#: Workers that are gone are remembered for so long.
REMEMBERED = timedelta(days=7)

#: What starts one, for whoever is told that there is none.
START = "Start “rolecall worker”, or “rolecall run” without --no-worker."


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Whether anything is being worked off. ``looked_at`` is when somebody last looked for what is due; none if nobody ever did."""

    workers: int
    looked_at: datetime | None
    idle: bool


def work(session: Session) -> Work:
    """Return how many workers there are, and whether somebody looks for what is due. One look at a table of a few rows."""
    moment = now(session)
    there = case((Worker.ended_at.is_(None) & (Worker.seen_at > moment - SILENT), 1), else_=0)
    number, looked_at = session.execute(select(func.sum(there), func.max(Worker.looked_at))).one()
    return Work(workers=int(number or 0), looked_at=looked_at, idle=looked_at is None or looked_at <= moment - SILENT)


def sentence(found: Work) -> str:
    """Say that nothing is being worked off, since when, and what is to be started."""
    if found.looked_at is None:
        return f"Nothing is being worked off: no worker was ever here. {START}"
    return f"Nothing is being worked off since {found.looked_at:%Y-%m-%d %H:%M} UTC. {START}"


def name(pid: int | None = None) -> str:
    """What a worker is called: its machine and process."""
    return f"{socket.gethostname()}:{os.getpid() if pid is None else pid}"[:200]


def beat(session: Session, worker: str, engine: str, *, looked: bool) -> None:
    """Say that a worker is there, and whether it has looked for what is due since it last said so."""
    moment = now(session)
    row = {"name": worker, "engine": engine, "started_at": moment, "seen_at": moment, "looked_at": moment if looked else None}
    # The number of a process that is gone is given to another one some day.
    anew = or_(Worker.ended_at.is_not(None), Worker.seen_at <= moment - SILENT)
    seen = {
        "engine": engine, "started_at": case((anew, moment), else_=Worker.started_at), "seen_at": moment, "ended_at": null(),
    }  # fmt: skip
    session.execute(
        insert_into(session, Worker)
        .values(row)
        .on_conflict_do_update(index_elements=["name"], set_=seen | ({"looked_at": moment} if looked else {}))
    )


def end(session: Session, worker: str) -> None:
    """Say that a worker has ended, and forget those that ended long ago."""
    moment = now(session)
    session.execute(update(Worker).where(Worker.name == worker).values(ended_at=moment))
    session.execute(delete(Worker).where(Worker.seen_at < moment - REMEMBERED))


class Heartbeat:
    """Keeps the row of a worker from a thread of its own, so that no long piece of work makes it look dead.

    It also writes down the requests that this process has counted. What cannot be written now is written with the next sign.
    """

    def __init__(self, app: "Application", engine: str, *, worker: str | None = None) -> None:
        """Prepare; ``worker`` is its name where several processes are one worker."""
        self._app = app
        self._engine = engine
        self._worker = worker or name()
        self._looked = threading.Event()
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._has_looked = self._is_always_looking = False
        self._thread = threading.Thread(target=self._keep, name="rolecall-heartbeat", daemon=True)

    def start(self) -> None:
        """Give signs of life from now on."""
        self._thread.start()

    def __enter__(self) -> "Heartbeat":
        """Begin; whoever works like this does nothing else meanwhile, so each sign says that it looks for what is due."""
        self._is_always_looking = True
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.stop(BEAT)

    def looked(self) -> None:
        """Note that this process looked for what is due: the first time is said at once, later ones with the next sign."""
        self._looked.set()
        if not self._has_looked:
            self._has_looked = True
            self._wake.set()

    def stop(self, grace: float) -> None:
        """Say that the worker has ended, waiting for at most ``grace`` seconds."""
        self._ending.set()
        self._wake.set()
        self._thread.join(max(0.0, grace))

    def _keep(self) -> None:
        while not self._ending.is_set():
            self._say()
            self._wake.wait(BEAT)
            self._wake.clear()
        self._say(ended=True)

    def _say(self, *, ended: bool = False) -> None:
        looked = self._looked.is_set() or self._is_always_looking
        self._looked.clear()
        counted = self._app.instances.tally.take()
        try:
            with self._app.db.write() as session:
                beat(session, self._worker, self._engine, looked=looked)
                totals.add_requests(session, counted)
                if ended:
                    end(session, self._worker)
        except Exception as error:  # noqa: BLE001 - the database is away: that is said by those who need it
            self._app.instances.tally.give_back(counted)
            if looked:
                self._looked.set()
            log.debug("no sign of life could be written", error=type(error).__name__)
