"""Messages over the API: the list in pages, what became of one, sending again and deciding (R19, R40)."""

from datetime import UTC, datetime

import pytest

from rolecall.store.engine import now
from rolecall.store.tables import Delivery
from rolecall.testing.factories import make_account


@pytest.fixture
def anna(school):
    """Anna's number."""
    return school(make_account, "Anna")


@pytest.fixture
def message(school, anna):
    """A function that writes a message to Anna in some state and returns its number."""

    def write(state, **values):
        def make(session):
            facts = {"kind": "invitation.account", "channel": "email", "address": "anna@home.example", "attempts": 1} | values
            delivery = Delivery(account_id=anna, state=state, dedupe_key=f"{state} {values}", created_at=now(session), **facts)
            session.add(delivery)
            session.flush()
            return delivery

        return school(make)

    return write


def test_messages_are_listed_in_pages_and_narrowed(owner, message, anna):
    numbers = [message(each) for each in ("bounced", "sent", "skipped")]

    first = owner.get("/messages?limit=2").json
    second = owner.get(f"/messages?limit=2&cursor={first['next']}").json
    narrowed = owner.get(f"/messages?state=bounced&channel=email&kind=invitation.account&account={anna}").json

    assert [each["id"] for each in (*first["items"], *second["items"])] == numbers[::-1]
    assert (first["total"], second["total"], second["next"]) == (3, 3, None)
    assert [each["id"] for each in narrowed["items"]] == numbers[:1]
    assert narrowed["total"] == 1
    assert owner.get("/messages?run=1").json["total"] == 0
    assert owner.get("/messages?state=lost").status_code == 422


def test_one_that_bounced_is_sent_again_once(owner, message):
    number = message("bounced", error="No such mailbox.")

    before = owner.get(f"/messages/{number}").json
    answers = [owner.post(f"/messages/{number}/again").json for _ in range(2)]
    refused = owner.post(f"/messages/{number}/sent")

    assert (before["error"], before["can_be_sent_again"], before["to_decide"]) == ("No such mailbox.", True, False)
    assert [each["id"] for each in answers] == [number + 1] * 2
    assert answers[0]["state"] == "queued"
    assert owner.get(f"/messages/{number}").json["why_not"] == "A newer message of this kind followed."
    assert (refused.status_code, refused.json["code"]) == (409, "not-unknown")


def test_an_unknown_one_is_decided_about(owner, message, anna):
    number = message("unknown")

    decide = owner.get(f"/messages/{number}").json["to_decide"]
    sent = owner.post(f"/messages/{number}/sent").json
    again = owner.post(f"/messages/{number}/again")

    assert decide
    assert (sent["state"], sent["to_decide"]) == ("sent", False)
    assert owner.get(f"/accounts/{anna}").json["invited_at"] is not None
    assert (again.status_code, again.json["code"]) == (409, "not-again")
    assert owner.get("/messages/999").status_code == 404


def test_everything_that_matches_is_counted_and_sent_again_with_consent(owner, message):
    number = message("bounced", kind="email.changed")
    message("unknown")

    counted = owner.post("/messages/again", {"filter": {"channel": "email"}, "dry_run": True}).json
    asked = owner.post("/messages/again", {"filter": {"channel": "email"}})
    other = owner.post("/messages/again", {"filter": {}, "agreed": True, "expected": 2})
    done = owner.post("/messages/again", {"filter": {"state": "bounced"}, "agreed": True, "expected": 1}).json

    left = [{"code": "unknown", "count": 1}]
    assert (counted["total"], counted["will"], counted["sent"], counted["cost"]) == (2, 1, 0, None)
    assert [{name: each[name] for name in ("code", "count")} for each in counted["skipped"]] == left
    assert (asked.status_code, asked.json["code"]) == (409, "consent-required")
    assert (other.status_code, other.json["code"], other.json["count"]) == (409, "count-changed", 1)
    assert (done["sent"], done["total"]) == (1, 1)
    assert owner.get(f"/messages/{number}").json["why_not"] == "A newer message of this kind followed."
    assert owner.post("/messages/again", {"filter": {"state": "lost"}, "agreed": True}).status_code == 422
    assert owner.post("/messages/again", {"agreed": True}).status_code == 422


def test_what_messages_to_phones_came_to_is_added_up(owner, school, message):
    closed = owner.get("/plugins/sms/usage")
    settings = {"gateway": "vonage", "account": "abcd1234", "secret": "x", "sender": "School", "countries": ["GR"], "currency": "EUR"}
    owner.patch("/plugins/sms", {"enabled": True, "untested": True, "settings": settings})
    message("sent", channel="phone", address="+306912345678", parts=2, cost=150_000, settled_at=datetime.now(UTC))

    found = owner.get("/plugins/sms/usage").json

    assert closed.status_code == 404
    assert (found["limit"], found["currency"]) == (1_000, "EUR")
    assert found["day"] == found["month"] == {"messages": 1, "parts": 2, "cost": "0.15"}
