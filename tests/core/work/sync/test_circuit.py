"""A provider that is down is left alone, probed, and taken up again; a paused one waits for a person."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from rolecall.accounts.actors import WORKER, operator
from rolecall.errors import Misconfigured, Transient, Unknown
from rolecall.sdk.provider import Limits
from rolecall.testing.providers import MemoryProvider, memory_provider
from rolecall.testing.school import School
from rolecall.work.sync import circuit

Open = Callable[..., School]
DOWN = Transient("Nobody answers.")
PAST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def down(school: School, provider: type[MemoryProvider]) -> list[int]:
    """Students whose provider has just been found to be down."""
    ids = school.students(30)
    school.sync(*ids)
    provider.service.fail("*", DOWN, times=None)
    school.work()
    return ids


def probe(school: School, provider: type[MemoryProvider]) -> timedelta:
    """Let the time of the next probe come; returns how long the one after it waits."""
    school.set_provider(provider, until=PAST)
    school.work()
    until = school.provider_state(provider).until
    return until - datetime.now(UTC) if until else timedelta(0)


def test_ten_failures_in_a_row_open_the_circuit(school: School, provider: type[MemoryProvider], down: list[int]) -> None:
    state = school.provider_state(provider)

    assert (state.state, state.reason, len(provider.service.journal)) == ("open", "Nobody answers.", circuit.THRESHOLD)
    assert sorted(school.link(each, provider).attempts for each in down) == [0] * 20 + [1] * 10


def test_an_open_circuit_calls_nobody(school: School, provider: type[MemoryProvider], down: list[int]) -> None:
    provider.service.journal.clear()

    school.work()

    assert provider.service.journal == []


def test_probes_come_less_and_less_often_and_cost_no_attempt(school: School, provider: type[MemoryProvider], down: list[int]) -> None:
    before = [school.link(each, provider).attempts for each in down]
    provider.service.journal.clear()

    waits = [probe(school, provider) for _ in range(6)]

    assert len(provider.service.journal) == 6
    minutes = [round(wait.total_seconds() / 60) for wait in waits]
    assert minutes == [2, 4, 8, 15, 15, 15]
    assert [school.link(each, provider).attempts for each in down] == before


def test_when_the_provider_is_back_everything_is_worked_off(school: School, provider: type[MemoryProvider], down: list[int]) -> None:
    provider.service.mend()
    for each in down:
        school.set_link(each, provider, not_before=PAST)

    probe(school, provider)

    assert school.provider_state(provider).state == "ok"
    assert all(school.pending(each) == [] for each in down)


def test_a_success_starts_the_count_anew(school: School, provider: type[MemoryProvider]) -> None:
    ids = school.students(18)
    names = [school.snapshot(each).username for each in ids]
    for name in (*names[:9], *names[10:17]):
        provider.service.fail("create", DOWN, who=name)
    school.sync(*ids)

    school.work()

    assert school.provider_state(provider).state == "ok"
    assert school.pending(ids[9]) == school.pending(ids[17]) == []


def test_while_nobody_else_succeeds_a_single_account_is_not_given_up(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    school.sync(anna)
    provider.service.fail("find", DOWN, times=None)

    for _ in range(15):
        school.set_provider(provider, until=None)
        school.set_link(anna, provider, not_before=PAST)
        school.work()

    assert school.provider_state(provider).state == "open"
    assert school.sync_state(anna, provider) == "retrying"


def test_a_paused_provider_waits_for_a_person(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    school.sync(anna)
    with school.app.db.write() as session:
        circuit.pause(session, provider.id, operator("ruth"))

    school.work()
    school.save(provider, token="another")
    school.work()
    paused = school.provider_state(provider)
    with school.app.db.write() as session:
        circuit.resume(session, provider.id)
    school.work()

    assert (paused.state, paused.reason) == ("paused", "Paused by ruth (command line).")
    assert school.pending(anna) == []


def test_settings_saved_while_a_refused_call_was_under_way_are_tried(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    school.sync(anna)

    def refuse() -> None:
        school.save(provider, token="another")
        raise Misconfigured("The token is refused.")

    provider.service.fail("find", refuse)

    school.work()
    school.work()

    assert school.pending(anna) == []


def test_pausing_what_does_not_exist_is_refused(school: School) -> None:
    with pytest.raises(Unknown), school.app.db.write() as session:
        circuit.pause(session, "nobody", WORKER)


def test_only_one_worker_has_the_probe(school: School, provider: type[MemoryProvider], down: list[int]) -> None:
    school.set_provider(provider, until=PAST)

    with school.app.db.write() as session:
        first = circuit.admit(session, provider.id, datetime.now(UTC))
        second = circuit.admit(session, provider.id, datetime.now(UTC))

    assert (first.open, first.probe, second.open) == (True, True, False)


def test_one_provider_that_is_down_does_not_stop_another(open_school: Open) -> None:
    broken, healthy = memory_provider("broken", limits=Limits(batch=10)), memory_provider("healthy")
    school = open_school(broken, healthy)
    broken.service.fail("*", DOWN, times=None)
    ids = school.students(20)
    school.sync(*ids)

    school.work()

    assert all(school.pending(each) == ["broken"] for each in ids)
    assert len(broken.service.journal) == circuit.THRESHOLD
