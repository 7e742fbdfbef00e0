"""Classes: a course of Classroom with our key as its alias, its teachers and its students."""

from datetime import date

import pytest

from rolecall import ClassSnapshot, Member, PeriodSnapshot
from rolecall.errors import Conflict, Misconfigured, NotFound, Permanent, Transient

PERIOD = PeriodSnapshot(code="2026", name="2026/27", starts_on=date(2026, 9, 1), ends_on=date(2027, 6, 30))
MATHS = ClassSnapshot(id=1, key="5f0c2a7e-8a4a-4e58-9f3e-2b1d6c7a9e10", code="M1", name="Maths", period=PERIOD)


@pytest.fixture
def maths(provider):
    return provider.create_class(MATHS, provider.class_attributes(MATHS)).external_id


@pytest.fixture
def people(account, made):
    return {name: made(account(name)) for name in ("anna", "tom", "ada")}


def test_a_course_is_open_owned_by_the_administrator_and_found_by_our_key(provider, maths, school) -> None:
    found = provider.find_class(MATHS)

    assert (found.external_id, found.key, found.suspended) == (maths, MATHS.key, False)
    assert found.attributes == provider.class_attributes(MATHS) == {"name": "Maths (2026)", "section": "M1"}
    assert school.state.aliases == {f"d:{MATHS.key}": maths}
    assert school.state.users[school.courses[maths]["ownerId"]]["primaryEmail"] == school.admin
    assert provider.find_class(ClassSnapshot(id=2, key="other", code="X", name="X", period=PERIOD)) is None


def test_a_class_that_is_there_already_is_a_conflict(provider, maths) -> None:
    with pytest.raises(Conflict):
        provider.create_class(MATHS, provider.class_attributes(MATHS))


def test_a_name_that_classroom_refuses_is_said(provider) -> None:
    with pytest.raises(Permanent, match="URL"):
        provider.create_class(MATHS, {"name": "https://maths", "section": "M1"})


def test_members_are_students_and_teachers_and_adding_them_again_is_no_error(provider, maths, people, school) -> None:
    wanted = {Member(people["anna"], "student"), Member(people["tom"], "teacher")}

    for _ in range(2):
        provider.add_members(maths, [*wanted, Member(people["ada"], "assistant")])

    assert provider.members(maths) == wanted | {Member(people["ada"], "teacher")}
    assert school.courses[maths]["teachers"] == 3, "the owner is one of them, and is not counted among the members"


class TestOtherSettings:
    @pytest.fixture
    def settings(self):
        return {"class_owner": "tom@school.example", "assistants": "student"}

    def test_assistants_can_be_students_and_a_teacher_the_owner(self, people, provider, school) -> None:
        maths = provider.create_class(MATHS, provider.class_attributes(MATHS)).external_id

        provider.add_members(maths, [Member(people["ada"], "assistant"), Member(people["tom"], "teacher")])

        assert provider.members(maths) == {Member(people["ada"], "student")}
        assert school.courses[maths]["ownerId"] == people["tom"]

    def test_an_owner_who_leaves_stays_and_that_is_said_when_the_others_are_out(self, people, provider) -> None:
        maths = provider.create_class(MATHS, provider.class_attributes(MATHS)).external_id
        everybody = [Member(people["ada"], "student"), Member(people["tom"], "teacher")]
        provider.add_members(maths, everybody)

        with pytest.raises(Permanent, match="owns"):
            provider.remove_members(maths, everybody)
        assert provider.members(maths) == frozenset()


def test_who_leaves_is_in_neither_list_and_leaving_twice_is_no_error(provider, maths, people) -> None:
    everybody = [Member(people["anna"], "student"), Member(people["tom"], "teacher")]
    provider.add_members(maths, everybody)

    for _ in range(2):
        provider.remove_members(maths, everybody)

    assert provider.members(maths) == frozenset()


def test_an_archived_course_is_closed_and_an_update_opens_it_first(provider, maths, school) -> None:
    for _ in range(2):
        provider.archive_class(maths)
    assert provider.find_class(MATHS).suspended

    provider.update_class(maths, {"name": "Algebra"})

    found = provider.find_class(MATHS)
    assert (found.suspended, found.attributes["name"]) == (False, "Algebra")
    patches = [(each["query"], each["body"]) for each in school.journal if each["method"] == "PATCH"]
    assert patches == [
        ({"updateMask": "courseState"}, {"courseState": "ARCHIVED"}),
        ({"updateMask": "courseState"}, {"courseState": "ACTIVE"}),
        ({"updateMask": "name"}, {"name": "Algebra"}),
    ]


def test_a_course_that_is_gone_says_so_but_for_archiving(provider, people) -> None:
    member = [Member(people["anna"], "student")]

    provider.archive_class("999")
    for verb in (provider.add_members, provider.remove_members):
        with pytest.raises(NotFound):
            verb("999", member)
    for verb in (provider.members, lambda gone: provider.update_class(gone, {})):
        with pytest.raises(NotFound):
            verb("999")


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "FAILED_PRECONDITION", Permanent),
        (403, "PERMISSION_DENIED", Misconfigured),
        (429, "RESOURCE_EXHAUSTED", Transient),
        (500, "INTERNAL", Transient),
        (409, "ABORTED", Transient),
    ],
)
def test_a_member_that_is_refused_is_said(provider, maths, people, school, status, reason, kind) -> None:
    member = Member(people["anna"], "student")
    for method in ("POST", "DELETE"):
        school.fail(status, reason=reason, match=lambda asked, path, method=method: asked == method and "/students" in path)

    with pytest.raises(kind):
        provider.add_members(maths, [member])
    with pytest.raises(kind):
        provider.remove_members(maths, [member])


def test_of_several_errors_the_one_that_a_person_must_mend_is_said(provider, maths, people, school) -> None:
    school.fail(503, reason="UNAVAILABLE", match=lambda method, path: method == "POST" and path.endswith("/teachers"))
    school.state.users[people["anna"]]["suspended"] = True

    with pytest.raises(Permanent, match="disabled"):
        provider.add_members(maths, [Member(people["anna"], "student"), Member(people["tom"], "teacher")])


def test_a_person_whom_classroom_does_not_know_is_fresh_or_gone_or_cannot_be_asked_for(provider, maths, people, school) -> None:
    school.state.hidden[people["anna"]] = 1
    with pytest.raises(Transient, match="moment ago"):
        provider.add_members(maths, [Member(people["anna"], "student")])

    with pytest.raises(Permanent, match="no such user"):
        provider.add_members(maths, [Member("777", "student")])

    school.fail(429, reason="rateLimitExceeded", match=lambda method, path: path.endswith("/users/777"))
    with pytest.raises(Transient, match="wait"):
        provider.add_members(maths, [Member("777", "student")])


def test_a_member_without_an_id_is_no_answer(provider, maths, wire) -> None:
    wire.garbage(
        body=b'{"teachers": [{"courseId": "1"}]}', content_type="application/json", match=lambda request: request.path.endswith("/teachers")
    )

    with pytest.raises(Transient):
        provider.members(maths)


def test_a_large_class_is_filled_in_batches_of_six(provider, maths, account, made, wire) -> None:
    everybody = [Member(made(account(f"user{number}")), "student") for number in range(8)]
    before = len(wire.journal)

    provider.add_members(maths, everybody)

    assert [request.path for request in wire.journal[before:]] == ["/batch", "/batch"]
