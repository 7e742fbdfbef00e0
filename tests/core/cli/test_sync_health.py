"""The providers' health on the command line: what to do, whose job that is, that nobody works, and the past (R61)."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from rolecall.config import load
from rolecall.store.engine import Database
from rolecall.store.tables import Link, Worker


@pytest.fixture
def database(school, database_url):
    database = Database(load(school.env).database_url)
    yield database
    database.close()


def test_the_status_says_what_to_do_and_that_nobody_works(school, connect: Callable, database: Database):
    connect(school)
    nobody = school.json("sync", "status")
    shown = school("sync", "status", code=0).output

    assert nobody["items"][0]["health"] == "working"
    assert "Nothing is being worked off: no worker was ever here." in nobody["work"]["trouble"]
    assert nobody["work"]["trouble"] in shown


def test_a_worker_for_a_cron_job_is_somebody_for_a_while(school, connect: Callable, database: Database):
    connect(school)
    school("worker", "--once", code=0)
    with database.write() as session:
        session.execute(update(Link).values(wanted=Link.wanted + 1, blocked=True, error="The name is taken.", error_class="conflict"))

    found = school.json("sync", "status")
    shown = school("sync", "status", code=0).output

    assert (found["work"]["workers"], found["work"]["trouble"]) == (0, None)
    with database.read() as session:
        assert [(each.engine, each.ended_at is not None) for each in session.query(Worker)] == [("once", True)]
    assert "somebody: look at the reasons, mend them, retry. Whoever may edit the integrations." in shown


def test_the_past_has_an_hour_in_each_line(school, connect: Callable):
    connect(school)
    school("worker", "--once", code=0)

    day, month = (school.json("sync", "history", "moodle", "--span", span) for span in ("day", "month"))
    shown = school("sync", "history", "moodle", code=0).output

    assert (len(day["work"]), len(month["work"]), day["span"]) == (24, 30, "day")
    assert len(shown.splitlines()) == 25
    school("sync", "history", "moodle", "--span", "year", code=2)
