"""Reading an answer: JSON, text in its encoding, and how long to wait."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from rolecall.errors import Transient
from rolecall.sdk.http import Response


def answer(content=b"", **headers):
    return Response(
        status=200, headers={name.replace("_", "-"): value for name, value in headers.items()}, content=content, url="https://school.test/"
    )


@pytest.mark.parametrize("content", [b"", b"<html>Log in</html>", b'{"a": NaN}', b'{"a": 1', b'"\xff"', b"[" * 100_000])
def test_what_is_not_json_is_a_bad_response(content):
    with pytest.raises(Transient) as raised:
        answer(content).json()

    assert raised.value.code == "bad-response"


def test_json_may_begin_with_a_byte_order_mark():
    assert answer(b'\xef\xbb\xbf{"a": 1}').json() == {"a": 1}


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        ("Ελένη".encode(), "text/html", "Ελένη"),
        ("Ελένη".encode("iso-8859-7"), "text/html; charset=ISO-8859-7", "Ελένη"),
        (b"\xff", "text/plain; charset=utf-8", "\ufffd"),
        (b"abc", "text/plain; charset=rot13", "abc"),
        (b"abc", "text/plain; charset=iso-8859-99", "abc"),
        (b"abc", 'text/plain; charset="utf-8"', "abc"),
    ],
)
def test_text_is_read_in_the_encoding_that_the_answer_names(content, kind, text):
    assert answer(content, Content_Type=kind).text == text


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0), ("120", 120), (" 7 ", 7), ("1.5", 1.5), ("-1", 0), ("99999999", 86400), ("9" * 5000, 86400)],
)
def test_retry_after_in_seconds_is_kept_between_now_and_a_day(value, seconds):
    assert answer(Retry_After=value).retry_after() == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["", "soon", "5, 10", "٣", "1e3", "inf", "nan", "Tue, 99 Foo 2026 00:00:00 GMT", "2026-01-01T00:00:00Z"])
def test_retry_after_that_cannot_be_read_says_nothing(value):
    assert answer(Retry_After=value).retry_after() is None


def test_no_retry_after_says_nothing():
    assert answer().retry_after() is None


@pytest.mark.parametrize(("ahead", "expected"), [(timedelta(minutes=5), 300), (timedelta(hours=-1), 0), (timedelta(days=3), 86400)])
def test_retry_after_as_a_date_counts_from_the_servers_clock(ahead, expected):
    server_time = datetime(2020, 1, 1, tzinfo=UTC)

    waiting = answer(Retry_After=format_datetime(server_time + ahead, usegmt=True), Date=format_datetime(server_time, usegmt=True))

    assert waiting.retry_after() == timedelta(seconds=expected)


def test_retry_after_as_a_date_counts_from_now_without_a_server_clock():
    waiting = answer(Retry_After=format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)).retry_after()

    assert timedelta(seconds=290) < waiting <= timedelta(seconds=300)


def test_an_answer_shows_nothing_but_its_status():
    shown = repr(Response(status=200, headers={"Set-Cookie": "secret"}, content=b"secret", url="https://school.test/?key=secret"))

    assert "secret" not in shown
