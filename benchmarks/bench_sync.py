"""The sync's own work on SQLite: what claiming, planning, settling and auditing cost beside the calls themselves.

The reference is the bare loop over the same provider: for one that answers at once its processor time, for one that takes 20 ms
the physical limit, number of calls x 20 ms / workers.
"""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.fernet import Fernet
from sqlalchemy import select, update

from benchmarks import dataset
from benchmarks.results import Result
from rolecall.config import load
from rolecall.plugins import state
from rolecall.sdk.provider import Attributes, Limits, Provider, Remote, Secret
from rolecall.sdk.snapshots import AccountSnapshot
from rolecall.store.engine import now
from rolecall.store.tables import Account, Person
from rolecall.testing.providers import plugin_of
from rolecall.work import links
from rolecall.work.application import Application
from rolecall.work.snapshots import account_snapshots
from rolecall.work.sync.drain import drain

PEOPLE = 10_000
ACCOUNTS = 2_000
LATENCY = 0.02
WORKERS = 8
#: Milliseconds of processor time per account.
BOUND = 3.0


class Bench(Provider):
    """Answers after ``seconds``, and remembers nothing."""

    id = "bench"
    label = "Bench"
    limits = Limits(batch=1, concurrency=WORKERS)
    seconds = 0.0

    def attributes(self, account: AccountSnapshot) -> Attributes:
        groups = frozenset(f"{role.period}/{role.role}" for role in account.roles if role.enabled)
        return {"username": account.username, "email": account.email, "last_name": account.person.last_name, "groups": groups}

    def find(self, account: AccountSnapshot) -> Remote | None:
        return None

    def create(self, account: AccountSnapshot, wanted: Attributes, password: Secret | None) -> Remote:
        time.sleep(self.seconds)
        return Remote(external_id=account.key)

    def update(self, external_id: str, changes: Attributes) -> None:
        time.sleep(self.seconds)


def run() -> list[Result]:
    """Measure creations, updates and changes that change nothing, then many workers at a slow provider."""
    with _application() as app:
        results = [
            _per_account(app, "creation", change=False),
            _per_account(app, "update", change=True),
            _per_account(app, "nothing to do", change=False),
        ]
        Bench.seconds = LATENCY
        results.append(_with_latency(app))
        Bench.seconds = 0.0
    return results


@contextmanager
def _application() -> Iterator[Application]:
    with dataset.school(PEOPLE) as db, tempfile.TemporaryDirectory() as folder:
        url = db.url.render_as_string()
        config = load({}, data=folder, database_url=url, secret_key="s", encryption_keys=Fernet.generate_key().decode())
        with Application(config, plugins={"bench": plugin_of(Bench)}) as app:
            with app.db.write() as session:
                state.set_enabled(session, app.plugins, "bench", True, now=now(session))
            yield app


def _ids(app: Application) -> list[int]:
    with app.db.read() as session:
        open_accounts = select(Account.id).where(Account.active, Account.deleted_at.is_(None))
        return list(session.scalars(open_accounts.order_by(Account.id).limit(ACCOUNTS)))


def _fall_behind(app: Application, ids: list[int], *, change: bool) -> None:
    with app.db.write() as session:
        if change:
            session.execute(update(Person).values(last_name=Person.last_name + "x"), execution_options={"synchronize_session": False})
        links.behind(session, ids, providers=["bench"])


def _per_account(app: Application, name: str, *, change: bool) -> Result:
    ids = _ids(app)
    _fall_behind(app, ids, change=change)
    begun = time.process_time()
    settled = drain(app, "bench")
    taken = time.process_time() - begun
    if settled != len(ids):
        raise RuntimeError(f"{settled} of {len(ids)} accounts were settled.")
    return Result(
        name=f"sync, {name}, per account", measured=taken * 1000 / len(ids), reference=_bare(app, ids) * 1000 / len(ids), bound=BOUND
    )


def _bare(app: Application, ids: list[int]) -> float:
    with app.db.read() as session:
        accounts = account_snapshots(session, ids)
    provider = Bench({}, None)  # type: ignore[arg-type]
    begun = time.process_time()
    for each in ids:
        provider.update("x", provider.attributes(accounts[each]))
    return time.process_time() - begun


def _with_latency(app: Application) -> Result:
    ids = _ids(app)
    _fall_behind(app, ids, change=True)
    begun = time.monotonic()
    workers = [threading.Thread(target=drain, args=(app, "bench")) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    taken = (time.monotonic() - begun) * 1000
    limit = len(ids) / WORKERS * LATENCY * 1000
    return Result(name=f"sync, {len(ids):,} updates of 20 ms, {WORKERS} workers", measured=taken, reference=limit)
