"""The fake site answers every recorded call that the plugin makes as the real Moodle did: status, error code and keys."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from rolecall_moodle.client import flatten
from rolecall_moodle.fake import ALL_RIGHTS, FakeMoodle, create_app
from rolecall_moodle.fake.app import SERVICE
from rolecall_moodle.fake.functions import FUNCTIONS

HERE = Path(__file__).parent / "recordings"
SERVER = "/webservice/rest/server.php"
#: Short enough that the fields of the recorded bulk calls can be made up again.
RIGHTS = ALL_RIGHTS - {"moodle/site:viewfullnames"}
LIMITED = {"webservice/rest:use"}


def exchanges(name: str) -> list[dict[str, Any]]:
    """Return the recorded exchanges of a file."""
    recorded: list[dict[str, Any]] = json.loads((HERE / f"moodle-4.3-rest-recorded{name}.json").read_text())["exchanges"]
    return recorded


def concerns_us(exchange: dict[str, Any]) -> bool:
    """Tell whether a recorded call is one that the plugin makes, or one on the way to any."""
    function = exchange.get("function")
    return function in FUNCTIONS or exchange["name"].startswith(
        ("err_missing_function", "err_unknown_function", "err_function_not", "transport", "login")
    )


def shape(value: Any) -> Any:
    """Return what must be equal: the keys of objects, the number of rows, and whether there is something at all."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items() if key not in ("functions", "advancedfeatures")}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


class Lab:
    """The fake in the state of the recorded laboratory, played by the order of the recordings."""

    def __init__(self, **options: Any) -> None:
        self.moodle: FakeMoodle = create_app(
            "http://127.0.0.1:8765", token="wsbot", site_name="Provider lab", rights=RIGHTS, profile_fields=["sisid"], **options
        )
        robot = self.moodle.state.users[3]
        self.moodle.state.put_user({**robot, "username": "wsbot", "firstname": "wsbot"})
        self.moodle.state.categories[2] = {"id": 2, "name": "2026/27", "idnumber": "Y2026"}
        self.moodle.add_token("wslimited", "wslimited", rights=LIMITED)
        self.moodle.add_token("wsnorest", "wsnorest", rights=())
        self.browser = Browser(self.moodle)

    def play(self, exchange: dict[str, Any]) -> TestResponse:
        """Send what was sent."""
        name = exchange["name"]
        self.moodle.debug = name.endswith("__debug_on")
        request = exchange.get("request", {})
        if name == "transport_json_body_not_supported":
            return self.browser.post(SERVER, json={"wstoken": "wsbot", "wsfunction": "core_webservice_get_site_info"})
        if name == "transport_bearer_not_supported":
            form = {"wsfunction": "core_webservice_get_site_info", "moodlewsrestformat": "json"}
            return self.browser.post(SERVER, data=form, headers={"Authorization": "Bearer wsbot"})
        if request.get("path") == "/login/token.php":
            service = request["form"]["service"]
            form = {**request["form"], "service": SERVICE if service == "provlab" else service}
            return self.browser.post("/login/token.php", data=form)
        form = self.form(exchange)
        if request["method"] == "GET":
            return self.browser.get(SERVER, query_string=form)
        return self.browser.post(SERVER, data=form)

    def form(self, exchange: dict[str, Any]) -> dict[str, str]:
        """Return the form fields, with our tokens in place of the masked ones."""
        form = exchange["request"]["form"]
        if isinstance(form, list):
            return {key: value.replace("<TOKEN:", "").rstrip(">") if key == "wstoken" else value for key, value in form}
        limited = ("missing_capability", "no_capability")
        token = "wslimited" if any(each in exchange["name"] for each in limited) else "wsbot"
        fields = {"wstoken": token, "wsfunction": exchange["function"], "moodlewsrestformat": "json"}
        arguments = exchange["args"]
        if "generated rows" in str(arguments):
            arguments = {"users": list(generated(exchange))}
        return {**fields, **dict(flatten(arguments))}


