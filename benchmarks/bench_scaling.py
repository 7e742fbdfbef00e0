"""What more ``rolecall worker`` processes bring at one provider that takes 20 ms for every call, on PostgreSQL.

There is one place for each worker, and an account takes three calls, so workers mostly wait: what is measured is whether their claims,
places, leases and results stand in each other's way, and not how many processors there are. A rate is that of the changes between the first
and the last tenth: how processes start is not measured. A provider that is down beside it, and a rate that several processes share, come
after that. Skipped, by name, where there is no PostgreSQL.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from sqlalchemy import func, select

from benchmarks import crew
from benchmarks.bench_providers import Server
from benchmarks.crew import Crew
from benchmarks.results import Result
from benchmarks.scaling_plugins import CALLS, PLACES, RATE, URL, Down, Limited, Steady
from rolecall.sdk.provider import Provider
from rolecall.store.tables import Account, Link
from rolecall.work import links
from rolecall.work.sync.rounds import GROUP_SECONDS

#: Changes for each worker: with three calls of 20 ms for each, less than twenty seconds.
EACH = 250
TEAMS = (1, 2, 4)
#: Of so many times the rate of one worker, the part that so many workers must reach.
LINEAR = 0.7
#: Of its rate, the part that a provider keeps while another one is down.
UNDISTURBED = 0.9
#: Changes at the limited provider: twenty seconds of them.
LIMITED = 20 * int(RATE) // CALLS


def run(each: int = EACH) -> Iterator[Result]:
    """Measure one, two and four workers; two beside a provider that is down; four that share a rate."""
    try:
        with crew.database((LIMITED + each * (sum(TEAMS) + 4)) * 5 // 4) as url, tempfile.TemporaryDirectory() as folder:
            crew.install(Path(folder))
            server = Server(crew.FAKE, PYTHONPATH=crew.path(Path(folder)))
            try:
                with closing(Crew(Path(folder), url, host=server.host, **{URL: server.settings["url"]})) as made:
                    yield from _Measure(made, server).all(each)
            finally:
                server.close()
    except crew.UnreachableError:
        print(f"scaling: skipped, it needs a PostgreSQL at {crew.SERVER}, or ROLECALL_TEST_DATABASE_URL to name one.", file=sys.stderr)


class _Measure:
    def __init__(self, made: Crew, server: Server) -> None:
        self._crew, self._server = made, server
        with made.app.db.read() as session:
            open_accounts = select(Account.id).where(Account.active, Account.deleted_at.is_(None))
            #: Accounts that no provider knows yet.
            self._fresh = iter(session.scalars(open_accounts.order_by(Account.id)).all())

    def all(self, each: int) -> Iterator[Result]:
        rates = {number: self._rate(number, each * number) for number in TEAMS}
        alone = rates[TEAMS[0]]
        for number, rate in rates.items():
            yield Result(
                name=f"scaling, {each * number:,} changes, workers: {number}", measured=number * 1000 / rate, reference=1000 / alone,
                bound=round(1000 / alone / LINEAR, 1), note=f"{rate:.1f} a second, {rate / alone / number:.2f} of {number} x one worker's",
            )  # fmt: skip
        undisturbed = self._rate(2, each * 2)
        rate = self._rate(2, each * 2, beside=(Down,))
        yield Result(
            name="scaling, workers: 2, another provider is down", measured=2000 / rate, reference=2000 / undisturbed,
            bound=round(2000 / undisturbed / UNDISTURBED, 1), note=f"{rate:.1f} a second, {rate / undisturbed:.2f} of what it is without",
        )  # fmt: skip
        yield self._limit(max(TEAMS))

    def _rate(self, workers: int, changes: int, *, beside: tuple[type[Provider], ...] = ()) -> float:
        """Changes a second between the first and the last tenth."""
        ids = list(islice(self._fresh, changes))
        with self._crew.workers(workers, **{PLACES: str(workers)}):
            self._work(ids, Steady, *beside)
        with self._crew.app.db.read() as session:
            settled = select(Link.settled_at).where(Link.provider == Steady.id, Link.account_id.in_(ids)).order_by(Link.settled_at)
            moments = [each for each in session.scalars(settled) if each is not None]
        first, last = moments[changes // 10], moments[-changes // 10]
        return sum(first < each <= last for each in moments) / (last - first).total_seconds()

    def _work(self, ids: list[int], provider: type[Provider], *beside: type[Provider]) -> None:
        """Put the accounts behind and wait until one provider has them."""
        with self._crew.app.db.write() as session:
            links.behind(session, ids, providers=[each.id for each in (provider, *beside)])

        def is_done() -> bool:
            with self._crew.app.db.read() as session:
                in_step = select(func.count()).where(Link.provider == provider.id, Link.account_id.in_(ids), Link.synced == Link.wanted)
                return session.scalar(in_step) == len(ids)

        self._crew.eventually(f"{len(ids)} accounts are at {provider.label}", is_done)

    def _limit(self, workers: int) -> Result:
        ids = list(islice(self._fresh, LIMITED))
        with self._crew.workers(workers):
            self._server.report()
            self._work(ids, Limited)
            seen = self._server.report()
        # Whoever joins has its part of the rate at once; the others make room with their next group of results.
        burst = RATE * GROUP_SECONDS * workers
        return Result(
            name=f"scaling, workers: {workers}, {RATE:g} calls a second for all", measured=seen.calls, unit="", reference=RATE * seen.span,
            bound=round(RATE * seen.span + burst), note=f"{seen.calls / seen.span:.1f} a second, at most {seen.most} within one",
        )  # fmt: skip
