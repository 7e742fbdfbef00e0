"""What Microsoft Entra ID and Okta send when they are connected, and when somebody joins, changes and leaves (R6)."""

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


def entra_user(**more):
    """The body that Entra's standard mapping makes."""
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": "anna", "userName": "anna@school.example", "active": True, "displayName": "Anna Berg", "title": "Head of year",
        "emails": [{"primary": True, "type": "work", "value": "anna@school.example"}], "meta": {"resourceType": "User"},
        "name": {"formatted": "Anna Berg", "familyName": "Berg", "givenName": "Anna"}, "roles": [],
        "addresses": [{"type": "work", "formatted": "1 School Road"}],
        ENTERPRISE: {"employeeNumber": "700", "department": "Maths", "manager": {"value": "abc"}},
    } | more  # fmt: skip


def test_entra_joins_changes_and_leaves(directory, save):
    save(inbound_code="employeeNumber")
    assert directory.names('userName eq "b1b2b3b4-0000-4000-8000-000000000000"') == []  # its test of the connection
    created = directory("POST", "/Users", entra_user())
    assert created.status_code == 201, created.text
    path = f"/Users/{created.json['id']}"

    changed = directory.patch(
        path,
        {"op": "Replace", "path": "displayName", "value": "Anna Lund"},
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+30 6912345678"},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "anna.lund@school.example"},
        {"op": "Replace", "path": "name.familyName", "value": "Lund"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Physics"},
        {"op": "Add", "path": "title", "value": "Deputy"},
    )
    together = directory.patch(
        path,
        {
            "op": "replace",
            "value": {
                "name.givenName": "Anne", "userName": "anne@school.example", 'emails[type eq "work"].value': "anne@school.example",
                f"{ENTERPRISE}:employeeNumber": "701", "addresses[type eq \"work\"].locality": "Athens",
            },
        },
    )  # fmt: skip
    disabled = directory.patch(path, {"op": "Replace", "path": "active", "value": "False"})

    assert [each.status_code for each in (changed, together, disabled)] == [204, 204, 204], (changed.text, together.text, disabled.text)
    user = directory.read(path)
    assert (user["userName"], user["displayName"], user["active"]) == ("anne@school.example", "Anna Lund", False)
    assert user["name"] == {"givenName": "Anne", "familyName": "Lund"}
    assert [each["value"] for each in user["emails"]] == ["anne@school.example"]
    person = directory.person("701")
    assert (person.first_name, person.last_name, person.phone, person.active) == ("Anne", "Lund", "+30 6912345678", False)
    assert directory.patch(path, {"op": "Replace", "path": "active", "value": "True"}).status_code == 204
    assert directory.person("701").active is True
    assert directory("DELETE", path).status_code == 204
    assert directory.person("701").active is False


def test_entra_asks_again_before_it_creates(directory):
    directory("POST", "/Users", entra_user())

    assert directory.names('externalId eq "anna"') == ["anna@school.example"]
    assert directory.names('emails[type eq "work" and value eq "anna@school.example"]') == ["anna@school.example"]
    assert directory("POST", "/Users", entra_user()).status_code == 409


def test_entra_keeps_groups(directory):
    anna, ben = directory.add("anna")["id"], directory.add("ben")["id"]
    group = directory("POST", "/Groups", {"schemas": [GROUP], "displayName": "7B", "externalId": "g", "meta": {"resourceType": "Group"}})
    path = f"/Groups/{group.json['id']}"

    added = directory.patch(path, {"op": "Add", "path": "members", "value": [{"value": anna}, {"value": ben}]})
    removed = directory.patch(path, {"op": "Remove", "path": "members", "value": [{"value": anna}]})
    renamed = directory.patch(path, {"op": "Replace", "path": "displayName", "value": "7C"})

    assert [each.status_code for each in (added, removed, renamed)] == [204, 204, 204]
    found = directory.read("/Groups?excludedAttributes=members&filter=displayName%20eq%20%227C%22")
    assert (found["totalResults"], found["Resources"][0]["externalId"]) == (1, "g")
    assert [each["value"] for each in directory.read(path)["members"]] == [ben]


def test_okta_joins_changes_and_leaves(directory):
    assert directory.read("/Users?filter=userName%20eq%20%22anna%40school.example%22&startIndex=1&count=100")["totalResults"] == 0
    created = directory(
        "POST", "/Users",
        {
            "schemas": [USER], "userName": "anna@school.example", "name": {"givenName": "Anna", "familyName": "Berg"},
            "emails": [{"primary": True, "value": "anna@school.example", "type": "work"}], "displayName": "Anna Berg", "locale": "en-US",
            "externalId": "00u1", "groups": [], "password": "1mz050nq", "active": True,
        },
    )  # fmt: skip
    assert created.status_code == 201, created.text
    assert "1mz050nq" not in created.text
    path = f"/Users/{created.json['id']}"

    merged = directory.read(path) | {"name": {"givenName": "Anna", "familyName": "Lund", "middleName": "M."}}
    put = directory("PUT", path, merged)
    deactivated = directory.patch(path, {"op": "replace", "value": {"active": False}})

    assert (put.status_code, put.json["name"]["familyName"], deactivated.status_code) == (200, "Lund", 204)
    person = directory.person("anna@school.example")
    assert (person.last_name, person.email, person.active) == ("Lund", "anna@school.example", False)
