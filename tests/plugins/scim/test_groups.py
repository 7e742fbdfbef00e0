"""Groups follow the roles of the open periods; groups made by hand are never touched."""

import pytest

from rolecall import RoleSnapshot, Verb
from rolecall.errors import Misconfigured, Permanent, Transient
from rolecall_scim.groups import LONGEST_KEY, group_key, group_keys, group_name

HEAD = RoleSnapshot(period="2026", role="Head")
CHOIR = RoleSnapshot(period="2026", role="Choir")
KEY = "rolecall:2026:student:"
GROUP = {"displayName": "Head (student, 2026)", "externalId": f"{KEY}Head"}


def members(service):
    """Return the user names in each group, by the group's name."""
    names = {row["id"]: row["userName"] for row in service.state.users.values()}
    return {row["displayName"]: {names.get(each["value"]) for each in row.get("members", [])} for row in service.state.groups.values()}


def test_keys_are_stable_and_names_are_for_people(account):
    closed = RoleSnapshot(period="2025", role="Old", period_is_open=False)
    off = RoleSnapshot(period="2026", role="Off", enabled=False)

    assert group_keys(account(roles=(HEAD, closed, off))) == {f"{KEY}Head"}
    assert group_name(group_key("20:26", "student", "50%")) == "50% (student, 20:26)"
    assert group_name("rolecall:something~else") == "rolecall:something~else"
    assert len({group_key("2026", "student", "x" * 400 + end) for end in "ab"}) == 2
    assert len(group_key("2026", "student", "x" * 400)) == LONGEST_KEY


@pytest.mark.parametrize(
    "quirks",
    [
        {},
        {"strict_targets": True, "bulk": (0, 0)},
        {"patch": False},
        {"patch": False, "promises_patch": True},
        {"filter": False, "page": 1},
        {"refuses_filter_by": frozenset({"externalid"})},
        {"small_names": True, "etag": False},
    ],
)
def test_people_come_and_go_with_their_roles(provider, service, account, apply, change):
    anna, ben = account("anna", roles=(HEAD, CHOIR)), account("ben", roles=(HEAD,))
    ids = {name: str(result.external_id) for name, result in apply(change(Verb.CREATE, anna), change(Verb.CREATE, ben)).items()}
    by_hand = service.resources.create("/Groups", {"displayName": "By hand", "members": [{"value": ids["anna"]}]}).body["id"]
    assert members(service) == {"Head (student, 2026)": {"anna", "ben"}, "Choir (student, 2026)": {"anna"}, "By hand": {"anna"}}

    results = apply(
        change(Verb.UPDATE, anna, ids["anna"], after={"groups": frozenset()}),
        change(Verb.UPDATE, ben, ids["ben"], after={"groups": frozenset({f"{KEY}Choir"})}),
    )

    assert [result.error for result in results.values()] == [None, None]
    assert members(service) == {"Head (student, 2026)": set(), "Choir (student, 2026)": {"ben"}, "By hand": {"anna"}}
    assert provider.find(ben).attributes["groups"] == {f"{KEY}Choir"}
    assert {each.external_id: each.attributes["groups"] for each in provider.accounts()}[ids["anna"]] == frozenset()
    assert by_hand not in provider.ensure_groups([f"{KEY}Choir"]).values()


def test_a_group_is_made_once_and_remembered(provider, calls):
    first, second = provider.ensure_groups([f"{KEY}Head"]), provider.ensure_groups([f"{KEY}Head"])

    assert first == second
    assert calls().count("POST /Groups") == 1


def test_a_group_that_was_deleted_there_is_made_again_at_the_next_try(provider, service, account, made, apply, change):
    anna = account("anna", roles=(HEAD,))
    number = made(anna)
    service.state.groups.clear()
    again = change(Verb.UPDATE, anna, number, after={"groups": frozenset({f"{KEY}Head"})})

    assert isinstance(apply(again)["anna"].error, Transient)
    assert apply(again)["anna"].error is None
    assert members(service) == {"Head (student, 2026)": {"anna"}}


