"""A provider's health in one word, with what to do about it and whose job that is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rolecall.errors import Misconfigured
from rolecall.testing.providers import MemoryProvider
from rolecall.testing.school import School
from rolecall.work import heartbeat
from rolecall.work.sync import health as words
from rolecall.work.sync.health import NOBODY, OFFICE, OPERATOR, Health, health

NOW = datetime.now(UTC)
SOON = NOW + timedelta(hours=1)


def look(school: School) -> Health:
    with school.app.db.read() as session:
        (only,) = health(session, school.app.plugins.view(session), "memory")
        return only


def is_worked(school: School) -> None:
    with school.app.db.write() as session:
        heartbeat.beat(session, "one", "threads", looked=True)


def test_what_is_in_step_works_and_needs_nobody(school: School, provider: type[MemoryProvider]) -> None:
    school.student("Anna", linked_to=provider)

    found = look(school)

    assert (found.word, found.advice, found.who) == ("working", "Nothing to do: every account is in step.", NOBODY)
    assert not found.needs_somebody


@pytest.mark.parametrize(
    ("state", "word", "told"),
    [
        ({"state": "open", "reason": "It does not answer.", "until": SOON}, "down", "It does not answer. It is tried again by itself."),
        ({"state": "paused", "reason": "The key was refused."}, "refused", "The key was refused. Resume it, or correct its settings"),
        ({"state": "paused", "reason": "Paused by Anna.", "paused_by": "Anna"}, "paused", "Paused by Anna. Resume it"),
        ({"until": SOON, "reason": "429"}, "waiting", "Memory asked to be left alone for a while"),
        ({"fault": "Fill in first: key."}, "unusable", "Mend its settings: Fill in first: key."),
    ],
)
def test_a_state_of_the_provider_is_a_word_with_an_advice(
    school: School, provider: type[MemoryProvider], state: dict[str, Any], word: str, told: str
) -> None:
    school.set_provider(provider, **state)

    found = look(school)

    assert found.word == word
    assert found.advice.startswith(told)
    assert found.who


def test_refused_credentials_are_for_an_administrator_there(school: School, provider: type[MemoryProvider]) -> None:
    school.sync(school.student("Anna"))
    provider.service.fail("create", Misconfigured("The key was refused."))
    school.work()

    found = look(school)

    assert (found.word, found.state) == ("refused", "paused")
    assert "An administrator of Memory" in found.who


def test_disabled_where_something_waits_is_off(school: School, provider: type[MemoryProvider]) -> None:
    school.sync(school.student("Anna"))
    school.disable(provider)

    assert (look(school).word, look(school).who) == ("off", OFFICE)


def test_report_only_sends_nothing_and_says_so(school: School, provider: type[MemoryProvider]) -> None:
    school.save(provider, report_only=True)

    assert look(school).word == "reporting"


def test_what_is_held_is_for_the_office_while_everything_else_goes_on(school: School, provider: type[MemoryProvider]) -> None:
    anna, _ = school.student("Anna"), school.sync(school.student("Ben"))
    school.sync(anna)
    school.set_link(anna, provider, goal="suspended", brake="held")

    found = look(school)

    assert (found.word, found.state, found.who) == ("held", "held", OFFICE)
    assert "held" in found.held_because


def test_what_was_not_tried_for_long_is_slow_and_a_missing_worker_is_named(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    school.sync(anna)
    assert look(school).word == "working", "a queue of a moment is no trouble"
    school.set_link(anna, provider, changed_at=NOW - words.SLOW - timedelta(minutes=1))

    nobody = look(school)
    is_worked(school)
    somebody = look(school)

    assert (nobody.word, nobody.who) == (somebody.word, somebody.who) == ("slow", OPERATOR)
    assert "rolecall worker" in nobody.advice
    assert "start another worker" in somebody.advice


def test_what_waits_for_its_next_try_is_not_slow(school: School, provider: type[MemoryProvider]) -> None:
    anna = school.student("Anna")
    school.sync(anna)
    school.set_link(anna, provider, attempts=3, not_before=SOON, changed_at=NOW - timedelta(days=1))

    assert look(school).word == "working"


@pytest.mark.parametrize(("number", "told"), [(1, "1 account needs somebody"), (2, "2 accounts need somebody")])
def test_blocked_accounts_need_the_office(school: School, provider: type[MemoryProvider], number: int, told: str) -> None:
    for each in school.students(number):
        school.sync(each)
        school.set_link(each, provider, blocked=True)

    found = look(school)

    assert (found.word, found.who) == ("working", OFFICE)
    assert found.advice.startswith(told)


def test_those_that_need_somebody_come_first(open_school: Callable[..., School], provider: type[MemoryProvider]) -> None:
    others = [type(name, (provider,), {"id": name, "label": name}) for name in ("alpha", "beta")]
    school = open_school(*others, provider)
    school.set_provider(provider, state="paused", reason="No.")

    with school.app.db.read() as session:
        found = words.in_order(health(session, school.app.plugins.view(session)))

    assert [each.provider for each in found] == ["memory", "alpha", "beta"]
    assert {each.word for each in found} <= set(words.WORDS)
