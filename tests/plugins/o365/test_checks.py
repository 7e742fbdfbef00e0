"""The test of the connection: a line for every permission, domain and licence, and nothing is changed."""

import pytest

from rolecall_o365 import permissions
from rolecall_o365.fake import ALL_ROLES
from rolecall_o365.fake.app import STUDENT_SKU
from rolecall_o365.provider import MicrosoftProvider

EVERYTHING = {"classes": True, "licences": ["student = STANDARDWOFFPACK_STUDENT"], "domains": ["student = students.school.example"]}


@pytest.fixture
def settings():
    return EVERYTHING


def failed(provider):
    return {line.label: line for line in provider.check() if not line.ok}


def test_with_everything_granted_every_line_is_right_and_nothing_was_changed(provider, tenant) -> None:
    assert failed(provider) == {}
    assert {each["method"] for each in tenant.journal} == {"GET"}


@pytest.mark.parametrize("opaque", [False, True])
@pytest.mark.parametrize("permission", dict.fromkeys(permissions.needed({"classes": True, "licences": ["student = X_Y"]})))
def test_each_missing_permission_has_its_line_and_says_how_to_mend_it(provider, tenant, permission, opaque) -> None:
    tenant.roles = ALL_ROLES - set(permission.names)
    tenant.opaque_tokens = opaque
    before = (dict(tenant.state.users), dict(tenant.state.groups))

    lines = failed(provider)

    line = lines[f"{permission.what_for} ({permission.names[0]})"]
    assert permission.names[0] in line.fix
    assert (tenant.state.users, tenant.state.groups) == before


def test_where_tokens_show_nothing_each_permission_is_tried(provider, tenant) -> None:
    tenant.opaque_tokens = True

    assert failed(provider) == {}
    assert (tenant.state.users, tenant.state.groups) == ({}, {})


def test_a_try_that_fails_for_another_reason_says_so(provider, tenant) -> None:
    tenant.opaque_tokens = True
    tenant.fail(503, match=lambda method, path: method == "DELETE", next=None)

    assert "Delete and restore users (User.DeleteRestore.All)" in failed(provider)


def test_a_permission_that_includes_another_counts_and_is_named(provider, tenant) -> None:
    tenant.roles = ALL_ROLES - {"User.Read.All"}

    (line,) = [line for line in provider.check() if line.label == "Find users (User.Read.All)"]
    assert (line.ok, line.detail) == (True, "By User.ReadWrite.All.")


@pytest.mark.parametrize("change", [{"tenant": "other"}, {"client_secret": "wrong"}, {"client_secret": ""}, {"client_id": "not-ours-1"}])
def test_an_app_that_is_refused_ends_the_test_with_one_line(tenant, wire, change) -> None:
    provider = MicrosoftProvider({**tenant.settings, **change}, wire.http)

    (line,) = provider.check()

    assert not line.ok
    assert line.fix


def test_domains_must_be_verified_and_managed(provider, tenant) -> None:
    tenant.state.domains["school.example"]["isVerified"] = False
    tenant.state.domains["students.school.example"]["authenticationType"] = "Federated"

    lines = failed(provider)

    assert "verify" in lines["Domain school.example"].fix
    assert "managed" in lines["Domain students.school.example"].fix


def test_domains_that_cannot_be_looked_at_are_no_hindrance(provider, tenant) -> None:
    tenant.roles = ALL_ROLES - {"Domain.Read.All"}

    assert not failed(provider)["Domains can be looked at"].required


def test_licences_say_how_many_seats_are_free(provider, tenant) -> None:
    tenant.state.skus[STUDENT_SKU]["seats"] = 0
    none_free = failed(provider)["Licence STANDARDWOFFPACK_STUDENT"]
    del tenant.state.skus[STUDENT_SKU]
    unknown = failed(provider)["Licence STANDARDWOFFPACK_STUDENT"]

    assert (none_free.detail, none_free.required) == ("0 of 0 seats are free.", False)
    assert "STANDARDWOFFPACK_FACULTY" in unknown.fix


def test_licences_and_lists_that_cannot_be_read_are_said(provider, tenant) -> None:
    for path in ("/subscribedSkus", "/users", "/education/classes"):
        tenant.fail(400, code="BadRequest", match=lambda method, asked, path=path: asked == path, next=None)

    assert {"Licences can be looked at", "Users can be read", "Users can be found by our key"} <= set(failed(provider))
    assert "Classes can be read (education tenant)" in failed(provider)
