"""What the fake site offers to tests and to the demonstration, beside Moodle's own answers."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client as Browser

from rolecall.sdk.http import Http
from rolecall_moodle.client import Client, flatten
from rolecall_moodle.fake import FakeMoodle, create_app
from rolecall_moodle.fake.app import PHASES
from rolecall_moodle.fake.php import nested, xml

SERVER = "/webservice/rest/server.php"
ANNA = {"username": "anna", "password": "Passw0rd!x", "firstname": "Anna", "lastname": "Lab", "email": "anna@x.example"}


def call(moodle: FakeMoodle, function: str, arguments: dict[str, Any] | None = None) -> Any:
    """Call a function of the site."""
    form = {"wstoken": moodle.settings["token"], "wsfunction": function, **dict(flatten(arguments or {}))}
    return Browser(moodle).post(SERVER, data={**form, "moodlewsrestformat": "json"}, buffered=True).json


def test_race_of_two_creations_has_one_winner(moodle: FakeMoodle):
    start = threading.Barrier(2)

    def create() -> Any:
        start.wait()
        return call(moodle, "core_user_create_users", {"users": [ANNA]})

    with ThreadPoolExecutor() as pool:
        answers = [future.result() for future in [pool.submit(create) for _ in range(2)]]

    assert sorted(type(answer).__name__ for answer in answers) == ["dict", "list"]
    assert len(moodle.users) == 1


def test_page_lists_users_and_escapes_them(moodle: FakeMoodle):
    moodle.add_user(username="x", firstname="<script>alert(1)</script>", lastname="Ω", email="x@x.example", suspended=True)

    answer = Browser(moodle).get("/")

    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "suspended" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_page_of_a_large_site_shows_a_part(moodle: FakeMoodle):
    for number in range(501):
        moodle.add_user(username=f"u{number}", firstname="U", lastname="L", email=f"u{number}@x.example")

    assert "and 1 more" in Browser(moodle).get("/").text


def test_unknown_address_is_not_found(moodle: FakeMoodle):
    assert Browser(moodle).get("/my").status_code == 404


def test_journal_has_every_call_without_secrets(moodle: FakeMoodle):
    call(moodle, "core_user_create_users", {"users": [ANNA]})
    Browser(moodle).post("/login/token.php", data={"username": "anna", "password": "Passw0rd!x", "service": "nope"})

    journal = Browser(moodle).get("/_journal").json

    assert [(entry["n"], entry["function"], entry["status"]) for entry in journal] == [
        (1, "core_user_create_users", 200),
        (2, "login/token", 200),
    ]
    text = json.dumps(journal)
    assert moodle.settings["token"] not in text
    assert "Passw0rd" not in text
    assert "anna@x.example" in text


def test_user_of_the_service_gets_a_token_for_the_password(moodle: FakeMoodle):
    call(moodle, "core_user_create_users", {"users": [ANNA]})
    moodle.add_token("a" * 32, "anna")

    answer = Browser(moodle).post("/login/token.php", data={"username": "anna", "password": "Passw0rd!x", "service": "rolecall"})

    assert answer.json == {"token": "a" * 32, "privatetoken": None}


def test_phases_come_in_order_and_say_when_a_call_was_committed(moodle: FakeMoodle):
    seen: list[tuple[str, int]] = []
    moodle.on_request = lambda name, phase: seen.append((phase, len(moodle.users)))

    call(moodle, "core_user_create_users", {"users": [ANNA]})

    assert [phase for phase, _ in seen] == list(PHASES)
    assert [count for _, count in seen] == [0, 1, 1, 1]


@pytest.mark.parametrize(("phase", "made"), [("before_commit", 0), ("after_commit", 1), ("during_reply", 1), ("after_reply", 1)])
def test_fault_at_a_phase_leaves_what_was_committed(moodle: FakeMoodle, phase: str, made: int):
    def strike(name: str, now: str) -> None:
        if now == phase:
            raise ConnectionAbortedError

    moodle.on_request = strike

    with pytest.raises(ConnectionAbortedError):
        call(moodle, "core_user_create_users", {"users": [ANNA]})

    assert len(moodle.users) == made


def test_state_survives_the_site(tmp_path: Path):
    file = str(tmp_path / "site.sqlite")
    first = create_app("http://x", state_file=file)
    call(first, "core_user_create_users", {"users": [ANNA, {**ANNA, "username": "ben", "email": "ben@x.example"}]})
    cohort = {"categorytype": {"type": "system", "value": ""}, "name": "C", "idnumber": "C"}
    call(first, "core_cohort_create_cohorts", {"cohorts": [cohort]})
    member = {"cohorttype": {"type": "idnumber", "value": "C"}, "usertype": {"type": "username", "value": "anna"}}
    call(first, "core_cohort_add_cohort_members", {"members": [member]})
    call(first, "core_user_delete_users", {"userids": [first.users["ben"]["id"]]})
    before = (first.users, first.cohorts)
    first.state.close()
    first.state.close()

    second = create_app("http://x", state_file=file)

    assert (second.users, second.cohorts) == before
    assert call(second, "core_user_create_users", {"users": [{**ANNA, "username": "carl", "email": "c@x.example"}]}) == [
        {"id": 6, "username": "carl"}
    ]
    second.state.close()


def test_latency_is_waited(moodle: FakeMoodle):
    moodle.latency = 0.001

    assert call(moodle, "core_webservice_get_site_info")["sitename"] == "Demo school"


@contextmanager
def process(*arguments: str) -> Iterator[str]:
    """Run the site as a process and yield its address."""
    command = [sys.executable, "-m", "rolecall_moodle.fake", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().strip()
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(10)
            assert running.returncode == 0


def test_site_as_a_process_of_its_own_keeps_its_state(tmp_path: Path):
    token = "0123456789abcdef"
    arguments = ("--token", token, "--state", str(tmp_path / "site.sqlite"))

    with process(*arguments) as address:
        http = Http(allow=["127.0.0.1:*"])
        Client(http, address, token).write("core_user_create_users", {"users": [ANNA]})
        http.close()
    with process(*arguments) as address:
        http = Http(allow=["127.0.0.1:*"])
        found = Client(http, address, token).read("core_user_get_users_by_field", {"field": "username", "values": ["anna"]})
        http.close()

    assert [user["email"] for user in found] == ["anna@x.example"]


def test_form_fields_nest_as_in_php():
    fields = [("a[0][b]", "1"), ("a[0][c]", "2"), ("a[1]", "3"), ("d", "4"), ("d[e]", "5"), ("[]", "6")]

    assert nested(fields) == {"a": {"0": {"b": "1", "c": "2"}, "1": "3"}, "d": {"e": "5"}}


def test_answer_in_xml_has_every_kind_of_value():
    text = xml([{"a": None, "b": True, "c": "<&>", "d": 5}])

    assert text.splitlines()[1:4] == ["<RESPONSE>", "<MULTIPLE>", "<SINGLE>"]
    assert "&lt;&amp;&gt;" in text
    assert '<VALUE null="null"/>' in text
    assert "<VALUE>1</VALUE>" in text


def test_member_who_is_deleted_leaves_the_cohorts(moodle: FakeMoodle):
    (made,) = call(moodle, "core_user_create_users", {"users": [ANNA]})
    cohort = {"categorytype": {"type": "system", "value": ""}, "name": "C", "idnumber": "C"}
    call(moodle, "core_cohort_create_cohorts", {"cohorts": [cohort]})
    member = {"cohorttype": {"type": "idnumber", "value": "C"}, "usertype": {"type": "id", "value": made["id"]}}
    call(moodle, "core_cohort_add_cohort_members", {"members": [member]})

    call(moodle, "core_user_delete_users", {"userids": [made["id"]]})

    assert moodle.cohorts == {"C": frozenset()}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("core_user_create_users", {"users": ["x"]}, "invalidparameter"),
    ("core_user_create_users", {"users": [{**ANNA, "password": ""}]}, "invalidparameter"),
    ("core_user_create_users", {"users": [ANNA, ANNA]}, "invalidparameter"),
    ("core_user_create_users", {"users": [ANNA, {**ANNA, "username": "b"}]}, "invalidparameter"),
    ("core_user_create_users", {"users": [{**ANNA, "createpassword": "yes"}]}, "invalidparameter"),
    ("core_user_create_users", {"users": [{**ANNA, "firstname": "<b>x</b>"}]}, "invalidparameter"),
    ("core_user_update_users", {"users": [{"id": "x"}]}, "invalidparameter"),
    ("core_user_delete_users", {"userids": [99]}, "invaliduser"),
    ("core_user_delete_users", {"userids": ["x"]}, "invalidparameter"),
    ("core_cohort_get_cohort_members", {"cohortids": [99]}, "invalidrecord"),
    ("core_cohort_delete_cohort_members", {"members": [{"cohortid": 99, "userid": 2}]}, "invalidrecord"),
]


@pytest.mark.parametrize(("function", "arguments", "code"), REFUSED)
def test_fake_refuses_what_moodle_refuses(moodle: FakeMoodle, function: str, arguments: dict[str, Any], code: str):
    assert call(moodle, function, arguments)["errorcode"] == code
    assert moodle.users == {}


def test_password_policy_can_be_switched_off(moodle: FakeMoodle):
    moodle.site.password_policy = False

    assert len(call(moodle, "core_user_create_users", {"users": [{**ANNA, "password": "abc"}]})) == 1


def test_password_and_profile_can_be_changed(moodle: FakeMoodle):
    moodle.site.profile_fields = frozenset({"house"})
    (made,) = call(moodle, "core_user_create_users", {"users": [ANNA]})
    change = {"id": made["id"], "password": "N3w-Passw0rd!", "country": "GR", "customfields": [{"type": "house", "value": "Blue"}]}

    assert call(moodle, "core_user_update_users", {"users": [change]}) == {"warnings": []}

    (shown,) = call(moodle, "core_user_get_users_by_field", {"field": "id", "values": [made["id"]]})
    assert (shown["country"], shown["customfields"][0]["value"]) == ("GR", "Blue")


def test_membership_of_unknown_cohort_is_a_warning(moodle: FakeMoodle):
    member = {"cohorttype": {"type": "id", "value": 9}, "usertype": {"type": "id", "value": "x"}}

    assert call(moodle, "core_cohort_add_cohort_members", {"members": [member]})["warnings"][0]["warningcode"] == "2"


def test_search_by_exact_field_and_backslash(moodle: FakeMoodle):
    call(moodle, "core_user_create_users", {"users": [ANNA]})

    assert len(call(moodle, "core_user_get_users", {"criteria": [{"key": "auth", "value": "manual"}]})["users"]) == 3
    assert call(moodle, "core_user_get_users", {"criteria": [{"key": "email", "value": "anna@x.example\\"}]})["users"] == []
