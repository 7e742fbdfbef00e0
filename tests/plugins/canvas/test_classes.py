"""Classes: a course, its enrolments, and what somebody did in Canvas by hand."""

from dataclasses import replace
from datetime import date

import pytest

from rolecall import ClassSnapshot, Member, PeriodSnapshot
from rolecall.errors import Conflict, Misconfigured, NotFound, Permanent

PERIOD = PeriodSnapshot(code="2026", name="2026/27", starts_on=date(2026, 9, 1), ends_on=date(2027, 6, 30))
MATHS = ClassSnapshot(id=1, key="5f0c2a7e-8a4a-4e58-9f3e-2b1d6c7a9e10", code="M1", name="Maths", period=PERIOD)


@pytest.fixture
def maths(provider):
    return provider.create_class(MATHS, provider.class_attributes(MATHS)).external_id


@pytest.fixture
def people(canvas):
    return {name: canvas.add_user(name, email=f"{name}@home.example") for name in ("anna", "tom", "ada")}


@pytest.fixture
def everybody(people):
    return frozenset({Member(people["anna"], "student"), Member(people["tom"], "teacher"), Member(people["ada"], "assistant")})


def test_a_course_is_published_and_found_by_our_key(provider, maths, canvas) -> None:
    found = provider.find_class(MATHS)

    assert (found.external_id, found.key, found.suspended) == (maths, MATHS.key, False)
    assert found.attributes == {"name": "Maths", "course_code": "M1 (2026)", "sis_course_id": MATHS.key}
    assert canvas.courses[0]["workflow_state"] == "available"


def test_a_course_that_is_there_already_is_a_conflict(provider, maths) -> None:
    with pytest.raises(Conflict, match="already"):
        provider.create_class(MATHS, provider.class_attributes(MATHS))


def test_a_course_that_was_deleted_in_canvas_comes_back(provider, maths, canvas) -> None:
    canvas.state.courses[int(maths)]["workflow_state"] = "deleted"
    assert provider.find_class(MATHS) is None

    renamed = replace(MATHS, name="Algebra")
    assert provider.create_class(renamed, provider.class_attributes(renamed)).external_id == maths
    assert provider.find_class(MATHS).attributes["name"] == "Algebra"


def test_another_refusal_of_a_course_is_told_as_it_is(provider, canvas) -> None:
    body = {"errors": {"name": [{"attribute": "name", "type": "bad", "message": "is bad"}]}}
    canvas.fail(400, body=body, match=lambda method, path: method == "POST")

    with pytest.raises(Permanent, match="is bad"):
        provider.create_class(MATHS, provider.class_attributes(MATHS))


class TestOtherSettings:
    @pytest.fixture
    def settings(self):
        return {"class_account": "7", "class_term": "12", "class_publish": False, "class_leaving": "deactivate", "sis_prefix": "rc-"}

    def test_courses_are_made_where_and_as_the_settings_say(self, provider, maths, canvas) -> None:
        (course,) = canvas.courses
        assert (course["account_id"], course["enrollment_term_id"], course["workflow_state"]) == ("7", "12", "unpublished")
        assert course["sis_course_id"] == f"rc-{MATHS.key}"
        assert provider.find_class(MATHS).key == MATHS.key

    def test_who_left_and_comes_back_is_active_again(self, provider, maths, people, canvas) -> None:
        anna = Member(people["anna"], "student")
        canvas.reactivates = False
        provider.add_members(maths, [anna])
        provider.remove_members(maths, [anna])
        assert [row["workflow_state"] for row in canvas.state.enrolments.values()] == ["inactive"]

        provider.add_members(maths, [anna])

        assert provider.members(maths) == {anna}
        assert len(canvas.state.enrolments) == 1


def test_members_are_active_at_once_without_a_mail_and_only_the_missing_are_sent(provider, maths, everybody, canvas, calls) -> None:
    provider.add_members(maths, everybody)
    before = len(calls())
    provider.add_members(maths, everybody)

    assert provider.members(maths) == everybody
    assert {row["workflow_state"] for row in canvas.state.enrolments.values()} == {"active"}
    assert canvas.state.mailed == []
    assert calls()[before:] == []


def test_who_leaves_is_concluded_in_that_role_alone_and_leaving_twice_is_no_error(provider, maths, people, canvas) -> None:
    anna, both = Member(people["anna"], "student"), Member(people["anna"], "assistant")
    provider.add_members(maths, [anna, both])

    for _ in range(2):
        provider.remove_members(maths, [anna])

    assert provider.members(maths) == {both}
    assert sorted(row["workflow_state"] for row in canvas.state.enrolments.values()) == ["active", "completed"]


