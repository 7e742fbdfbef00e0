"""What the safety limits hold on the command line: exit code 3, approve, discard (R62)."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import func, select, update

from rolecall.config import load
from rolecall.store.engine import Database
from rolecall.store.tables import Account, Link
from rolecall_moodle.fake import FakeMoodle


@pytest.fixture
def held(school, connect: Callable, database_url: str) -> Iterator[Database]:
    """Three students of whom each suspension waits for somebody."""
    connect(school)
    school("worker", "--once", code=0)
    database = Database(load(school.env).database_url)
    with database.write() as session:
        students = select(Account.id).where(Account.type == "student")
        session.execute(update(Account).where(Account.type == "student").values(active=False))
        values = {"goal": "suspended", "wanted": Link.wanted + 1, "brake": "held", "held_at": func.now(), "not_before": None}
        session.execute(update(Link).where(Link.account_id.in_(students)).values(values), execution_options={"synchronize_session": False})
    yield database
    database.close()


def suspended(moodle: FakeMoodle) -> int:
    return sum(1 for each in moodle.users.values() if each["suspended"])


def test_commands_of_the_sync_that_meet_something_held_end_with_3(school, held: Database):
    for words in (
        ["status"],
        ["status", "--provider", "moodle"],
        ["plan", "moodle"],
        ["retry"],
        ["retry", "--provider", "moodle"],
        ["resume", "moodle"],
    ):
        assert "3 suspensions (Students) are held" in school("sync", *words, code=3).stderr, words

    items = school.json("sync", "status", code=3)["items"]

    assert [(each["provider"], each["state"], each["held"]) for each in items] == [("moodle", "held", 3)]


def test_approving_shows_who_and_asks_for_consent(school, held: Database, moodle: FakeMoodle):
    asked = school("sync", "approve", "moodle", code=1)
    wrong = school("sync", "approve", "moodle", "--expected", "2", "--yes", code=1)
    before = suspended(moodle)

    done = school("sync", "approve", "moodle", "--expected", "3", "--yes", code=0)
    school("worker", "--once", code=0)

    assert asked.output.count(" suspend ") == 3
    assert "Give --yes to agree." in asked.output
    assert "2 accounts were expected to be held, and 3 are." in wrong.output
    assert "3 accounts will be closed at Moodle." in done.output
    assert (before, suspended(moodle)) == (0, 3)
    school("sync", "status", code=0)


def test_discarding_leaves_them_and_a_second_time_there_is_nothing(school, held: Database, moodle: FakeMoodle):
    document = school.json("sync", "discard", "moodle", "--yes")
    again = school("sync", "discard", "moodle", "--yes", code=1)
    school("worker", "--once", code=0)

    assert (document["id"], document["state"]) == ("moodle", "ok")
    assert "Nothing is held" in again.output
    assert suspended(moodle) == 0


def test_without_deletions_is_said_before(school, held: Database):
    asked = school("sync", "approve", "moodle", "--without-deletions", code=1)
    done = school("sync", "approve", "moodle", "--without-deletions", "--yes", code=0)

    assert "Who would be deleted is suspended." in asked.output
    assert "3 accounts will be closed" in done.output


def test_guarded_accounts_are_approved_by_name(school, held: Database, moodle: FakeMoodle):
    with held.write() as session:
        first, second = session.scalars(select(Account.username).where(Account.type == "student").order_by(Account.id).limit(2))
        session.execute(update(Link).where(Link.brake == "held").values(brake="guarded"))

    refused = school("sync", "approve", "moodle", "--yes", code=1)
    shown = school("sync", "approve", "moodle", "--account", first, code=1)
    school("sync", "approve", "moodle", "--account", first, "--yes", code=0)
    left = school("sync", "discard", "moodle", "--account", second, "--yes", code=0)

    assert "approved one by one" in refused.output
    assert shown.output.count(" suspend ") == 1
    assert "1 account at Moodle will be left as it is there." in left.output
    with held.read() as session:
        assert session.scalar(select(func.count()).select_from(Link).where(Link.brake == "guarded")) == 1
