"""The pretended Workspace answers as Google's reference says, where the plugin does not lead it there by itself."""

import json
import subprocess
import sys

import pytest
from werkzeug.test import Client

from rolecall_google.client import USERS, Part
from rolecall_google.fake import create_app
from rolecall_google.fake.app import STUDENT_LICENCE
from rolecall_google.scopes import GROUPS
from rolecall_google.scopes import USERS as USERS_SCOPE
from rolecall_google.settings import CLASSROOM, LICENSING

NEW = {"primaryEmail": "anna@school.example", "name": {"givenName": "Anna", "familyName": "Lab"}, "password": "Passw0rd!x"}
PRODUCT = "/apps/licensing/v1/product/101031/sku/1010310008"


@pytest.fixture
def ask(provider):
    """Sends one call and returns its status."""

    def send(method, path, body=None, api="directory"):
        return provider.workspace.google.batch([Part(method=method, path=path, body=body, api=api)])[0].status

    return send


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": {"givenName": "", "familyName": "Lab"}}, 400),
        ({"name": {"givenName": "x" * 61, "familyName": "Lab"}}, 400),
        ({"password": "short"}, 400),
        ({"password": ""}, 400),
        ({"primaryEmail": "anna@elsewhere.example"}, 404),
        ({"primaryEmail": "an=na@school.example"}, 400),
        ({"orgUnitPath": "/Nowhere"}, 400),
        ({"gender": {}}, 400),
        ({}, 200),
    ],
)
def test_a_user_is_refused_as_there(ask, change, status) -> None:
    assert ask("POST", USERS, NEW | change) == status


def test_what_is_not_there_is_404_and_what_nobody_asks_is_refused(ask) -> None:
    for path in (f"{USERS}/1", "/admin/directory/v1/groups/1", "/admin/directory/v1/groups/1/members"):
        assert ask("GET", path) == 404
    assert ask("POST", f"{USERS}/1/undelete", {"orgUnitPath": "/"}) == 404
    assert ask("GET", f"{USERS}?customer=my_customer&query=name%3Dx") == 400
    assert ask("GET", "/admin/directory/v1/groups") == 400
    assert ask("GET", "/admin/directory/v1/customers/x") == 404


def test_restoring_needs_a_unit_and_a_free_address_and_google_undoes_its_own_suspensions(ask, school) -> None:
    number = school.add_user(primaryEmail="anna@school.example")
    assert ask("DELETE", f"{USERS}/{number}") == 204
    assert ask("POST", f"{USERS}/{number}/undelete", {"orgUnitPath": "/Nowhere"}) == 400
    other = school.add_user(primaryEmail="other@school.example", aliases=["anna@school.example"], suspended=True, suspensionReason="ABUSE")
    assert ask("POST", f"{USERS}/{number}/undelete", {"orgUnitPath": "/"}) == 409
    assert ask("PUT", f"{USERS}/{other}", {"suspended": False}) == 403


class TestSeats:
    @pytest.fixture
    def options(self):
        return {"user_seats": 1}

    def test_more_users_than_are_paid_for_are_refused(self, ask) -> None:
        assert ask("POST", USERS, NEW) == 412


def test_groups_and_members_are_refused_as_there(ask, school) -> None:
    groups = "/admin/directory/v1/groups"
    for change in ({"email": "x@elsewhere.example"}, {"name": "a<b"}):
        assert ask("POST", groups, {"email": "choir@school.example", "name": "Choir"} | change) == 400
    assert ask("POST", groups, {"email": school.admin, "name": "Choir"}) == 409
    assert ask("POST", groups, {"email": "choir@school.example", "name": "Choir"}) == 200
    assert ask("POST", f"{groups}/choir@school.example/members", {"id": "1"}) == 404


def test_licences_are_by_address_and_must_exist(ask, school) -> None:
    number = school.add_user(primaryEmail="anna@school.example")

    assert ask("POST", f"{PRODUCT}/user", {"userId": number}, LICENSING) == 400
    assert ask("GET", f"{PRODUCT.replace('08', '99')}/users?customerId=x", None, LICENSING) == 400
    assert ask("PUT", f"{PRODUCT}/user/anna@school.example", {"skuId": "1"}, LICENSING) == 404
    assert ask("DELETE", f"{PRODUCT}/user/anna@school.example", None, LICENSING) == 404
    assert STUDENT_LICENCE in school.state.seats