def generated(exchange: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the rows that a bulk recording describes in words."""
    text = str(exchange["args"].get("users") if isinstance(exchange["args"], dict) else exchange["args"])
    count = int(text.split()[0])
    for number in range(count):
        name = f"b{count}x{number:05}"
        yield {
            "username": name,
            "password": "Passw0rd!x",
            "firstname": name,
            "lastname": "Lab",
            "email": f"{name}@school.example",
            "idnumber": f"SIS-{name}",
        }


def compare(exchange: dict[str, Any], answer: TestResponse) -> None:
    """Assert that an answer has the recorded status, error code and keys."""
    name, recorded = exchange["name"], exchange["response"]
    assert answer.status_code == recorded["status"], name
    if "json" not in recorded:
        text = recorded.get("text", "")
        assert answer.text[:40].split("\n")[0] == text[:40].split("\n")[0], name
        if "ERRORCODE" in text:
            assert "<ERRORCODE>invalidtoken</ERRORCODE>" in answer.text, name
        return
    expected, got = recorded["json"], answer.json
    if name.startswith("bulk"):
        first = expected["first"] if isinstance(expected, dict) else expected[0]
        assert got[0] == first, name
        if isinstance(expected, dict):
            assert (got[-1], len(got)) == (expected["last"], expected["count"]), name
        return
    if name == "list_all_users":
        assert shape(got["users"][:2]) == shape(expected["users"]), name
        assert len(got["users"]) == expected["count"], name
        return
    if isinstance(expected, dict) and "errorcode" in expected:
        assert got["errorcode"] == expected["errorcode"], name
        assert set(got) == set(expected), name
        if not got["errorcode"].startswith("dml"):
            assert got.get("debuginfo", "") == expected.get("debuginfo", ""), name
        return
    if name == "site_info" or name == "site_info_get_method":
        assert set(got) == set(expected), name
        return
    assert shape(without(got)) == shape(without(expected)), name
    assert ids(got) == ids(expected), name


def without(value: Any) -> Any:
    """Leave out what a session of the robot itself left behind in the laboratory."""
    if isinstance(value, dict):
        return {key: without(item) for key, item in value.items() if key != "preferences"}
    return [without(item) for item in value] if isinstance(value, list) else value


def ids(value: Any) -> list[Any]:
    """Return all ids and cohort members of an answer, in order."""
    if isinstance(value, dict):
        return [item for key in value for item in ([value[key]] if key in ("id", "userids", "itemid", "warningcode") else ids(value[key]))]
    return [found for item in value for found in ids(item)] if isinstance(value, list) else []


def arrange(lab: Lab, name: str) -> None:
    """Bring the site into the state in which a call was recorded, where that was done by hand."""
    token = lab.moodle.change_token
    if name == "find_with_viewfullnames":
        token("wsbot", rights=ALL_RIGHTS)
    elif name == "update_customfield_unknown":
        lab.moodle.site.profile_fields = frozenset()
    elif name == "update_customfield":
        lab.moodle.site.profile_fields = frozenset({"sisid"})
    elif name == "err_token_expired":
        token("wslimited", expires=1.0)
    elif name == "err_token_ip_restricted":
        token("wsnorest", address_allowed=False, rights=ALL_RIGHTS)
    elif name in ("err_ws_user_suspended", "err_webservices_disabled"):
        robot = lab.moodle.state.users[3]
        lab.moodle.state.put_user({**robot, "suspended": name == "err_ws_user_suspended"})
        lab.moodle.web_services = name == "err_ws_user_suspended"
    elif name == "err_maintenance_mode":
        lab.moodle.web_services = True
        lab.moodle.maintenance = "cli"
    elif name == "err_maintenance_mode_gui":
        lab.moodle.maintenance = "admin"
    elif name == "bulk_create_50":
        lab.moodle.maintenance = None


def test_fake_answers_the_recorded_calls_as_moodle_on_postgresql_did():
    lab = Lab()
    played = 0

    for exchange in (*exchanges(""), *exchanges("-extra")):
        if concerns_us(exchange):
            arrange(lab, exchange["name"])
            compare(exchange, lab.play(exchange))
            played += 1

    assert played > 150


def test_fake_answers_the_recorded_calls_as_moodle_on_mariadb_did():
    lab = Lab(database="mariadb")
    lab.moodle.change_token("wsbot", rights=ALL_RIGHTS)

    for exchange in exchanges("-mariadb"):
        compare(exchange, lab.play(exchange))


def test_silent_truncation_creates_the_recorded_number_of_users():
    lab = Lab()
    exchange = next(e for e in exchanges("-extra") if e["name"] == "bulk_create_900_over_max_input_vars_5000")

    answer = lab.play(exchange)

    assert len(answer.json) == 833
    assert len(lab.moodle.users) == int(exchange["db_after"]["rows_created"])


PROBES: dict[str, tuple[str, dict[str, Any]]] = {
    "create_user": (
        "core_user_create_users",
        {"users": [{"username": "neu", "password": "Passw0rd!x", "firstname": "N", "lastname": "L", "email": "neu@x.example"}]},
    ),
    "update_user": ("core_user_update_users", {"users": [{"id": 4, "city": "Patras"}]}),
    "find_by_username": ("core_user_get_users_by_field", {"field": "username", "values": ["anna"]}),
    "search_email": ("core_user_get_users", {"criteria": [{"key": "email", "value": "anna@x.example"}]}),
    "search_lastname": ("core_user_get_users", {"criteria": [{"key": "lastname", "value": "Lab"}]}),
    "cohort_create": (
        "core_cohort_create_cohorts",
        {"cohorts": [{"categorytype": {"type": "system", "value": ""}, "name": "C", "idnumber": "C2"}]},
    ),
    "cohort_add": (
        "core_cohort_add_cohort_members",
        {"members": [{"cohorttype": {"type": "id", "value": 1}, "usertype": {"type": "id", "value": 4}}]},
    ),
    "cohort_members": ("core_cohort_get_cohort_members", {"cohortids": [1]}),
    "cohort_get": ("core_cohort_get_cohorts", {"cohortids": [1]}),
    "cohort_remove": ("core_cohort_delete_cohort_members", {"members": [{"cohortid": 1, "userid": 4}]}),
    "course_create": ("core_course_create_courses", {"courses": [{"fullname": "N", "shortname": "N", "categoryid": 1}]}),
    "course_by_idnumber": ("core_course_get_courses_by_field", {"field": "idnumber", "value": "C1"}),
    "categories": ("core_course_get_categories", {}),
    "enrol": ("enrol_manual_enrol_users", {"enrolments": [{"roleid": 5, "userid": 4, "courseid": 2}]}),
    "enrolled_users": ("core_enrol_get_enrolled_users", {"courseid": 2}),
    "group_create": ("core_group_create_groups", {"groups": [{"courseid": 2, "name": "G", "description": ""}]}),
    "group_add": ("core_group_add_group_members", {"members": [{"groupid": 1, "userid": 2}]}),
    "unenrol": ("enrol_manual_unenrol_users", {"enrolments": [{"userid": 4, "courseid": 2}]}),
    "delete_user": ("core_user_delete_users", {"userids": [4]}),
}

MATRIX = json.loads((HERE / "moodle-4.3-capabilities.json").read_text())

#: The robot of the matrix held another right that does as well; without both it was like this.
INSTEAD = {"moodle/course:viewparticipants": MATRIX["minimal_diff"]}

#: Probes whose answers say how many there were.
COUNTED = {"course_by_idnumber", "categories", "enrolled_users"}

#: The matrix itself marks these as artefacts of how it was taken.
ARTEFACTS = {("moodle/user:create", "search_lastname"), ("webservice/rest:use", "delete_user")}


@pytest.mark.parametrize("right", sorted(ALL_RIGHTS))
def test_missing_right_shows_as_it_did_in_moodle(right: str):
    lab = Lab()
    lab.moodle.add_user(username="anna", firstname="Anna", lastname="Lab", email="anna@x.example", idnumber="SIS-anna")
    number = lab.moodle.users["anna"]["id"]
    lab.moodle.state.put_cohort({"id": 1, "name": "C", "idnumber": "C1", "description": "", "visible": True, "members": []})
    lab.moodle.state.number("cohort")
    group = {"id": lab.moodle.state.number("group"), "name": "Old", "idnumber": "", "members": []}
    lab.moodle.add_course(idnumber="C1", shortname="C1", enrolled={"2": [3]}, groups=[group])
    lab.moodle.change_token("wsbot", rights=ALL_RIGHTS - {right})
    expected = {**MATRIX["baseline"], **MATRIX["without"].get(right, {}), **INSTEAD.get(right, {})}

    for probe, (function, arguments) in PROBES.items():
        if (right, probe) in ARTEFACTS:
            continue
        fields = {key: str(number) if value == "4" else value for key, value in flatten(arguments)}
        form = {"wstoken": "wsbot", "wsfunction": function, "moodlewsrestformat": "json", **fields}
        got = summary(lab.browser.post(SERVER, data=form).json)
        if probe in COUNTED:  # the matrix counts these in a laboratory with other courses in it
            assert got.partition(" ")[2] == wording(expected[probe]).partition("ERR ")[2], (right, probe)
            continue
        if probe.startswith("search"):  # the matrix says of these only whether somebody was found
            got = got.partition(":")[0]

        assert got == wording(expected[probe]), (right, probe)


def summary(answer: Any) -> str:
    """Say in the words of the matrix what an answer was."""
    if isinstance(answer, dict) and "errorcode" in answer:
        return f"ERR {answer['errorcode']}"
    rows = answer.get("users", answer.get("courses", answer)) if isinstance(answer, dict) else answer
    if rows == []:
        return "EMPTY"
    if isinstance(rows, list) and "fullname" in rows[0]:
        return "found:" + ",".join(key for key in ("email", "idnumber", "auth", "suspended", "firstname") if key in rows[0])
    return "ok"


def wording(text: str) -> str:
    """Bring the matrix's own variations to one form."""
    if text.startswith("ERR"):
        return text.removesuffix(" EMPTY")
    if text.endswith("EMPTY"):
        return "EMPTY"
    return text
