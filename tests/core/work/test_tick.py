"""What time alone makes due is done, once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from rolecall.config import load
from rolecall.store.tables import LoginAttempt, OneTimeToken, Run, RunItem, Throttle, WebSession
from rolecall.testing.factories import enable_provider
from rolecall.testing.school import School
from rolecall.work import links
from rolecall.work.application import Application
from rolecall.work.tick import tick

NOW = datetime.now(UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def school(database_url: str, tmp_path: Path) -> Iterator[School]:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s", encryption_keys=Fernet.generate_key().decode())
    with Application(config) as app:
        yield School(app)


def kept(school: School, key: InstrumentedAttribute[str]) -> list[str]:
    with school.app.db.read() as session:
        return sorted(session.scalars(select(key)))


def a_session(anna: int, name: str, *, opened: timedelta, used: timedelta, ends: timedelta) -> WebSession:
    now = datetime.now(UTC)
    return WebSession(
        digest=name, account_id=anna, created_at=now + opened, last_seen_at=now + used, authenticated_at=now + opened,
        expires_at=now + ends,
    )  # fmt: skip


def test_sessions_that_ended_or_that_nobody_used_are_removed(school: School) -> None:
    anna = school.student("Anna")
    with school.app.db.write() as session:
        session.add(a_session(anna, "ended", opened=-13 * HOUR, used=-MINUTE, ends=-HOUR))
        session.add(a_session(anna, "idle", opened=-2 * HOUR, used=-61 * MINUTE, ends=10 * HOUR))
        session.add(a_session(anna, "living", opened=-2 * HOUR, used=-50 * MINUTE, ends=10 * HOUR))

    tick(school.app)

    assert kept(school, WebSession.digest) == ["living"]


def test_links_that_were_used_or_over_long_ago_are_removed(school: School) -> None:
    anna = school.student("Anna")
    with school.app.db.write() as session:
        ended = (("over long ago", -8, None), ("over yesterday", -1, None), ("used long ago", 5, -8), ("used yesterday", 13, -1))
        for name, ends, used in (*ended, ("new", 1, None)):
            session.add(
                OneTimeToken(
                    digest=name, purpose="reset", account_id=anna, created_at=NOW - 9 * DAY, expires_at=NOW + ends * DAY,
                    used_at=None if used is None else NOW + used * DAY,
                )
            )  # fmt: skip

    tick(school.app)

    assert kept(school, OneTimeToken.digest) == ["new", "over yesterday", "used yesterday"]


def test_counters_whose_window_is_over_are_removed(school: School) -> None:
    with school.app.db.write() as session:
        session.add(Throttle(key="over", count=10, window_ends_at=NOW - MINUTE))
        session.add(Throttle(key="counting", count=1, window_ends_at=NOW + HOUR))

    tick(school.app)

    assert kept(school, Throttle.key) == ["counting"]


def test_attempts_at_another_service_that_nobody_came_back_from_are_removed(school: School) -> None:
    with school.app.db.write() as session:
        for name, ends in (("given up", -MINUTE), ("on the way", HOUR)):
            session.add(
                LoginAttempt(digest=name, browser="b", method="oidc", purpose="enter", target="/", sealed=b"x", expires_at=NOW + ends)
            )

    tick(school.app)

    assert kept(school, LoginAttempt.digest) == ["on the way"]


@pytest.mark.parametrize(("hours", "kept"), [(23, True), (25, False)])
def test_what_a_run_hands_out_once_is_wiped_after_a_day(school: School, hours: int, kept: bool) -> None:
    with school.app.db.write() as session:
        at = NOW - timedelta(hours=hours)
        run = Run(kind="action", action="password.reset", actor="cli:x", actor_label="x", state="done", created_at=at, finished_at=at)
        session.add(run)
        session.flush()
        session.add(RunItem(run_id=run.id, n=1, outcome="done", sealed_secret=b"x"))
        run_id = run.id

    tick(school.app)

    with school.app.db.read() as session:
        assert (session.get_one(RunItem, (run_id, 1)).sealed_secret is not None) is kept


@pytest.mark.parametrize(("waited", "age", "blocked"), [(True, 10, False), (False, 10, True), (True, 29, True), (None, 10, True)])
def test_what_was_given_up_is_tried_once_a_day_for_four_weeks(school: School, waited: bool | None, age: int, blocked: bool) -> None:
    anna = school.student("Anna")
    with school.app.db.write() as session:
        enable_provider(session, "moodle")
        links.behind(session, [anna])
    not_before = None if waited is None else NOW + timedelta(hours=-1 if waited else 1)
    school.set_link(anna, "moodle", blocked=True, attempts=10, not_before=not_before, changed_at=NOW - timedelta(days=age))

    tick(school.app)

    link = school.link(anna, "moodle")
    assert (link.blocked, link.attempts) == (blocked, 10)


def test_it_is_done_at_most_once_a_minute_over_all_processes(school: School) -> None:
    anna = school.student("Anna")
    tick(school.app)
    with school.app.db.write() as session:
        session.add(a_session(anna, "x", opened=-2 * HOUR, used=-HOUR, ends=-HOUR))

    assert tick(school.app) == 0
    assert tick(school.app, force=True) == 1
