"""Calls, pages and errors, and the bucket that is not emptied."""

import pytest

from rolecall.errors import Ambiguous, Misconfigured, NotFound, Permanent, ProviderError, Transient
from rolecall_canvas.client import Client, by_sis, id_of
from rolecall_canvas.errors import Denied, Garbled, Refused, ServerFault, Taken, Unclear, Unreachable, classify
from rolecall_canvas.throttle import LOW, PAUSE, Bucket

TAKEN = (
    b'{"errors":{"user":{},"pseudonym":{"unique_id":[{"attribute":"unique_id","type":"taken","message":"ID already in use"}]},'
    b'"observee":{},"pairing_code":{},"recaptcha":null}}'
)
TAKEN_LOGIN = b'{"errors":{"sis_user_id":[{"attribute":"sis_user_id","type":"taken","message":"is in use"}]}}'
SHORT = b'{"errors":{"pseudonym":{"password":[{"attribute":"password","type":"too_short","message":"too short"}]}}}'


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def client(canvas, wire, slept) -> Client:
    return Client(wire.http, canvas.base_url, canvas.settings["token"], sleep=slept.append)


@pytest.mark.parametrize(
    ("status", "content", "repeatable", "kind"),
    [
        (400, TAKEN, False, Taken),
        (400, TAKEN_LOGIN, True, Taken),
        (400, SHORT, False, Refused),
        (400, b'{"errors":"User not deleted"}', False, Refused),
        (400, b"<html>", False, Misconfigured),
        (401, b'{"errors":[{"message":"Invalid access token."}]}', True, Denied),
        (401, b'{"status":"unauthorized","errors":[{"message":"user not authorized"}]}', True, Denied),
        (403, b"403 Forbidden (Rate Limit Exceeded)\n", False, Unreachable),
        (403, b'{"message":"no"}', False, Denied),
        (403, b"", False, Denied),
        (404, b'{"errors":[{"message":"The specified resource does not exist."}]}', True, NotFound),
        (404, b"<html>", True, Misconfigured),
        (302, b"", True, Misconfigured),
        (429, b"", False, Unreachable),
        (503, b"", False, Unreachable),
        (500, b"", True, ServerFault),
        (500, b"", False, Ambiguous),
        (204, b"", True, Garbled),
        (204, b"", False, Unclear),
        (400, b"[" * 5000, False, Misconfigured),
        (422, b'{"errors":{"a":{"b":{"c":{"d":{"e":{"f":[{"type":"taken"}]}}}}}}}', False, Refused),
    ],
)
def test_every_answer_has_its_kind(status: int, content: bytes, repeatable: bool, kind: type[ProviderError]) -> None:
    error = classify(status, content, wait=None, repeatable=repeatable)

    assert type(error) is kind


def test_one_sentence_is_about_one_thing_and_a_status_about_a_permission() -> None:
    bodies = (b'{"message":"The course is concluded."}', b'{"status":"unauthorized","errors":[]}', b'{"message":"x","status":"y"}', b"[]")

    assert [classify(403, body, wait=None, repeatable=False).bare for body in bodies] == [True, False, False, False]


def test_what_canvas_says_of_a_value_is_told_and_nothing_else() -> None:
    assert "password: too short" in classify(400, SHORT, wait=None, repeatable=False).message
    assert "secret" not in str(classify(403, b"secret", wait=None, repeatable=False))


class TestPages:
    @pytest.fixture
    def options(self):
        return {"page_size": 2}

    @pytest.fixture(autouse=True)
    def people(self, canvas):
        for number in range(5):
            canvas.add_user(f"user{number}")

    def test_links_are_followed_as_they_are_to_the_last(self, client, canvas) -> None:
        rows = list(client.pages("/accounts/self/users", [("sort", "id"), ("per_page", 100)]))

        assert [row["login_id"] for row in rows] == [f"user{number}" for number in range(5)]
        assert dict(canvas.journal[-1]["query"])["page"] == "bookmark:4"

    def test_a_link_that_leads_elsewhere_is_not_followed(self, client, canvas) -> None:
        canvas.fail(200, body=[], headers={"Link": '<https://elsewhere.example/api/v1/x>; rel="next"'})

        with pytest.raises(Transient, match="not its own"):
            list(client.pages("/accounts/self/users"))
        assert len(canvas.journal) == 1

    def test_a_link_that_goes_round_in_circles_is_given_up(self, client, canvas) -> None:
        link = f"<{canvas.base_url}/api/v1/accounts/self/users?page=1>; rel=next"
        canvas.fail(200, body=[], headers={"Link": link}, next=None)

        with pytest.raises(Transient, match="again"):
            list(client.pages("/accounts/self/users"))


@pytest.mark.parametrize(
    ("kind", "value", "step"),
    [
        ("sis_user_id", "rc-12ab", "sis_user_id:rc-12ab"),
        ("sis_login_id", "a.b@c", "hex:sis_login_id:612e624063"),
        ("sis_login_id", "ά/?", "hex:sis_login_id:ceac2f3f"),
    ],
)
def test_what_an_address_would_change_travels_in_digits(kind: str, value: str, step: str) -> None:
    assert by_sis(kind, value) == step


@pytest.mark.parametrize("row", [{}, {"id": None}, {"id": True}, {"id": "x"}, {"id": -1}, {"id": 0}, {"id": 10**19}, {"id": 1.5}, None])
def test_an_id_that_is_none_is_not_believed(row) -> None:
    with pytest.raises(Unclear):
        id_of(row, unusable=Unclear)


def test_ids_of_64_bits_come_as_numbers_or_as_text() -> None:
    assert id_of({"id": 210700000000000712}) == id_of({"id": "210700000000000712"}) == "210700000000000712"


def test_an_answer_that_is_no_object_is_unclear_after_a_change(client, canvas) -> None:
    for body in ([], b"<html>"):
        canvas.fail(200, body=body, next=2)

        with pytest.raises(Ambiguous):
            client.write("POST", "/accounts/self/courses", {"course[name]": "x"})
        with pytest.raises(Transient):
            client.write("PUT", "/users/1", {"user[name]": "x"}, repeatable=True)


def test_a_bucket_that_runs_low_is_left_alone_for_a_moment_and_only_once(client, canvas, slept) -> None:
    client.read("/users/self")
    assert slept == []

    canvas.remaining = LOW - 1
    client.read("/users/self")
    canvas.remaining = LOW + 1
    client.read("/users/self")
    client.read("/users/self")

    assert slept == [PAUSE]


def test_a_head_that_says_nothing_of_the_bucket_changes_nothing() -> None:
    slept: list[float] = []
    bucket = Bucket(slept.append)

    for headers in ({"X-Rate-Limit-Remaining": "7.5"}, {}, {"X-Rate-Limit-Remaining": "many"}):
        bucket.noted(headers)
    bucket.wait()
    bucket.wait()

    assert slept == [PAUSE]


def test_a_text_that_cannot_be_sent_blocks_the_account_alone(client) -> None:
    with pytest.raises(Permanent):
        client.write("PUT", "/users/1001", {"user[name]": "\ud800"}, repeatable=True)
