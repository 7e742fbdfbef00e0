"""A provider that is down for hours: what becomes of the changes meanwhile, and how it is met when it is back (R-08, R-12, R61)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from rolecall.errors import Misconfigured, Transient
from rolecall.sdk.provider import Limits
from rolecall.store.engine import now
from rolecall.store.tables import Link, PluginState
from rolecall.testing.providers import MemoryProvider, memory_provider
from rolecall.testing.school import School
from rolecall.work import jobs
from rolecall.work.application import Application
from rolecall.work.sync import circuit
from rolecall.work.sync.claim import claim, on_their_way
from rolecall.work.sync.drain import drain

Open = Callable[..., School]
Memory = type[MemoryProvider]
DOWN = Transient("Nobody answers.")
LEASE = timedelta(seconds=60)
PAST = datetime(2026, 1, 1, tzinfo=UTC)


def pass_time(school: School, provider: Memory) -> timedelta:
    """Let the time come at which the provider is probed next; returns how long that was."""
    with school.app.db.write() as session:
        moment = now(session)
        until = session.scalars(select(PluginState.until).where(PluginState.plugin == provider.id)).one()
        assert until is not None, "nobody waits for the provider"
        by = until - moment + timedelta(milliseconds=1)
        waiting = session.execute(select(Link.id, Link.not_before).where(Link.provider == provider.id, Link.not_before > moment)).all()
        for link_id, not_before in waiting:
            session.execute(update(Link).where(Link.id == link_id).values(not_before=not_before - by))
        session.execute(update(PluginState).where(PluginState.plugin == provider.id).values(until=until - by))
    return by


def behind(school: School, provider: Memory) -> int:
    with school.app.db.read() as session:
        waiting = select(func.count()).select_from(Link).where(Link.provider == provider.id, Link.synced < Link.wanted)
        return session.scalar(waiting) or 0


def test_four_hours_with_two_thousand_changes_cost_few_probes_and_lose_nothing(open_school: Open) -> None:
    broken, healthy = memory_provider("broken", limits=Limits(batch=50)), memory_provider("healthy", limits=Limits(batch=50))
    school = open_school(broken, healthy)
    broken.service.fail("*", DOWN, times=None)
    ids = school.students(2_000)
    parts = [ids[start : start + 200] for start in range(0, 2_000, 200)]
    gone, probes = timedelta(0), 0

    while gone < timedelta(hours=4):
        if parts:
            school.sync(*parts.pop())
        while jobs.do(school.app, ("drain", "healthy")):
            pass
        asked = len(broken.service.journal)
        drain(school.app, "broken")
        probes += len(broken.service.journal) - asked if gone else 0
        assert behind(school, healthy) == 0, "it does not wait for the other one"
        gone += pass_time(school, broken)

    assert behind(school, broken) == 2_000
    assert probes <= 25
    broken.service.mend()
    while behind(school, broken):
        drain(school.app, "broken")
        with school.app.db.write() as session:
            session.execute(update(Link).where(Link.provider == "broken").values(not_before=PAST))
    assert {len(each.service.accounts) for each in (broken, healthy)} == {2_000}
    assert len(set(broken.service.calls("create"))) == 2_000


@pytest.fixture
def back(school: School, provider: Memory) -> list[int]:
    """Students whose provider was down and has just answered a probe."""
    ids = school.students(600)
    school.sync(*ids)
    school.set_provider(provider, state="open", until=PAST, failures=circuit.THRESHOLD)
    with school.app.db.write() as session:
        assert circuit.admit(session, provider.id, now(session)).at_once == 1
        circuit.learn(session, provider.id, circuit.Experience(succeeded=True, answered=True), now(session), begun=PAST)
    return ids


def test_it_is_met_with_few_at_once_by_all_workers_together(school: School, provider: Memory, back: list[int]) -> None:
    """Another process does not begin with everything because it saw nothing of the outage."""
    second = Application(school.app.config, plugins={"memory": school.app.plugins.installed["memory"].module})
    with school.app.db.write() as session:
        taken = claim(session, provider.id, limit=2, lease=LEASE, moment=now(session))

    assert drain(second, provider.id) == 0
    with school.app.db.write() as session:
        assert on_their_way(session, provider.id, now(session)) == len(taken) == 2
        session.execute(update(Link).values(leased_until=None))
    drain(second, provider.id)
    second.close()

    assert behind(school, provider) == 0
    assert school.provider_state(provider).at_once is None


def test_what_may_be_on_its_way_doubles_with_what_is_answered(school: School, provider: Memory, back: list[int]) -> None:
    answered, failed = circuit.Experience(answered=True), circuit.Experience(failures=1, reason="Busy.")
    found = []

    for experience in (answered, answered, failed, answered, *[answered] * 5):
        with school.app.db.write() as session:
            circuit.learn(session, provider.id, experience, now(session), begun=PAST)
        found.append(school.provider_state(provider).at_once)

    assert found == [4, 8, 8, 16, 32, 64, 128, None, None]


def test_it_is_left_alone_again_when_it_fails_on_its_way_back(school: School, provider: Memory, back: list[int]) -> None:
    with school.app.db.write() as session:
        failed = circuit.Experience(failures=circuit.THRESHOLD, reason="Busy.")
        circuit.learn(session, provider.id, failed, now(session), begun=PAST)

    with school.app.db.write() as session:
        assert not circuit.admit(session, provider.id, now(session)).open
    assert school.provider_state(provider).state == "open"


def test_replaced_credentials_are_tried_by_themselves_and_lose_nothing(school: School, provider: Memory) -> None:
    ids = school.students(30)
    school.sync(*ids)
    provider.service.fail("*", Misconfigured("The key was revoked."), times=None)
    school.work()
    paused = school.provider_state(provider)
    attempts = {school.link(each, provider).attempts for each in ids}
    asked = len(provider.service.journal)
    school.work()
    quiet = len(provider.service.journal) - asked

    provider.service.mend()
    school.save(provider, suspensions_percent=5)
    school.work()

    assert (paused.state, paused.paused_by, attempts, quiet) == ("paused", None, {0}, 0)
    assert school.provider_state(provider).state == "ok"
    assert behind(school, provider) == 0
