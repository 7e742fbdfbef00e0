"""Groups from roles per period: made once, kept in step, and no other group is touched."""

from dataclasses import replace

import pytest

from rolecall import RoleSnapshot, Verb
from rolecall.errors import Permanent, Transient
from rolecall_google import groups

HEAD = RoleSnapshot(period="2026", role="Head: of <all>", period_is_current=True)
CLERK = RoleSnapshot(period="2026", role="Clerk", period_is_current=True)
ANNA = "anna@school.example"
GROUPS = "/admin/directory/v1/groups"


def test_keys_and_names_keep_signs_of_their_own_apart() -> None:
    key = groups.group_key("20:26", "student", "50% : x")

    assert groups.group_name(key) == "50% : x (student, 20:26)"
    assert groups.group_name("rolecall:odd") == "rolecall:odd"
    assert len(groups.local_part(key)) <= 64


def test_a_long_key_is_cut_and_stays_its_own() -> None:
    first, second = (groups.group_key("2026", "student", "x" * 2000 + end) for end in "ab")

    assert first != second
    assert len(first) == groups.LONGEST_KEY


def test_a_change_of_roles_moves_between_our_groups_and_leaves_others(account, made, change, apply, school) -> None:
    anna = account(roles=(HEAD,))
    number = made(anna)
    school.state.groups["choir"] = {"id": "choir", "email": "choir@school.example", "name": "Choir"}
    school.state.members["choir"] = {number}
    later = replace(anna, roles=(CLERK,))

    result = apply(change(Verb.UPDATE, later, number, after={"groups": groups.group_keys(later)}))["anna"]

    assert result.error is None
    assert school.users[ANNA]["groups"] == {"Choir", "Clerk (student, 2026)"}
    assert "Head: of all (student, 2026)" in [group["name"] for group in school.state.groups.values()]


def test_being_in_a_group_already_is_no_error_and_neither_is_having_left_it(account, made, provider) -> None:
    number = made(account(roles=(HEAD,)))
    key = groups.group_key("2026", "student", HEAD.role)
    known = provider.workspace.groups

    assert known.move([(number, key)], []) == {}
    for _ in range(2):
        assert known.move([], [(number, provider.ensure_groups([key])[key])]) == {}


def test_a_group_is_made_once_and_found_by_another_process(provider, school, wire) -> None:
    key = groups.group_key("2026", "student", "Head")
    made = provider.ensure_groups([key])

    other = type(provider)(school.settings, wire.http)

    assert other.ensure_groups([key]) == made
    assert len(school.state.groups) == 1


def test_a_group_whose_description_was_changed_is_still_ours_to_leave(account, made, change, apply, school) -> None:
    anna = account(roles=(HEAD,))
    number = made(anna)
    (group,) = school.state.groups.values()
    group["description"] = "changed by hand"

    apply(change(Verb.UPDATE, anna, number, after={"groups": frozenset()}))

    assert school.state.members == {group["id"]: set()}


def test_a_group_that_was_deleted_there_is_made_again(account, made, change, apply, school) -> None:
    made(account("anna", roles=(HEAD,)))
    school.state.groups.clear()
    eve = account("eve", roles=(HEAD,))

    first, second = apply(change(Verb.CREATE, eve))["eve"], apply(change(Verb.CREATE, eve))["eve"]

    assert isinstance(first.error, Transient)
    assert second.error is None
    assert school.users["eve@school.example"]["groups"] == {"Head: of all (student, 2026)"}


class TestLag:
    @pytest.fixture
    def options(self):
        return {"group_lag": 4}

    def test_a_group_that_was_just_made_is_not_made_twice(self, provider, school, wire) -> None:
        key = groups.group_key("2026", "student", "Head")
        number = provider.ensure_groups([key])[key]
        other = type(provider)(school.settings, wire.http)

        for _ in range(2):
            with pytest.raises(Transient, match="does not show"):
                other.ensure_groups([key])

        assert other.ensure_groups([key]) == {key: number}

    def test_a_group_that_comes_to_be_seen_while_it_is_made_is_ours(self, provider, school, wire) -> None:
        key = groups.group_key("2026", "student", "Head")
        number = provider.ensure_groups([key])[key]
        school.state.hidden[number] = 1

        assert type(provider)(school.settings, wire.http).ensure_groups([key]) == {key: number}


def test_what_cannot_be_read_of_one_user_does_not_stop_the_others(account, made, change, apply, school) -> None:
    people = [account(name, roles=(HEAD,)) for name in ("anna", "eve")]
    numbers = [made(each) for each in people]
    school.fail(500, reason="backendError", match=lambda method, path: (method, path) == ("GET", GROUPS))
    plan = [change(Verb.UPDATE, each, number, after={"groups": frozenset()}) for each, number in zip(people, numbers, strict=True)]

    results = apply(*plan)

    assert isinstance(results["anna"].error, Transient)
    assert results["eve"].error is None


@pytest.mark.parametrize(
    ("status", "reason", "kind"), [(400, "cyclicMembershipsNotAllowed", Permanent), (412, "conditionNotMet", Transient)]
)
def test_a_member_who_is_refused_is_said(account, change, apply, school, status, reason, kind) -> None:
    school.fail(status, reason=reason, match=lambda method, path: method == "POST" and path.endswith("/members"))

    assert isinstance(apply(change(Verb.CREATE, account(roles=(HEAD,))))["anna"].error, kind)


class TestManyGroups:
    @pytest.fixture
    def options(self):
        return {"page_size": 1}

    def test_more_groups_than_a_page_holds_are_all_read(self, account, made, provider) -> None:
        anna = account(roles=(HEAD, CLERK))
        made(anna)

        assert provider.find(anna).attributes["groups"] == groups.group_keys(anna)


def test_without_groups_none_is_read(school, wire, account, provider) -> None:
    plain = type(provider)({**school.settings, "groups": False}, wire.http)
    school.sign_in.granted -= {"admin.directory.group"}
    anna = account(roles=(HEAD,))
    plain.create(anna, plain.attributes(anna), None)

    assert {"groups" in each.attributes for each in plain.accounts()} == {False}
    assert "groups" not in plain.find(anna).attributes
