"""How many accounts may be suspended or deleted at a provider in a day before somebody is asked (R62)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from rolecall.errors import Permanent
from rolecall.store.tables import AuditEntry, PluginState
from rolecall.testing.providers import MemoryProvider
from rolecall.testing.school import School
from rolecall.work.sync import limits
from rolecall.work.sync.limits import Limit

Memory = type[MemoryProvider]


@pytest.mark.parametrize(
    ("percent", "number", "population", "most"),
    [
        (5, 20, 19, None),
        (5, 20, 20, 1),
        (5, 20, 200, 10),
        (5, 20, 399, 19),
        (5, 20, 400, 20),
        (5, 20, 100_000, 20),
        (1, 5, 20, 1),
        (1, 5, 199, 1),
        (1, 5, 200, 2),
        (1, 5, 10_000, 5),
        (100, 1_000_000, 50, 50),
        (0, 20, 200, 0),
        (5, 0, 200, 0),
    ],
)
def test_whichever_of_share_and_number_is_lower_is_the_limit(percent: int, number: int, population: int, most: int | None) -> None:
    assert Limit(percent=percent, number=number).of(population) == most


@given(percent=st.integers(0, 100), number=st.integers(0, 100), population=st.integers(0, 1_000), of=st.integers(0, 120))
def test_what_is_within_a_limit_is_never_more_than_share_or_number(percent: int, number: int, population: int, of: int) -> None:
    over = Limit(percent=percent, number=number).is_exceeded(of, population)

    if population < limits.POPULATION:
        assert not over
    elif not over and of > 1:
        assert of <= number
        assert of * 100 <= percent * population
    elif over:
        assert of > number or of * 100 > percent * population


@given(percent=st.integers(0, 100), number=st.integers(0, 100), population=st.integers(0, 20_000), of=st.integers(0, 120))
def test_counting_no_further_than_enough_decides_the_same(percent: int, number: int, population: int, of: int) -> None:
    limit = Limit(percent=percent, number=number)

    assert limit.is_exceeded(of, min(population, limit.enough(of))) == limit.is_exceeded(of, population)


@pytest.mark.parametrize(("share", "calls"), [(4, 8), (6, 0), (50, 0), (100, 0)])
def test_a_mass_of_suspensions_waits_for_somebody_and_everything_else_goes_on(
    school: School, provider: Memory, two_hundred: list[int], share: int, calls: int
) -> None:
    closed = two_hundred[: share * 2]
    new = school.student("New")
    renamed = two_hundred[-1]

    school.act("account.deactivate", *closed)
    school.change(renamed, person={"last_name": "Neu"})
    school.sync(new)
    school.work()

    assert len(provider.service.calls("suspend")) == calls
    assert school.pending(new) == []
    if renamed not in closed:
        assert provider.service.calls("update") == [school.link(renamed, provider).external_id]
    assert len([each for each in closed if school.pending(each)]) == (len(closed) if calls == 0 else 0)


def test_who_comes_back_while_it_is_held_is_not_held_any_more(school: School, provider: Memory, two_hundred: list[int]) -> None:
    school.act("account.deactivate", *two_hundred[:30])
    school.work()

    school.act("account.activate", *two_hundred[:30])
    school.work()

    assert (provider.service.calls("suspend"), provider.service.calls("resume")) == ([], [])
    assert school.brakes(*two_hundred) == {None: 200}
    assert not any(school.pending(each) for each in two_hundred[:30])


def test_what_was_done_in_the_last_day_counts_and_no_longer(school: School, provider: Memory, two_hundred: list[int]) -> None:
    for each in two_hundred[:10]:
        school.act("account.deactivate", each)
        school.work()

    school.act("account.deactivate", two_hundred[10])
    school.work()
    at_first = len(provider.service.calls("suspend"))
    school.a_day_passes()
    school.act("account.deactivate", two_hundred[11])
    school.work()

    assert at_first == 10
    assert school.brakes(two_hundred[10]) == {"held": 1}
    assert len(provider.service.calls("suspend")) == 11


def test_user_types_and_verbs_are_counted_by_themselves(school: School, provider: Memory, two_hundred: list[int]) -> None:
    teachers = [school.teacher(f"T{number}") for number in range(25)]
    school.sync(*teachers)
    school.work()

    school.act("account.deactivate", *two_hundred[:10], teachers[0])
    school.work()
    school.act("account.deactivate", teachers[1])
    school.work()

    assert len(provider.service.calls("suspend")) == 11
    assert school.brakes(teachers[1]) == {"held": 1}


def test_fewer_than_twenty_are_no_mass(school: School, provider: Memory) -> None:
    ids = school.students(19)
    school.sync(*ids)
    school.work()

    school.act("account.deactivate", *ids)
    school.work()

    assert len(provider.service.calls("suspend")) == 19


def test_deletions_have_a_limit_of_their_own(school: School, provider: Memory, two_hundred: list[int]) -> None:
    school.save(provider, on_deactivation="delete", delete_after=0)

    school.act("account.deactivate", *two_hundred[:2])
    school.work()
    school.act("account.deactivate", two_hundred[2])
    school.work()

    assert len(provider.service.calls("delete")) == 2
    assert school.brakes(two_hundred[2]) == {"held": 1}


def test_limits_are_settings_of_the_integration(school: School, provider: Memory, two_hundred: list[int]) -> None:
    school.save(provider, suspensions_percent=100, suspensions_number=150)

    school.act("account.deactivate", *two_hundred[:150])
    school.work()

    assert len(provider.service.calls("suspend")) == 150


def test_what_is_held_is_counted_anew_when_the_limits_are_raised(school: School, provider: Memory, two_hundred: list[int]) -> None:
    school.act("account.deactivate", *two_hundred[:30])
    school.work()

    school.configure(provider, {"suspensions_percent": 50, "suspensions_number": 40})
    school.work()

    assert len(provider.service.calls("suspend")) == 30


def test_a_hold_is_in_the_audit_once(school: School, two_hundred: list[int]) -> None:
    school.act("account.deactivate", *two_hundred[:30])
    school.work()
    school.work()

    with school.app.db.read() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.kind == "sync.held"))
    assert entry.payload == {"provider": "memory", "links": 30, "over": [["student", "suspend"]]}


def test_failures_of_others_do_not_set_a_held_one_free(school: School, provider: Memory, two_hundred: list[int]) -> None:
    provider.service.fail("update", Permanent("No."), times=None)
    school.act("account.deactivate", *two_hundred[:30])
    school.change(two_hundred[40], person={"last_name": "Neu"})
    school.work()

    school.hurry(provider)
    school.work()

    assert provider.service.calls("suspend") == []


def test_a_paused_provider_says_what_is_held_too(school: School, provider: Memory, two_hundred: list[int]) -> None:
    school.set_provider(provider, state="paused", paused_by="Bob")
    school.act("account.deactivate", *two_hundred[:30])
    school.work()

    with school.app.db.read() as session:
        assert session.get_one(PluginState, "memory").state == "paused"
    assert school.brakes(*two_hundred[:30]) == {"held": 30}
