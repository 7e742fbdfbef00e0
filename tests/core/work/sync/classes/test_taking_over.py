"""Classes that are at a provider already, or not there any more: taken over, left alone, made again."""

from class_rounds import Kind, link, pending, there, usernames

from rolecall.errors import Conflict, NotFound
from rolecall.sdk.snapshots import Member
from rolecall.testing.school import School


def test_a_class_that_is_there_with_our_key_is_taken_over(school: School, provider: Kind) -> None:
    anna = school.student("Anna", linked_to=provider, username="anna")
    maths = school.school_class(anna, name="Maths")
    was = provider.service.add_class(school.class_key(maths), name="Old", code="x")
    was.archived = True
    was.members.add(Member("guest", "teacher"))

    school.work()

    found = there(school, provider, maths)
    assert (found.external_id, found.attributes["name"], found.archived) == (was.external_id, "Maths", False)
    assert len(found.members) == 2
    assert provider.service.calls("create_class") == []


def test_a_class_of_somebody_else_blocks_ours(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider), code="M1")
    provider.service.add_class("somebody-else", name="Maths", code="M1")

    school.work()

    blocked = link(school, provider, maths)
    assert (blocked.blocked, blocked.error_class) == (True, "conflict")


def test_a_class_that_appears_between_find_and_create_is_taken_over(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider), code="M1")
    provider.service.fail("create_class", lambda: provider.service.add_class(school.class_key(maths), code="M1"))

    school.work()

    assert len(provider.service.classes) == 1
    assert len(there(school, provider, maths).members) == 1


def test_a_conflict_over_nothing_that_is_found_blocks(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    provider.service.fail("create_class", Conflict("Taken."))

    school.work()

    assert link(school, provider, maths).error == "Taken."


def test_a_class_that_is_gone_is_made_again_with_everybody(school: School, provider: Kind) -> None:
    anna, ben = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben"))
    maths = school.school_class(anna, ben)
    school.work()
    provider.service.classes.clear()

    school.change_class(maths, name="New")
    school.work()

    assert usernames(school, provider, maths) == {"anna": "student", "ben": "student"}


def test_archiving_what_is_gone_is_done(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    school.work()
    provider.service.classes.clear()

    school.change_class(maths, active=False)
    school.work()

    assert not pending(school, provider, maths)


def test_a_member_who_is_gone_there_makes_the_class_be_looked_at(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    school.work()
    provider.service.fail("add_members", NotFound("The class is gone."))

    school.set_members(maths, {school.student("Ben", linked_to=provider): "student"})
    school.work()

    assert len(provider.service.classes) == 1
    assert not pending(school, provider, maths)