def test_an_enrolment_that_goes_between_the_look_and_its_end_is_no_error(provider, maths, people, canvas, wire) -> None:
    anna = Member(people["anna"], "student")
    provider.add_members(maths, [anna])
    (enrolment,) = canvas.state.enrolments.values()
    wire.run(lambda: enrolment.update(workflow_state="deleted"), match=lambda request: request.method == "DELETE")

    provider.remove_members(maths, [anna])

    assert provider.members(maths) == frozenset()


def test_observers_and_the_test_student_are_nobodys(provider, maths, people, canvas) -> None:
    for number, kind in enumerate(("ObserverEnrollment", "StudentViewEnrollment"), start=9001):
        canvas.state.enrolments[number] = {
            "id": number,
            "course_id": int(maths),
            "user_id": int(people["tom"]),
            "type": kind,
            "workflow_state": "active",
        }

    assert provider.members(maths) == frozenset()


class TestManyPages:
    @pytest.fixture
    def options(self):
        return {"page_size": 2, "repeats": True}

    def test_a_course_is_read_to_its_last_page_although_rows_come_twice(self, provider, maths, everybody) -> None:
        provider.add_members(maths, everybody)

        assert provider.members(maths) == everybody


def test_a_class_that_ends_is_concluded_and_an_update_opens_it(provider, maths, everybody, canvas, calls) -> None:
    provider.add_members(maths, everybody)

    for _ in range(2):
        provider.archive_class(maths)
    assert canvas.courses[0]["workflow_state"] == "completed"
    assert calls().count(f"PUT /courses/{maths}") == 1

    provider.update_class(maths, {"name": "Algebra"})
    found = provider.find_class(MATHS)
    assert (found.suspended, found.attributes["name"]) == (False, "Algebra")
    assert provider.members(maths) == everybody


def test_nobody_is_enrolled_in_a_course_that_somebody_concluded_and_the_others_go_on(provider, maths, people) -> None:
    provider.archive_class(maths)

    with pytest.raises(Permanent, match="concluded"):
        provider.add_members(maths, [Member(people["anna"], "student")])


def test_a_missing_permission_is_a_matter_of_settings(provider, maths, people, canvas) -> None:
    anna = Member(people["anna"], "student")
    canvas.permissions -= {"add_student_to_course"}
    with pytest.raises(Misconfigured):
        provider.add_members(maths, [anna])

    canvas.permissions -= {"manage_sis"}
    with pytest.raises(Misconfigured, match="without our SIS id"):
        provider.create_class(MATHS, provider.class_attributes(MATHS))

    canvas.permissions -= {"manage_courses_add"}
    with pytest.raises(Misconfigured):
        provider.create_class(MATHS, provider.class_attributes(MATHS))


@pytest.mark.parametrize("number", ["9999", "nonsense"])
def test_a_course_that_is_gone_says_so(provider, people, number) -> None:
    provider.archive_class(number)

    for call in (
        lambda: provider.update_class(number, {}),
        lambda: provider.members(number),
        lambda: provider.add_members(number, [Member(people["anna"], "student")]),
        lambda: provider.remove_members(number, [Member(people["anna"], "student")]),
    ):
        with pytest.raises(NotFound):
            call()


def test_a_course_that_goes_while_people_are_put_in_says_so(provider, maths, people, canvas, wire) -> None:
    course = canvas.state.courses[int(maths)]
    wire.run(lambda: course.update(workflow_state="deleted"), match=lambda request: request.method == "POST")

    with pytest.raises(NotFound):
        provider.add_members(maths, [Member(people["anna"], "student")])


@pytest.mark.parametrize("user", ["9999", "nonsense"])
def test_a_person_who_is_gone_is_refused(provider, maths, user) -> None:
    with pytest.raises(Permanent):
        provider.add_members(maths, [Member(user, "student")])


def test_names_that_canvas_cannot_hold_are_refused_in_words(provider, maths) -> None:
    long = replace(MATHS, name="x" * 300)

    with pytest.raises(Permanent, match="at most 255"):
        provider.create_class(long, provider.class_attributes(long))
    with pytest.raises(Permanent, match="course code"):
        provider.update_class(maths, {"course_code": "x" * 300})
