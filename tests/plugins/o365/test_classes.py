"""Classes: an education class, its members and teachers, and the team on it."""

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


def test_a_class_is_found_by_our_key_as_it_was_made(provider, maths) -> None:
    found = provider.find_class(MATHS)

    assert (found.external_id, found.key, found.suspended) == (maths, MATHS.key, False)
    assert found.attributes == provider.class_attributes(MATHS)
    assert provider.find_class(ClassSnapshot(id=2, key="other", code="X", name="X", period=PERIOD)) is None


def test_a_class_that_is_there_already_is_a_conflict(provider, maths) -> None:
    with pytest.raises(Conflict):
        provider.create_class(MATHS, provider.class_attributes(MATHS))


def test_a_group_that_is_not_shown_as_a_class_yet_is_waited_for(provider, maths, tenant) -> None:
    del tenant.state.classes[maths]

    with pytest.raises(Transient):
        provider.find_class(MATHS)


def test_members_are_students_and_teachers_and_adding_them_again_is_no_error(provider, maths, people, tenant) -> None:
    wanted = {Member(people["anna"], "student"), Member(people["tom"], "teacher")}

    for _ in range(2):
        provider.add_members(maths, [*wanted, Member(people["ada"], "assistant")])

    assert provider.members(maths) == wanted | {Member(people["ada"], "teacher")}
    assert tenant.state.groups[maths]["members"] == set(people.values())
    assert tenant.state.teams == {maths: False}


def test_who_leaves_is_in_neither_list_and_leaving_twice_is_no_error(provider, maths, people) -> None:
    everybody = [Member(people["anna"], "student"), Member(people["tom"], "teacher")]
    provider.add_members(maths, everybody)

    for _ in range(2):
        provider.remove_members(maths, everybody)

    assert provider.members(maths) == frozenset()


def test_a_class_without_a_teacher_has_no_team_yet(provider, maths, people, tenant) -> None:
    provider.add_members(maths, [Member(people["anna"], "student")])

    assert tenant.state.teams == {}


class TestTeamLag:
    @pytest.fixture
    def options(self):
        return {"team_lag": 2}

    def test_a_team_that_cannot_be_made_yet_is_tried_again_with_everybody_in_the_class(self, provider, maths, people, tenant) -> None:
        members = [Member(people["tom"], "teacher"), Member(people["anna"], "student")]
        for _ in range(2):
            with pytest.raises(Transient, match="team"):
                provider.add_members(maths, members)
        provider.add_members(maths, members)

        assert provider.members(maths) == set(members)
        assert tenant.state.teams == {maths: False}


class TestOtherSettings:
    @pytest.fixture
    def settings(self):
        return {"teams": False, "assistants": "student"}

    def test_teams_can_be_left_out_and_assistants_be_students(self, provider, maths, people, tenant) -> None:
        provider.add_members(maths, [Member(people["ada"], "assistant"), Member(people["tom"], "teacher")])

        assert provider.members(maths) == {Member(people["ada"], "student"), Member(people["tom"], "teacher")}
        assert tenant.state.teams == {}


def test_an_archived_class_is_closed_and_an_update_opens_it(provider, maths, people) -> None:
    provider.add_members(maths, [Member(people["tom"], "teacher")])

    for _ in range(2):
        provider.archive_class(maths)
    assert provider.find_class(MATHS).suspended

    provider.update_class(maths, {"displayName": "Algebra"})
    found = provider.find_class(MATHS)
    assert (found.suspended, found.attributes["displayName"]) == (False, "Algebra")


def test_archiving_what_has_no_team_or_is_gone_is_no_error_and_updating_it_is(provider, maths) -> None:
    provider.archive_class(maths)
    provider.archive_class("gone")
    provider.update_class(maths, {})

    with pytest.raises(NotFound):
        provider.update_class("gone", {"classCode": "X"})


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(400, "Request_BadRequest", Permanent), (500, "InternalServerError", Transient), (403, "Authorization_RequestDenied", Permanent)],
)
def test_a_member_that_is_refused_is_said(provider, maths, people, tenant, status, code, kind) -> None:
    member = Member(people["anna"], "student")
    for method in ("POST", "DELETE"):
        tenant.fail(status, code=code, match=lambda asked, path, method=method: asked == method and path.endswith("/$ref"))

    with pytest.raises(kind):
        provider.add_members(maths, [member])
    with pytest.raises(kind):
        provider.remove_members(maths, [member])


def test_a_person_who_is_not_seen_yet_is_tried_again(provider, maths) -> None:
    with pytest.raises(Transient):
        provider.add_members(maths, [Member("not-there", "student")])


def test_a_missing_permission_for_classes_is_a_matter_of_settings(provider, tenant) -> None:
    tenant.roles -= {"EduRoster.ReadWrite.All"}

    with pytest.raises(Misconfigured):
        provider.create_class(MATHS, provider.class_attributes(MATHS))
