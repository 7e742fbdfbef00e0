"""Users that a directory hands in: mapped, taken over, changed, let go; each change under the token's account (R6, R58, R67)."""

import pytest

from rolecall.accounts.actors import operator
from rolecall.testing.factories import make_person
from rolecall.work import changes

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def address(value, kind="work", **more):
    return {"value": value, "type": kind, **more}


def test_a_user_becomes_a_person_and_is_answered_as_one_reads_it(directory):
    answer = directory(
        "POST",
        "/Users",
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
            "userName": "anna@school.example", "externalId": "x-1", "name": {"givenName": "Anna", "familyName": "Berg"},
            "displayName": "Anna B.", "preferredLanguage": "el_gr", "active": True,
            "emails": [address("anna@home.example", "home"), address("anna@school.example", primary=True)],
            "phoneNumbers": [{"value": "555", "type": "fax"}, {"value": "+30 6912345678", "type": "mobile"}],
            ENTERPRISE: {"employeeNumber": "700"},
        },
    )  # fmt: skip

    assert answer.status_code == 201
    user = answer.json
    assert answer.headers["Location"] == user["meta"]["location"] == f"{directory.core.config.base_url}/scim/v2/Users/{user['id']}"
    assert answer.headers["ETag"] == user["meta"]["version"]
    assert directory.read(f"/Users/{user['id']}") == user
    assert (user["userName"], user["externalId"], user["displayName"], user["active"]) == ("anna@school.example", "x-1", "Anna B.", True)
    assert user["emails"] == [address("anna@school.example", primary=True)]
    assert user["phoneNumbers"] == [{"value": "+30 6912345678", "type": "mobile", "primary": True}]
    assert (user["preferredLanguage"], user[ENTERPRISE]) == ("el-GR", {"employeeNumber": "700"})
    person = directory.person("anna@school.example")
    assert (person.list, person.first_name, person.last_name, person.email) == ("teachers", "Anna", "Berg", "anna@school.example")
    assert (person.phone, person.language) == ("+30 6912345678", "el-GR")
    assert [kind for kind, _ in directory.audited()] == ["person.create", "person.link"]
    assert {actor.partition(":")[0] for _, actor in directory.audited()} == {"account"}


@pytest.mark.parametrize(("source", "code"), [("userName", "anna@school.example"), ("externalId", "X1"), ("employeeNumber", "700")])
def test_the_code_is_what_the_settings_say(directory, save, source, code):
    save(inbound_code=source)
    user = directory.add(externalId="X1", **{ENTERPRISE: {"employeeNumber": "700"}})

    assert directory.person(code) is not None
    assert (user["externalId"], user[ENTERPRISE]["employeeNumber"]) == ("X1", "700")
    assert directory.names('urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "700"') == ["anna@school.example"]
    assert directory.names('externalId eq "X1"') == ["anna@school.example"]


@pytest.mark.parametrize("source", ["externalId", "employeeNumber"])
def test_without_what_is_their_code_nobody_is_taken(directory, save, source):
    save(inbound_code=source)

    answer = directory("POST", "/Users", {"userName": "anna", "name": {"givenName": "Anna", "familyName": "Berg"}})

    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidValue")
    assert source in answer.json["detail"]
    assert directory.read("/Users")["totalResults"] == 0


def test_the_user_type_decides_about_the_list(directory, save):
    directory.add("pupil", userType="PUPIL")
    directory.add("staff", userType="Staff")
    directory.add("other", userType="Visitor")

    assert [directory.person(each).list for each in ("pupil", "staff", "other")] == ["students", "employees", "teachers"]
    save(inbound_list="")
    refused = directory("POST", "/Users", {"userName": "new", "userType": "Visitor", "name": {"givenName": "A", "familyName": "B"}})
    assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue")
    assert "Visitor" in refused.json["detail"]


def test_nobody_changes_lists_by_another_user_type(directory):
    user = directory.add("pupil", userType="Pupil")

    moved = directory.patch(f"/Users/{user['id']}", {"op": "replace", "path": "userType", "value": "Staff"})
    renamed = directory.patch(f"/Users/{user['id']}", {"op": "replace", "path": "displayName", "value": "P."})

    assert (moved.status_code, renamed.status_code) == (409, 204)
    assert directory.person("pupil").list == "students"


def test_somebody_who_is_there_is_taken_over_and_keeps_what_was_not_said(directory):
    with directory.core.db.write() as session:
        make_person(session, "Anne", list="teachers", code="ANNA", email="anne@home.example", active=False)

    user = directory.add("anna", active=True)

    assert user["emails"][0]["value"] == "anne@home.example"
    person = directory.person("ANNA")
    assert (person.first_name, person.active) == ("Anna", True)


@pytest.mark.parametrize("name", ["anna@school.example", "ANNA@School.example"])
def test_a_name_that_is_taken_is_a_conflict(directory, name):
    directory.add()

    answer = directory("POST", "/Users", {"userName": name, "name": {"givenName": "A", "familyName": "B"}})

    assert (answer.status_code, answer.json["scimType"]) == (409, "uniqueness")


