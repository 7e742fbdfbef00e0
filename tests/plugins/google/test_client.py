"""Calls, pages and batches, and what their answers are worth."""

from datetime import timedelta

import pytest

from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, Transient
from rolecall_google import multipart
from rolecall_google.client import USERS, Part, id_of
from rolecall_google.errors import Problem, classify, problem, seconds, settled
from rolecall_google.settings import CLASSROOM


@pytest.mark.parametrize(
    ("status", "reason", "repeatable", "kind"),
    [
        (400, "invalid", False, Permanent),
        (400, "", False, Misconfigured),
        (401, "authError", False, Misconfigured),
        (403, "forbidden", False, Misconfigured),
        (403, "rateLimitExceeded", False, Transient),
        (403, "limitExceeded", False, Permanent),
        (403, "adminCannotUnsuspend", False, Permanent),
        (404, "notFound", False, NotFound),
        (404, "", False, Misconfigured),
        (302, "", False, Misconfigured),
        (409, "duplicate", False, Conflict),
        (409, "ALREADY_EXISTS", False, Conflict),
        (409, "conflict", False, Transient),
        (412, "conditionNotMet", False, Transient),
        (412, "insufficientArchivedUserLicenses", False, Permanent),
        (429, "RESOURCE_EXHAUSTED", False, Transient),
        (500, "internalError", True, Transient),
        (500, "internalError", False, Ambiguous),
        (400, "backendError", True, Transient),
        (503, "", False, Transient),
        (200, "odd", True, Transient),
        (200, "odd", False, Ambiguous),
    ],
)
def test_each_status_and_reason_has_its_class(status, reason, repeatable, kind) -> None:
    error = {"status": reason} if reason.isupper() else {"errors": [{"reason": reason}]}
    body = {"error": {"message": "Said so.", **error}} if reason else None

    assert isinstance(classify(status, body, wait=None, repeatable=repeatable), kind)


def test_odd_error_bodies_say_nothing() -> None:
    for odd in (None, [], {"error": "x"}, {"error": {"errors": "x"}}, {"error": {"errors": ["x"]}}):
        assert problem(odd) == Problem()


def test_waits_are_read_and_what_is_none_is_none() -> None:
    assert [seconds(text) for text in ("2.5", "-1", "soon", "nan", None)] == [timedelta(seconds=2.5), timedelta(0), None, None, None]


def test_what_was_made_a_moment_ago_passes_and_another_refusal_stays() -> None:
    fresh, other = (classify(status, {"error": {"status": "X"}}, wait=None, repeatable=True) for status in (404, 400))

    assert isinstance(settled(fresh), Transient)
    assert settled(other) is other


@pytest.mark.parametrize("row", [{}, {"id": 7}, {"id": ""}, {"id": "a/b"}, {"id": "ö"}, {"id": "1" * 101}])
def test_an_id_that_cannot_be_one_is_no_answer(row) -> None:
    with pytest.raises(Transient):
        id_of(row)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"kind": "x", "users": 7}', b'{"kind": "x", "users": ["x"]}', b'{"kind": "x", "nextPageToken": 7}', b"<html>", b""]
)
def test_a_list_that_is_none_is_no_empty_list(provider, wire, body) -> None:
    wire.garbage(body=body, content_type="application/json", match=lambda request: request.path == USERS)

    with pytest.raises(Transient):
        list(provider.workspace.google.pages(USERS, "users", customer="my_customer"))


def test_an_empty_list_of_classroom_says_nothing_at_all(provider) -> None:
    assert list(provider.workspace.google.pages("/v1/courses", "courses", api=CLASSROOM)) == []


def test_pages_that_go_round_in_circles_end(provider, wire) -> None:
    body = b'{"kind": "x", "nextPageToken": "again"}'
    wire.garbage(body=body, content_type="application/json", match=lambda request: request.path == USERS, next=None)

    with pytest.raises(Transient, match="same page"):
        list(provider.workspace.google.pages(USERS, "users", customer="my_customer"))


@pytest.mark.parametrize("number", [1, 2])
def test_a_revoked_token_is_exchanged_once(provider, school, number) -> None:
    google = provider.workspace.google
    parts = [Part(method="GET", path=f"{USERS}/{school.admin}")] * number
    google.batch(parts)
    school.sign_in.revoke()

    assert [answer.status for answer in google.batch(parts)] == [200] * number


def test_a_token_that_is_refused_in_every_part_of_a_batch_is_exchanged_too(provider, school, wire) -> None:
    school.fail(401, reason="authError", next=2)
    parts = [Part(method="GET", path=f"{USERS}/{school.admin}")] * 2

    assert [answer.status for answer in provider.workspace.google.batch(parts)] == [200, 200]
    assert [request.path for request in wire.journal] == ["/token", "/batch", "/token", "/batch"]


@pytest.mark.parametrize(("method", "kind"), [("GET", Transient), ("POST", Ambiguous)])
@pytest.mark.parametrize("body", [b"", b"--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n--b--"])
def test_a_batch_without_answers_is_no_answer(provider, wire, method, kind, body) -> None:
    wire.garbage(body=body, content_type="multipart/mixed; boundary=b", match=lambda request: request.path == "/batch")
    part = Part(method=method, path=USERS if method == "POST" else f"{USERS}/1", body={} if method == "POST" else None)

    with pytest.raises(kind):
        provider.workspace.google.batch([part, part])


def test_text_in_every_script_and_answers_without_a_body_come_through_a_batch() -> None:
    kind, content = multipart.write([("POST", "/x", {"name": "Ελένη"}), ("DELETE", "/y", None)])
    assert b"\\u0395" in content
    assert kind.startswith("multipart/mixed; boundary=batch_")

    parts = ("response-item0", "200 OK\r\nRetry-After: 3\r\n\r\n" + '{"name": "Ελένη"}'), ("response-item1", "204 No Content\r\n\r\n")
    odd = ("response-item2", "no status"), ("response-itemX", "200 OK\r\n\r\n{}"), ("response-item3", "200 OK\r\n\r\n<html>")
    text = "".join(
        f"--b\r\nContent-Type: application/http\r\nContent-ID: <{number}>\r\n\r\nHTTP/1.1 {said}\r\n" for number, said in (*parts, *odd)
    )
    found = multipart.read("multipart/mixed; boundary=b", f"{text}--b--".encode())

    assert {number: (each.status, each.body) for number, each in found.items()} == {
        0: (200, {"name": "Ελένη"}),
        1: (204, None),
        3: (200, ""),
    }
    assert found[0].headers == {"retry-after": "3"}
    assert multipart.read("text/html", b"x") == multipart.read("multipart/mixed; boundary=ö", b"x") == {}
