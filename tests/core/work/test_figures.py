"""What monitoring asks for: numbers of what is under way or went wrong, and of nobody."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from rolecall.accounts.messages import Message, queue_all
from rolecall.config import load
from rolecall.store.tables import Delivery, SignIn
from rolecall.testing.school import School
from rolecall.work import figures
from rolecall.work.application import Application
from rolecall.work.figures import Figures


@pytest.fixture
def school(database_url: str, tmp_path: Path) -> Iterator[School]:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s", encryption_keys=Fernet.generate_key().decode())
    with Application(config) as app:
        yield School(app)


def counted(school: School) -> Figures:
    with school.app.db.read() as session:
        return figures.figures(session, school.app.plugins.view(session))


def signed_in(school: School, result: str, *, ago: timedelta = timedelta(0), times: int = 1) -> None:
    with school.app.db.write() as session:
        session.add_all(SignIn(at=datetime.now(UTC) - ago, method="password", result=result) for _ in range(times))


def test_where_nothing_happened_every_figure_is_there_and_zero(school: School) -> None:
    found = counted(school)

    assert (found.sign_ins, found.oldest_run_seconds) == ({"ok": 0}, 0.0)
    assert set(found.runs) == set(figures.ACTIVE)
    assert {channel for channel, _ in found.deliveries} == {"email", "phone"}
    assert {state for _, state in found.deliveries} == set(figures.DELIVERY_STATES)
    assert set(found.runs.values()) | set(found.deliveries.values()) == {0}


def test_sign_ins_of_the_last_quarter_of_an_hour_are_counted_by_what_came_of_them(school: School) -> None:
    signed_in(school, "wrong", ago=figures.RECENT + timedelta(minutes=1))
    signed_in(school, "wrong", times=3)
    signed_in(school, "ok", times=2)

    assert counted(school).sign_ins == {"ok": 2, "wrong": 3}


def test_only_the_newest_sign_ins_are_looked_at(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "SIGN_INS", 5)
    signed_in(school, "wrong", times=4)
    signed_in(school, "ok", times=3)

    assert counted(school).sign_ins == {"ok": 3, "wrong": 2}


def test_a_run_that_waits_has_an_age(school: School) -> None:
    ids = school.students(3)
    run = school.act("account.deactivate", *ids)
    assert sum(counted(school).runs.values()) == 0, "it is over"

    with school.app.db.write() as session:
        row = session.merge(run)
        row.state, row.created_at = figures.ACTIVE[0], datetime.now(UTC) - timedelta(minutes=5)
    found = counted(school)

    assert found.runs[figures.ACTIVE[0]] == 1
    assert 300 <= found.oldest_run_seconds < 360


def test_messages_that_wait_or_went_wrong_are_counted_by_their_way(school: School) -> None:
    anna = school.student("Anna")
    told = [
        Message(kind="password.changed", channel="email", account_id=anna, address=f"anna{number}@home.example", dedupe_key=f"key:{number}")
        for number in range(4)
    ]
    with school.app.db.write() as session:
        queue_all(session, told, run_id=None, now=datetime.now(UTC))
        session.flush()
        first, second, *_ = session.scalars(select(Delivery).order_by(Delivery.id))
        first.state, second.state = "bounced", "sent"

    found = counted(school).deliveries

    assert {of: number for of, number in found.items() if number} == {("email", "queued"): 2, ("email", "bounced"): 1}
