"""``rolecall sync compare``, ``matches`` and ``decide``: who had an account at Moodle before is recognised and adopted (R64, R65)."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete

from rolecall.config import load
from rolecall.store.engine import Database
from rolecall.store.tables import Link
from rolecall_moodle.fake import FakeMoodle


@pytest.fixture
def known(school, connect: Callable, database_url: str):
    """A school whose accounts are at Moodle, which Rolecall does not know."""
    connect(school)
    school("worker", "--once", code=0)
    database = Database(load(school.env).database_url)
    with database.write() as session:
        session.execute(delete(Link))
    database.close()
    return school


def test_accounts_are_compared_adopted_and_then_in_step(known, moodle: FakeMoodle):
    compared = known.json("sync", "compare", "moodle")
    listed = known.json("sync", "matches", "moodle", "--verdict", "adoptable", "--limit", "1")
    more = known.json("sync", "matches", "moodle", "--verdict", "adoptable", "--cursor", listed["next"])
    adopted = known("sync", "decide", "moodle", "adopt", "--all", code=0).output
    again = known("sync", "compare", "moodle", code=0).output

    assert compared["state"] == "done"
    assert compared["counts"]["adoptable"] == listed["total"] == 1 + len(more["items"])
    assert f"Adopt: {listed['total']} lines." in adopted
    assert "Linked" in again
    assert "Nothing was sent." in again
    assert "Nothing would be sent." in known("sync", "plan", "moodle", code=0).output


def test_lines_are_shown_and_decided_one_by_one(known):
    known("sync", "compare", "moodle", code=0)
    line = known.json("sync", "matches", "moodle", "--verdict", "adoptable")["items"][0]
    username = line["account"]["username"]

    shown = known("sync", "matches", "moodle", "--q", username, code=0).output
    known("sync", "decide", "moodle", "separate", "--line", line["id"], code=0)
    known("sync", "decide", "moodle", "reopen", "--line", line["id"], code=0)
    known("sync", "compare", "moodle", code=0)
    (again,) = known.json("sync", "matches", "moodle", "--q", username)["items"]
    known("sync", "decide", "moodle", "adopt", "--line", again["id"], "--account", username, code=0)

    assert "It carries the key of" in shown
    assert known.json("sync", "matches", "moodle", "--q", username)["items"][0]["verdict"] == "matched"


def test_a_comparison_that_fails_ends_with_1_and_says_why(known, moodle: FakeMoodle):
    known("sync", "compare", "moodle", code=0)
    known("plugins", "configure", "moodle", f"token={'b' * 32}", "--without-test", code=0)

    failed = known("sync", "compare", "moodle", code=1).output

    assert "The comparison failed:" in failed
    assert "of the one before" in failed


def test_decisions_that_say_nothing_are_refused(known):
    for words in (("adopt",), ("adopt", "--all", "--line", "1"), ("adopt", "--all", "--account", "ada")):
        assert known("sync", "decide", "moodle", *words).exit_code in (1, 2)
