"""The pretended Canvas keeps the rules that the plugin relies on, and shows people what it holds."""

import json
import subprocess
import sys
from urllib.parse import urlencode

import pytest
from werkzeug.test import Client

from rolecall_canvas.fake import create_app

KEY = "5f0c2a7e-8a4a-4e58-9f3e-2b1d6c7a9e10"
ANNA = {"user[name]": "Anna Lab", "pseudonym[unique_id]": "anna", "pseudonym[sis_user_id]": KEY}
CSV = "user_id,login_id,full_name,sortable_name,email,status\r\n"


@pytest.fixture
def ask(canvas):
    """Makes a call; returns status and value."""
    client = Client(canvas)
    headers = {"Authorization": f"Bearer {canvas.settings['token']}"}

    def make(method, path, form=None, *, content=None):
        kind = "text/csv" if content is not None else "application/x-www-form-urlencoded"
        data = content if content is not None else urlencode(form or {})
        response = client.open(f"/api/v1{path}", method=method, data=data, content_type=kind, headers=headers)
        return response.status_code, json.loads(response.get_data(as_text=True))

    return make


def kinds(body) -> set[str]:
    """The kinds of the refusals in an answer."""
    found = body["errors"].get("pseudonym", body["errors"])
    return {entry["type"] for entries in found.values() for entry in entries}


def test_a_login_and_a_sis_id_are_there_once_in_any_letters(ask) -> None:
    assert ask("POST", "/accounts/self/users", ANNA)[0] == 200

    for other in ({"pseudonym[unique_id]": "ANNA"}, {"pseudonym[unique_id]": "berta", "pseudonym[sis_user_id]": KEY}):
        status, body = ask("POST", "/accounts/self/users", other)
        assert (status, kinds(body)) == (400, {"taken"})


def test_a_deleted_user_keeps_its_sis_id_and_comes_back_only_where_that_is_asked_for(ask) -> None:
    _, anna = ask("POST", "/accounts/self/users", ANNA)
    assert ask("DELETE", f"/accounts/self/users/{anna['id']}")[0] == 200
    assert ask("GET", f"/users/sis_user_id:{KEY}")[0] == ask("GET", f"/users/{anna['id']}")[0] == 404

    assert kinds(ask("POST", "/accounts/self/users", ANNA)[1]) == {"taken"}
    assert ask("POST", "/accounts/self/users", ANNA | {"enable_sis_reactivation": "true"})[1]["id"] == anna["id"]


def test_only_who_was_deleted_is_restored(ask) -> None:
    _, anna = ask("POST", "/accounts/self/users", ANNA)

    assert ask("PUT", f"/accounts/self/users/{anna['id']}/restore") == (400, {"errors": "User not deleted"})
    assert ask("PUT", "/accounts/self/users/9999/restore")[0] == 404


def test_an_address_without_its_confirmation_skipped_is_mailed(ask, canvas) -> None:
    ask("POST", "/accounts/self/users", ANNA | {"communication_channel[address]": "anna@home.example"})

    assert canvas.state.mailed == ["anna@home.example"]


def test_values_that_cannot_be_stored_are_refused(ask, canvas) -> None:
    number = canvas.add_user("anna")

    assert ask("POST", "/accounts/self/users", {"pseudonym[unique_id]": ""})[0] == 400
    assert ask("PUT", f"/users/{number}", {"user[name]": "x" * 256})[0] == 400
    assert ask("POST", "/accounts/self/courses", {"course[name]": "x" * 256})[0] == 400


def test_an_enrolment_is_an_invitation_unless_it_is_said_otherwise_and_a_notice_is_a_mail(ask, canvas) -> None:
    number = canvas.add_user("anna", email="anna@home.example")
    _, course = ask("POST", "/accounts/self/courses", {"course[name]": "Maths"})
    wanted = {"enrollment[user_id]": number, "enrollment[type]": "StudentEnrollment", "enrollment[notify]": "true"}

    _, made = ask("POST", f"/courses/{course['id']}/enrollments", wanted)

    assert (course["workflow_state"], made["enrollment_state"]) == ("unpublished", "invited")
    assert canvas.state.mailed == ["anna@home.example"]


