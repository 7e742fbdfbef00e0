"""A change by PATCH and by PUT has the same outcome, and leaves alone what is not ours."""

import pytest

from rolecall_scim import changes
from rolecall_scim.fake.definitions import cleaned
from rolecall_scim.fake.patching import patched
from rolecall_scim.users import ENTERPRISE, USER, creation, remote_of, value_of

WORK = {"value": "anna@school.example", "type": "work", "primary": True}
HOME = {"value": "anna@home.example", "type": "home"}
ANNA = {
    "userName": "anna",
    "name": {"givenName": "Anna", "middleName": "B", "familyName": "Lab"},
    "title": "Dr",
    "emails": [HOME, WORK],
    ENTERPRISE: {"department": "B1", "costCenter": "7"},
}

CASES = [
    ({"displayName": "A", "title": None}, [("replace", "displayName"), ("remove", "title")]),
    ({"givenName": "Annika"}, [("replace", "name.givenName")]),
    ({"givenName": None, "familyName": None}, [("remove", "name.givenName"), ("remove", "name.familyName")]),
    ({"employeeNumber": "5", "department": None}, [("replace", f"{ENTERPRISE}:employeeNumber"), ("remove", f"{ENTERPRISE}:department")]),
    ({"emails": "new@school.example"}, [("replace", 'emails[type eq "work"].value')]),
    ({"emails": None}, [("remove", 'emails[type eq "work"]')]),
    ({"phoneNumbers": "tel:+30-210"}, [("add", "phoneNumbers")]),
    ({"phoneNumbers": None}, []),
    ({"unknown": "x", "groups": frozenset()}, []),
]


@pytest.mark.parametrize(("wanted", "steps"), CASES)
def test_patch_and_put_come_to_the_same(wanted, steps):
    operations = changes.operations(wanted, ANNA, entra=False)
    body = changes.replaced({**ANNA, "id": "1", "meta": {"version": "1"}, "schemas": [USER, ENTERPRISE]}, wanted, None)

    assert [(each["op"], each["path"]) for each in operations] == steps
    by_patch = cleaned("/Users", patched("/Users", ANNA, operations))
    assert cleaned("/Users", body) | {"emails": None} == by_patch | {"emails": None}
    assert sorted(map(str, body["emails"])) == sorted(map(str, by_patch["emails"]))
    assert {"id", "meta"}.isdisjoint(body)
    assert by_patch["name"]["middleName"] == "B"
    assert HOME in by_patch["emails"]
    assert all(value_of(by_patch, name) == value for name, value in wanted.items() if isinstance(value, str) and name != "unknown")


def test_the_primary_address_is_ours_where_none_is_of_our_type():
    row = {"Emails": [{"VALUE": "x@y.example", "Primary": "true"}, HOME]}

    assert changes.operations({"emails": "new@y.example"}, row, entra=False)[0]["path"] == "emails[primary eq true].value"
    assert changes.replaced(row, {"emails": "new@y.example"}, None)["Emails"][-1] == {"VALUE": "new@y.example", "Primary": "true"}


def test_a_service_for_entra_is_spoken_to_as_entra_does():
    assert changes.activation(False, entra=True) == [{"op": "Replace", "path": "active", "value": "False"}]
    assert changes.operation("remove", "title", entra=True) == {"op": "Remove", "path": "title"}
    assert changes.activation(False, entra=False) == [{"op": "replace", "path": "active", "value": False}]


def test_names_of_the_resource_keep_the_spelling_it_has():
    row = {"username": "anna", "name": {"givenname": "Anna"}, "active": True, "Schemas": [USER.upper()]}

    body = changes.replaced(row, {"userName": "anne", "givenName": "Anne", "familyName": None, "department": "B"}, active=False)

    assert body["username"] == "anne"
    assert body["name"] == {"givenname": "Anne"}
    assert body["active"] is False
    assert body["Schemas"] == [USER.upper(), ENTERPRISE]


def test_a_user_that_says_nothing_sensible_is_read_as_far_as_it_goes():
    remote = remote_of({"id": "1", "userName": 7, "name": "Anna", "emails": {"value": "x"}, "active": None, ENTERPRISE: []}, "externalId")

    assert {name for name, value in remote.attributes.items() if value is not None} == set()
    assert (remote.key, remote.suspended) == (None, False)
    assert remote_of({"id": "1", "Active": "False"}, None).suspended


def test_a_new_user_has_what_has_a_value_and_no_more():
    body = creation({"userName": "a", "title": None, "department": "B"}, None)

    assert body == {"schemas": [USER, ENTERPRISE], "active": True, "userName": "a", ENTERPRISE: {"department": "B"}}
