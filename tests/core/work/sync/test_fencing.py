"""Leases and fences: what one worker holds no other takes, and what it no longer holds it cannot write."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from rolecall.sdk.provider import Limits
from rolecall.store.engine import now
from rolecall.store.tables import Account, Link, RolePeriod, Slot
from rolecall.testing.factories import give_role, make_period, make_role
from rolecall.testing.providers import MemoryProvider, memory_provider
from rolecall.testing.school import School
from rolecall.work import slots
from rolecall.work.leases import Lease, NotCalledError
from rolecall.work.sync.circuit import Admission
from rolecall.work.sync.claim import Claimed, claim
from rolecall.work.sync.drain import drain
from rolecall.work.sync.outcome import Outcome
from rolecall.work.sync.preview import preview
from rolecall.work.sync.rows import Frame
from rolecall.work.sync.settle import settle

Open = Callable[..., School]
PAST = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(minutes=2)


def take(school: School, provider: type[MemoryProvider], limit: int = 10) -> list[Claimed]:
    with school.app.db.write() as session:
        return claim(session, provider.id, limit=limit, lease=LEASE, moment=now(session))


def put(school: School, *outcomes: Outcome) -> int:
    with school.app.db.write() as session:
        frame = Frame(provider=outcomes[0].link.provider, admission=Admission(open=True), begun=now(session), settling=timedelta(0))
        return settle(session, frame, outcomes)


def test_what_is_claimed_is_not_claimed_again(school: School, provider: type[MemoryProvider]) -> None:
    ids = school.students(5)
    school.sync(*ids)

    first, second = take(school, provider, 3), take(school, provider)

    assert len(first) == 3
    assert len(second) == 2
    assert not {each.id for each in first} & {each.id for each in second}
    assert {school.sync_state(each, provider) for each in ids} == {"running"}


def test_the_oldest_change_is_claimed_first(school: School, provider: type[MemoryProvider]) -> None:
    late, early = school.students(2)
    school.sync(early)
    school.sync(late)

    assert [each.account_id for each in take(school, provider, 1)] == [early]


def test_a_link_whose_lease_is_over_is_claimed_with_a_higher_fence(school: School, provider: type[MemoryProvider]) -> None:
    (anna,) = school.students(1)
    school.sync(anna)
    (lost,) = take(school, provider)
    school.set_link(anna, provider, leased_until=PAST)

    (taken,) = take(school, provider)

    assert taken.fence == lost.fence + 1


def test_a_worker_that_lost_its_lease_cannot_write(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    school.sync(anna)
    (zombie,) = take(school, provider)
    school.set_link(anna, provider, leased_until=PAST)
    school.change(anna, person={"last_name": "Newer"})
    school.work()
    newest = school.link(anna, provider)

    written = put(school, Outcome(link=zombie))

    after = school.link(anna, provider)
    assert written == 0
    assert (after.synced, after.sent, after.fence) == (newest.synced, newest.sent, newest.fence)


def test_a_released_link_takes_nothing_back(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    school.sync(anna)
    provider.service.fail("create", lambda: school.act("external.disconnect", anna), after=True)

    school.work()

    link = school.link(anna, provider)
    assert (link.goal, link.external_id, link.sent) == ("released", None, None)


def test_a_change_during_the_call_stays_pending_and_is_sent_next(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    seen = []

    def change() -> None:
        school.change(anna, person={"last_name": "Second"})
        seen.append(school.sync_state(anna, provider))

    provider.service.fail("update", change)
    school.change(anna, person={"last_name": "First"})
    school.work()

    remote = provider.service.of(school.key(anna))
    assert remote is not None
    assert remote.attributes["name"] == "Anna Second"
    assert seen == ["running"]
    assert len(provider.service.calls("update")) == 2
    assert school.pending(anna) == []


def test_a_killed_worker_loses_nothing_and_nothing_is_made_twice(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    school.sync(anna)

    provider.service.fail("create", die, after=True)
    with pytest.raises(Killed):
        drain(school.app, provider.id)
    with school.app.db.write() as session:
        session.execute(update(Slot).values(leased_until=PAST))
    held = school.sync_state(anna, provider)
    school.work()
    still_held = school.pending(anna)
    school.set_link(anna, provider, leased_until=PAST)
    school.work()

    link = school.link(anna, provider)
    assert (held, still_held) == ("running", [provider.id])
    assert provider.service.made[school.key(anna)] == 1
    assert school.pending(anna) == []
    assert link.sealed_password is not None
    assert school.app.keyring.open(link.sealed_password, f"link:{link.id}:sealed_password") == provider.service.passwords["r1"]


def test_a_lease_is_renewed_when_it_would_not_last(school: School, provider: type[MemoryProvider]) -> None:
    (anna,) = school.students(1)
    school.sync(anna)
    (held,) = take(school, provider)
    before = school.link(anna, provider).leased_until
    lease = Lease(school.app.db, {held.id: held.fence}, length=LEASE, begun=time.monotonic() - 100)

    lease.ensure(60)

    after = school.link(anna, provider).leased_until
    assert before is not None
    assert after is not None
    assert after > before
    assert lease.left > 110


def test_a_lease_that_somebody_else_has_is_not_renewed(school: School, provider: type[MemoryProvider]) -> None:
    ids = school.students(2)
    school.sync(*ids)
    held = take(school, provider)
    lease = Lease(school.app.db, {each.id: each.fence for each in held}, length=LEASE, begun=time.monotonic() - 100)
    school.set_link(ids[0], provider, fence=99)

    with pytest.raises(NotCalledError):
        lease.ensure(60)


def test_a_lease_that_is_over_is_not_renewed(school: School, provider: type[MemoryProvider]) -> None:
    (anna,) = school.students(1)
    school.sync(anna)
    (held,) = take(school, provider)
    lease = Lease(school.app.db, {held.id: held.fence}, length=LEASE, begun=time.monotonic() - 121)

    with pytest.raises(NotCalledError):
        lease.ensure(1)


def test_what_is_settled_needs_no_lease(school: School, provider: type[MemoryProvider]) -> None:
    lease = Lease(school.app.db, {1: 1}, length=LEASE, begun=time.monotonic() - 500)

    lease.settled([1])

    lease.ensure(1000)


def test_a_call_longer_than_the_lease_is_not_made(school: School, provider: type[MemoryProvider]) -> None:
    (anna,) = school.students(1)
    school.sync(anna)
    (held,) = take(school, provider)
    lease = Lease(school.app.db, {held.id: held.fence}, length=LEASE, begun=time.monotonic())

    with pytest.raises(NotCalledError, match="LEASE_SECONDS"):
        lease.ensure(1000)


def test_a_place_is_taken_once_and_given_back(school: School) -> None:
    with school.app.db.write() as session:
        first = slots.take(session, "drain:x", count=2, length=LEASE)
        second = slots.take(session, "drain:x", count=2, length=LEASE)
        third = slots.take(session, "drain:x", count=2, length=LEASE)
        assert first is not None
        first.free(session)
        again = slots.take(session, "drain:x", count=2, length=LEASE)

    assert second is not None
    assert third is None
    assert again is not None
    assert (first.n, second.n, again.n) == (0, 1, 0)


def test_a_place_that_was_lost_is_not_renewed_or_freed_by_its_old_owner(school: School) -> None:
    with school.app.db.write() as session:
        old = slots.take(session, "one", length=timedelta(seconds=-1))
        new = slots.take(session, "one", length=LEASE)
        assert old is not None
        assert new is not None
        old.free(session)

        assert not old.renew(session, LEASE)
        assert new.renew(session, LEASE)


def test_no_more_workers_than_the_provider_can_take(open_school: Open) -> None:
    provider = memory_provider(limits=Limits(concurrency=2))
    school = open_school(provider)
    school.sync(*school.students(3))
    with school.app.db.write() as session:
        held = [slots.take(session, "drain:memory", count=2, length=LEASE) for _ in range(2)]

    assert all(held)
    assert drain(school.app, provider.id) == 0
    assert provider.service.journal == []


def test_a_worker_that_is_asked_to_stop_lets_go_of_what_it_did_not_call(school: School, provider: type[MemoryProvider]) -> None:
    ids = school.students(10)
    school.sync(*ids)

    drain(school.app, provider.id, stop=lambda: len(provider.service.calls("create")) >= 3)

    with school.app.db.read() as session:
        leased = session.scalars(select(Link.id).where(Link.leased_until.is_not(None))).all()
    assert len(provider.service.calls("create")) == 3
    assert leased == []
    assert sum(school.pending(each) == [] for each in ids) == 3


@pytest.mark.parametrize("batch", [1, 5])
def test_four_workers_do_nothing_twice(open_school: Open, batch: int) -> None:
    provider = memory_provider(limits=Limits(concurrency=4, batch=batch))
    schools = [open_school(provider) for _ in range(4)]
    ids = schools[0].students(120)
    schools[0].sync(*ids)

    with ThreadPoolExecutor(4) as pool:
        settled = sum(pool.map(lambda school: drain(school.app, provider.id), schools))

    assert settled == 120
    assert len(provider.service.calls("create")) == 120
    assert set(provider.service.made.values()) == {1}
    assert all(schools[0].pending(each) == [] for each in ids)


class Killed(BaseException):
    """The worker ends here."""


def die() -> None:
    raise Killed


def kill_at(school: School, provider: type[MemoryProvider], verb: str) -> None:
    """A worker is killed when the provider has done what it was asked, and its lease and place end."""
    provider.service.fail(verb, die, after=True)
    with pytest.raises(Killed):
        drain(school.app, provider.id)
    with school.app.db.write() as session:
        session.execute(update(Slot).values(leased_until=PAST))
        session.execute(update(Link).values(leased_until=PAST))


def test_a_value_that_a_killed_worker_sent_is_taken_back(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    old = school.snapshot(anna).person.last_name
    school.change(anna, person={"last_name": "New"})
    kill_at(school, provider, "update")

    school.change(anna, person={"last_name": old})
    school.work()

    remote = provider.service.of(school.key(anna))
    assert remote is not None
    assert remote.attributes["name"] == f"Anna {old}"
    assert "tried" not in (school.link(anna, provider).sent or {})


def test_a_suspension_by_a_killed_worker_is_taken_back(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    school.change(anna, active=False)
    kill_at(school, provider, "suspend")

    school.change(anna, active=True)
    school.work()

    remote = provider.service.of(school.key(anna))
    assert remote is not None
    assert not remote.suspended


def test_a_resumption_by_a_killed_worker_is_taken_back(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    school.change(anna, active=False)
    school.work()
    school.change(anna, active=True)
    kill_at(school, provider, "resume")

    school.change(anna, active=False)
    school.work()

    remote = provider.service.of(school.key(anna))
    assert remote is not None
    assert remote.suspended


def test_an_account_that_a_killed_worker_deleted_is_made_again(school: School, provider: type[MemoryProvider]) -> None:
    school.save(provider, on_deletion="delete", delete_after=0)
    anna = school.student("Anna", linked_to=provider)
    school.change(anna, deleted_at=PAST)
    kill_at(school, provider, "delete")

    school.change(anna, deleted_at=None)
    school.work()

    remote = provider.service.of(school.key(anna))
    assert remote is not None
    assert school.link(anna, provider).external_id == remote.external_id


def test_a_group_that_a_killed_worker_added_is_known_to_be_there(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna", linked_to=provider)
    with school.app.db.write() as session:
        give_role(session, session.get_one(Account, anna), make_role(session), make_period(session))
    school.sync(anna)
    kill_at(school, provider, "update")
    with school.app.db.write() as session:
        session.execute(update(RolePeriod).values(enabled=False))
    school.sync(anna)

    (line,) = preview(school.app, school.actor, provider.id)
    school.work()

    remote = provider.service.of(school.key(anna))
    assert line.fields["groups"] == (["2026/Main student"], [])
    assert remote is not None
    assert remote.attributes["groups"] == frozenset()
