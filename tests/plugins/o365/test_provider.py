"""What the provider wants of an account, and single verbs."""

from dataclasses import replace

import pytest

from rolecall import RoleSnapshot, Secret, Verb
from rolecall.errors import Conflict, NotFound, Permanent

HEAD = RoleSnapshot(period="2026", role="Head", period_is_current=True)
PAST = RoleSnapshot(period="2025", role="Head", period_is_open=False)


def test_attributes_are_names_sign_in_name_country_key_and_groups(provider, account) -> None:
    assert provider.attributes(account("Anna", roles=(HEAD, PAST))) == {
        "displayName": "Anna Lab",
        "givenName": "Anna",
        "surname": "Lab",
        "userPrincipalName": "anna@school.example",
        "usageLocation": "GR",
        "extensionAttribute15": "key-Anna",
        "groups": frozenset({"rolecall:2026:student:Head"}),
    }


class TestOtherSettings:
    @pytest.fixture
    def settings(self):
        return {
            "domains": ["student = students.school.example"],
            "key_slot": "extensionAttribute3",
            "groups": False,
            "licences": ["student = STANDARDWOFFPACK_STUDENT", "teacher/Head = STANDARDWOFFPACK_FACULTY"],
            "mapping": {"jobTitle": {"mode": "own", "template": "{role}"}, "surname": {"mode": "ignore"}},
        }

    def test_each_user_type_has_its_domain(self, provider, account) -> None:
        assert provider.attributes(account("anna"))["userPrincipalName"] == "anna@students.school.example"
        assert provider.attributes(account("tom", type="teacher"))["userPrincipalName"] == "tom@school.example"

    def test_licences_follow_type_and_role(self, provider, account) -> None:
        assert provider.attributes(account("anna"))["licences"] == {"STANDARDWOFFPACK_STUDENT"}
        assert provider.attributes(account("tom", type="teacher"))["licences"] == frozenset()
        assert provider.attributes(account("eve", type="teacher", roles=(HEAD,)))["licences"] == {"STANDARDWOFFPACK_FACULTY"}

    def test_what_the_institution_maps_is_sent(self, provider, account, made, tenant) -> None:
        made(account("eve", type="teacher", roles=(HEAD,)))

        eve = tenant.users["eve@school.example"]
        assert (eve["jobTitle"], eve["surname"], eve["groups"]) == ("Head", None, frozenset())
        assert eve["onPremisesExtensionAttributes"]["extensionAttribute3"] == "key-eve"


def test_update_sends_what_changed_and_nothing_else(provider, account, made, tenant) -> None:
    number = made(account())

    provider.update(number, {"givenName": "Berta", "surname": None})

    assert tenant.journal[-1]["body"] == {"givenName": "Berta", "surname": None}
    assert tenant.users["anna@school.example"]["surname"] is None


def test_suspending_sends_the_flag_alone_and_ends_sessions(provider, account, made, tenant, calls) -> None:
    number = made(account())
    before = len(calls())

    provider.suspend(number)

    assert calls()[before:] == ["PATCH /users/{id}", "POST /users/{id}/revokeSignInSessions"]
    assert tenant.journal[-2]["body"] == {"accountEnabled": False}
    assert tenant.state.signed_out == [number]


def test_resuming_opens_without_signing_out(provider, account, made, tenant) -> None:
    number = made(account())
    provider.suspend(number)

    provider.resume(number)

    assert tenant.users["anna@school.example"]["accountEnabled"]
    assert tenant.state.signed_out == [number]


def test_single_verbs_raise_what_went_wrong(provider, account, made) -> None:
    number = made(account())
    provider.delete(number)

    provider.delete(number)
    with pytest.raises(NotFound):
        provider.update(number, {"givenName": "Berta"})
    with pytest.raises(Permanent, match="64 characters"):
        provider.update(number, {"givenName": "B" * 65})


def test_create_raises_a_conflict_for_anothers_name(provider, account, made) -> None:
    anna = account()
    made(anna)
    other = replace(anna, id=9, key="another")

    with pytest.raises(Conflict):
        provider.create(other, provider.attributes(other), Secret("Passw0rd!x"))
    assert provider.create(anna, provider.attributes(anna), None).key == anna.key


def test_a_deleted_user_of_ours_is_restored_with_what_changed(provider, account, made, change, apply, tenant) -> None:
    anna = account()
    number = made(anna)
    apply(change(Verb.DELETE, anna, number))
    later = replace(anna, person=replace(anna.person, first_name="Annika"))

    result = apply(change(Verb.CREATE, later))["anna"]

    assert (result.external_id, result.adopted, result.error) == (number, True, None)
    assert tenant.users["anna@school.example"]["givenName"] == "Annika"
    assert tenant.state.deleted == {}


@pytest.mark.parametrize("what", ["ignored", "refused"])
class TestBin:
    @pytest.fixture
    def options(self, what):
        return {"bin_filter": what}

    def test_a_bin_that_cannot_be_filtered_is_walked_and_nobody_elses_user_comes_back(
        self, what, account, made, change, apply, tenant
    ) -> None:
        anna, eve = account("anna"), account("eve")
        numbers = {"anna": made(anna), "eve": made(eve)}
        apply(change(Verb.DELETE, anna, numbers["anna"]), change(Verb.DELETE, eve, numbers["eve"]))

        results = apply(change(Verb.CREATE, eve), change(Verb.CREATE, account("new")))

        assert results["eve"].external_id == numbers["eve"]
        assert results["new"].external_id not in numbers.values()
        assert list(tenant.state.deleted) == [numbers["anna"]]


def test_a_restore_that_is_refused_because_the_name_was_taken_is_a_conflict(account, made, change, apply, tenant) -> None:
    anna = account()
    apply(change(Verb.DELETE, anna, made(anna)))
    tenant.add_user(userPrincipalName="other@school.example", proxyAddresses=["SMTP:anna@school.example"])

    assert isinstance(apply(change(Verb.CREATE, anna))["anna"].error, Conflict)


class TestPages:
    @pytest.fixture
    def options(self):
        return {"page_size": 2, "repeats": True}

    def test_walking_follows_every_page_and_yields_each_user_once(self, provider, account, made) -> None:
        numbers = [made(account(f"user{number}", roles=(HEAD,))) for number in range(5)]

        walked = list(provider.accounts())

        assert [each.external_id for each in walked] == numbers
        assert {each.attributes["groups"] for each in walked} == {frozenset({"rolecall:2026:student:Head"})}


def test_without_groups_none_is_read(tenant, wire, account, provider) -> None:
    plain = type(provider)({**tenant.settings, "groups": False}, wire.http)
    anna = account()
    plain.create(anna, plain.attributes(anna), None)

    assert [("groups" in each.attributes) for each in plain.accounts()] == [False]
    assert "groups" not in plain.find(anna).attributes
