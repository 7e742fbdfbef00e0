"""Odd input is answered with a sentence and changes nothing (A-14, X-11, W-05, P-06)."""

import json

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from rolecall.store.tables import AuditEntry, Person
from rolecall.testing.factories import make_person, make_status
from rolecall_webapp.api.reading import JSON_BYTES

GOOD = {"list": "students", "code": "S1", "first_name": "Anna", "last_name": "Kowalska"}


def nested(depth: int) -> str:
    """An object whose field holds lists in lists, so many levels in all."""
    return '{"first_name": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


#: Bodies of a new person that are none.
BODIES = {
    "nothing": b"",
    "blank": b"   ",
    "no JSON": b"hello",
    "half of JSON": b'{"list": "students"',
    "two documents": b"{}{}",
    "null": b"null",
    "true": b"true",
    "number": b"1",
    "text": b'"students"',
    "list": b"[]",
    "list of objects": json.dumps([GOOD]).encode(),
    "empty object": b"{}",
    "single quotes": b"{'list': 'students'}",
    "comment": b'{"list": "students" /* a */}',
    "comma at the end": b'{"list": "students",}',
    "no number": b'{"list": NaN}',
    "infinity": b'{"list": -Infinity}',
    "bytes": b"\xff\xfe\x00",
    "utf-16": json.dumps(GOOD).encode("utf-16"),
    "with a mark": b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
    "NUL outside": b'{"list": "students"}\x00',
    "NUL in a value": json.dumps({**GOOD, "first_name": "An\0na"}).encode(),
    "NUL in a name": json.dumps({**GOOD, "first\0name": "Anna"}).encode(),
    "half a surrogate": b'{"list":"students","code":"S1","first_name":"\\ud800","last_name":"K"}',
    "half a surrogate in a name": b'{"\\udfff": 1}',
    "name twice": b'{"list":"students","list":"teachers","code":"S1","first_name":"A","last_name":"K"}',
    "name twice inside": b'{"first_name": {"a": 1, "a": 2}}',
    "too deep": nested(21).encode(),
    "much too deep": nested(100_000).encode(),
    "deep objects": ('{"a":' * 5_000 + "1" + "}" * 5_000).encode(),
    "many digits": b'{"list": ' + b"9" * 5_000 + b"}",
    "huge exponent": b'{"list": 1e999999}',
    "unknown field": json.dumps({**GOOD, "is_owner": True}).encode(),
    "field of the server": json.dumps({**GOOD, "id": 7}).encode(),
    "prototype": json.dumps({**GOOD, "__proto__": {}}).encode(),
    "missing field": json.dumps({"list": "students", "code": "S1"}).encode(),
    "list is null": json.dumps({**GOOD, "list": None}).encode(),
    "list is a list": json.dumps({**GOOD, "list": ["students"]}).encode(),
    "list is an object": json.dumps({**GOOD, "list": {"$ne": None}}).encode(),
    "list is a number": json.dumps({**GOOD, "list": 0}).encode(),
    "list is empty": json.dumps({**GOOD, "list": ""}).encode(),
    "list is unknown": json.dumps({**GOOD, "list": "pupils"}).encode(),
    "list is upper case": json.dumps({**GOOD, "list": "STUDENTS"}).encode(),
    "code is empty": json.dumps({**GOOD, "code": ""}).encode(),
    "code is blank": json.dumps({**GOOD, "code": " \t "}).encode(),
    "code is a number": json.dumps({**GOOD, "code": 12}).encode(),
    "code is too long": json.dumps({**GOOD, "code": "x" * 101}).encode(),
    "code is invisible": json.dumps({**GOOD, "code": "S\u200b1"}).encode(),
    "code mixes alphabets": json.dumps({**GOOD, "code": "p\u0430ypal"}).encode(),
    "name is null": json.dumps({**GOOD, "first_name": None}).encode(),
    "name is true": json.dumps({**GOOD, "first_name": True}).encode(),
    "name has a line break": json.dumps({**GOOD, "first_name": "An\nna"}).encode(),
    "name is too long": json.dumps({**GOOD, "first_name": "x" * 201}).encode(),
    "active is a word": json.dumps({**GOOD, "active": "maybe"}).encode(),
    "active is yes": json.dumps({**GOOD, "active": "yes"}).encode(),
    "active is one": json.dumps({**GOOD, "active": 1}).encode(),
    "active is null": json.dumps({**GOOD, "active": None}).encode(),
    "e-mail is none": json.dumps({**GOOD, "email": "anna"}).encode(),
    "e-mail is a header": json.dumps({**GOOD, "email": "a@b.example\r\nBcc: c@d.example"}).encode(),
    "phone is a word": json.dumps({**GOOD, "phone": "call me"}).encode(),
    "language is a sentence": json.dumps({**GOOD, "language": "the Greek one"}).encode(),
    "status is unknown": json.dumps({**GOOD, "status": "Enrolled"}).encode(),
    "status is a number": json.dumps({**GOOD, "status": 1}).encode(),
    "teacher with a status": json.dumps({**GOOD, "list": "teachers", "status": "Registered"}).encode(),
}

QUERIES = [
    "limit=0", "limit=-1", "limit=201", "limit=1000000000000", "limit=", "limit=ten", "limit=1.5", "limit=1e2", "limit=NaN",
    "limit=5&limit=6", "limit[]=5", "cursor=", "cursor=x", "cursor=%00", "cursor=" + "A" * 5_000, "cursor=W10", "cursor=bnVsbA",
    "cursor=eyJhIjoxfQ",
    "sort=password_hash", "sort=name;drop", "sort=", "type=pupil", "type=student&type=teacher", "type[]=student", "active=1", "active=true",
    "period=1999", "role=Nobody", "external=nowhere", "deleted=maybe", "login=often", "run=x", "run=99999999999999999999", "TYPE=student",
    "unknown=1", "%00=1", "q=%00", "q=" + "x" * 201, "type=%F0%9F%98%80", "role=%00", "period=%E2%80%8B",
]  # fmt: skip

