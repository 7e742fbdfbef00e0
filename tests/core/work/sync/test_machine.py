"""One account, edited, claimed, called for, settled, crashed and expired in any order, always ends as it was left last."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from rolecall.errors import Ambiguous, Permanent, Transient
from rolecall.store.engine import now
from rolecall.testing.providers import MemoryProvider
from rolecall.testing.school import School
from rolecall.work.leases import Lease, under
from rolecall.work.snapshots import account_snapshots
from rolecall.work.sync import intent
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.call import Caller, Planned
from rolecall.work.sync.circuit import Admission
from rolecall.work.sync.claim import Claimed, claim
from rolecall.work.sync.outcome import Outcome
from rolecall.work.sync.plan import plan
from rolecall.work.sync.rows import Frame
from rolecall.work.sync.settle import settle

PAST = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(minutes=10)
ERRORS = (Transient("busy"), Ambiguous("no answer"), Permanent("no"), KeyError("a bug"))


@dataclass
class Worker:
    """One worker somewhere between its claim and its settling."""

    link: Claimed
    lease: Lease
    frame: Frame
    planned: Planned | None
    outcomes: list[Outcome] = field(default_factory=list)
    called: bool = False


class OneLink(RuleBasedStateMachine):
    school: ClassVar[School]
    provider: ClassVar[type[MemoryProvider]]

    def __init__(self) -> None:
        super().__init__()
        self.instance = self.provider({}, None)  # type: ignore[arg-type]
        self.anna = self.school.student("Anna")
        self.key = self.school.key(self.anna)
        self.workers: list[Worker] = []
        self.school.sync(self.anna)
        self.school.set_provider(self.provider, state="ok", until=None, failures=0)

    @rule(name=st.sampled_from(("One", "Two")))
    def edit(self, name: str) -> None:
        self.school.change(self.anna, person={"last_name": name})

    @rule(active=st.booleans(), deleted=st.sampled_from((None, None, PAST)))
    def switch(self, active: bool, deleted: datetime | None) -> None:
        self.school.change(self.anna, active=active, deleted_at=deleted)

    @rule(leases=st.booleans())
    def pass_time(self, leases: bool) -> None:
        """Every wait is over, and what was blocked was looked at; perhaps every lease is over too, for its holder as for everybody."""
        self.school.set_link(self.anna, self.provider, not_before=PAST, blocked=False)
        if leases:
            self.school.set_link(self.anna, self.provider, leased_until=PAST)
            for worker in self.workers:
                worker.lease._ends = 0.0

    @rule()
    def begin(self) -> None:
        with self.school.app.db.write() as session:
            moment = now(session)
            links = claim(session, self.provider.id, limit=1, lease=LEASE, moment=moment)
        for link in links:
            lease = Lease(self.school.app.db, {link.id: link.fence}, length=LEASE, begun=time.monotonic())
            frame = Frame(provider=self.provider.id, admission=Admission(open=True), begun=moment, settling=timedelta(0))
            self.workers.append(Worker(link=link, lease=lease, frame=frame, planned=None))
            self._plan(self.workers[-1])

    def _plan(self, worker: Worker) -> None:
        link = worker.link
        with self.school.app.db.write() as session:
            account = account_snapshots(session, [link.account_id])[link.account_id]
            change = plan(
                self.instance,
                account,
                link_id=link.id,
                goal=link.goal,
                external_id=link.external_id,
                sent=sent_state.load(link.sent),
                may_exist=link.may_exist,
            )
            if change is None:
                worker.outcomes, worker.called = [Outcome(link=link)], True
            else:
                (worker.planned,), _ = intent.commit_to(session, self.school.app.keyring, [Planned(link=link, change=change)])

    @precondition(lambda self: any(not worker.called for worker in self.workers))
    @rule(data=st.data(), error=st.sampled_from((None, None, None, *ERRORS)), after=st.booleans())
    def call(self, data: st.DataObject, error: Exception | None, after: bool) -> None:
        worker = data.draw(st.sampled_from([each for each in self.workers if not each.called]))
        assert worker.planned is not None
        if error is not None:
            verb = data.draw(st.sampled_from(["find", str(worker.planned.change.verb)]))
            self.provider.service.fail(verb, error, after=after)
        with under(worker.lease):
            worker.outcomes = list(Caller(self.instance, worker.lease, seconds=30).carry_out([worker.planned]))
        worker.called = True
        self.provider.service.mend()
        self._nothing_twice()

    @precondition(lambda self: any(worker.called for worker in self.workers))
    @rule(data=st.data())
    def record(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from([each for each in self.workers if each.called]))
        self.workers.remove(worker)
        with self.school.app.db.write() as session:
            settle(session, worker.frame, worker.outcomes)
        if not self.school.pending(self.anna):
            self._in_step()

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        self.workers.remove(data.draw(st.sampled_from(self.workers)))

    def teardown(self) -> None:
        for _ in range(3):
            self.pass_time(leases=True)
            self.school.set_provider(self.provider, state="ok", until=None, failures=0)
            self.school.work()
        assert self.school.pending(self.anna) == []
        self._nothing_twice()
        self._in_step()

    def _nothing_twice(self) -> None:
        ours = [remote for remote in self.provider.service.accounts.values() if remote.key == self.key]
        assert len(ours) <= 1, "one account was made twice"

    def _in_step(self) -> None:
        """What is not pending is there as it is here."""
        account, remote = self.school.snapshot(self.anna), self.provider.service.of(self.key)
        if account.deleted:
            assert remote is None
        elif not account.active:
            assert remote is None or remote.suspended
        else:
            assert remote is not None
            assert not remote.suspended
            assert remote.attributes == self.instance.attributes(account)
            assert self.school.link(self.anna, self.provider).external_id == remote.external_id


def test_any_order_of_edits_claims_crashes_and_settles_converges(school: School, provider: type[MemoryProvider]) -> None:
    # The examples share a school: together they close more accounts than the safety limits let pass, which are another test's.
    unlimited = {f"{what}_{how}": most for what in ("suspensions", "deletions") for how, most in (("percent", 100), ("number", 100_000))}
    school.save(provider, on_deletion="delete", delete_after=0, **unlimited)
    run_state_machine_as_test(
        type("ThisLink", (OneLink,), {"school": school, "provider": provider}),
        settings=settings(max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)),
    )
