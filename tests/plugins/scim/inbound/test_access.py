"""Who may call the SCIM server, what the protocol answers whom it refuses, and what it says about itself (R58, P-03)."""

import json
import subprocess
import sys

import pytest

from rolecall.accounts.actors import operator
from rolecall.errors import Invalid
from rolecall.work import changes

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
READ, ADD, CHANGE = "people:view", "people:create", "people:edit"
RENAME = {"op": "replace", "path": "displayName", "value": "A"}
BODY = {"userName": "new", "name": {"givenName": "A", "familyName": "B"}}


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ((), ""),
        (("accounts:view",), ""),
        ((READ,), "read search"),
        ((READ, CHANGE), "read search patch put delete group"),
        ((READ, ADD), "read search"),
        ((ADD, CHANGE), ""),
        ((READ, ADD, CHANGE), "read search add patch put delete group"),
    ],
)
def test_each_call_needs_its_permissions(directory, as_directory, token_for, permissions, allowed):
    user = directory.add()
    path = f"/Users/{user['id']}"
    caller = as_directory(token_for(*permissions))
    calls = {
        "read": lambda: caller("GET", path),
        "search": lambda: caller("POST", "/.search", {}),
        "add": lambda: caller("POST", "/Users", BODY),
        "patch": lambda: caller.patch(path, RENAME),
        "put": lambda: caller("PUT", path, BODY | {"userName": "anna@school.example"}),
        "group": lambda: caller("POST", "/Groups", {"displayName": "7B"}),
        "delete": lambda: caller("DELETE", path),
    }

    answers = {name: call() for name, call in calls.items()}

    assert " ".join(name for name in calls if answers[name].status_code < 300).split() == [
        each for each in calls if each in allowed.split()
    ]
    for answer in answers.values():
        assert answer.status_code in (200, 201, 204, 403)
        if answer.status_code == 403:
            assert (answer.json["schemas"], answer.json["status"]) == ([ERROR], "403")


@pytest.mark.parametrize(("path", "status"), [("/Users", 401), ("/ServiceProviderConfig", 401), ("/Schemas", 401), ("/nothing", 401)])
def test_without_a_token_nothing_is_said(as_directory, path, status):
    answer = as_directory(None)("GET", path)

    assert (answer.status_code, answer.json["status"], answer.json["schemas"]) == (status, str(status), [ERROR])
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/Me", 404), ("POST", "/Bulk", 404), ("DELETE", "/Users", 405), ("PUT", "/Schemas", 405)]
)
def test_what_is_not_there_is_an_error_of_the_protocol(directory, method, path, status):
    answer = directory(method, path, {})

    assert (answer.status_code, answer.json["status"]) == (status, str(status))


def test_a_token_for_students_knows_no_teachers(directory, as_directory, token_for):
    teacher, pupil = directory.add("anna"), directory.add("ben", userType="Pupil")
    students = as_directory(token_for(READ, ADD, CHANGE, limited_to=["student"]))

    assert [each["userName"] for each in students.read("/Users")["Resources"]] == ["ben"]
    assert students("GET", f"/Users/{teacher['id']}").status_code == 404
    assert students("DELETE", f"/Users/{teacher['id']}").status_code == 404
    assert students.patch(f"/Users/{pupil['id']}", {"op": "replace", "path": "active", "value": False}).status_code == 204
    assert students("POST", "/Users", BODY).status_code == 403
    assert directory.person("anna").active is True


def test_it_is_closed_unless_the_settings_open_it(directory, save, flask):
    save(inbound=False)

    answer = flask.test_client().get("/scim/v2/Users", headers={"Authorization": f"Bearer {directory.token}"})

    assert answer.status_code == 404


def test_it_says_of_itself_what_it_can(directory):
    config = directory.read("/ServiceProviderConfig")
    schemas = {each["id"].rpartition(":")[2]: each for each in directory.read("/Schemas")["Resources"] if "enterprise" not in each["id"]}

    assert [config[name]["supported"] for name in ("patch", "bulk", "filter", "changePassword", "sort", "etag")] == [
        True,
        False,
        True,
        False,
        True,
        True,
    ]
    assert config["authenticationSchemes"][0]["type"] == "oauthbearertoken"
    assert [each["endpoint"] for each in directory.read("/ResourceTypes")["Resources"]] == ["/Users", "/Groups"]
    assert {each["name"] for each in schemas["User"]["attributes"]} == {
        "userName", "name", "displayName", "userType", "preferredLanguage", "active", "emails", "phoneNumbers", "groups",
    }  # fmt: skip
    assert directory.read("/ResourceTypes/User")["schema"].endswith(":User")
    assert directory("GET", "/Schemas?filter=a").status_code == 403


def test_without_the_library_the_plugin_loads_and_says_what_to_install():
    program = """
import sys
sys.modules["scim2_models"] = None
from rolecall_scim import register_endpoints
reply = register_endpoints()[0].handler(None)
print(reply.status, reply.body.decode())
"""

    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    status, _, document = told.partition(" ")
    assert (status, json.loads(document)["status"]) == ("501", "501")
    assert "rolecall[scim]" in document


def test_settings_that_name_no_list_are_refused(directory):
    for wrong in ("Pupil", "Pupil = nowhere", "= students"):
        with pytest.raises(Invalid) as error:
            changes.set_plugin(directory.core, operator("test"), "scim", values={"inbound_types": [wrong]})
        assert "inbound_types" in error.value.fields


def test_people_can_be_taken_in_without_sending_anybody_anywhere(core):
    plugin = core.plugins.installed["scim"]

    changes.set_plugin(core, operator("test"), "scim", values={"inbound": True, "inbound_list": "employees"})

    with core.db.read() as session:
        instance = core.instances.get(session, core.plugins.view(session), "scim")
    assert plugin.settings_schema().fields["base_url"].required is False
    assert instance.fault == "Fill in first: Address of the service."