PATHS = [
    "/accounts/0", "/accounts/-1", "/accounts/1.0", "/accounts/1e3", "/accounts/abc", "/accounts/%00", "/accounts/1%2f2",
    "/accounts/../settings",
    "/accounts//1", "/accounts/1;x=1", "/Accounts", "/accounts/", "/accounts/99999999999999999999999", "/accounts/null", "/plugins/%00",
    "/plugins/nothing", "/plugins/..%2f..%2fetc", "/plugins/" + "x" * 500, "/runs/9999/items", "/nothing", "/", "", "/openapi.json/x",
]  # fmt: skip


@pytest.fixture(autouse=True)
def statuses(school):
    """Students have one to begin with."""
    school(make_status)


def left(core):
    """What was written: people and audit entries."""
    with core.db.read() as session:
        return [session.scalar(select(func.count()).select_from(each)) for each in (Person, AuditEntry)]


def test_odd_bodies_are_refused_with_the_reason(owner, core):
    before = left(core)

    answers = {name: owner("POST", "/people", data=body, content_type="application/json") for name, body in BODIES.items()}

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(BODIES, 422)
    assert [name for name, answer in answers.items() if not answer.json["detail"]] == []
    assert left(core) == before
    assert len(BODIES) >= 60


def test_the_same_bodies_do_nothing_to_any_route(owner, core, described):
    before = left(core)
    routes = [
        (
            method,
            path.format(person_id=1, account_id=1, run_id=1, role_id=1, period_id=1, status_id=1, class_id=1, match_id=1, plugin="moodle"),
        )
        for path, methods in described.document["paths"].items()
        for method, operation in methods.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]
    odd = {name: body for name, body in BODIES.items() if body.strip() not in (b"", b"{}")}

    statuses = {
        (method, path, name): owner(method.upper(), path, data=body, content_type="application/json").status_code
        for method, path in routes
        for name, body in list(odd.items())[::4]
    }

    assert {case: status for case, status in statuses.items() if not 400 <= status < 500} == {}
    assert left(core) == before


def test_odd_words_of_the_address_are_refused(owner):
    answers = {each: owner.get(f"/accounts?{each}") for each in QUERIES}

    assert {each: answer.status_code for each, answer in answers.items() if answer.status_code != 422} == {}


def test_odd_words_are_refused_by_every_list(owner, described):
    paths = described.document["paths"]
    lists = [path for path, methods in paths.items() if "get" in methods and "{" not in path and path != "/openapi.json"]
    odd = ("limit=0", "cursor=x", "unknown=1", "%00=1")

    statuses = {(path, words): owner.get(f"{path}?{words}").status_code for path in lists for words in odd}

    assert {case: status for case, status in statuses.items() if status != 422} == {}


def test_odd_addresses_are_no_addresses(owner):
    statuses = {each: owner.flask.test_client().get(f"/api/v1{each}", headers=bearer(owner)).status_code for each in PATHS}

    assert {each: status for each, status in statuses.items() if status not in (404, 308)} == {}


def test_method_that_a_route_does_not_have_is_told(owner):
    client = owner.flask.test_client()
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
        answer = client.open("/api/v1/accounts", method=method, headers=bearer(owner))

        assert (answer.status_code, answer.mimetype) == (405, "application/problem+json"), method
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_method_cannot_be_overridden(owner, school):
    nick = school(make_person, "Nick")

    owner.get(f"/people/{nick}", headers={"X-HTTP-Method-Override": "PATCH"})
    answer = owner("POST", f"/people/{nick}", {"first_name": "Eve"}, headers={"X-HTTP-Method-Override": "PATCH"})

    assert answer.status_code == 405


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])
def test_body_of_another_type_is_refused(content_type, owner):
    answer = owner("POST", "/people", data=json.dumps(GOOD), content_type=content_type)

    assert (answer.status_code, answer.mimetype) == (415, "application/problem+json")


def test_compressed_body_is_refused(owner):
    answer = owner("POST", "/people", GOOD, headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 415


def test_long_body_is_refused(owner, core):
    before = left(core)

    answer = owner("POST", "/people", {**GOOD, "last_name": "x" * JSON_BYTES})

    assert (answer.status_code, left(core)) == (413, before)


def test_twenty_levels_are_read(owner):
    answer = owner("POST", "/people", data=nested(20), content_type="application/json")

    assert "levels" not in answer.json["detail"]


def test_error_tells_nothing_of_the_inside(owner, application):
    def broken(**_path):
        raise RuntimeError("SELECT secret FROM /srv/rolecall/version-9")

    broken.__dict__["rolecall_permission"] = "accounts:view"
    application.view_functions["api.list_accounts"] = broken

    answer = owner.get("/accounts")

    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert "SELECT" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["X-Request-Id"] in answer.text


def test_database_that_is_away_is_told_with_when_to_try_again(owner, application):
    def away(**_path):
        raise OperationalError("SELECT 1", {}, Exception("no route to host"))

    away.__dict__["rolecall_permission"] = "accounts:view"
    application.view_functions["api.list_accounts"] = away

    answer = owner.get("/accounts")

    assert (answer.status_code, answer.headers["Retry-After"].isdigit()) == (503, True)


def test_every_answer_forbids_what_browsers_could_do_with_it(owner, stranger):
    for answer in (owner.get("/accounts"), stranger.get("/accounts"), owner.get("/accounts/99"), owner.get("/openapi.json")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def bearer(program):
    """The header that a program sends."""
    return {"Authorization": f"Bearer {program.token}"}
