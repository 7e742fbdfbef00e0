"""What goes wrong at a provider while classes are brought in step: nothing twice, nobody kept out for another."""

from typing import Any

import pytest
from class_rounds import PAST, Kind, Open, link, pending, there, usernames

from rolecall.accounts import alerts, audit
from rolecall.errors import Ambiguous, Misconfigured, Permanent, Transient
from rolecall.sdk.provider import Attributes, Remote
from rolecall.sdk.snapshots import ClassSnapshot
from rolecall.testing.class_providers import class_provider
from rolecall.testing.school import School

# what goes wrong


@pytest.mark.parametrize("verb", ["find_class", "create_class", "add_members"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", [Ambiguous("No answer."), Transient("Busy.")])
def test_a_failure_while_a_class_is_made_makes_nothing_twice(
    school: School, provider: Kind, verb: str, after: bool, error: Exception
) -> None:
    anna = school.student("Anna", linked_to=provider, username="anna")
    maths = school.school_class(anna)
    provider.service.fail(verb, error, after=after)
    school.work()

    school.hurry(provider)
    school.work()

    assert provider.service.made[school.class_key(maths)] == 1
    assert usernames(school, provider, maths) == {"anna": "student"}
    assert not pending(school, provider, maths)


def test_an_id_is_kept_when_the_members_fail(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    provider.service.fail("add_members", Transient("Busy."))

    school.work()

    assert link(school, provider, maths).external_id == there(school, provider, maths).external_id


def test_after_an_unclear_outcome_the_members_are_asked_before_anything_is_moved(school: School, provider: Kind) -> None:
    anna, ben, eva = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben", "eva"))
    maths = school.school_class(anna, ben)
    school.work()
    school.set_members(maths, {anna: "student", eva: "student"})
    provider.service.fail("add_members", Ambiguous("No answer."), after=True)
    school.work()
    provider.service.journal.clear()

    school.set_members(maths, {anna: "student"})
    school.hurry(provider)
    school.work()

    verbs = [call.verb for call in provider.service.journal]
    assert verbs.index("members") < verbs.index("remove_members")
    assert "add_members" not in verbs
    assert usernames(school, provider, maths) == {"anna": "student"}


def test_one_person_whom_the_provider_refuses_does_not_keep_the_others_out(school: School, provider: Kind) -> None:
    ids = [school.student(name, linked_to=provider, username=name) for name in ("anna", "ben", "eva", "fay", "gus")]
    provider.service.unwelcome.add(str(school.link(ids[2], provider).external_id))
    maths = school.school_class(*ids)

    school.work()

    found = link(school, provider, maths)
    assert set(usernames(school, provider, maths)) == {"anna", "ben", "fay", "gus"}
    assert (found.blocked, found.error_class) == (True, "permanent")
    assert "eva could not be put into it" in str(found.error)


def test_a_refused_person_is_tried_again_alone(school: School, provider: Kind) -> None:
    ids = [school.student(name, linked_to=provider, username=name) for name in ("anna", "ben")]
    provider.service.unwelcome.add(str(school.link(ids[0], provider).external_id))
    maths = school.school_class(*ids)
    school.work()
    provider.service.unwelcome.clear()
    provider.service.journal.clear()

    school.hurry(provider)
    school.work()

    assert set(usernames(school, provider, maths)) == {"anna", "ben"}
    assert [call.verb for call in provider.service.journal] == ["add_members"]


def test_a_class_that_takes_nobody_is_not_tried_with_each_of_many(school: School, provider: Kind) -> None:
    ids = [school.student(linked_to=provider) for _ in range(40)]
    provider.service.fail("add_members", Permanent("This class takes nobody."), times=None)
    maths = school.school_class(*ids)

    school.work()

    found = link(school, provider, maths)
    assert found.blocked
    assert "and 35 more could not be put into it" in str(found.error)
    assert len(provider.service.calls("add_members")) < 25


def test_who_cannot_be_taken_out_is_named_and_remembered(school: School, provider: Kind) -> None:
    anna, ben = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben"))
    maths = school.school_class(anna, ben)
    school.work()
    provider.service.fail("remove_members", Permanent("He owns it."))
    school.set_members(maths, {anna: "student"})
    school.work()
    assert "ben could not be taken out of it" in str(link(school, provider, maths).error)

    school.hurry(provider)
    school.work()

    assert set(usernames(school, provider, maths)) == {"anna"}


def test_a_refusal_of_the_settings_pauses_the_provider_and_costs_the_class_no_attempt(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    provider.service.fail("create_class", Misconfigured("No right to make classes."), times=None)
    school.work()
    paused = link(school, provider, maths)
    assert school.provider_state(provider).state == "paused"
    assert (paused.attempts, paused.blocked) == (0, False)
    with school.app.db.read() as session:
        (entry,) = audit.entries(session, audit.Filters(kind=alerts.STOPPED)).items
    assert entry.payload["reason"] == "No right to make classes."

    provider.service.mend()
    school.hurry(provider)
    school.work()

    assert not pending(school, provider, maths)


def test_classes_count_towards_the_circuit_and_probe_it(school: School, provider: Kind) -> None:
    anna = school.student("Anna", linked_to=provider)
    classes = [school.school_class(anna) for _ in range(12)]
    provider.service.fail("find_class", Transient("Down."), times=None)
    school.work()
    assert school.provider_state(provider).state == "open"

    provider.service.mend()
    school.set_provider(provider, until=PAST)
    school.set_class_links(provider, not_before=PAST)
    school.work()

    assert school.provider_state(provider).state == "ok"
    assert not any(pending(school, provider, each) for each in classes)


def test_a_class_that_the_plugin_cannot_describe_is_given_up_and_the_others_go_on(school: School, provider: Kind) -> None:
    anna = school.student("Anna", linked_to=provider)
    odd, maths = school.school_class(anna, name="Odd"), school.school_class(anna, name="Maths")
    provider.service.unmappable.add("Odd")

    school.work()

    assert "KeyError" in str(link(school, provider, odd).error)
    assert not pending(school, provider, maths)


@pytest.mark.parametrize("external_id", ["", "x" * 201, "a\nb", 7])
def test_a_plugin_that_gives_no_usable_id_is_a_bug_and_not_a_success(open_school: Open, external_id: Any) -> None:
    class Nameless(class_provider()):  # type: ignore[misc]
        def create_class(self, school_class: ClassSnapshot, wanted: Attributes) -> Remote:
            return Remote(external_id=external_id, key=school_class.key)

    school = open_school(Nameless)
    school.save(Nameless, classes=True)
    maths = school.school_class(school.student("Anna", linked_to=Nameless))

    school.work()

    found = link(school, Nameless, maths)
    assert (found.external_id, found.error_class) == (None, "error")
