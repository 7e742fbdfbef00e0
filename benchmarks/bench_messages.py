"""Invitations to a whole school: queued by one run, then sent by one worker to a mail server whose answers come 5 ms late.

The reference is what nobody can beat: two answers for each message (the server takes the commands before it at once), so late as a bare
line waits for them, on as many lines as the channel uses. At least so many messages: ``messages:1000``.
"""

import json
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.fernet import Fernet
from sqlalchemy import func, select

from benchmarks import dataset
from benchmarks.bench_import import work_off
from benchmarks.results import Result
from rolecall.accounts.actors import operator
from rolecall.config import load
from rolecall.store.tables import Account, Delivery, OneTimeToken
from rolecall.work.application import Application
from rolecall.work.delivery.deliver import deliver
from rolecall.work.jobs import concurrency
from rolecall.work.runs.selection import of_words
from rolecall.work.runs.start import Request, start

MESSAGES = 10_000
#: People for each message: some have no open account.
PEOPLE = 1.1
LATENCY = 0.005
#: The answers that a message waits for: to its commands, and to itself.
ANSWERS = 2
#: Milliseconds for a message: a hundred a second.
EACH = 10.0
#: Milliseconds of processor time for a message; the rest of the time the worker waits for the server.
BOUND = 8.0
#: Milliseconds of processor time for queueing 10,000 messages.
QUEUEING = 5_000.0
#: Mebibytes that queueing may hold at once: what is chosen is kept in chunks.
MEMORY = 64.0
#: Answers by which the way to the server is measured.
BARE = 100


class Server:
    """The process of the mail server."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "benchmarks.mail_server", str(LATENCY)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._read())

    def taken(self) -> dict[str, int]:
        """How many messages it took since the last time, and for how many people."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, int] = self._read()
        return found

    def wait(self) -> float:
        """Seconds until a bare line has its answer."""
        with smtplib.SMTP("127.0.0.1", self.port) as line:
            line.ehlo()
            begun = time.monotonic()
            for _ in range(BARE):
                line.noop()
            return (time.monotonic() - begun) / BARE

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=30)

    def _read(self) -> object:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def run(messages: int = MESSAGES) -> Iterator[Result]:
    """Measure queueing and its memory, then sending."""
    with _connected(int(messages * PEOPLE)) as (app, server):
        processor = time.process_time()
        chosen = _invite(app)
        processor = time.process_time() - processor
        if chosen < messages:
            raise RuntimeError(f"The filter chose {chosen:,} people, not {messages:,}.")
        yield Result(name=f"messages, {chosen:,} queued, per 10,000", measured=processor * 1000 * 10_000 / chosen, bound=QUEUEING)
        tracemalloc.start()
        _invite(app, again=True)
        most = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        yield Result(name=f"messages, {chosen:,} queued, memory", measured=most, unit="MiB", bound=MEMORY)
        yield from _sent(app, server, chosen)


def _invite(app: Application, **params: bool) -> int:
    """Invite everybody whom a filter chooses, and return how many that are."""
    with app.db.read() as session:
        chosen = session.scalar(select(func.count()).select_from(Account).where(Account.active, Account.deleted_at.is_(None))) or 0
    request = Request(
        action="invitation.send", selection=of_words({"active": "yes"}), params=params, agreed=True, expected=chosen
    )  # fmt: skip
    start(app, operator("benchmark"), request)
    work_off(app)
    if _states(app)["queued"] != chosen:
        raise RuntimeError(f"Not everybody was invited: {_states(app)}.")
    return chosen


def _sent(app: Application, server: Server, messages: int) -> Iterator[Result]:
    lines = concurrency(app, ("deliver", "email"))
    wait = server.wait()
    threads = [threading.Thread(target=deliver, args=(app, "email")) for _ in range(lines)]
    begun, processor = time.monotonic(), time.process_time()
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    taken, processor = time.monotonic() - begun, time.process_time() - processor
    wait = (wait + server.wait()) / 2
    if _states(app)["sent"] != messages or server.taken() != {"taken": messages, "people": messages}:
        raise RuntimeError(f"Not every message was sent once: {_states(app)}.")
    with app.db.read() as session:
        if session.scalar(select(func.count()).select_from(OneTimeToken)) != messages:
            raise RuntimeError("Not every message has a link of its own.")
    yield Result(
        name=f"messages, {messages:,} sent on {lines} lines, each", measured=taken * 1000 / messages,
        reference=ANSWERS * wait * 1000 / lines, bound=EACH, note=f"{messages / taken:.0f} a second",
    )  # fmt: skip
    yield Result(name=f"messages, {messages:,} sent, processor time of each", measured=processor * 1000 / messages, bound=BOUND)


@contextmanager
def _connected(people: int) -> Iterator[tuple[Application, Server]]:
    server = Server()
    try:
        with dataset.school(people) as db, tempfile.TemporaryDirectory() as folder:
            config = load(
                {}, data=folder, database_url=db.url.render_as_string(), secret_key="s" * 32,
                encryption_keys=Fernet.generate_key().decode(), mail_url=f"smtp://127.0.0.1:{server.port}",
            )  # fmt: skip
            with Application(config) as app:
                yield app, server
    finally:
        server.close()


def _states(app: Application) -> Counter[str]:
    with app.db.read() as session:
        return Counter(dict(session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all()))