def test_a_replaced_user_is_what_was_sent(directory):
    user = directory.add(externalId="x", emails=[address("a@home.example")], displayName="A")

    answer = directory(
        "PUT", f"/Users/{user['id']}", {"userName": "anna.b", "name": {"givenName": "Ann", "familyName": "B"}, "active": False}
    )

    assert answer.status_code == 200
    changed = answer.json
    assert (changed["userName"], changed["name"], changed["active"]) == ("anna.b", {"givenName": "Ann", "familyName": "B"}, False)
    assert not {"externalId", "emails", "displayName"} & set(changed)
    person = directory.person("anna.b")
    assert (person.first_name, person.email, person.active) == ("Ann", None, False)


def test_whoever_is_deleted_is_inactive_here_and_unknown_there(directory):
    user = directory.add()

    assert directory("DELETE", f"/Users/{user['id']}").status_code == 204

    assert directory.person("anna@school.example").active is False
    for method, body in (("GET", None), ("DELETE", None), ("PUT", {"userName": "a", "name": {"givenName": "A", "familyName": "B"}})):
        assert directory(method, f"/Users/{user['id']}", body).status_code == 404
    assert directory.names('userName eq "anna@school.example"') == []
    assert directory.add()["id"] != user["id"]
    assert directory.person("anna@school.example").active is True


def test_a_word_that_is_no_language_is_kept_beside_the_record(directory):
    user = directory.add(preferredLanguage="Modern Greek")

    assert user["preferredLanguage"] == "Modern Greek"
    assert directory.person("anna@school.example").language is None
    assert directory.names('preferredLanguage eq "modern greek"') == ["anna@school.example"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "invalidSyntax"),
        (b"{", "invalidSyntax"),
        (b"[]", "invalidSyntax"),
        (b"[" * 5_000, "invalidSyntax"),
        ({"userName": "a"}, "invalidValue"),
        ({"name": {"givenName": "A", "familyName": "B"}}, "invalidValue"),
        ({"userName": "a", "name": {"givenName": "A"}}, "invalidValue"),
        ({"userName": 7, "name": {"givenName": "A", "familyName": "B"}}, "invalidValue"),
        ({"userName": "a\0b", "name": {"givenName": "A", "familyName": "B"}}, "invalidValue"),
        ({"userName": "a" * 300, "name": {"givenName": "A", "familyName": "B"}}, "invalidValue"),
        ({"userName": "a", "name": {"givenName": "A\0", "familyName": "B"}}, "invalidValue"),
        ({"userName": "a", "name": {"givenName": "A", "familyName": "B"}, "emails": [{"value": "nobody"}]}, "invalidValue"),
        ({"userName": "a", "name": {"givenName": "A", "familyName": "B"}, "active": "perhaps"}, "invalidValue"),
    ],
)
def test_what_cannot_be_taken_says_so_and_leaves_nothing(directory, body, kind):
    answer = directory("POST", "/Users", body)

    assert (answer.status_code, answer.json["scimType"]) == (400, kind)
    assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert directory.read("/Users")["totalResults"] == 0
    assert directory.audited() == []


def test_versions_guard_against_what_others_did_meanwhile(directory):
    user = directory.add()
    path, seen = f"/Users/{user['id']}", user["meta"]["version"]
    assert directory("GET", path, if_none_match=seen).status_code == 304

    changes.edit_person(directory.core, operator("office"), directory.person("anna@school.example").id, {"first_name": "Annie"})

    rename = {"op": "replace", "path": "displayName", "value": "A."}
    assert directory.patch(path, rename, if_match=seen).status_code == 412
    assert directory("DELETE", path, if_match=seen).status_code == 412
    now = directory("GET", path, if_none_match=seen)
    assert (now.status_code, now.json["name"]["givenName"]) == (200, "Annie")
    assert now.json["meta"]["lastModified"] > user["meta"]["lastModified"]
    assert directory.patch(path, rename, if_match=now.headers["ETag"]).status_code == 204


def test_attributes_are_chosen(directory):
    user = directory.add(displayName="A", emails=[address("a@home.example")])

    some = directory.read(f"/Users/{user['id']}?attributes=userName,emails.value")
    rest = directory.read("/Users?excludedAttributes=emails,name,meta")["Resources"][0]
    patched = directory(
        "PATCH", f"/Users/{user['id']}?attributes=active",
        {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]},
    )  # fmt: skip

    assert set(some) == {"schemas", "id", "userName", "emails"}
    assert some["emails"] == [{"value": "a@home.example"}]
    assert not {"emails", "name", "meta"} & set(rest)
    assert (patched.status_code, patched.json["active"]) == (200, False)


def test_lists_are_paged_and_sorted_and_have_a_cap(directory):
    for name in ("carl", "anna", "ben"):
        directory.add(name)

    page = directory.read("/Users?startIndex=2&count=1&sortBy=userName")
    down = directory.read("/Users?sortBy=userName&sortOrder=descending&count=100000")

    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (3, 2, 1)
    assert [each["userName"] for each in page["Resources"]] == ["ben"]
    assert [each["userName"] for each in down["Resources"]] == ["carl", "ben", "anna"]
    assert directory.read("/ServiceProviderConfig")["filter"] == {"supported": True, "maxResults": 200}
    searched = directory("POST", "/Users/.search", {"filter": 'userName sw "c"', "attributes": ["userName"]})
    assert [each["userName"] for each in searched.json["Resources"]] == ["carl"]