@pytest.mark.parametrize("quirks", [{"forgets_external_id": True}])
def test_a_service_that_does_not_keep_the_key_of_a_group_gets_none(provider, service):
    with pytest.raises(Misconfigured, match="external id of a group"):
        provider.ensure_groups([f"{KEY}Head"])

    assert service.state.groups == {}


def test_a_group_of_that_name_without_our_key_is_not_taken_over(provider, service):
    service.fail(409, kind="uniqueness", match=lambda method, path: (method, path) == ("POST", "/Groups"))

    with pytest.raises(Misconfigured, match="does not carry our key"):
        provider.ensure_groups([f"{KEY}Head"])


def test_a_group_that_another_worker_made_in_between_is_used(provider, service, wire):
    made = []
    wire.run(
        lambda: made.append(service.resources.create("/Groups", {"displayName": "x", "externalId": f"{KEY}Head"}).body["id"]),
        match=lambda request: request.method == "POST",
    )
    service.fail(409, kind="uniqueness", match=lambda method, path: (method, path) == ("POST", "/Groups"))

    assert provider.ensure_groups([f"{KEY}Head"]) == {f"{KEY}Head": made[0]}


@pytest.mark.parametrize("quirks", [{}, {"bulk": (0, 0)}])
def test_one_member_who_is_refused_does_not_keep_the_others_out(provider, service, account, apply, change):
    def two(method, path):
        return method == "PATCH" and path.startswith("/Groups/")

    service.fail(400, kind="invalidValue", match=two, next=2)  # all of them together, then the first alone
    people = [account(name, roles=(HEAD,)) for name in ("anna", "ben", "cleo")]

    results = apply(*(change(Verb.CREATE, each) for each in people))

    failed = [name for name, result in results.items() if result.error is not None]
    assert len(failed) == 1
    assert isinstance(results[failed[0]].error, Permanent)
    assert members(service)["Head (student, 2026)"] == {"anna", "ben", "cleo"} - set(failed)


@pytest.mark.parametrize("settings", [{"groups": False}])
def test_without_groups_none_are_asked_for(provider, account, made, calls):
    made(account("anna", roles=(HEAD,)))

    assert "groups" not in provider.find(account("anna", roles=(HEAD,))).attributes
    assert [each.key for each in provider.accounts()] == ["key-anna"]
    assert not any("Groups" in call for call in calls())


def test_members_that_are_groups_are_none_of_ours(provider, service, account):
    user = service.add_user("anna", externalId="key-anna")
    nested = [{"value": user, "type": "Group"}]
    service.resources.create("/Groups", {"displayName": "x", "externalId": f"{KEY}Head", "members": nested})

    assert provider.find(account("anna")).attributes["groups"] == frozenset()


@pytest.mark.parametrize("quirks", [{"patch": False}])
def test_a_whole_group_is_written_only_over_the_one_that_was_read(provider, service, account, made, wire):
    number = made(account("anna", roles=(HEAD,)))
    (group,) = service.state.groups.values()

    def join():
        """Somebody else changes the group in this very moment."""
        service.resources.replace("/Groups", service.state.groups[group["id"]], {**GROUP, "members": [{"value": number}, {"value": "x"}]})

    wire.run(join, match=lambda request: request.method == "PUT")
    provider.update(number, {"groups": frozenset()})

    assert members(service) == {"Head (student, 2026)": {None}}  # the member that is no user of ours was not lost
    assert [request.status for request in wire.journal if request.method == "PUT"][-2:] == [412, 200]


@pytest.mark.parametrize("quirks", [{"patch": False}])
def test_a_group_that_is_gone_has_no_members_to_take_out(provider, service, account, made, wire):
    number = made(account("anna", roles=(HEAD,)))
    (group,) = service.state.groups

    def vanish():
        service.state.groups.clear()

    wire.run(vanish, match=lambda request: request.method == "GET" and request.path.endswith(group))
    provider.update(number, {"groups": frozenset()})

    assert service.state.groups == {}
