"""That nobody works is said where something for the account waits for it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from rolecall.store.tables import Delivery, Link, Run, RunItem, Worker
from rolecall.work import heartbeat

LONG_AGO = datetime(2026, 1, 2, 12, 34, tzinfo=UTC)


@pytest.fixture
def wait(office, anna, noon):
    """A function that has something wait for Anna."""

    def put(*what: str) -> None:
        with office.app.db.write() as session:
            if "link" in what:
                session.add(Link(account_id=anna, provider="memory", goal="present", wanted=2, synced=1, changed_at=noon))
            if "message" in what:
                facts = {"kind": "invitation", "channel": "email", "address": "anna@school.example", "dedupe_key": "k"}
                session.add(Delivery(account_id=anna, created_at=noon, **facts))
            if "action" in what:
                run = Run(kind="action", action="account.activate", actor="x", actor_label="X", state="queued", created_at=noon)
                session.add(run)
                session.flush()
                session.add(RunItem(run_id=run.id, n=1, account_id=anna, outcome="waiting"))

    return put


@pytest.fixture
def said(anna, examine):
    """A function that returns what is said of the worker."""
    return lambda: [each for each in examine(anna).findings if each.code == "nobody-works"]


@pytest.mark.parametrize(
    ("what", "words"), [("link", "a change for a service"), ("message", "a message to the person"), ("action", "an action on this account")]
)
def test_whatever_waits_is_named_where_no_worker_ever_was(wait, said, what, words):
    wait(what)

    (found,) = said()

    assert found.sentence == f"No worker was ever here, so what is to be done waits: {words}."
    assert (found.state, found.done_by, found.detail) == ("warning", "operator", heartbeat.START)


def test_nothing_is_said_while_somebody_looks(office, wait, said):
    wait("link", "message", "action")
    with office.app.db.write() as session:
        heartbeat.beat(session, "here:1", "threads", looked=True)

    assert said() == []


def test_a_worker_that_was_here_long_ago_is_said_with_the_time(office, wait, said):
    wait("link", "action")
    with office.app.db.write() as session:
        heartbeat.beat(session, "here:1", "threads", looked=True)
        session.execute(update(Worker).values(seen_at=LONG_AGO, looked_at=LONG_AGO))

    (found,) = said()

    assert found.sentence.startswith("No worker was here since 2 January 2026, ")
    assert found.sentence.endswith(", so what is to be done waits: an action on this account, a change for a service.")


@pytest.mark.parametrize("link", [{"blocked": True}, {"goal": "suspended", "brake": "held"}, {"synced": 2}, {"goal": "released"}])
def test_what_waits_for_somebody_else_is_no_workers(office, wait, said, link):
    wait("link")
    with office.app.db.write() as session:
        session.execute(update(Link).values(**link))

    assert said() == []


def test_a_run_that_ended_and_a_message_that_was_sent_wait_for_nobody(office, wait, said, noon):
    wait("message", "action")
    with office.app.db.write() as session:
        session.execute(update(Run).values(state="stopped", finished_at=noon + timedelta(hours=1)))
        session.execute(update(Delivery).values(state="sent"))

    assert said() == []
