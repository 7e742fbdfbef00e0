"""What the safety limits count is what would be done, whoever looks when, and nothing gets past them between two looks (R62)."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from rolecall.errors import Transient
from rolecall.sdk.provider import Limits
from rolecall.store.engine import now
from rolecall.store.tables import Account, Link, Person, Run, RunItem
from rolecall.testing.providers import MemoryProvider, memory_provider
from rolecall.testing.school import School
from rolecall.work import brakes, links
from rolecall.work.application import Application
from rolecall.work.runs import start
from rolecall.work.runs.selection import of_ids
from rolecall.work.sync import limits
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.claim import claim, has_due
from rolecall.work.sync.drain import drain
from rolecall.work.sync.plan import plan

Memory = type[MemoryProvider]


def test_what_waits_for_its_call_is_held_when_more_come(school: School, provider: Memory, two_hundred: list[int]) -> None:
    provider.service.fail("suspend", Transient("Not now."), times=None)
    school.act("account.deactivate", *two_hundred[:8])
    school.work()
    provider.service.mend()

    school.act("account.deactivate", *two_hundred[8:12])
    school.hurry(provider)
    school.work()

    assert school.brakes(*two_hundred[:12]) == {"held": 12}


def test_a_reopening_there_is_counted_like_any_other_closing(school: School, provider: Memory, two_hundred: list[int]) -> None:
    """What was closed before is opened there by somebody; to close it again is a suspension like any other."""
    school.save(provider, suspensions_percent=100, suspensions_number=200)
    school.act("account.deactivate", *two_hundred[:50])
    school.work()
    school.a_day_passes()
    school.save(provider, suspensions_percent=5, suspensions_number=20)
    for each in two_hundred[:50]:
        link = school.link(each, provider)
        school.set_link(each, provider, sent={**(link.sent or {}), "suspended": False})

    school.sync(*two_hundred[:50])
    school.work()

    assert len(provider.service.calls("suspend")) == 50
    assert school.brakes(*two_hundred[:50]) == {"held": 50}


def test_what_comes_to_close_an_account_after_its_claim_is_looked_at_first(
    school: School, provider: Memory, two_hundred: list[int]
) -> None:
    closed = two_hundred[:30]
    school.change(*closed, person={"no_sync": True})
    with school.app.db.write() as session:
        session.execute(update(Link).where(Link.account_id.in_(closed)).values(goal="suspended", brake=brakes.IDLE, wanted=Link.wanted + 1))

    school.change(*closed, person={"no_sync": False}, active=False)
    with school.app.db.write() as session:
        session.execute(update(Link).where(Link.account_id.in_(closed)).values(brake=brakes.IDLE))
    school.work()

    assert provider.service.calls("suspend") == []
    assert school.brakes(*closed) == {"held": 30}


def variants() -> Iterator[dict[str, Any]]:
    """Every kind of link whose account is to be closed."""
    verbs: tuple[tuple[str, ...] | None, ...] = (None, (), ("resume",), ("suspend",), ("delete", "resume"))
    states: list[dict[str, Any] | None] = [None]
    for suspended, tried in product((True, False), verbs):
        state: dict[str, Any] = {"attributes": {}, "suspended": suspended}
        states.append(state if tried is None else {**state, "tried": {"attributes": {"name": "resume"}, "verbs": list(tried)}})
    for goal, there, sealed, sent, no_sync in product(("suspended", "deleted"), (True, False), (b"x", None), states, (True, False)):
        yield {"goal": goal, "there": there, "sealed_password": sealed, "sent": sent, "no_sync": no_sync}


@pytest.mark.parametrize("without", [(), ("delete",), ("suspend",), ("delete", "suspend")])
def test_what_is_counted_is_what_would_be_done(open_school: Callable[..., School], without: tuple[str, ...]) -> None:
    """The condition in SQL and the plan agree about every kind of link."""
    can = classmethod(lambda _cls, verb: verb not in without and MemoryProvider.can(verb))
    provider = memory_provider(can=can)
    school = open_school(provider)
    cases = list(variants())
    ids = school.students(len(cases))
    school.sync(*ids)
    with school.app.db.write() as session:
        for number, (each, case) in enumerate(zip(ids, cases, strict=True)):
            values = {name: case[name] for name in ("goal", "sealed_password", "sent")}
            external = f"e{number}" if case["there"] else None
            session.execute(update(Link).where(Link.account_id == each).values(external_id=external, **values))
    kept_out = [each for each, case in zip(ids, cases, strict=True) if case["no_sync"]]
    with school.app.db.write() as session:
        persons = select(Account.person_id).where(Account.id.in_(kept_out))
        session.execute(update(Person).where(Person.id.in_(persons)).values(no_sync=True), execution_options={"synchronize_session": False})

    with school.app.db.write() as session:
        instance = school.app.instances.get(session, school.app.plugins.view(session), "memory")
        assert instance is not None
        assert instance.provider is not None
        counted = limits.count(session, instance.provider, now(session))
    planned: dict[str, int] = {}
    for each, case in zip(ids, cases, strict=True):
        change = plan(
            instance.provider, school.snapshot(each), link_id=1, goal=case["goal"], external_id="e" if case["there"] else None,
            sent=sent_state.load(case["sent"]), may_exist=not case["there"] and case["sealed_password"] is not None,
        )  # fmt: skip
        if change is not None:
            planned[str(change.verb)] = planned.get(str(change.verb), 0) + 1

    assert {verb: each.due for (_, verb), each in counted.items()} == planned
    assert planned or set(without) == {"delete", "suspend"}


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.integers(1, 6), min_size=1, max_size=6))
def test_no_more_is_ever_done_than_the_limit_in_whatever_batches_it_comes(open_school_once: School, batches: list[int]) -> None:
    school = open_school_once
    provider = school.app.plugins.installed["memory"].providers["memory"]
    with school.app.db.write() as session:
        session.execute(delete(Link))
    ids = school.students(40)
    school.sync(*ids)
    school.work()
    provider.service.journal.clear()  # type: ignore[attr-defined]
    rest = iter(ids)

    for size in batches:
        school.act("account.deactivate", *(next(rest) for _ in range(size)))
        school.work()

    done = len(provider.service.calls("suspend"))  # type: ignore[attr-defined]
    first_over = 0
    for size in batches:
        if first_over + size > 2:
            break
        first_over += size
    assert done == first_over
    assert school.brakes(*ids).get("held", 0) == sum(batches) - done


@pytest.fixture
def open_school_once(open_school: Callable[..., School]) -> School:
    """One school for all examples: each makes accounts of its own."""
    return open_school(memory_provider())


def test_two_workers_let_no_more_through_than_one(open_school: Callable[..., School]) -> None:
    provider = memory_provider(limits=Limits(concurrency=4))
    first = open_school(provider)
    ids = first.students(100)
    first.sync(*ids)
    first.work()
    second = Application(first.app.config, plugins={"memory": first.app.plugins.installed["memory"].module})
    for each in ids[:5]:
        first.act("account.deactivate", each)
    begin = threading.Barrier(3)

    def work(app: Application) -> None:
        begin.wait()
        for _ in range(5):
            drain(app, "memory")

    threads = [threading.Thread(target=work, args=(app,)) for app in (first.app, second)]
    for thread in threads:
        thread.start()
    begin.wait()
    for each in ids[5:12]:
        first.act("account.deactivate", each)
    for thread in threads:
        thread.join()
    first.work()
    second.close()

    assert len(provider.service.calls("suspend")) <= 5
    assert len(provider.service.calls("suspend")) + first.brakes(*ids).get("held", 0) == 12


def test_a_mass_that_is_held_is_not_read_with_every_claim(school: School, two_hundred: list[int]) -> None:
    """What is held is in the index of neither question that a worker asks all the time."""
    school.act("account.deactivate", *two_hundred[:100])
    school.work()

    with school.app.db.write() as session:
        moment = now(session)
        assert not has_due(session, "memory", moment)
        assert claim(session, "memory", limit=50, lease=timedelta(seconds=60), moment=moment) == []
        held = session.scalars(select(Link.not_before).where(Link.brake == brakes.HELD)).all()
    assert set(held) == {None}
    assert len(held) == 100


def test_what_a_run_closes_is_decided_about_as_a_whole(school: School, provider: Memory, two_hundred: list[int]) -> None:
    """Its first batch is within the limit; all of it is not. Everybody else's changes do not wait for the run."""
    request = start.Request(action="account.deactivate", selection=of_ids(two_hundred[:12]), params={}, agreed=True)
    run_id = start.start(school.app, school.actor, request)
    with school.app.db.write() as session:
        session.execute(update(Run).where(Run.id == run_id).values(state="running", leased_until=now(session) + timedelta(hours=1)))
        session.execute(update(RunItem).where(RunItem.run_id == run_id, RunItem.n > 8).values(outcome="waiting"))
        late = select(RunItem.account_id).where(RunItem.run_id == run_id, RunItem.n > 8)
        session.execute(update(Account).where(Account.id.in_(late)).values(active=True), execution_options={"synchronize_session": False})
        links.behind(session, late, run_id=run_id)
    school.change(two_hundred[-1], person={"last_name": "Neu"})
    school.work()
    during = (school.brakes(*two_hundred), provider.service.calls("suspend"), len(provider.service.calls("update")))

    with school.app.db.write() as session:
        assert not has_due(session, "memory", now(session)), "a worker would look at it all the time"
        session.execute(update(Run).where(Run.id == run_id).values(leased_until=None))
    school.work()

    assert during == ({None: 200}, [], 1)
    assert school.brakes(*two_hundred) == {None: 188, "held": 12}
    assert provider.service.calls("suspend") == []