def test_courses_are_refused_as_there(ask, school) -> None:
    course = {"id": "d:maths", "name": "Maths", "ownerId": school.admin}

    for change in ({"id": "maths"}, {"name": ""}):
        assert ask("POST", "/v1/courses", course | change, CLASSROOM) == 400
    assert ask("POST", "/v1/courses", course | {"ownerId": "nobody"}, CLASSROOM) == 404
    assert ask("POST", "/v1/courses", course, CLASSROOM) == 200
    assert ask("PATCH", "/v1/courses/d:maths", {"name": "x"}, CLASSROOM) == 400, "without an update mask nothing is changed"
    assert ask("PATCH", "/v1/courses/d:maths?updateMask=courseState", {"courseState": "ARCHIVED"}, CLASSROOM) == 200
    assert ask("PATCH", "/v1/courses/d:maths?updateMask=name", {"name": "x"}, CLASSROOM) == 400
    assert ask("POST", "/v1/courses/d:maths/students", {"userId": school.admin}, CLASSROOM) == 400
    (owner,) = school.state.teachers[school.state.aliases["d:maths"]]
    assert ask("DELETE", f"/v1/courses/d:maths/teachers/{owner}", None, CLASSROOM) == 400
    school.state.users[owner]["suspended"] = True
    assert ask("POST", "/v1/courses", course | {"id": "d:two"}, CLASSROOM) == 400


def test_a_token_without_the_scope_of_a_call_is_refused(school, provider) -> None:
    google = provider.workspace.google

    assert google.with_scopes(GROUPS).batch([Part(method="GET", path=f"{USERS}/{school.admin}")])[0].status == 403
    assert google.with_scopes(GROUPS).batch([Part(method="GET", path="/v1/courses", api=CLASSROOM)])[0].status == 403


def test_the_sign_in_takes_nothing_but_a_signed_assertion(school) -> None:
    client = Client(school)

    assert client.post("/token", data={"grant_type": "password"}).status_code == 400
    assert client.post("/token", data={"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "x"}).status_code == 400


def test_people_see_a_page_and_programs_the_journal(made, account, school, provider, wire) -> None:
    made(account("anna", first_name="<b>Anna"))
    for number in range(500):
        school.add_user(primaryEmail=f"u{number}@school.example", suspended=number == 1, archived=number == 2)
    client = Client(school)

    text = client.get("/").get_data(as_text=True)
    assert "&lt;b&gt;Anna" in text
    assert "and 1 more" in text
    assert client.get("/elsewhere").status_code == 404
    assert "Passw0rd" not in json.dumps(client.get("/_journal").get_json())


def test_a_batch_that_is_none_or_too_large_is_refused(school, provider) -> None:
    client = Client(school)
    head = {"Authorization": f"Bearer {provider.workspace.google.tokens.get([USERS_SCOPE])}", "Content-Type": "multipart/mixed; boundary=b"}
    part = f"--b\r\nContent-Type: application/http\r\n\r\nGET {USERS}/1 HTTP/1.1\r\n\r\n\r\n"

    assert client.post("/batch", headers=head, data=part + "--b--").status_code == 200
    assert client.post("/batch", headers=head, data=part * 1001 + "--b--").status_code == 400
    assert client.post("/batch", headers={**head, "Content-Type": "text/plain"}, data=part).status_code == 400


def test_it_runs_as_a_process_and_says_how_to_reach_it() -> None:
    with subprocess.Popen([sys.executable, "-m", "rolecall_google.fake"], stdout=subprocess.PIPE, text=True) as process:
        settings = json.loads(process.stdout.readline())
        process.terminate()

    assert settings["directory_url"].startswith("http://127.0.0.1:")
    assert create_app(settings["directory_url"]).settings["domain"] == settings["domain"]
