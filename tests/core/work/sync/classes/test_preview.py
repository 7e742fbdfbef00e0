"""A sync of classes can be seen before it is done; and what is done is what was seen."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from rolecall.accounts.actors import Actor
from rolecall.store.tables import Period
from rolecall.testing.class_providers import MemoryClassProvider
from rolecall.testing.factories import make_period
from rolecall.testing.school import School
from rolecall.work.sync.classes.preview import ClassLine, preview_classes

Kind = type[MemoryClassProvider]


def show(school: School, provider: Kind, *, actor: Actor | None = None, **values: object) -> dict[int, ClassLine]:
    lines = preview_classes(school.app, actor or school.actor, provider.id, values=values)
    return {line.class_id: line for line in lines}


def test_classes_that_would_be_made_are_shown_with_who_comes(school: School, provider: Kind) -> None:
    anna = school.student("Anna", linked_to=provider, username="anna")
    maths = school.school_class(anna, name="Maths", code="M1")
    provider.service.journal.clear()

    line = show(school, provider)[maths]

    assert (line.verb, line.queued, line.added, line.removed) == ("create", True, 1, 0)
    assert line.fields == {"name": (None, "Maths"), "code": (None, "M1"), "members": ([], ["anna (student)"])}
    assert provider.service.journal == []


def test_what_differs_is_shown_before_and_after(school: School, provider: Kind) -> None:
    anna, ben = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben"))
    maths, same = school.school_class(anna, name="Maths"), school.school_class(anna)
    school.work()
    school.set_members(maths, {ben: "teacher"})
    school.change_class(maths, name="Maths II")

    shown = show(school, provider)

    assert same not in shown
    assert shown[maths].fields == {"name": ("Maths", "Maths II"), "members": (["anna (student)"], ["ben (teacher)"])}


def test_who_may_not_see_everybody_sees_numbers(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))

    line = show(school, provider, actor=replace(school.actor, types=frozenset({"teacher"})))[maths]

    assert "members" not in line.fields
    assert line.added == 1


def test_a_class_of_which_nobody_is_there_is_not_shown(school: School, provider: Kind) -> None:
    school.school_class(school.student("Anna"))

    assert show(school, provider) == {}


def test_nothing_is_shown_where_classes_are_not_kept_in_step(school: School, provider: Kind) -> None:
    school.school_class(school.student("Anna", linked_to=provider))

    assert show(school, provider, classes=False) == {}


def test_settings_that_are_not_saved_show_what_saving_would_do(school: School, provider: Kind) -> None:
    school.save(provider, classes=False)
    maths = school.school_class(school.student("Anna", linked_to=provider))

    line = show(school, provider, classes=True)[maths]

    assert (line.verb, line.queued) == ("create", False)


def test_a_class_that_would_end_is_shown_before_it_is_noticed(school: School, provider: Kind) -> None:
    with school.app.db.write() as session:
        make_period(session)
    maths = school.school_class(school.student("Anna", linked_to=provider))
    school.work()
    with school.app.db.write() as session:
        session.execute(update(Period).values(is_open=False))

    assert show(school, provider)[maths].verb == "archive"
    assert show(school, provider, on_class_end="leave") == {}


def test_a_class_that_the_plugin_cannot_describe_has_a_line_with_the_reason(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider), name="Odd")
    provider.service.unmappable.add("Odd")

    line = show(school, provider)[maths]

    assert (line.verb, line.queued) == ("none", True)
    assert "KeyError" in str(line.error)


def test_many_classes_are_shown_in_the_order_of_their_ids(school: School, provider: Kind) -> None:
    anna = school.student("Anna", linked_to=provider)
    classes = [school.school_class(anna) for _ in range(201)]

    assert list(show(school, provider)) == classes


@pytest.mark.parametrize("verb", ["create", "archive"])
def test_what_is_shown_is_what_is_done_and_then_nothing_is_left(school: School, provider: Kind, verb: str) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    if verb == "archive":
        school.work()
        school.change_class(maths, active=False)
    assert show(school, provider)[maths].verb == verb
    provider.service.journal.clear()

    school.work()

    assert provider.service.calls(f"{verb}_class")
    assert show(school, provider) == {}
