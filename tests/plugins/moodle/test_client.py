"""Every way in which Moodle says no, and the error that the sync acts on."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from rolecall.errors import Ambiguous, Misconfigured, NotFound, Permanent, ProviderError, Transient
from rolecall.testing.wire import Wire
from rolecall_moodle.client import Client, plain, portions
from rolecall_moodle.fake import FakeMoodle

INFO = "core_webservice_get_site_info"
UPDATE = ("core_user_update_users", {"users": [{"id": 7}]})


@pytest.fixture
def client(moodle: FakeMoodle, wire: Wire) -> Client:
    """A client of the site, with the address as people paste it."""
    return Client(wire.http, f" {wire.url}/ ", moodle.settings["token"])


def answering(wire: Wire, **error: str) -> None:
    """Let the next answer be this error of Moodle's."""
    body = {"exception": "moodle_exception", "message": "Said", **error}
    wire.garbage(body=json.dumps(body).encode(), content_type="application/json")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"errorcode": "invalidtoken"}, Misconfigured),
        ({"errorcode": "accessexception"}, Misconfigured),
        ({"errorcode": "wsaccessusersuspended"}, Misconfigured),
        ({"errorcode": "wsaccessuserdeleted"}, Misconfigured),
        ({"errorcode": "nopermissions"}, Misconfigured),
        ({"errorcode": "wsusercannotassign"}, Misconfigured),
        ({"errorcode": "requireloginerror"}, Misconfigured),
        ({"errorcode": "errorcoursecontextnotvalid"}, Misconfigured),
        ({"errorcode": "invalidrecord", "message": "Can't find data record in database table external_functions."}, Misconfigured),
        ({"errorcode": "invalidrecord", "message": "Can't find data record in database table cohort."}, Transient),
        ({"errorcode": "sitemaintenance"}, Transient),
        ({"errorcode": "upgraderunning"}, Transient),
        ({"errorcode": "dmlreadexception", "exception": "dml_read_exception"}, Transient),
        ({"errorcode": "invaliduser"}, NotFound),
        ({"errorcode": "invalidparameter", "debuginfo": "Username already exists: anna"}, Permanent),
        ({"errorcode": "dmlwriteexception", "exception": "dml_write_exception"}, Permanent),
        ({"errorcode": "useradminodelete"}, Permanent),
        ({"errorcode": "usernotdeletederror"}, Permanent),
        ({"errorcode": "codingerror"}, Permanent),
        ({"errorcode": "<div>Too short.</div>"}, Permanent),
        ({"errorcode": "invalidresponse"}, Ambiguous),
        ({"errorcode": "somethingnew"}, Permanent),
        ({}, Permanent),
    ],
)
def test_error_code_decides_how_the_sync_goes_on(client: Client, wire: Wire, error: dict[str, str], expected: type[ProviderError]):
    answering(wire, **error)

    with pytest.raises(expected) as raised:
        client.write(*UPDATE)

    assert "<" not in str(raised.value)
    assert raised.value.message.endswith((".", "Said", "anna"))


def test_invalid_response_to_a_question_is_asked_again(client: Client, wire: Wire):
    answering(wire, errorcode="invalidresponse")

    with pytest.raises(Transient):
        client.read(INFO)


def test_reason_is_told_where_the_site_tells_it(client: Client, wire: Wire):
    answering(wire, errorcode="invalidparameter", debuginfo="Email address already exists: a@x.example\nINSERT INTO mdl_user secret")

    with pytest.raises(Permanent, match=r"Email address already exists: a@x\.example$"):
        client.write(*UPDATE)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, Misconfigured), (302, Misconfigured), (400, Misconfigured), (401, Misconfigured), (403, Misconfigured), (404, Misconfigured),
        (408, Transient), (425, Transient), (429, Transient), (500, Transient), (502, Transient), (503, Transient), (504, Transient),
    ],
)  # fmt: skip
def test_status_decides_how_the_sync_goes_on(client: Client, wire: Wire, status: int, expected: type[ProviderError]):
    wire.fail(status=status, headers={"Retry-After": "7"}, body=b"<html>")

    with pytest.raises(expected) as raised:
        client.write(*UPDATE)

    if isinstance(raised.value, Transient):
        assert raised.value.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("spoil", "reading", "writing"),
    [
        (lambda wire: wire.garbage(), Transient, Ambiguous),
        (lambda wire: wire.garbage(body=b'{"a": NaN}'), Transient, Ambiguous),
        (lambda wire: wire.garbage(body=b"[" * 200_000), Transient, Ambiguous),
        (lambda wire: wire.garbage(body=b"\xff\xfe\x00"), Transient, Ambiguous),
        (lambda wire: wire.garbage(body=b"x" * (6 * 2**20)), Transient, Ambiguous),
        (lambda wire: wire.drop(when="before"), Transient, Ambiguous),
        (lambda wire: wire.drop(when="mid"), Transient, Ambiguous),
        (lambda wire: wire.garbage(body=b'<?xml version="1.0"?><RESPONSE/>'), Misconfigured, Misconfigured),
    ],
    ids=["login page", "NaN", "deep", "bytes", "too big", "reset", "cut", "xml"],
)
def test_answer_that_cannot_be_used_is_doubt_only_after_a_change(
    client: Client, wire: Wire, spoil: Callable[[Wire], None], reading: type[Exception], writing: type[Exception]
):
    spoil(wire)
    with pytest.raises(reading):
        client.read(INFO)

    spoil(wire)
    with pytest.raises(writing):
        client.write(*UPDATE)


def test_token_is_in_no_address_and_in_no_message(client: Client, wire: Wire, moodle: FakeMoodle):
    answering(wire, errorcode="invalidtoken")

    with pytest.raises(Misconfigured) as raised:
        client.read(INFO)

    assert client.token not in str(raised.value)
    assert wire.journal[0].target == "/webservice/rest/server.php"


def test_null_is_an_answer(client: Client, moodle: FakeMoodle):
    number = moodle.add_user(username="anna", firstname="A", lastname="B", email="a@x.example")

    assert client.write("core_user_delete_users", {"userids": [number]}) is None


def test_rows_are_divided_by_the_fields_they_need():
    def row(number: int) -> Any:
        return dict.fromkeys("abcdef", number)

    assert [len(part) for part in portions(list(range(10)), row, limit=24)] == [4, 4, 2]
    assert [len(part) for part in portions(list(range(2)), row, limit=3)] == [1, 1]
    assert list(portions([], row)) == []


def test_long_texts_are_shortened():
    assert plain("x" * 500) == "x" * 300 + "…"
    assert plain("<p>A &amp; B</p>\n C") == "A & B C"
