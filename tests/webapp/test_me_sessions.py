"""Devices and sign-ins of one's own: seen, ended, and told in words (R59b, R32, S-07)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from rolecall.accounts import sessions
from rolecall.store.tables import (
    AuditEntry,
    SignIn,
    WebSession,
)
from rolecall.work.application import Application
from rolecall_webapp.devices import spoken

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PAGES = ("/me", "/me/sessions", "/me/sign-ins", "/me/name", "/me/language", "/me/email", "/me/data.json")


def kinds(core: Application) -> list[str]:
    with core.db.read() as session:
        return list(session.scalars(select(AuditEntry.kind).order_by(AuditEntry.seq)))


def other_session(core: Application, account_id: int, agent: str = FIREFOX) -> str:
    with core.db.write() as session:
        return sessions.create(session, account_id, address="203.0.113.9", agent=agent, now=datetime.now(UTC))


def alive(core: Application, token: str) -> bool:
    with core.db.read() as session:
        return sessions.load(session, token, datetime.now(UTC)) is not None


def test_sessions_are_seen_and_ended_in_both_browsers(core: Application, signed_in: Callable) -> None:
    somebody = signed_in()
    there = other_session(core, somebody.account_id)

    page = somebody.get("/me/sessions").text
    handle = page.split("/me/sessions/")[1].split("/end")[0]
    answer = somebody.post(f"/me/sessions/{handle}/end")

    assert page.count("This one") == 1
    assert "Firefox on Linux" in page
    assert "203.0.113.9" in page
    assert len(re.findall(r"Last used <time [^>]+>[^<]+</time>. Signed in <time [^>]+>[^<]+</time>\.", page)) == 2
    assert answer.location == "/me/sessions"
    assert not alive(core, there)
    assert "You are signed out there." in somebody.get("/me/sessions").text
    assert kinds(core) == ["session.end"]


def test_one_signs_out_everywhere_else_and_stays(core: Application, signed_in: Callable) -> None:
    somebody = signed_in()
    others = [other_session(core, somebody.account_id) for _ in range(2)]
    strange = other_session(core, signed_in().account_id)

    somebody.post("/me/sessions/end-others")

    assert [alive(core, each) for each in (*others, strange)] == [False, False, True]
    assert somebody.get("/me").status_code == 200


def test_nobody_elses_session_is_ended(core: Application, signed_in: Callable) -> None:
    somebody, strange = signed_in(), other_session(core, signed_in().account_id)

    somebody.post(f"/me/sessions/{sessions.handle_of(sessions.digest_of(strange))}/end")

    assert alive(core, strange)
    assert "had ended already" in somebody.get("/me/sessions").text


def test_no_page_shows_what_a_cookie_holds(core: Application, signed_in: Callable) -> None:
    somebody = signed_in()
    other_session(core, somebody.account_id)
    with core.db.read() as session:
        digests = session.scalars(select(WebSession.digest)).all()

    pages = "".join(somebody.get(path).text for path in PAGES)

    assert not any(digest in pages for digest in digests)


def test_attempts_to_sign_in_are_told_in_words_twenty_at_a_time(core: Application, signed_in: Callable) -> None:
    somebody, other = signed_in(), signed_in()
    with core.db.write() as session:
        for number in range(25):
            at = datetime.now(UTC) - timedelta(hours=number)
            result = "wrong-password" if number == 1 else "ok"
            row = {"account_id": somebody.account_id, "at": at, "method": "password", "result": result, "agent": FIREFOX}
            session.add(SignIn(address=f"192.0.2.{number}", **row))
        session.add(SignIn(account_id=other.account_id, at=datetime.now(UTC), method="link", result="ok", address="198.51.100.1"))

    first, second = somebody.get("/me/sign-ins").text, somebody.get("/me/sign-ins?page=2").text

    assert (first.count("192.0.2."), second.count("192.0.2.")) == (20, 5)
    assert "Wrong password" in first
    assert "Firefox on Linux" in first
    assert 'rel="next"' in first
    assert 'rel="next"' not in second
    assert "198.51.100.1" not in first + second


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1",
            "Safari on an iPhone",
        ),
        ("Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 CriOS/126.0 Mobile/15E148 Safari/604.1", "Chrome on an iPad"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15", "Safari on a Mac"),
        ("Something on Windows", "A browser on Windows"),
        ("Firefox/1", "Firefox"),
        ("curl/8", "An unknown device"),
        (None, "An unknown device"),
    ],
)
def test_devices_are_told_in_words(agent: str | None, words: str) -> None:
    assert spoken(agent) == words
