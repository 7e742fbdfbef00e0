"""Groups from roles per period: made once, kept in step, and no other group is touched."""

from dataclasses import replace

import pytest

from rolecall import RoleSnapshot, Verb
from rolecall.errors import Conflict, Transient
from rolecall_o365 import groups

HEAD = RoleSnapshot(period="2026", role="Head: of all", period_is_current=True)
CLERK = RoleSnapshot(period="2026", role="Clerk", period_is_current=True)


def test_keys_and_names_keep_signs_of_their_own_apart() -> None:
    key = groups.group_key("20:26", "student", "50% : x")

    assert groups.group_name(key) == "50% : x (student, 20:26)"
    assert groups.group_name("rolecall:odd") == "rolecall:odd"
    assert len(groups.nickname(key)) <= 64


def test_a_long_key_is_cut_and_stays_its_own() -> None:
    first, second = (groups.group_key("2026", "student", "x" * 2000 + end) for end in "ab")

    assert first != second
    assert len(first) == groups.LONGEST_KEY


def test_a_change_of_roles_moves_between_our_groups_and_leaves_others(account, made, change, apply, tenant, provider) -> None:
    anna = account(roles=(HEAD,))
    number = made(anna)
    by_hand = provider.tenant.groups._create("by hand")
    tenant.state.groups[by_hand] |= {"mailNickname": "choir", "displayName": "Choir"}
    tenant.state.groups[by_hand]["members"].add(number)
    later = replace(anna, roles=(CLERK,))

    result = apply(change(Verb.UPDATE, later, number, after={"groups": groups.group_keys(later)}))["anna"]

    assert result.error is None
    assert tenant.users["anna@school.example"]["groups"] == {"Choir", "Clerk (student, 2026)"}


def test_being_in_a_group_already_is_no_error(account, made, provider) -> None:
    number = made(account(roles=(HEAD,)))
    key = groups.group_key("2026", "student", HEAD.role)

    assert provider.tenant.groups.move([(number, key)], []) == {}
    assert provider.tenant.groups.move([], [(number, provider.ensure_groups([key])[key])]) == {}
    assert provider.tenant.groups.move([], [(number, provider.ensure_groups([key])[key])]) == {}


def test_a_group_is_made_once_and_found_by_another_process(provider, tenant, wire) -> None:
    key = groups.group_key("2026", "student", "Head")
    made = provider.ensure_groups([key])

    other = type(provider)(tenant.settings, wire.http)

    assert other.ensure_groups([key]) == made
    assert len(tenant.state.groups) == 1


def test_a_group_whose_description_was_changed_is_still_ours_to_leave(account, made, change, apply, tenant) -> None:
    anna = account(roles=(HEAD,))
    number = made(anna)
    (group,) = tenant.state.groups.values()
    group["description"] = "changed by hand"

    apply(change(Verb.UPDATE, anna, number, after={"groups": frozenset()}))

    assert group["members"] == set()


def test_a_group_that_was_deleted_there_is_made_again(account, made, change, apply, tenant) -> None:
    made(account("anna", roles=(HEAD,)))
    tenant.state.groups.clear()
    eve = account("eve", roles=(HEAD,))

    first, second = apply(change(Verb.CREATE, eve))["eve"], apply(change(Verb.CREATE, eve))["eve"]

    assert isinstance(first.error, Transient)
    assert second.error is None
    assert tenant.users["eve@school.example"]["groups"] == {"Head: of all (student, 2026)"}


def test_a_group_whose_name_is_taken_by_ours_is_ours_and_by_another_a_conflict(provider, tenant) -> None:
    key = groups.group_key("2026", "student", "Head")
    tenant.fail(409, code="Conflict", match=lambda method, path: (method, path) == ("POST", "/groups"))

    with pytest.raises(Conflict):
        provider.ensure_groups([key])
    number = provider.ensure_groups([key])[key]
    tenant.fail(409, code="Conflict", match=lambda method, path: (method, path) == ("POST", "/groups"))
    assert provider.tenant.groups._create(key) == number


def test_what_cannot_be_read_of_one_user_does_not_stop_the_others(account, made, change, apply, tenant) -> None:
    people = [account(name, roles=(HEAD,)) for name in ("anna", "eve")]
    numbers = [made(each) for each in people]
    tenant.fail(500, match=lambda method, path: path == f"/users/{numbers[0]}/memberOf")

    results = apply(
        *(change(Verb.UPDATE, each, number, after={"groups": frozenset()}) for each, number in zip(people, numbers, strict=True))
    )

    assert isinstance(results["anna"].error, Transient)
    assert results["eve"].error is None


class TestManyGroups:
    @pytest.fixture
    def options(self):
        return {"page_size": 1}

    def test_more_groups_than_a_page_holds_are_not_half_believed(self, account, made, provider) -> None:
        anna = account(roles=(HEAD, CLERK))
        made(anna)

        with pytest.raises(Transient, match="more groups"):
            provider.find(anna)
