"""When classes are closed, and when a provider keeps none: archived, opened again, called no more."""

from datetime import date

from class_rounds import Kind, Open, pending, there

from rolecall.testing.factories import make_period
from rolecall.testing.providers import memory_provider
from rolecall.testing.school import School
from rolecall.work import period_changes
from rolecall.work.sync.drain import drain


def test_a_class_that_ends_is_archived_with_its_members_and_opened_again(school: School, provider: Kind) -> None:
    anna = school.student("Anna", linked_to=provider)
    maths = school.school_class(anna)
    school.work()

    school.change_class(maths, active=False)
    school.work()
    assert there(school, provider, maths).archived
    assert len(there(school, provider, maths).members) == 1

    school.change_class(maths, active=True)
    school.work()
    assert not there(school, provider, maths).archived
    assert len(provider.service.calls("create_class")) == 1


def test_a_class_that_ended_before_it_was_made_is_not_made(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    school.change_class(maths, active=False)

    school.work()

    assert provider.service.classes == {}
    assert not pending(school, provider, maths)


# who may call


def test_a_provider_without_classes_gets_no_rows_and_no_setting(open_school: Open) -> None:
    plain = memory_provider("plain")
    school = open_school(plain)
    anna = school.student("Anna", linked_to=plain)

    maths = school.school_class(anna)
    school.work()

    assert school.class_link(maths, plain) is None
    assert "classes" not in school.app.plugins.installed["plain"].settings_schema().fields  # type: ignore[misc]


def test_nothing_is_called_while_classes_are_not_kept_in_step(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    school.save(provider, classes=False)

    assert drain(school.app, provider.id) == 0
    assert provider.service.classes == {}
    assert pending(school, provider, maths)


def test_switching_classes_on_and_off_takes_up_where_it_was(school: School, provider: Kind) -> None:
    anna = school.student("Anna", linked_to=provider)
    school.configure(provider, {"classes": False})
    maths = school.school_class(anna)
    assert school.class_link(maths, provider) is None

    school.configure(provider, {"classes": True})
    school.work()
    made = there(school, provider, maths)
    school.configure(provider, {"classes": False})
    school.change_class(maths, name="New")
    school.work()
    assert made.attributes["name"] != "New"

    school.configure(provider, {"classes": True})
    school.work()
    assert made.attributes["name"] == "New"
    assert len(provider.service.classes) == 1


def test_a_period_that_closes_archives_its_classes(school: School, provider: Kind) -> None:
    with school.app.db.write() as session:
        make_period(session)
        period = make_period(session, "2027", current=False, starts_on=date(2027, 9, 1), ends_on=date(2028, 6, 30))
    maths = school.school_class(school.student("Anna", linked_to=provider), period=period)
    school.work()

    period_changes.edit_period(school.app, school.actor, period.id, {}, is_open=False)
    assert pending(school, provider, maths)
    school.work()

    assert there(school, provider, maths).archived
