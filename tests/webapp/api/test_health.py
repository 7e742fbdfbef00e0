"""The providers' health and history over the API, and whether anybody works (R61)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from rolecall.store.tables import Link, SyncSample
from rolecall.testing.factories import make_account
from rolecall.testing.school import School
from rolecall.work import heartbeat, links


@pytest.fixture
def waiting(owner, core, application):
    """An account of which an enabled provider has not heard."""
    School(core).enable("moodle", user_types=["student"])
    with core.db.write() as session:
        account = make_account(session, "Anna", type="student")
        links.link(session, [account.id], "moodle")
        return account.id


def test_every_provider_is_told_in_a_word_with_what_to_do(owner, core, waiting):
    with core.db.write() as session:
        session.execute(update(Link).values(blocked=True))

    (only,) = owner.get("/sync").json["items"]

    assert (only["provider"], only["health"], only["state"], only["blocked"]) == ("moodle", "working", "ok", 1)
    assert only["advice"].startswith("1 account needs somebody")
    assert only["who"] == "Whoever may edit the integrations."
    assert (only["pending"], only["oldest"], only["accounts"]["blocked"]) == (1, None, 1)


def test_that_nobody_works_is_told_while_something_waits(owner, core, waiting):
    nobody = owner.get("/sync").json["work"]
    with core.db.write() as session:
        heartbeat.beat(session, "one", "threads", looked=True)
    somebody = owner.get("/sync").json["work"]

    assert (nobody["workers"], nobody["looked_at"]) == (0, None)
    assert "rolecall worker" in nobody["trouble"]
    assert (somebody["workers"], somebody["trouble"]) == (1, None)


@pytest.mark.parametrize(("span", "pieces"), [("day", 24), ("month", 30)])
def test_the_past_is_told_in_pieces(owner, core, waiting, span, pieces):
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with core.db.write() as session:
        for back, done in ((2, 5), (1, 8), (0, 9)):
            at = hour - back * timedelta(hours=1)
            session.add(SyncSample(provider="moodle", at=at, hourly=True, pending=back, blocked=0, held=0, done=done, failed=0))

    found = owner.get(f"/plugins/moodle/history?span={span}").json

    assert [each["pending"] for each in found["waiting"]] == [2, 1, 0]
    assert len(found["work"]) == pieces
    assert sum(each["done"] for each in found["work"]) == 4


def test_who_may_not_see_integrations_sees_none_of_it(program, waiting):
    for path in ("/sync", "/plugins/moodle/history"):
        assert program("accounts:view").get(path).status_code == 403


def test_a_span_that_there_is_not_is_refused(owner):
    assert owner.get("/plugins/moodle/history?span=year").status_code == 422
    assert owner.get("/plugins/nothing/history").status_code == 404
