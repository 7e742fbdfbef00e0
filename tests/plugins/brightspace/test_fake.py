"""The pretended site answers as D2L's pages say, where the plugin does not lead it there by itself."""

import json
import subprocess
import sys

import pytest
from werkzeug.test import Client

from rolecall_brightspace.fake.state import STUDENT, TEMPLATE

NEW = {"UserName": "anna", "FirstName": "Anna", "LastName": "Lab", "RoleId": STUDENT, "IsActive": True}
COURSE = {
    "Name": "Maths",
    "Code": "m7",
    "CourseTemplateId": TEMPLATE,
    "SemesterId": None,
    "StartDate": None,
    "EndDate": None,
    "Description": {"Content": "", "Type": "Text"},
    "CanSelfRegister": False,
}


@pytest.fixture
def ask(site):
    """Sends one call as the app and returns its answer."""
    site.sign_in.tokens["t"] = site.sign_in.scopes
    client = Client(site)

    def send(method, path, body=None):
        return client.open(f"/d2l/api/lp/1.57/{path}", method=method, json=body, headers={"Authorization": "Bearer t"})

    return send


@pytest.mark.parametrize(
    "change",
    [{"FirstName": ""}, {"UserName": None}, {"RoleId": 7}, {"UserName": "EVE"}, {"PasswordData": {"Password": "short"}}],
)
def test_a_user_is_refused_as_there(ask, site, change) -> None:
    site.add_user(UserName="eve")

    assert ask("POST", "users/", {**NEW, **change}).status_code == 400
    assert ask("POST", "users/", NEW).status_code == 200


def test_the_look_up_has_three_shapes(ask, site) -> None:
    number = site.add_user(UserName="eve", OrgDefinedId="k")

    assert ask("GET", "users/?userName=EVE").json["UserId"] == number
    assert ask("GET", "users/?userName=nobody").status_code == 404
    assert [row["UserId"] for row in ask("GET", "users/?orgDefinedId=k").json] == [number]
    assert ask("GET", "users/?externalEmail=x").json == []
    assert ask("GET", "users/").json["PagingInfo"] == {"Bookmark": "", "HasMoreItems": False}


def test_a_record_is_replaced_as_a_whole(ask, site) -> None:
    number = site.add_user(UserName="eve", FirstName="Eve", LastName="Lab", ExternalEmail="eve@home.example", Pronouns="she/her")

    ask("PUT", f"users/{number}", {"UserName": "eve", "FirstName": "Eva", "LastName": "Lab", "Activation": {"IsActive": True}})

    assert (site.users["eve"]["ExternalEmail"], site.users["eve"]["Pronouns"]) == (None, None)


@pytest.mark.parametrize("change", [{"Code": "m:7"}, {"Code": "x" * 51}, {"Name": " "}, {"Code": "classes"}])
def test_a_course_is_refused_as_there(ask, change) -> None:
    assert ask("POST", "courses/", {**COURSE, **change}).status_code == 400
    assert ask("POST", "courses/", COURSE).status_code == 200


def test_slashes_versions_and_things_that_are_not_there_are_404(ask, site) -> None:
    for path in ("users", "users/7", "users/x", "courses/7", "orgstructure/x", "orgstructure/7", "enrollments/orgUnits/7/users/"):
        assert ask("GET", path).status_code == 404
    site.versions = ["1.99"]
    assert ask("GET", "users/").status_code == 404


def test_enrolments_are_refused_as_there(ask, site) -> None:
    number = site.add_user(UserName="eve")

    assert ask("POST", "enrollments/", {"OrgUnitId": TEMPLATE, "UserId": number, "RoleId": 7}).status_code == 400
    assert ask("POST", "enrollments/batch/", [{}] * 1_001).status_code == 400
    assert ask("GET", "orgstructure/").json["Items"][0]["Type"]["Name"] == "Organization"


def test_errors_come_in_three_shapes(ask) -> None:
    bodies = [ask("GET", "users/7").json for _ in range(3)]

    assert sorted(type(body).__name__ for body in bodies) == ["dict", "dict", "str"]
    assert {"Errors", "title"} <= {name for body in bodies if isinstance(body, dict) for name in body}


@pytest.mark.parametrize("options", [{"credits": 20}])
def test_credits_come_back_each_minute_and_a_429_says_only_how_long_to_wait(ask, site) -> None:
    site._clock = lambda: 125.0
    answers = [ask("GET", "users/") for _ in range(3)]
    site._clock = lambda: 180.0
    answers.append(ask("GET", "users/"))

    assert [each.status_code for each in answers] == [200, 200, 429, 200]
    assert answers[0].headers["X-Rate-Limit-Remaining"] == "10"
    assert (answers[2].headers["Retry-After"], "X-Request-Cost" in answers[2].headers) == ("55", False)


def test_people_see_a_page_and_programs_the_journal_without_passwords(made, account, wire) -> None:
    made(account("anna"))

    journal = wire.http.get(f"{wire.url}/_journal").json()

    assert journal[-1]["path"] == "users/"
    assert "Passw0rd" not in json.dumps(journal)


def test_the_page_escapes_what_it_shows_and_shows_no_more_than_people_read(site) -> None:
    for number in range(501):
        site.add_user(UserName=f"u{number}", FirstName="<b>Anna", Activation={"IsActive": number > 0})
    client = Client(site)

    text = client.get("/").get_data(as_text=True)

    assert "&lt;b&gt;Anna" in text
    assert "<b>Anna" not in text
    assert "and 1 more" in text
    assert "Demo school: Learner" in text
    assert client.get("/elsewhere").status_code == 404
    assert client.get("/d2l/api/lp/1.57/users/").status_code == 401


def test_it_runs_as_a_process_and_says_how_to_reach_it() -> None:
    with subprocess.Popen([sys.executable, "-m", "rolecall_brightspace.fake"], stdout=subprocess.PIPE, text=True) as process:
        settings = json.loads(process.stdout.readline())
        process.terminate()

    assert settings["base_url"].startswith("http://127.0.0.1:")
    assert settings["auth_url"].startswith(settings["base_url"])
