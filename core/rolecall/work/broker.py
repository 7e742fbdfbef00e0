"""The engine of many machines: Celery carries nudges over RabbitMQ or Redis to workers anywhere. Nothing else here imports it.

Owns messages, queues, the worker's processes, and how long they may take. A message names a job and nothing else: no person, no secret.
What a job does, and that doing it twice or for nothing is harmless, is `jobs`' affair.
"""

import hashlib
import hmac
import logging
import mmap
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from celery import Celery, signals
from kombu.entity import Exchange, Queue
from kombu.exceptions import ChannelError

from rolecall.errors import ConfigurationError
from rolecall.work import heartbeat, slots
from rolecall.work.heartbeat import Heartbeat
from rolecall.work.jobs import JOBS, Job, concurrency, do, due
from rolecall.work.threads import GRACE
from rolecall.work.tick import EVERY

if TYPE_CHECKING:
    from rolecall.work.application import Application

log = structlog.get_logger(__name__)

#: Seconds between two looks for rows that are due and of which no message came; retries wait for them too.
LOOK = 5.0
#: For how long a look is enough for all workers: less than that, so that none is left out.
LOOKED = timedelta(seconds=LOOK * 0.8)
#: Processes of one worker. They mostly wait for providers, so more of them than a machine has cores are of use.
PROCESSES = 8
#: Seconds for which a job keeps a process while others wait; then its message goes to the end of its queue.
TURN = 60.0
#: Seconds that a request waits for a broker, and for which the broker is then left alone.
PATIENCE, REST = 2.0, 10.0
#: A comparison cannot be cut into turns. One of a million accounts takes an hour.
LONGEST_COMPARISON = 6 * 3600.0
#: Seconds between being told to come to an end (which a plugin may catch) and being killed.
LAST_WORDS = 30.0
#: RabbitMQ drops a queue that nobody has used for so long: that of a plugin that is gone.
FORGOTTEN = 24 * 3600.0

#: Whatever belongs to no provider: what is due, what time has made due.
CLOCK, RUNS = "clock", "runs"


