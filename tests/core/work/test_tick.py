"""What time alone makes due is done, once."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import func, select

from rolecall.config import load
from rolecall.store.tables import OneTimeToken, Run, RunItem, Throttle, WebSession
from rolecall.testing.factories import enable_provider
from rolecall.testing.school import School
from rolecall.work import links
from rolecall.work.application import Application
from rolecall.work.tick import tick

NOW = datetime.now(UTC)


@pytest.fixture
def school(database_url: str, tmp_path: Path) -> Iterator[School]:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s", encryption_keys=Fernet.generate_key().decode())
    with Application(config) as app:
        yield School(app)


def count(school: School, table: Callable[[], object]) -> int:
    with school.app.db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


def test_sessions_that_ended_are_removed(school: School) -> None:
    anna = school.student("Anna")
    with school.app.db.write() as session:
        for name, hours in (("old", -1), ("new", 1)):
            end = NOW + timedelta(hours=hours)
            session.add(WebSession(digest=name, account_id=anna, created_at=NOW, last_seen_at=NOW, authenticated_at=NOW, expires_at=end))

    tick(school.app)

    assert count(school, WebSession) == 1


def test_old_tokens_and_counters_are_removed(school: School) -> None:
    anna = school.student("Anna")
    with school.app.db.write() as session:
        for name, days in (("old", -8), ("yesterday", -1)):
            end = NOW + timedelta(days=days)
            session.add(OneTimeToken(digest=name, purpose="reset", account_id=anna, created_at=NOW, expires_at=end))
            session.add(Throttle(key=name, count=1, window_ends_at=NOW + timedelta(days=days + 2)))

    tick(school.app)

    assert count(school, OneTimeToken) == 1
    assert count(school, Throttle) == 1


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
        session.add(
            WebSession(
                digest="x", account_id=anna, created_at=NOW, last_seen_at=NOW, authenticated_at=NOW, expires_at=NOW - timedelta(hours=1)
            )
        )

    assert tick(school.app) == 0
    assert tick(school.app, force=True) == 1
