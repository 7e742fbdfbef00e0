"""Logs hold no secret, one line is one event, and nothing in them steers a terminal."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from rolecall import logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    yield
    root.handlers[:], level = before
    root.setLevel(level)
    structlog.reset_defaults()


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was written to standard error, a document a line."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_event_is_one_line_of_json_where_there_is_no_terminal(capsys):
    logs.configure()

    structlog.get_logger("rolecall.work").warning("provider paused", provider="moodle", reason="line one\nline two")

    (event,) = events(capsys)
    assert (event["event"], event["provider"], event["level"], event["logger"]) == ("provider paused", "moodle", "warning", "rolecall.work")
    assert event["timestamp"].endswith("Z")


@pytest.mark.parametrize("user", ["rolecall", ""])
def test_libraries_speak_through_the_same_lines(capsys, user):
    logs.configure()

    logging.getLogger("urllib3").warning("retrying %s", f"https://{user}:hunter2@moodle.example.org/")

    (event,) = events(capsys)
    assert event["event"] == "retrying https://***@moodle.example.org/"


def test_configuring_twice_writes_each_event_once(capsys):
    logs.configure()
    logs.configure()

    structlog.get_logger("rolecall").error("once")

    assert len(events(capsys)) == 1


@pytest.mark.parametrize("name", ["password", "wstoken", "api_key", "Authorization", "set_cookie", "client_secret", "sealed_password"])
def test_value_under_a_secret_name_is_hidden_at_any_depth(capsys, name):
    logs.configure()

    structlog.get_logger("rolecall").error("asked", details=[{"options": {name: "canary-7"}}], **{name: "canary-8"})

    assert "canary" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "rct_canaryCanaryCanary",
        "gAAAAABcanaryCanaryCanaryCanary==",
        "canaryCanaryCanaryCanaryCanaryCanaryCanary0=",
        "Authorization: Bearer canary.canary",
        "https://rolecall:canary@db.example.org/x",
        "GET /webservice?wstoken=canary&x=1",
        "password=canary, x",
    ],
)
def test_secret_inside_a_text_or_a_traceback_is_hidden(capsys, text):
    logs.configure()
    log = structlog.get_logger("rolecall")

    log.error(f"failed: {text}", detail=text)
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("failed")

    assert "canary" not in capsys.readouterr().err


def test_terminal_gets_readable_lines_without_control_characters(capsys, monkeypatch):
    logs.configure()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    structlog.get_logger("rolecall").error("name \x1b[2J of\nsomebody", person="A\u202eB")
    try:
        raise ValueError("first\rsecond")
    except ValueError:
        structlog.get_logger("rolecall").exception("failed")

    written = capsys.readouterr().err
    assert "name \\x1b[2J of\\x0asomebody" in written
    assert "person=A\\u202eB" in written
    assert "first\\x0dsecond" in written
    assert "{" not in written.splitlines()[0]


def test_debug_of_libraries_is_left_out(capsys):
    logs.configure(logging.DEBUG)

    logging.getLogger("urllib3").info("starting new connection")
    structlog.get_logger("rolecall.work").debug("looked")

    assert [event["event"] for event in events(capsys)] == ["looked"]
