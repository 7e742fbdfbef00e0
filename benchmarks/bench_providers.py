"""The sync of a school with real plugins against their fakes, which take 20 ms for every answer, in a process of their own.

The reference is what nobody can beat: calls x latency / concurrency, or, where the plugin declares a rate that is slower, calls / rate. The
calls are accounts / batch for updates, and for creations, which look up and put into groups, those that were made. The latency is what the
server measured and what the way to it takes a bare loop. Another number of accounts: ``providers:10000``.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import func, select, update

from benchmarks import dataset
from benchmarks.results import Result
from benchmarks.server import BARE, Report
from rolecall.accounts import settings
from rolecall.accounts.actors import operator
from rolecall.config import load
from rolecall.plugins import state
from rolecall.sdk.http import Http
from rolecall.store.engine import now
from rolecall.store.tables import Account, Link, Person
from rolecall.work import links
from rolecall.work.application import Application
from rolecall.work.documents import settings_schema
from rolecall.work.sync.drain import drain

PEOPLE = 10_000
LATENCY = 0.02
#: Calls of each worker by which the way to the server is measured, before and after.
BARE_CALLS = 50
#: How much longer than the reference it may take.
BOUND = 1.3
#: Seconds by which a call may reach the server later than the one before it, on a machine that has other work.
LATE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A plugin, how many accounts of it take about a minute, and how many ``calls`` updating one of them weighs."""

    plugin: str
    accounts: int
    calls: int = 1


#: On a machine of two cores with other work: Microsoft 365 1.03 and 0.92 times its rate for creations and updates, Brightspace 1.04 and
#: 1.06 times, Canvas 1.15 and 1.15 times its latency. Before only whole batches were claimed, updates at Microsoft 365 needed 1.2 times
#: the calls.
CASES = (
    Case(plugin="o365", accounts=400),  # batches of Graph, whose parts count: twenty writes a second
    Case(plugin="canvas", accounts=1_000),  # one by one, as fast as two workers can; five claims for each
    Case(plugin="brightspace", accounts=800, calls=2),  # one by one, forty a second; what is written is the whole user, read before
)


class Server:
    """The process of a fake, with more in its environment."""

    def __init__(self, plugin: str, **environment: str) -> None:
        command = [sys.executable, "-m", "benchmarks.server", plugin, str(LATENCY)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **environment},
        )
        told = self._read()
        self.host: str = told["host"]
        self.settings: dict[str, Any] = told["settings"]

    def report(self) -> Report:
        """Ask what came since the last time."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Report(**self._read())

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=30)

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The server of the fake has ended.")
        told: dict[str, Any] = json.loads(line)
        return told


def run(accounts: int | None = None) -> Iterator[Result]:
    """Measure for each case creations, then updates."""
    for case in CASES:
        with _connected(case) as (app, server):
            ids = _ids(app, accounts or case.accounts)
            _fall_behind(app, case, ids, change=False)
            yield from _measure(app, server, case, len(ids), "creations", least=None)
            _fall_behind(app, case, ids, change=True)
            yield from _measure(app, server, case, len(ids), "updates", least=len(ids) * case.calls)


@contextmanager
def _connected(case: Case) -> Iterator[tuple[Application, Server]]:
    server = Server(case.plugin)
    try:
        with dataset.school(PEOPLE) as db, tempfile.TemporaryDirectory() as folder:
            config = load(
                {}, data=folder, database_url=db.url.render_as_string(), secret_key="s",
                encryption_keys=Fernet.generate_key().decode(), outbound_allow=server.host,
            )  # fmt: skip
            with Application(config) as app:
                with app.db.write() as session:
                    state.set_enabled(session, app.plugins, case.plugin, True, now=now(session))
                    schema = settings_schema(app.plugins.installed[case.plugin])
                    settings.write(session, case.plugin, schema, server.settings, actor=operator("bench"), keyring=app.keyring)
                yield app, server
    finally:
        server.close()


def _ids(app: Application, number: int) -> list[int]:
    with app.db.read() as session:
        open_accounts = select(Account.id).where(Account.active, Account.deleted_at.is_(None))
        return list(session.scalars(open_accounts.order_by(Account.id).limit(number)))


def _fall_behind(app: Application, case: Case, ids: list[int], *, change: bool) -> None:
    with app.db.write() as session:
        if change:
            session.execute(update(Person).values(last_name=Person.last_name + "x"), execution_options={"synchronize_session": False})
        links.behind(session, ids, providers=[case.plugin])


def _way(server: Server, workers: int) -> float:
    """The seconds that a call takes by the bare client beside the server's own, with so many at once: the machine has other work, too."""
    http = Http(allow=[server.host])
    server.report()

    def call() -> None:
        for _ in range(BARE_CALLS):
            http.get(f"http://{server.host}{BARE}")

    begun = time.monotonic()
    _at_once(call, workers)
    taken = time.monotonic() - begun
    http.close()
    return max(0.0, taken / BARE_CALLS - server.report().seconds)


def _at_once(work: Callable[[], object], workers: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(workers)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def _measure(app: Application, server: Server, case: Case, accounts: int, name: str, *, least: int | None) -> Iterator[Result]:
    limits = app.plugins.installed[case.plugin].providers[case.plugin].limits
    way = _way(server, limits.concurrency)
    begun, processor = time.monotonic(), time.process_time()
    _at_once(partial(drain, app, case.plugin), limits.concurrency)
    taken, processor = time.monotonic() - begun, time.process_time() - processor
    seen = server.report()
    latency = seen.seconds + (way + _way(server, limits.concurrency)) / 2
    with app.db.read() as session:
        in_step = session.scalar(
            select(func.count()).select_from(Link).where(Link.provider == case.plugin, Link.synced == Link.wanted, Link.synced > 0)
        )
    if in_step != accounts:
        raise RuntimeError(f"{in_step} of {accounts} accounts are in step.")
    calls = least or seen.weight
    by_latency = min(calls, seen.calls) * latency / limits.concurrency
    by_rate = calls / limits.rate if limits.rate else 0.0
    reference = max(by_latency, by_rate)
    bound_by = f"{limits.rate:g} calls/s" if by_rate > by_latency else f"{latency * 1000:.0f} ms, {limits.concurrency} at once"
    label = f"{case.plugin}, {accounts:,} {name}"
    yield Result(
        name=f"{label}, bound by {bound_by}", measured=taken * 1000, reference=reference * 1000, bound=BOUND * reference * 1000,
        note=f"{seen.calls:,} calls; {processor * 1000 / accounts:.1f} ms of processor per account",
    )  # fmt: skip
    if limits.rate:
        # Evenly spaced calls, one at each end of the second, make one more than the rate; and so do those that the machine brings late.
        most = int(limits.rate * (1 + LATE)) + max(1, limits.batch)
        yield Result(name=f"{label}, most calls in a second", measured=seen.most, unit="", reference=limits.rate, bound=most)