def test_what_is_not_permitted_is_401(ask, canvas) -> None:
    number = canvas.add_user("anna")
    login = next(iter(canvas.state.logins))
    _, course = ask("POST", "/accounts/self/courses", {"course[name]": "Maths"})
    canvas.permissions -= {"manage_sis", "manage_courses_conclude", "remove_student_from_course"}
    enrolled = {"enrollment[user_id]": number, "enrollment[type]": "StudentEnrollment"}
    _, enrolment = ask("POST", f"/courses/{course['id']}/enrollments", enrolled)

    assert ask("PUT", f"/accounts/self/logins/{login}", {"login[sis_user_id]": KEY})[0] == 401
    assert ask("PUT", f"/courses/{course['id']}", {"course[event]": "conclude"})[0] == 401
    assert ask("DELETE", f"/courses/{course['id']}/enrollments/{enrolment['id']}")[0] == 401


def test_what_is_not_there_is_404(ask, canvas) -> None:
    canvas.add_user("anna")

    for path in (
        "/users/9999",
        "/users/sis_login_id:nobody",
        "/users/other_id:1",
        "/courses/9999",
        "/accounts/self/sis_imports/9",
        "/planets",
    ):
        assert ask("GET", path)[0] == 404
    assert ask("PUT", "/accounts/self/logins/9999", {})[0] == 404
    assert ask("GET", "/accounts/7/sis_imports")[0] == 404
    assert ask("GET", "/users/hex:sis_login_id:616e6e61")[0] == 200


def test_a_term_is_looked_for_everywhere_and_a_number_first_as_an_id(ask, canvas) -> None:
    first = canvas.add_user("anna", email="x@home.example")
    canvas.add_user(f"user{first}")

    assert [row["login_id"] for row in ask("GET", f"/accounts/self/users?search_term={first}")[1]] == ["anna"]
    assert [row["login_id"] for row in ask("GET", "/accounts/self/users?search_term=HOME.exa")[1]] == ["anna"]


def test_rows_of_an_import_that_cannot_be_carried_out_are_left_out_with_the_reason(ask, canvas) -> None:
    canvas.add_user("anna", sis_user_id="P-17")
    canvas.add_user("carla")
    canvas.add_user("dora", sis_user_id="P-18")
    rows = ["K1,anna,A,,,active", "K2,,B,,,active", "P-18,carla,D,,,active", f"K3,{'x' * 101},E,,,active", "K4,emma,Emma,,,active"]

    _, made = ask("POST", "/accounts/self/sis_imports?import_type=instructure_csv", content=CSV + "\r\n".join(rows))
    _, done = ask("GET", f"/accounts/self/sis_imports/{made['id']}")

    assert (made["workflow_state"], done["workflow_state"]) == ("created", "imported_with_messages")
    assert len(done["processing_warnings"]) == 4
    assert canvas.users["emma"]["sis_user_id"] == "K4"
    assert [row["id"] for row in ask("GET", "/accounts/self/sis_imports")[1]["sis_imports"]] == [made["id"]]


def test_people_see_a_page_that_escapes_what_it_shows_and_programs_the_journal(ask, canvas) -> None:
    for number in range(501):
        canvas.add_user(f"user{number}", name="<b>Anna")
    ask("POST", "/accounts/self/courses", {"course[name]": "<i>Maths", "offer": "true"})
    ask("POST", "/accounts/self/users", ANNA | {"pseudonym[password]": "Kqm4tv-9xbhwd"})
    client = Client(canvas)

    text = client.get("/").get_data(as_text=True)
    assert "&lt;b&gt;Anna" in text
    assert "&lt;i&gt;Maths" in text
    assert "and 2 more" in text
    assert "Kqm4tv" not in client.get("/_journal").get_data(as_text=True)
    assert client.get("/elsewhere").status_code == 404


def test_an_empty_canvas_shows_no_courses() -> None:
    assert "Courses" not in Client(create_app("http://127.0.0.1")).get("/").get_data(as_text=True)


def test_it_runs_as_a_process_and_says_how_to_reach_it() -> None:
    with subprocess.Popen([sys.executable, "-m", "rolecall_canvas.fake"], stdout=subprocess.PIPE, text=True) as process:
        settings = json.loads(process.stdout.readline())
        process.terminate()

    assert settings["base_url"].startswith("http://127.0.0.1:")
