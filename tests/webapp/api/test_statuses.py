"""Student statuses over the API: read, added, planned, edited, deleted (R3, R7)."""

import pytest

from rolecall.store.tables import Account, Role, StudentStatus
from rolecall.testing.factories import make_account, make_status


@pytest.fixture
def exchange(core):
    """A registered status with two students who have accounts."""
    with core.db.write() as session:
        status = make_status(session, "Exchange")
        for _ in range(2):
            make_account(session, status=status)
        return status.id


def active(core):
    with core.db.read() as session:
        return [each.active for each in session.query(Account).filter_by(type="student").order_by(Account.id)]


def test_statuses_are_added_edited_and_read(owner):
    added = owner.post("/statuses", {"label": "Exchange", "type": "registered", "provider_action": "create"})
    edited = owner.patch(f"/statuses/{added.json['id']}", {"type": "other"})
    read = owner.get(f"/statuses/{added.json['id']}")

    assert (added.status_code, edited.status_code) == (201, 200)
    assert added.headers["Location"].endswith(f"/statuses/{added.json['id']}")
    assert read.json == {"id": added.json["id"], "label": "Exchange", "type": "other", "provider_action": "create", "version": 2}
    assert edited.json == {**read.json, "run": None}
    assert read.json in owner.get("/statuses").json["items"]


def test_a_plan_tells_how_many_accounts_follow_and_changes_nothing(owner, core, exchange):
    plan = owner.get(f"/statuses/{exchange}/plan?type=graduated")

    assert plan.json == {"students": 2, "deactivated": 2, "reactivated": 0, "opened": 0, "accounts": 2}
    assert active(core) == [True, True]
    assert owner.get(f"/statuses/{exchange}/plan?type=nothing").status_code == 422
    assert owner.get("/statuses/999/plan?type=other").status_code == 404


def test_accounts_follow_and_the_run_tells_which(owner, core, exchange):
    edited = owner.patch(f"/statuses/{exchange}", {"type": "graduated", "expected": 2})

    assert active(core) == [False, False]
    run = owner.get(f"/runs/{edited.json['run']}").json
    assert (run["kind"], run["state"], run["counts"]["done"]) == ("status", "done", 2)
    assert owner.get("/runs?kind=status").json["total"] == 1
    items = owner.get(f"/runs/{run['id']}/items").json["items"]
    assert {item["code"] for item in items} == {"deactivated"}
    assert owner.post(f"/runs/{run['id']}/undo", {}).status_code == 409


def test_another_number_than_expected_is_refused_with_the_new_one(owner, core, exchange):
    answer = owner.patch(f"/statuses/{exchange}", {"type": "graduated", "expected": 1})

    assert (answer.status_code, answer.json["count"]) == (409, 2)
    assert active(core) == [True, True]


def test_a_stale_edit_or_deletion_is_refused(owner, exchange):
    owner.patch(f"/statuses/{exchange}", {"label": "Guests"}, headers={"If-Match": '"1"'})

    edited = owner.patch(f"/statuses/{exchange}", {"label": "Visitors"}, headers={"If-Match": '"1"'})
    deleted = owner("DELETE", f"/statuses/{exchange}", headers={"If-Match": '"1"'})

    assert (edited.status_code, deleted.status_code) == (412, 412)


def test_a_status_is_deleted_while_nobody_has_it(owner, core, exchange):
    added = owner.post("/statuses", {"label": "Nobody", "type": "other"})

    in_use = owner("DELETE", f"/statuses/{exchange}")
    deleted = owner("DELETE", f"/statuses/{added.json['id']}")

    assert (in_use.status_code, deleted.status_code) == (409, 200)
    assert deleted.json["label"] == "Nobody"
    assert owner.get(f"/statuses/{added.json['id']}").status_code == 404
    with core.db.read() as session:
        assert session.get(StudentStatus, exchange) is not None


def test_a_record_that_is_changed_brings_its_account_along(owner, core, exchange):
    with core.db.write() as session:
        make_status(session, "Withdrawn", type="withdrawn", provider_action="suspend")
        person_id = session.query(Account).filter_by(type="student").order_by(Account.id).first().person_id

    answer = owner.patch(f"/people/{person_id}", {"status": "Withdrawn"})

    assert answer.status_code == 200
    assert active(core) == [False, True]


def test_who_reaches_no_students_is_still_told_the_number_that_would_follow(owner, program, core, exchange):
    limited = program("settings:view", "settings:edit")
    with core.db.write() as session:
        session.query(Role).filter_by(name=f"Role {limited.account_id}").one().limited_to = ["teacher"]

    assert limited.get(f"/statuses/{exchange}/plan?type=other").json["accounts"] == 2
