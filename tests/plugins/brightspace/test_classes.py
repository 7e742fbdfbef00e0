"""Classes as course offerings, and who is enrolled in them."""

from dataclasses import replace

import pytest

from rolecall.errors import Conflict, Misconfigured, NotFound, Permanent, Transient
from rolecall.sdk import Member
from rolecall_brightspace import courses
from rolecall_brightspace.errors import Garbled, Refused, Unclear
from rolecall_brightspace.fake.state import ADMINISTRATOR, ASSISTANT, SEMESTER, STUDENT, TEACHER, unit

CLASSES = {"classes": True}


@pytest.fixture
def settings():
    return CLASSES


@pytest.fixture
def course(provider, school_class) -> str:
    """A course that is there."""
    return provider.create_class(school_class, provider.class_attributes(school_class)).external_id


def test_a_course_has_the_name_with_the_period_and_a_code_made_of_our_key(provider, site, course, school_class) -> None:
    row = site.state.courses[int(course)]

    assert provider.class_attributes(school_class) == {"Name": "Maths 7B (2026)", "Code": "rolecall-9b2f-class"}
    assert (row["Name"], row["Code"], row["IsActive"]) == ("Maths 7B (2026)", "rolecall-9b2f-class", True)
    assert row["CourseTemplate"]["Name"] == "Classes"


def test_a_class_without_a_name_is_called_by_its_code(provider, school_class) -> None:
    assert provider.class_attributes(replace(school_class, name=" "))["Name"] == "M7B (2026)"


def test_a_code_is_within_what_brightspace_takes() -> None:
    assert courses.code_of("a:b c" + "x" * 60) == "rolecall-a-b-c" + "x" * 36
    assert len(courses.code_of("7d9f3f5e-2f0c-4e9b-9a54-7f6a1f5b2c11")) == 45


@pytest.mark.parametrize("settings", [CLASSES | {"semester": SEMESTER}])
def test_a_course_is_put_into_the_semester_of_the_settings(site, course) -> None:
    assert site.state.courses[int(course)]["Semester"]["Name"] == "2026"


@pytest.mark.parametrize("settings", [CLASSES | {"course_template": None}])
def test_without_a_template_there_is_no_course(provider, school_class, site) -> None:
    with pytest.raises(Misconfigured, match="template"):
        provider.create_class(school_class, provider.class_attributes(school_class))


@pytest.mark.parametrize("settings", [CLASSES | {"course_template": SEMESTER}])
def test_what_the_site_refuses_of_a_course_stays_with_its_reason(provider, school_class) -> None:
    with pytest.raises(Refused, match="no course template"):
        provider.create_class(school_class, provider.class_attributes(school_class))


def test_dates_and_description_that_the_school_entered_outlive_a_change(provider, site, course) -> None:
    row = site.state.courses[int(course)]
    row |= {"EndDate": "2027-06-30T00:00:00.000Z", "CanSelfRegister": True, "Description": {"Text": "Hello", "Html": "<p>Hello</p>"}}

    provider.update_class(course, {"Name": "Maths 8B (2026)"})
    provider.archive_class(course)

    assert (row["Name"], row["IsActive"]) == ("Maths 8B (2026)", False)
    assert (row["EndDate"], row["CanSelfRegister"], row["Description"]["Html"]) == ("2027-06-30T00:00:00.000Z", True, "<p>Hello</p>")


def test_a_course_that_is_as_it_should_be_is_not_written(provider, calls, course) -> None:
    before = len(calls())

    provider.update_class(course, {})

    assert calls()[before:] == ["GET courses/{id}"]


def test_org_units_with_another_code_are_no_answer_to_a_look_up_by_it(provider, site, school_class) -> None:
    page = {"Items": [unit(7, "Other", "rolecall-9b2f-class-2", "Course Offering")], "PagingInfo": {"HasMoreItems": False}}
    site.fail(200, body=page, match=lambda method, path: path == "orgstructure/")

    assert provider.find_class(school_class) is None


def test_a_code_that_several_org_units_have_or_no_course_is_for_a_person(provider, site, course, school_class) -> None:
    site.state.units[1] = unit(1, "Other", "rolecall-9b2f-class", "Semester")
    with pytest.raises(Conflict, match="Several org units"):
        provider.find_class(school_class)
    del site.state.units[int(course)]

    with pytest.raises(Conflict, match="no course offering"):
        provider.find_class(school_class)


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("GET", "courses/{}", {"Name": "Maths"}, Garbled),
        ("POST", "courses/", {"Name": "Maths"}, Unclear),
        ("POST", "courses/", [], Unclear),
    ],
)
def test_an_answer_that_says_nothing_of_a_course_is_not_believed(provider, site, course, school_class, method, path, body, error) -> None:
    site.fail(200, body=body, match=lambda asked, where: (asked, where) == (method, path.format(course)), next=None)
    other = replace(school_class, key="other")

    with pytest.raises(error):
        provider.find_class(school_class) if method == "GET" else provider.create_class(other, provider.class_attributes(other))


