"""Whose account at a provider is deleted after so many days, and whose is not (R54)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from rolecall.store.engine import now
from rolecall.store.tables import Link
from rolecall.testing.providers import MemoryProvider
from rolecall.testing.school import School
from rolecall.work.sync.drain import drain
from rolecall.work.sync.held_groups import groups
from rolecall.work.tick import tick

Memory = type[MemoryProvider]


def days_pass(school: School, number: int) -> None:
    """Shift what the clock is compared with, let time do its work, and the workers theirs."""
    with school.app.db.write() as session:
        for link in session.query(Link).filter(Link.goal_since.is_not(None)):
            link.goal_since = link.goal_since - timedelta(days=number) if link.goal_since else None
    tick(school.app, force=True)
    school.work()


def is_there(school: School, provider: Memory, account: int) -> bool:
    return provider.service.of(school.key(account)) is not None


def test_who_is_deactivated_is_suspended_and_deleted_when_the_days_are_over(school: School, provider: Memory) -> None:
    school.save(provider, on_deactivation="delete", delete_after=30)
    anna, ben = school.student("Anna", linked_to=provider), school.student("Ben", linked_to=provider)
    school.change(anna, active=False)
    school.work()

    days_pass(school, 29)
    school.change(anna, person={"last_name": "Neu"})
    school.work()
    suspended = provider.service.of(school.key(anna))
    days_pass(school, 1)

    assert suspended is not None
    assert suspended.suspended
    assert not is_there(school, provider, anna)
    assert is_there(school, provider, ben)
    assert (school.link(anna, provider).goal, school.pending(anna)) == ("deleted", [])


def test_who_comes_back_before_finds_everything_and_the_days_begin_anew(school: School, provider: Memory) -> None:
    school.save(provider, on_deactivation="delete", delete_after=30)
    anna = school.student("Anna", linked_to=provider)
    school.change(anna, active=False)
    school.work()
    days_pass(school, 20)

    school.change(anna, active=True)
    school.work()
    back = provider.service.of(school.key(anna))
    days_pass(school, 40)
    school.change(anna, active=False)
    school.work()
    days_pass(school, 20)

    assert back is not None
    assert not back.suspended
    assert is_there(school, provider, anna)


def test_who_comes_back_after_it_is_made_again(school: School, provider: Memory) -> None:
    school.save(provider, on_deactivation="delete", delete_after=1, only_on_creation=True)
    anna = school.student("Anna", linked_to=provider)
    school.change(anna, active=False)
    school.work()
    days_pass(school, 1)
    assert not is_there(school, provider, anna)

    school.change(anna, active=True)
    school.work()

    assert is_there(school, provider, anna)


def test_days_of_another_reason_do_not_count(school: School, provider: Memory) -> None:
    """Long deactivated, deleted today: the days of the deletion begin today."""
    school.save(provider, on_deletion="delete", delete_after=30)
    anna = school.student("Anna", linked_to=provider)
    school.change(anna, active=False)
    school.work()
    days_pass(school, 100)

    school.change(anna, deleted_at=datetime.now(UTC) - timedelta(days=29))
    days_pass(school, 1)
    before = is_there(school, provider, anna)
    school.change(anna, deleted_at=datetime.now(UTC) - timedelta(days=30))
    school.work()

    assert before
    assert not is_there(school, provider, anna)


def test_the_limits_look_at_all_whose_days_are_over_together(school: School, provider: Memory) -> None:
    """None of a mass is deleted before somebody was asked, however much of it a limit that was raised would let go."""
    school.save(provider, on_deactivation="delete", delete_after=30, suspensions_percent=100, suspensions_number=1_000)
    ids = school.students(620)
    school.sync(*ids)
    school.work()
    school.change(*ids, active=False)
    school.work()
    school.save(provider, deletions_percent=100, deletions_number=610)

    with school.app.db.write() as session:
        session.execute(update(Link).values(goal_since=now(session) - timedelta(days=30)))
    for _ in range(2):
        tick(school.app, force=True)
        drain(school.app, provider.id)

    assert provider.service.calls("delete") == []
    with school.app.db.read() as session:
        assert [(each.verb, each.number) for each in groups(session)] == [("delete", 620)]


@pytest.mark.parametrize(
    ("values", "person"),
    [({"type": "administrator"}, {}), ({"is_owner": True}, {}), ({}, {"no_sync": True})],
)
def test_some_are_never_deleted_by_it(school: School, provider: Memory, values: dict[str, Any], person: dict[str, Any]) -> None:
    school.save(provider, on_deactivation="delete", delete_after=1)
    anna = school.student("Anna", linked_to=provider)
    school.change(anna, active=False, **values)
    school.work()
    school.change(anna, person=person)

    days_pass(school, 5)

    assert is_there(school, provider, anna)


def test_without_the_setting_nobody_is_deleted(school: School, provider: Memory) -> None:
    anna = school.student("Anna", linked_to=provider)
    school.change(anna, active=False)
    school.work()

    days_pass(school, 5_000)

    assert is_there(school, provider, anna)


def test_links_from_before_the_days_were_counted_begin_to_count_now(school: School, provider: Memory) -> None:
    school.save(provider, on_deactivation="delete", delete_after=2)
    anna = school.student("Anna", linked_to=provider)
    school.change(anna, active=False)
    school.work()
    with school.app.db.write() as session:
        session.execute(update(Link).values(goal_since=None))

    days_pass(school, 9)
    first = is_there(school, provider, anna)
    days_pass(school, 2)

    assert first
    assert not is_there(school, provider, anna)
