"""The pretended service answers as the standard and scim2-server say, where the plugin does not lead it there by itself."""

import json
import subprocess
import sys

import pytest
from werkzeug.test import Client as Browser

from rolecall_scim.fake import create_app
from rolecall_scim.fake.filters import parse
from rolecall_scim.fake.patching import patched
from rolecall_scim.fake.state import ENTERPRISE, USER, ScimError

ROW = {"userName": "Anna", "externalId": "K", "emails": [{"value": "a@x.example", "type": "work"}], ENTERPRISE: {"department": "B1"}}


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ('userName eq "anna"', True),
        ('userName ne "anna"', False),
        ('externalId eq "k"', False),
        ('externalId sw "K" and not (userName co "x")', True),
        ('(userName eq "x" or userName ew "NA") and externalId pr', True),
        ('emails.type eq "WORK"', True),
        ('title pr or title eq "x"', False),
        (f'{ENTERPRISE}:department eq "b1"', True),
        ('nothing.at.all eq "x"', False),
    ],
)
def test_filters_find_what_they_say(text, hit):
    assert parse(text)(ROW) is hit


@pytest.mark.parametrize(
    "text", ["", "userName", 'userName zz "x"', 'userName eq "x', '(userName eq "x"', 'userName eq "x" userName', "userName eq x", "not"]
)
def test_what_is_no_filter_is_refused(text):
    with pytest.raises(ScimError) as caught:
        parse(text)

    assert caught.value.body["scimType"] == "invalidFilter"


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ({"op": "move", "path": "title"}, "invalidSyntax"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "add", "path": "nosuch", "value": 1}, "invalidPath"),
        ({"op": "add", "path": "name.nosuch", "value": 1}, "invalidPath"),
        ({"op": "replace", "path": "???", "value": 1}, "invalidPath"),
        ({"op": "replace", "path": 'emails[type eq "home"].value', "value": "x"}, "noTarget"),
        ({"op": "replace", "path": "active", "value": "maybe"}, "invalidValue"),
        ({"op": "replace", "path": "title", "value": 7}, "invalidValue"),
        ({"op": "replace", "path": "name", "value": "Anna"}, "invalidValue"),
    ],
)
def test_operations_are_refused_as_the_standard_says(operation, kind):
    with pytest.raises(ScimError) as caught:
        patched("/Users", ROW, [operation])

    assert caught.value.body["scimType"] == kind


@pytest.mark.parametrize(
    ("operation", "attribute", "value"),
    [
        ({"op": "add", "value": {"title": "Dr", "name.givenName": "A"}}, "title", "Dr"),
        ({"op": "replace", "path": f"{USER}:name", "value": {"givenName": "A"}}, "name", {"givenName": "A"}),
        ({"op": "remove", "path": f"{ENTERPRISE}:department"}, ENTERPRISE, None),
        ({"op": "remove", "path": "emails"}, "emails", None),
        ({"op": "remove", "path": 'emails[type eq "home"]'}, "emails", ROW["emails"]),
        ({"op": "remove", "path": 'emails[type eq "work"].type'}, "emails", [{"value": "a@x.example"}]),
        ({"op": "replace", "path": "emails", "value": {"value": "b@x.example"}}, "emails", [{"value": "b@x.example"}]),
        ({"op": "replace", "path": 'emails[type eq "work"]', "value": {"value": "b@x.example"}}, "emails", [{"value": "b@x.example"}]),
        ({"op": "replace", "path": "emails.primary", "value": "True"}, "emails", [{**ROW["emails"][0], "primary": True}]),
    ],
)
def test_operations_do_what_they_say(operation, attribute, value):
    assert patched("/Users", ROW, [operation]).get(attribute) == value


def test_a_new_primary_address_takes_the_place_of_the_old():
    row = {"emails": [{"value": "a", "primary": True}, {"value": "b"}]}

    after = patched("/Users", row, [{"op": "add", "path": "emails", "value": [{"value": "c", "primary": True}]}])

    assert [each.get("primary", False) for each in after["emails"]] == [False, False, True]


@pytest.fixture
def browser():
    """Asks a fresh service."""
    return Browser(create_app("http://127.0.0.1", token="T"))


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/elsewhere", None, 404),
        ("GET", "/scim/v2/Devices", None, 404),
        ("POST", "/scim/v2/Users", "{", 400),
        ("POST", "/scim/v2/Users", "[]", 400),
        ("POST", "/scim/v2/Users", '{"userName": "a", "bogus": 1}', 400),
        ("POST", "/scim/v2/Groups", "{}", 400),
        ("PATCH", "/scim/v2/Users/1", "{}", 404),
        ("POST", "/oauth/token", None, 401),
    ],
)
def test_what_makes_no_sense_is_refused(browser, method, path, body, status):
    answer = browser.open(path, method=method, data=body, headers={"Authorization": "Bearer T"})

    assert answer.status_code == status


def test_a_patch_without_operations_is_refused(browser):
    headers = {"Authorization": "Bearer T"}
    number = browser.post("/scim/v2/Users", json={"userName": "a", "password": "Passw0rd!x", ENTERPRISE: None}, headers=headers).json["id"]

    assert browser.patch(f"/scim/v2/Users/{number}", json={"Operations": []}, headers=headers).status_code == 400
    assert browser.get(f"/scim/v2/Users/{number}?attributes=userName", headers=headers).json == {
        "schemas": [USER],
        "id": number,
        "userName": "a",
    }


def test_people_see_who_is_there_and_the_journal_hides_passwords():
    service = create_app("http://127.0.0.1")
    browser = Browser(service)
    service.add_user("<b>anna</b>", emails=[{"value": "anna@x.example"}])
    for number in range(501):
        service.add_user(f"user{number}")
    token = {"Authorization": f"Bearer {service.settings['token']}"}
    browser.post("/scim/v2/Users", json={"userName": "ben", "password": "Passw0rd!x"}, headers=token)

    page = browser.get("/").text

    assert "&lt;b&gt;anna&lt;/b&gt;" in page
    assert "anna@x.example" in page
    assert "3 more" in page
    assert browser.get("/_journal").json[0]["body"]["password"] == "***"


def test_it_runs_as_a_process_and_says_what_to_set():
    with subprocess.Popen([sys.executable, "-m", "rolecall_scim.fake"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        settings = json.loads(process.stdout.readline())
        process.terminate()

    assert settings["base_url"].startswith("http://127.0.0.1:")
    assert settings["token"]