class Broker:
    """Sends nudges to workers, wherever they are; with :meth:`serve` this process becomes one of them."""

    def __init__(self, app: "Application", url: str, *, turn: float = TURN) -> None:
        """Prepare to speak to the broker; it is called only when there is something to say. A ``turn`` is in seconds."""
        self._app = app
        self._turn = turn
        self._prefix = _prefix(app)
        services = {each for plugin in app.plugins.installed.values() for each in (*plugin.providers, *plugin.channels)}
        self.lanes = (CLOCK, RUNS, *sorted(services))
        self._rests_until = 0.0
        # One byte that the processes of a worker share: whether they are to come to an end.
        self._ending = mmap.mmap(-1, 1)
        #: Of a process that works for this worker; none elsewhere.
        self._heartbeat: Heartbeat | None = None
        self.celery = Celery("rolecall", broker=url, set_as_current=False)
        self.celery.conf.update(self._settings())
        self._register()

    def start(self) -> None:
        """Send every nudge of the application to the broker."""
        self._app.wake_by(self.nudge)

    def nudge(self, name: str, argument: str, after: float = 0) -> None:
        """Send a message. Where that fails, workers find the row when they look; whoever asked is not bothered."""
        if time.monotonic() < self._rests_until:
            return
        try:
            self._send((name, argument), after)
        except Exception as error:  # noqa: BLE001 - the change is committed already: nothing of the broker's may undo the answer
            self._rests_until = time.monotonic() + REST
            log.warning("the broker took no message", job=name, error=type(error).__name__)

    def stop(self, grace: float = GRACE) -> bool:
        """Send nothing more. Nothing is under way in this process."""
        self._app.wake_by(None)
        self.celery.close()
        return True

    def lane(self, job: Job) -> str:
        """Return which queue carries a job: each provider has one, so that those of a slow one do not stand before others."""
        name, argument = job
        return RUNS if name == "advance" else argument if argument in self.lanes else CLOCK

    def queue(self, lane: str) -> str:
        """Return the name of a queue at the broker, which may serve other installations too."""
        return f"{self._prefix}.{lane}"

    def waiting(self, lane: str) -> int:
        """Ask the broker how many messages are in a queue."""
        # Asking for a queue that does not exist closes the channel, so it gets one of its own.
        with self.celery.pool.acquire(block=True) as connection, connection.channel() as channel:
            try:
                return int(channel.queue_declare(queue=self.queue(lane), passive=True).message_count)
            except ChannelError:
                return 0

    def serve(self, *, processes: int | None = None, queues: Collection[str] = ()) -> bool:
        """Work until SIGTERM or SIGINT; returns whether everything under way ended in time.

        Whoever has the clock's queue also keeps time. That several do is harmless: each look and each tick takes a leased place.

        :raises ConfigurationError: for a queue that does not exist.
        """
        lanes = self._chosen(queues)
        self._follow_signals()
        self.start()
        # Inherited connections would be used by two processes at once.
        self._app.forked()
        worker = self.celery.Worker(
            hostname=f"rolecall-{os.getpid()}@{socket.gethostname()}",
            pool="prefork",
            concurrency=processes or PROCESSES,
            queues=[self.queue(each) for each in lanes],
            beat=CLOCK in lanes,
            scheduler="celery.beat:Scheduler",
            loglevel=logging.INFO,
            without_mingle=True,
            without_gossip=True,
            quiet=True,
        )
        worker.start()
        self._say_ended()
        return not worker.exitcode

    def _say_ended(self) -> None:
        try:
            with self._app.db.write() as session:
                heartbeat.end(session, heartbeat.name())
        except Exception as error:  # noqa: BLE001 - the database is away: others find that it is silent
            log.debug("no end could be written", error=type(error).__name__)

    def _chosen(self, queues: Collection[str]) -> Sequence[str]:
        for each in queues:
            if each not in self.lanes:
                raise ConfigurationError(f"There is no queue called {each}.", hint=f"There are: {', '.join(self.lanes)}.")
        return list(dict.fromkeys(queues)) or self.lanes

    def _send(self, job: Job, after: float = 0) -> None:
        self.celery.send_task(f"rolecall.{job[0]}", args=job[1:], queue=self.queue(self.lane(job)), countdown=after or None)

    def _work(self, name: str, argument: str = "") -> None:
        """Do a job for one turn; where its time was too short for all of it, it queues again."""
        ends = time.monotonic() + self._turn
        whole = name == "compare"
        do(self._app, (name, argument), stop=lambda: self._ending[0] > 0 or (not whole and time.monotonic() > ends))
        if not whole and time.monotonic() > ends:
            self.nudge(name, argument)

    def _look(self) -> None:
        """Send a message for all that is due, except to queues in which messages are waiting anyway."""
        with self._app.db.write() as session:
            if slots.take(session, "look", length=LOOKED) is None:
                return
        waiting: dict[str, int] = {}
        for job in due(self._app):
            lane = self.lane(job)
            if lane not in waiting:
                waiting[lane] = self.waiting(lane)
            useful = concurrency(self._app, job)
            for _ in range(useful - waiting[lane]):
                self._send(job)
        if self._heartbeat is not None:
            self._heartbeat.looked()

    def _register(self) -> None:
        def job(name: str) -> Callable[..., None]:
            def work(argument: str = "") -> None:
                self._work(name, argument)

            return work

        def look() -> None:
            self._look()

        patience = 3.0 * self._app.config.lease_seconds
        for name in JOBS:
            # RabbitMQ takes a message back that is not acknowledged within half an hour, so that of a comparison is at once.
            if name == "compare":
                self._task(name, job(name), LONGEST_COMPARISON, acks_late=False)
            else:
                self._task(name, job(name), self._turn + patience)
        self._task("look", look, patience)

    def _task(self, name: str, body: Callable[..., None], longest: float, *, acks_late: bool = True) -> None:
        limits = {"soft_time_limit": longest, "time_limit": longest + LAST_WORDS}
        self.celery.task(body, name=f"rolecall.{name}", acks_late=acks_late, shared=False, **limits)

    def _settings(self) -> dict[str, Any]:
        exchange = Exchange(self._prefix, "direct")
        arguments = {"x-expires": int(FORGOTTEN * 1000)}
        regular = {"queue": self.queue(CLOCK), "expires": LOOK}
        return {
            "task_queues": [
                Queue(self.queue(each), exchange, routing_key=self.queue(each), queue_arguments=arguments) for each in self.lanes
            ],
            "task_default_queue": self.queue(CLOCK),
            "task_default_exchange": self._prefix,
            "task_default_routing_key": self.queue(CLOCK),
            "task_create_missing_queues": False,
            # A message may be lost, so none is written to a disk; and no result is of use, since all of them are rows.
            "task_default_delivery_mode": "transient",
            "task_ignore_result": True,
            # Nothing but text is taken from whoever may write to the broker.
            "task_serializer": "json",
            "accept_content": ["json"],
            "worker_prefetch_multiplier": 1,
            "worker_hijack_root_logger": False,
            "worker_redirect_stdouts": False,
            "worker_cancel_long_running_tasks_on_connection_loss": False,
            "broker_connection_retry_on_startup": True,
            "broker_connection_max_retries": None,
            "broker_connection_timeout": PATIENCE,
            "broker_transport_options": {"max_retries": 1, "interval_start": 0, "interval_step": 0, **_of_redis(self.celery)},
            "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0},
            "beat_max_loop_interval": LOOK,
            "beat_schedule": {
                "look": {"task": "rolecall.look", "schedule": LOOK, "options": regular},
                "tick": {"task": "rolecall.tick", "schedule": EVERY, "options": regular},
            },
        }

    def _follow_signals(self) -> None:
        """Have Celery tell of what happens to its processes. They are its processes', so this is for one that becomes a worker."""
        parent = os.getpid()

        def begin(**_: Any) -> None:
            self._app.forked()
            threading.Thread(target=_end_without, args=(parent,), name="orphaned", daemon=True).start()

        def begin_work(**_: Any) -> None:
            begin()
            # All processes of a worker are one worker, which is called by the one that they come from.
            self._heartbeat = Heartbeat(self._app, "broker", worker=heartbeat.name(parent))
            self._heartbeat.start()

        def end(**_: Any) -> None:
            self._ending[0] = 1
            patience = threading.Timer(GRACE, os.kill, (parent, signal.SIGQUIT))
            patience.daemon = True
            patience.start()

        signals.setup_logging.connect(_log_quietly, weak=False)
        signals.worker_process_init.connect(begin_work, weak=False)
        signals.beat_embedded_init.connect(begin, weak=False)
        signals.worker_shutting_down.connect(end, weak=False)


def _prefix(app: "Application") -> str:
    """What the queues of this installation are called by, and no other's: derived from the key that all of its processes share."""
    return "rolecall." + hmac.new(app.config["secret_key"].encode(), b"queues", hashlib.sha256).hexdigest()[:8]


def _of_redis(celery: Celery) -> dict[str, Any]:
    """Redis knows no acknowledgement: whatever was not acknowledged for so long is given to somebody else. Nothing waits for that."""
    if not celery.conf.broker_url.startswith("redis"):
        return {}
    return {"visibility_timeout": FORGOTTEN, "socket_connect_timeout": PATIENCE, "socket_timeout": PATIENCE}


def _end_without(parent: int) -> None:
    """End this process soon after its parent was killed: nobody would hear of its work, and nobody would ever end it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _log_quietly(**_: Any) -> None:
    """Keep the log as it is, without two lines for every message."""
    for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat"):
        logging.getLogger(name).setLevel(logging.WARNING)
