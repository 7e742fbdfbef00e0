"""Groups that a directory keeps here: persisted, listed, patched, deleted (R60, R67)."""

import pytest


@pytest.fixture
def people(directory):
    """Ids of Anna, Ben and Carl."""
    return [directory.add(name)["id"] for name in ("anna", "ben", "carl")]


def make(directory, name="7B", members=(), **more):
    answer = directory("POST", "/Groups", {"displayName": name, "members": [{"value": each} for each in members], **more})
    assert answer.status_code == 201, answer.text
    return answer.json


def members(directory, group):
    return [each["value"] for each in directory.read(f"/Groups/{group['id']}").get("members", [])]


def test_a_group_is_kept_and_shown_at_its_members(directory, people):
    group = make(directory, members=people[:1], externalId="g-1")
    base = f"{directory.core.config.base_url}/scim/v2"

    assert group["meta"]["location"] == f"{base}/Groups/{group['id']}"
    assert group["members"] == [{"value": people[0], "$ref": f"{base}/Users/{people[0]}", "type": "User"}]
    assert directory.read(f"/Groups/{group['id']}") == group
    assert directory.read(f"/Users/{people[0]}")["groups"] == [{"value": group["id"], "$ref": group["meta"]["location"], "display": "7B"}]
    assert "groups" not in directory.read(f"/Users/{people[1]}")
    assert directory.audited()[-1][0] == "group.create"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "members", "value": [{"value": "1"}]}, "01"),
        ({"op": "Add", "path": "members", "value": [{"value": "1", "display": "Ben"}, {"value": "0"}]}, "01"),
        ({"op": "add", "value": {"members": [{"value": "2"}]}}, "02"),
        ({"op": "remove", "path": 'members[value eq "0"]'}, ""),
        ({"op": "Remove", "path": "members", "value": [{"value": "0"}]}, ""),
        ({"op": "remove", "path": "members"}, ""),
        ({"op": "replace", "path": "members", "value": [{"value": "1"}, {"value": "2"}]}, "12"),
        ({"op": "replace", "value": {"members": [], "displayName": "7B"}}, ""),
    ],
)
def test_members_come_and_go_in_every_way_that_directories_write(directory, people, operation, expected):
    group = make(directory, members=people[:1])
    text = repr(operation)
    for number, each in enumerate(people):
        text = text.replace(f"'value': '{number}'", f"'value': '{each}'").replace(f'eq "{number}"', f'eq "{each}"')

    answer = directory.patch(f"/Groups/{group['id']}", eval(text))

    assert answer.status_code == 204, answer.text
    assert members(directory, group) == [people[int(each)] for each in expected]


def test_groups_are_found_renamed_replaced_and_deleted(directory, people):
    group, other = make(directory, members=people), make(directory, "8A")
    assert directory.names('displayName eq "7b"', "Groups") == ["7B"]
    assert directory.names(f'members eq "{people[0]}"', "Groups") == ["7B"]
    assert directory.names(f'members[value eq "{people[0]}"] or displayName sw "8"', "Groups") == ["7B", "8A"]
    assert "members" not in directory.read("/Groups?excludedAttributes=members")["Resources"][0]
    assert "members" not in directory.read(f"/Groups/{group['id']}?excludedAttributes=members")

    assert directory.patch(f"/Groups/{group['id']}", {"op": "replace", "path": "displayName", "value": "7C"}).status_code == 204
    put = directory("PUT", f"/Groups/{group['id']}", {"displayName": "7D", "members": [{"value": people[2]}]})

    assert (put.json["displayName"], [each["value"] for each in put.json["members"]]) == ("7D", people[2:])
    assert directory("DELETE", f"/Groups/{group['id']}").status_code == 204
    assert directory("GET", f"/Groups/{group['id']}").status_code == 404
    assert [each["displayName"] for each in directory.read("/Groups")["Resources"]] == [other["displayName"]]
    assert directory.read(f"/Users/{people[2]}")["active"] is True


def test_users_and_groups_are_searched_together(directory, people):
    make(directory)

    first, last = directory.read("/?count=2"), directory.read("/?startIndex=3&count=5")
    one = directory("POST", "/.search", {"filter": 'displayName eq "7B"'}).json

    assert (first["totalResults"], len(first["Resources"])) == (4, 2)
    assert [each.get("userName") or each["displayName"] for each in last["Resources"]] == ["carl", "7B"]
    assert [each["displayName"] for each in one["Resources"]] == ["7B"]
    assert directory("GET", "/?sortBy=id").status_code == 501


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"members": []}, "invalidValue"),
        ({"displayName": ""}, "invalidValue"),
        ({"displayName": "7B", "members": [{"value": "nobody"}]}, "invalidValue"),
        ({"displayName": "7B", "members": "all"}, "invalidValue"),
    ],
)
def test_a_group_that_cannot_be_kept_is_refused(directory, body, kind):
    answer = directory("POST", "/Groups", body)

    assert (answer.status_code, answer.json["scimType"]) == (400, kind)
    assert directory.read("/Groups")["totalResults"] == 0


@pytest.mark.parametrize("filter", ['members co "a"', 'members[type eq "User"]', 'members.type eq "User"', "members.$ref pr"])
def test_what_cannot_be_asked_of_groups_is_refused(directory, filter):
    answer = directory("GET", f"/Groups?filter={filter.replace(' ', '%20')}")

    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidFilter")
