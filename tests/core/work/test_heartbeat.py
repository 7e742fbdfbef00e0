"""Workers leave signs of life, and it shows when nobody looks for what is due."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from rolecall.config import load
from rolecall.store.tables import Worker
from rolecall.testing.school import School
from rolecall.work import heartbeat
from rolecall.work.application import Application
from rolecall.work.heartbeat import Heartbeat, Work
from rolecall.work.sync import totals
from rolecall.work.threads import Threads

LONG_AGO = timedelta(days=8)


@pytest.fixture
def school(database_url: str, tmp_path: Path) -> Iterator[School]:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s", encryption_keys=Fernet.generate_key().decode())
    with Application(config) as app:
        yield School(app)


def work(school: School) -> Work:
    with school.app.db.read() as session:
        return heartbeat.work(session)


def workers(school: School) -> list[Worker]:
    with school.app.db.read() as session:
        return list(session.scalars(select(Worker).order_by(Worker.name)))


def beat(school: School, name: str, *, looked: bool = False, ago: timedelta = timedelta(0)) -> None:
    """A sign of life, as it was written so long ago."""
    with school.app.db.write() as session:
        heartbeat.beat(session, name, "threads", looked=looked)
        past = datetime.now(UTC) - ago
        if ago:
            values = {"seen_at": past, "started_at": past} | ({"looked_at": past} if looked else {})
            session.execute(update(Worker).where(Worker.name == name).values(**values))


def test_without_any_worker_nothing_is_worked_off_and_nobody_ever_looked(school: School) -> None:
    assert work(school) == Work(workers=0, looked_at=None, idle=True)


def test_a_worker_counts_while_it_gives_signs_and_work_goes_on_while_somebody_looks(school: School) -> None:
    beat(school, "one", looked=True)
    beat(school, "two")
    beat(school, "silent", looked=True, ago=heartbeat.SILENT + timedelta(seconds=1))

    found = work(school)

    assert (found.workers, found.idle) == (2, False)


def test_that_processes_live_is_no_work(school: School) -> None:
    beat(school, "one", looked=True, ago=heartbeat.SILENT + timedelta(seconds=1))
    beat(school, "two")

    found = work(school)

    assert (found.workers, found.idle) == (1, True)
    assert found.looked_at is not None


def test_who_ended_is_not_there_but_is_no_alarm_for_a_minute(school: School) -> None:
    beat(school, "one", looked=True)
    with school.app.db.write() as session:
        heartbeat.end(session, "one")

    found = work(school)

    assert (found.workers, found.idle) == (0, False)


def test_workers_that_are_gone_for_long_are_forgotten(school: School) -> None:
    beat(school, "gone", looked=True, ago=LONG_AGO)
    beat(school, "other")

    with school.app.db.write() as session:
        heartbeat.end(session, "other")

    assert [each.name for each in workers(school)] == ["other"]


def test_a_number_that_another_process_got_is_a_worker_that_began_anew(school: School) -> None:
    beat(school, "one", ago=LONG_AGO)
    began = workers(school)[0].started_at

    beat(school, "one")
    anew = workers(school)[0].started_at
    beat(school, "one")

    assert anew - began > LONG_AGO - timedelta(hours=1)
    assert workers(school)[0].started_at == anew


def test_the_engine_of_one_machine_says_that_it_looks_and_that_it_ended(school: School) -> None:
    engine = Threads(school.app)

    engine.start()
    try:
        while work(school).idle:
            time.sleep(0.01)
        there = work(school)
    finally:
        assert engine.stop()

    assert there.workers == 1
    assert [(each.engine, each.name, each.ended_at is not None) for each in workers(school)] == [("threads", heartbeat.name(), True)]


def test_a_worker_for_a_cron_job_counts_for_as_long_as_it_works(school: School) -> None:
    with Heartbeat(school.app, "once"):
        while work(school).idle:
            time.sleep(0.01)
        there = work(school)

    assert there.workers == 1
    assert work(school).workers == 0


def test_requests_that_could_not_be_written_down_are_written_with_the_next_sign(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    school.app.instances.tally.add("memory", "ok")
    pulse = Heartbeat(school.app, "threads")
    attempts: list[str] = []
    write: Callable = school.app.db.write

    def away() -> object:
        attempts.append("away")
        raise OperationalError("", None, Exception("gone"))

    monkeypatch.setattr(school.app.db, "write", away)
    pulse.looked()
    pulse.start()
    while not attempts:
        time.sleep(0.01)
    monkeypatch.setattr(school.app.db, "write", write)
    pulse.stop(60)

    with school.app.db.read() as session:
        assert totals.read(session)["memory"][totals.REQUEST] == {"ok": 1}
    assert work(school).looked_at is not None
