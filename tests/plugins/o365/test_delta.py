"""What changed in Microsoft 365 since a token: each user as it is now, and a token that is too old is said to be (R65)."""

import pytest

from rolecall.errors import TokenExpired, Transient
from rolecall_o365.fake.state import new_id


def asked(provider, token):
    """The accounts that changed by sign-in name, the ids of those that are gone, and the next token."""
    parts = list(provider.changes(token))
    accounts = {each.attributes["userPrincipalName"]: each for part in parts for each in part.accounts}
    return accounts, {each for part in parts for each in part.removed}, parts[-1].token


def test_without_a_token_there_is_one_for_from_now_on(provider, tenant):
    tenant.add_user(userPrincipalName="old@school.example", displayName="Old")

    accounts, removed, token = asked(provider, None)

    assert (accounts, removed) == ({}, set())
    assert token is not None


@pytest.mark.parametrize("options", [{}, {"page_size": 1, "repeats": True}])
def test_users_that_were_made_changed_and_deleted_are_told_as_they_are(provider, tenant):
    changed, gone, same = (
        tenant.add_user(userPrincipalName=f"{name}@school.example", displayName=name) for name in ("changed", "gone", "same")
    )
    _, _, token = asked(provider, None)
    tenant.state.users[changed]["displayName"] = "Changed"
    tenant.state.deleted[gone] = tenant.state.users.pop(gone)
    tenant.add_user(userPrincipalName="new@school.example", displayName="New")

    accounts, removed, following = asked(provider, token)

    assert set(accounts) == {"changed@school.example", "new@school.example"}
    assert accounts["changed@school.example"].attributes["displayName"] == "Changed"
    assert accounts["changed@school.example"].attributes["groups"] == frozenset()
    assert removed == {gone}
    assert asked(provider, following)[:2] == ({}, set())
    assert same in tenant.state.users


@pytest.mark.parametrize("options", [{"expired": 410}, {"expired": 400}, {"expired": 404}])
def test_a_token_that_is_too_old_is_said_to_be(provider, tenant):
    _, _, token = asked(provider, None)
    tenant.state.deltas.clear()

    with pytest.raises(TokenExpired):
        asked(provider, token)


def test_a_place_that_is_not_graphs_own_is_not_asked(provider, tenant, wire):
    with pytest.raises(Transient):
        asked(provider, "/me")
    elsewhere = b'{"value": [], "@odata.deltaLink": "https://elsewhere.example/v1.0/users/delta"}'
    wire.fail(status=200, body=elsewhere, next=None, match=lambda request: "/users/delta" in request.target)

    with pytest.raises(Transient):
        asked(provider, None)


def test_ids_of_nobody_are_gone(provider, tenant):
    _, _, token = asked(provider, None)
    name = token.rpartition("=")[2]
    nobody = new_id()
    tenant.state.deltas[name][nobody] = "{}"

    assert asked(provider, token)[1] == {nobody}
