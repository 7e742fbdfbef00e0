"""Classes as courses and enrolments: what is sent, what is found, and what Moodle's refusals mean."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from werkzeug.test import Client as Browser

from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, ProviderError, Transient
from rolecall.sdk import ClassSnapshot, Member, PeriodSnapshot
from rolecall.testing.wire import Wire
from rolecall_moodle import enrolments
from rolecall_moodle.fake import ALL_RIGHTS, FakeMoodle
from rolecall_moodle.provider import MoodleProvider

PERIOD = PeriodSnapshot(code="2026", name="2026/27", starts_on=date(2026, 9, 1), ends_on=date(2027, 6, 30), is_current=True)
UPDATE = "core_course_update_courses"


def school_class(name: str = "Maths", *, code: str = "M1", key: str = "key-maths") -> ClassSnapshot:
    return ClassSnapshot(id=1, key=key, code=code, name=name, period=PERIOD)


def made(provider: MoodleProvider, **values: Any) -> str:
    wanted = school_class(**values)
    return provider.create_class(wanted, provider.class_attributes(wanted)).external_id


def asks(function: str) -> Callable[..., bool]:
    """Match calls of a function."""
    return lambda request: f"wsfunction={function}&".encode() in request.body


def person(moodle: FakeMoodle, name: str, role: str = "student") -> Member:
    return Member(str(moodle.add_user(username=name, email=f"{name}@x.example")), role)


def test_a_course_has_the_name_of_the_class_and_a_short_name_that_is_unique(moodle: FakeMoodle, provider: MoodleProvider):
    made(provider)

    course = moodle.courses["key-maths"]
    assert (course["fullname"], course["shortname"], course["categoryid"], course["visible"]) == ("Maths", "M1 (2026)", 1, 1)


def test_a_class_without_a_name_is_called_by_its_code(moodle: FakeMoodle, provider: MoodleProvider):
    made(provider, name=" ")

    assert moodle.courses["key-maths"]["fullname"] == "M1"


@pytest.mark.parametrize("settings", [{"class_category": 2}])
def test_a_course_is_made_in_the_category_of_the_settings(moodle: FakeMoodle, provider: MoodleProvider):
    moodle.state.categories[2] = {"id": 2, "name": "2026/27", "idnumber": None}

    made(provider)

    assert moodle.courses["key-maths"]["categoryid"] == 2


@pytest.mark.parametrize("settings", [{"class_category": 7}])
def test_a_category_that_does_not_exist_is_a_matter_of_settings(provider: MoodleProvider):
    with pytest.raises(Misconfigured):
        made(provider)


@pytest.mark.parametrize("values", [{"name": "x" * 255}, {"code": "x" * 256}])
def test_what_moodle_cannot_store_is_refused_in_words_before_it_is_sent(moodle: FakeMoodle, provider: MoodleProvider, values: Any):
    with pytest.raises(Permanent, match=r"at most 25[45] characters"):
        made(provider, **values)

    assert moodle.journal == []


def test_a_course_that_somebody_made_under_this_short_name_is_found_without_a_key(moodle: FakeMoodle, provider: MoodleProvider):
    number = moodle.add_course(shortname="M1 (2026)")

    found = provider.find_class(school_class())

    assert found is not None
    assert (found.external_id, found.key) == (str(number), None)


def test_our_key_wins_over_the_short_name(moodle: FakeMoodle, provider: MoodleProvider):
    moodle.add_course(shortname="M1 (2026)")
    ours = moodle.add_course(idnumber="key-maths")

    found = provider.find_class(school_class())

    assert found is not None
    assert found.external_id == str(ours)


def test_two_courses_with_our_key_wait_for_a_person(moodle: FakeMoodle, provider: MoodleProvider):
    for _ in range(2):
        moodle.add_course(idnumber="key-maths")

    with pytest.raises(Conflict, match="course ids 2, 3"):
        provider.find_class(school_class())


@pytest.mark.parametrize("fields", [{"shortname": "M1 (2026)"}, {"idnumber": "key-maths"}])
def test_a_name_or_key_that_is_taken_is_a_conflict(moodle: FakeMoodle, provider: MoodleProvider, fields: dict[str, str]):
    moodle.add_course(**fields)

    with pytest.raises(Conflict, match="already used for another course"):
        made(provider)


def test_renaming_into_a_short_name_that_is_taken_is_refused(moodle: FakeMoodle, provider: MoodleProvider):
    moodle.add_course(shortname="taken")
    number = made(provider)

    with pytest.raises(Permanent, match="already used"):
        provider.update_class(number, {"shortname": "taken"})


@pytest.mark.parametrize("right", ["moodle/course:view", "moodle/course:update", "moodle/course:changefullname"])
def test_a_missing_right_to_change_courses_is_a_matter_of_settings(moodle: FakeMoodle, provider: MoodleProvider, right: str):
    number = made(provider)
    moodle.change_token(moodle.settings["token"], rights=ALL_RIGHTS - {right})

    with pytest.raises(Misconfigured):
        provider.update_class(number, {"fullname": "New"})


@pytest.mark.parametrize("answer", [b"null", b"[]", b'{"warnings": 7}', b"7"])
def test_an_answer_to_an_update_that_is_none_is_unclear(wire: Wire, provider: MoodleProvider, answer: bytes):
    number = made(provider)
    wire.garbage(body=answer, content_type="application/json", match=asks(UPDATE))

    with pytest.raises(Ambiguous):
        provider.update_class(number, {"fullname": "New"})


@pytest.mark.parametrize("answer", [b"[]", b"{}", b'[{"id": 0}]', b'[{"id": 5}, {"id": 6}]'])
def test_an_answer_to_a_creation_that_is_none_is_unclear(wire: Wire, provider: MoodleProvider, answer: bytes):
    wire.garbage(body=answer, content_type="application/json", match=asks("core_course_create_courses"))

    with pytest.raises(Ambiguous):
        made(provider)


def test_a_warning_that_the_search_was_not_understood_is_no_answer(wire: Wire, provider: MoodleProvider):
    wire.garbage(body=b'{"courses": [], "warnings": [{"warningcode": "1"}]}', content_type="application/json")

    with pytest.raises(Transient):
        provider.find_class(school_class())


@pytest.mark.parametrize("external_id", ["", "abc", "²", "-1"])
def test_what_is_no_number_never_was_a_course(provider: MoodleProvider, external_id: str):
    with pytest.raises(NotFound):
        provider.members(external_id)


def test_an_error_about_a_course_that_is_there_stays_what_it_was(wire: Wire, provider: MoodleProvider):
    number = made(provider)
    body = b'{"exception": "x", "errorcode": "somethingelse", "message": "No."}'
    wire.garbage(body=body, content_type="application/json", match=asks(UPDATE))

    with pytest.raises(Permanent, match=r"No\."):
        provider.archive_class(number)


def test_the_page_of_the_fake_shows_the_courses(moodle: FakeMoodle):
    assert "<h2>Courses</h2>" not in Browser(moodle).get("/").text
    moodle.add_course(fullname="<Maths>")

    assert "&lt;Maths&gt;" in Browser(moodle).get("/").text


# people


def test_people_are_enrolled_with_the_roles_of_a_new_moodle(moodle: FakeMoodle, provider: MoodleProvider):
    number = made(provider)

    provider.add_members(number, [person(moodle, "anna"), person(moodle, "ben", "teacher"), person(moodle, "eva", "assistant")])

    assert moodle.courses["key-maths"]["people"] == {"anna": (5,), "ben": (3,), "eva": (4,)}


@pytest.mark.parametrize("settings", [{"role_teacher": 4, "role_assistant": 3}])
def test_people_are_enrolled_with_the_roles_of_the_settings(moodle: FakeMoodle, provider: MoodleProvider):
    number = made(provider)
    members = frozenset({person(moodle, "ben", "teacher"), person(moodle, "eva", "assistant")})

    provider.add_members(number, members)

    assert moodle.courses["key-maths"]["people"] == {"ben": (4,), "eva": (3,)}
    assert provider.members(number) == members


def test_roles_that_are_not_ours_are_not_seen(moodle: FakeMoodle, provider: MoodleProvider, wire: Wire):
    number = made(provider)
    wire.garbage(
        body=b'[{"id": 7, "roles": [{"roleid": 99}]}, {"id": 8}, {"id": 9, "roles": [{"roleid": 5}, {"roleid": 3}]}]',
        content_type="application/json",
        match=asks("core_enrol_get_enrolled_users"),
    )

    assert provider.members(number) == {Member("9", "student"), Member("9", "teacher")}


def test_a_course_is_read_page_by_page(moodle: FakeMoodle, provider: MoodleProvider, calls: Callable[[], list[str]]):
    number = made(provider)
    members = frozenset(person(moodle, f"user{each}") for each in range(enrolments.PAGE + 1))
    provider.add_members(number, members)

    assert provider.members(number) == members
    assert calls().count("enrol_get_enrolled_users") == 2
    assert calls().count("enrol_manual_enrol_users") == 1


def test_many_enrolments_stay_below_the_limit_of_form_fields(moodle: FakeMoodle, provider: MoodleProvider, calls: Callable[[], list[str]]):
    number = made(provider)
    members = [person(moodle, f"user{each}") for each in range(301)]

    provider.add_members(number, members)

    assert calls().count("enrol_manual_enrol_users") == 2
    assert len(moodle.courses["key-maths"]["people"]) == 301


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"rights": ALL_RIGHTS - {"enrol/manual:enrol"}}, Misconfigured),
        ({"rights": ALL_RIGHTS - {"moodle/role:assign"}}, Misconfigured),
        ({"rights": ALL_RIGHTS - {"moodle/course:view"}}, Misconfigured),
    ],
)
def test_a_missing_right_to_enrol_is_a_matter_of_settings(
    moodle: FakeMoodle, provider: MoodleProvider, change: dict[str, Any], error: type[ProviderError]
):
    number = made(provider)
    moodle.change_token(moodle.settings["token"], **change)

    with pytest.raises(error):
        provider.add_members(number, [person(moodle, "anna")])


@pytest.mark.parametrize("external_id", ["abc", "²", ""])
def test_a_member_without_a_number_is_refused_for_good(provider: MoodleProvider, external_id: str):
    number = made(provider)

    with pytest.raises(Permanent, match="no Moodle user id"):
        provider.add_members(number, [Member(external_id, "student")])


def test_an_answer_to_an_enrolment_is_unclear_because_there_is_none(moodle: FakeMoodle, wire: Wire, provider: MoodleProvider):
    number = made(provider)
    wire.garbage(body=b"[]", content_type="application/json", match=asks("enrol_manual_enrol_users"))

    with pytest.raises(Ambiguous):
        provider.add_members(number, [person(moodle, "anna")])


def test_who_is_deleted_in_moodle_leaves_the_courses(moodle: FakeMoodle, provider: MoodleProvider):
    number = made(provider)
    anna = person(moodle, "anna")
    provider.add_members(number, [anna])

    provider.delete(anna.external_id)

    assert provider.members(number) == frozenset()


@pytest.mark.parametrize("settings", [{"class_groups": True}])
def test_people_are_put_into_one_group_of_the_class_and_leave_it_with_the_course(moodle: FakeMoodle, provider: MoodleProvider):
    number = made(provider)
    anna, ben = person(moodle, "anna"), person(moodle, "ben")

    provider.add_members(number, [anna])
    provider.add_members(number, [ben])
    provider.remove_members(number, [anna])

    assert moodle.courses["key-maths"]["groups"] == {"Maths": frozenset({"ben"})}


@pytest.mark.parametrize("settings", [{"class_groups": True}])
def test_a_group_that_appears_in_between_is_used(moodle: FakeMoodle, wire: Wire, provider: MoodleProvider):
    number = made(provider)

    def overtake() -> None:
        course = moodle.state.courses[int(number)]
        group = {"id": moodle.state.number("group"), "name": "Maths", "idnumber": "key-maths", "members": []}
        moodle.state.put_course({**course, "groups": [group]})

    wire.run(overtake, match=asks("core_group_create_groups"))

    provider.add_members(number, [person(moodle, "anna")])

    assert moodle.courses["key-maths"]["groups"] == {"Maths": frozenset({"anna"})}


@pytest.mark.parametrize("settings", [{"class_groups": True}])
def test_a_group_of_this_name_that_is_somebody_elses_is_explained(moodle: FakeMoodle, provider: MoodleProvider):
    number = made(provider)
    course = moodle.state.courses[int(number)]
    moodle.state.put_course({**course, "groups": [{"id": 9, "name": "Maths", "idnumber": "", "members": []}]})

    with pytest.raises(Permanent, match="will not make the course group “Maths”"):
        provider.add_members(number, [person(moodle, "anna")])


@pytest.mark.parametrize("settings", [{"class_groups": True}])
def test_a_group_that_moodle_says_nothing_of_is_unclear(moodle: FakeMoodle, wire: Wire, provider: MoodleProvider):
    number = made(provider)
    wire.garbage(body=b"[]", content_type="application/json", match=asks("core_group_create_groups"))

    with pytest.raises(Ambiguous):
        provider.add_members(number, [person(moodle, "anna")])


@pytest.mark.parametrize("settings", [{"class_groups": True}])
def test_a_course_that_vanishes_before_its_group_is_made_is_gone(moodle: FakeMoodle, wire: Wire, provider: MoodleProvider):
    number = made(provider)
    anna = person(moodle, "anna")
    wire.garbage(body=b'{"courses": [], "warnings": []}', content_type="application/json", match=asks("core_course_get_courses_by_field"))

    with pytest.raises(NotFound):
        provider.add_members(number, [anna])