def test_people_are_enrolled_with_the_roles_of_the_settings_and_assistants_as_teachers(provider, site, course) -> None:
    anna, berta, eve = (str(site.add_user(UserName=name)) for name in ("anna", "berta", "eve"))
    roles = {anna: "student", berta: "teacher", eve: provider.class_role("assistant")}

    provider.add_members(course, [Member(number, role) for number, role in roles.items()])

    assert [site.state.enrolments[int(course), int(number)] for number in roles] == [STUDENT, TEACHER, TEACHER]


@pytest.mark.parametrize("settings", [CLASSES | {"class_roles": [f"assistant = {ASSISTANT}"]}])
def test_assistants_may_have_a_role_of_their_own(provider, site, course) -> None:
    eve = Member(str(site.add_user(UserName="eve")), provider.class_role("assistant"))

    provider.add_members(course, [eve])

    assert eve.role == "assistant"
    assert provider.members(course) == {eve}


def test_people_with_another_role_are_not_ours(provider, site, course) -> None:
    site.state.enrolments[int(course), site.add_user(UserName="root")] = ADMINISTRATOR

    assert provider.members(course) == frozenset()


@pytest.mark.parametrize("settings", [CLASSES | {"user_roles": ["student = 110"]}])
def test_a_role_that_no_setting_names_is_a_matter_of_settings(provider, site, course) -> None:
    with pytest.raises(Misconfigured, match="teacher"):
        provider.add_members(course, [Member(str(site.add_user(UserName="eve")), "teacher")])


def test_more_than_a_thousand_go_in_several_calls(provider, site, course, calls) -> None:
    people = frozenset(Member(str(site.add_user(UserName=f"u{number}")), "student") for number in range(1_005))

    before = len(calls())
    provider.add_members(course, people)

    assert calls()[before:] == ["POST enrollments/batch/"] * 2
    assert provider.members(course) == people


@pytest.mark.parametrize("options", [{"changes_roles": False}])
def test_who_cannot_get_another_role_is_refused(provider, site, course) -> None:
    eve = str(site.add_user(UserName="eve"))
    provider.add_members(course, [Member(eve, "student")])
    site.fail(200, body=[{"StatusCode": 400}], match=lambda method, path: path == "enrollments/batch/")

    with pytest.raises(Permanent, match="refused to enrol 1"):
        provider.add_members(course, [Member(eve, "teacher")])


@pytest.mark.parametrize(
    ("failures", "kind"),
    [
        ([{"StatusCode": 404}], Permanent),
        ([{"StatusError": 400, "StatusMessage": "No."}], Permanent),
        ([{}], Permanent),
        ([{"StatusCode": 404}, {"StatusCode": 429}], Transient),
        ([{"StatusCode": 500}], Transient),
        ([{"StatusCode": 403}, {"StatusCode": 403}], Misconfigured),
        ([{"StatusCode": 403}, {"StatusCode": 404}], Permanent),
        ({"StatusCode": 404}, Garbled),
    ],
)
def test_failures_of_a_batch_have_their_class(provider, site, course, failures, kind) -> None:
    people = [Member(str(site.add_user(UserName=name)), "student") for name in ("anna", "eve")]
    site.fail(200, body=failures, match=lambda method, path: path == "enrollments/batch/")

    with pytest.raises(kind):
        provider.add_members(course, people)


def test_one_who_may_not_be_enrolled_does_not_pause_the_others(provider, site, course) -> None:
    anna, root = (Member(str(site.add_user(UserName=name)), "student") for name in ("anna", "root"))
    site.protected.add(int(root.external_id))

    with pytest.raises(Permanent):
        provider.add_members(course, [anna, root])

    assert provider.members(course) == {anna}


def test_a_failure_over_somebody_who_is_in_already_is_none(provider, site, course) -> None:
    anna = Member(str(site.add_user(UserName="anna")), "student")
    provider.add_members(course, [anna])
    site.fail(200, body=[{"StatusCode": 400}], match=lambda method, path: path == "enrollments/batch/")

    provider.add_members(course, [anna])


def test_who_is_enrolled_must_be_shown(provider, site, course) -> None:
    provider.add_members(course, [Member(str(site.add_user(UserName="anna")), "student")])
    site.hidden = frozenset({"Identifier"})
    with pytest.raises(Misconfigured, match="who is enrolled"):
        provider.members(course)
    page = {"Items": [{"User": None, "Role": {}}], "PagingInfo": {"HasMoreItems": False}}
    site.fail(200, body=page, match=lambda method, path: path.endswith("/users/"))

    with pytest.raises(Garbled):
        provider.members(course)


def test_links_without_numbers_have_nothing_behind_them(provider, course) -> None:
    with pytest.raises(NotFound):
        provider.members("abc")
    with pytest.raises(Permanent):
        provider.add_members(course, [Member("abc", "student")])
