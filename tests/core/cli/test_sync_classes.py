"""Classes on the command line of the sync: status, plan, another try (R60a, R61, R63)."""

from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from rolecall.config import load
from rolecall.store.engine import Database
from rolecall.store.tables import Account, ClassLink, Period
from rolecall.testing.factories import make_class
from rolecall.work import class_links
from rolecall_moodle.fake import FakeMoodle


@pytest.fixture
def database(school, database_url):
    database = Database(load(school.env).database_url)
    yield database
    database.close()


@pytest.fixture
def maths(school, connect: Callable, database: Database) -> int:
    """A class of everybody, in a school whose accounts are at Moodle."""
    connect(school)
    school("plugins", "configure", "moodle", "classes=yes", code=0)
    school("worker", "--once", code=0)
    with database.write() as session:
        people = session.scalars(select(Account.person_id).where(Account.type == "student"))
        period = session.scalars(select(Period).where(Period.is_current)).one()
        made = make_class(session, "M1", period=period, members=dict.fromkeys(people, "student"), name="Maths")
        class_links.behind(session, [made.id])
        return made.id


def test_a_plan_shows_classes_with_who_comes_and_the_sync_carries_it_out(school, maths: int, moodle: FakeMoodle):
    shown = school("sync", "plan", "moodle", code=0).output
    planned = school.json("sync", "plan", "moodle")["items"]

    assert "1 class." in shown
    assert "M1" in shown
    assert [(each["class"]["id"], each["verb"], each["members"]) for each in planned] == [(maths, "create", {"added": 3, "removed": 0})]
    school("worker", "--once", code=0)
    assert [len(course["people"]) for course in moodle.course_list] == [3]
    assert "Nothing would be sent." in school("sync", "plan", "moodle", code=0).output


def test_the_status_counts_classes_and_says_what_stands_in_their_way(school, maths: int, database: Database):
    with database.write() as session:
        session.execute(update(ClassLink).values(blocked=True, error="The course is full.", error_class="permanent"))

    status = school.json("sync", "status")["items"][0]
    shown = school("sync", "status", code=0).output

    assert (status["classes"]["linked"], status["classes"]["pending"], status["classes"]["links"]["blocked"]) == (1, 1, 1)
    assert [(each["type"], each["error"], each["count"]) for each in status["reasons"]] == [("class", "The course is full.", 1)]
    assert "classes at" in shown
    assert "The course is full." in shown


def test_classes_are_tried_again_with_the_rest(school, maths: int, database: Database, moodle: FakeMoodle):
    with database.write() as session:
        session.execute(update(ClassLink).values(blocked=True))

    assert school.json("sync", "retry")["links"] == 1
    school("worker", "--once", code=0)

    assert len(moodle.course_list) == 1
