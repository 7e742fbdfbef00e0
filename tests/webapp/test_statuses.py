"""Pages of student statuses: adding, editing with a plan of what follows for accounts, deleting (R3, R7)."""

from collections.abc import Callable

import pytest

from rolecall.store.tables import Account, AuditEntry, StudentStatus
from rolecall.testing.factories import make_account, make_person, make_status
from rolecall.work.application import Application

RIGHTS = ("settings:view", "settings:create", "settings:edit", "settings:delete")
EXCHANGE = {"label": "Exchange", "type": "other", "provider_action": "create", "version": "1"}


@pytest.fixture
def exchange(application, core: Application) -> int:
    """A registered status with two students who have accounts."""
    with core.db.write() as session:
        status = make_status(session, "Exchange")
        for _ in range(2):
            make_account(session, status=status)
        return status.id


def active(core: Application) -> list[bool]:
    with core.db.read() as session:
        return [each.active for each in session.query(Account).filter_by(type="student").order_by(Account.id)]


def test_a_status_is_added_and_edited(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    assert "There is no status yet." in browser.get("/settings/statuses").text

    browser.post("/settings/statuses/new", {"label": "On leave", "type": "other", "provider_action": "suspend"})

    with core.db.read() as session:
        status = session.query(StudentStatus).one()
    assert "On leave" in browser.get("/settings/statuses").text
    assert 'value="On leave"' in browser.get(f"/settings/statuses/{status.id}").text
    browser.post(f"/settings/statuses/{status.id}", {"label": "Away", "type": "withdrawn", "provider_action": "suspend"})
    with core.db.read() as session:
        assert (session.query(StudentStatus).one().label, session.query(StudentStatus).one().type) == ("Away", "withdrawn")
        assert session.query(AuditEntry).filter(AuditEntry.kind.like("status.%")).count() == 2


def test_a_wrong_status_is_refused_at_its_fields(signed_in: Callable) -> None:
    browser = signed_in(*RIGHTS)

    answer = browser.post("/settings/statuses/new", {"label": "", "type": "nothing", "provider_action": "nothing"})

    assert answer.status_code == 422
    assert 'id="wrong-type"' in answer.text
    assert browser.get("/settings/statuses/99").status_code == 404


def test_another_type_is_saved_only_after_it_was_shown_what_follows(signed_in: Callable, core: Application, exchange: int) -> None:
    browser = signed_in(*RIGHTS)

    asked = browser.post(f"/settings/statuses/{exchange}", EXCHANGE)
    plan = browser.get(asked.location).text
    without = browser.post(f"/settings/statuses/{exchange}", {**EXCHANGE, "expected": "2"})

    assert asked.status_code == 303
    assert "Accounts that are deactivated" in plan
    assert 'name="expected" value="2"' in plan
    assert without.status_code == 409
    assert "Tick the box first." in without.text
    assert active(core) == [True, True]
    done = browser.post(f"/settings/statuses/{exchange}", {**EXCHANGE, "expected": "2", "agreed": "yes"})
    result = browser.get(done.location).text
    assert active(core) == [False, False]
    assert "Student status changed" in result
    assert "was deactivated." in result


def test_who_agreed_to_another_number_is_shown_the_new_one(signed_in: Callable, core: Application, exchange: int) -> None:
    browser = signed_in(*RIGHTS)
    with core.db.write() as session:
        make_account(session, status=session.get(StudentStatus, exchange))

    answer = browser.post(f"/settings/statuses/{exchange}", {**EXCHANGE, "expected": "2", "agreed": "yes"})

    assert answer.status_code == 409
    assert "3 do now" in answer.text
    assert 'name="expected" value="3"' in answer.text
    assert active(core) == [True, True, True]


def test_a_plan_for_a_label_or_a_type_that_means_the_same_follows_nobody(signed_in: Callable, core: Application, exchange: int) -> None:
    browser = signed_in(*RIGHTS)

    answer = browser.post(f"/settings/statuses/{exchange}", {**EXCHANGE, "type": "registered", "label": "Guests"})

    assert answer.location.endswith("/settings/statuses")
    assert active(core) == [True, True]
    assert "No account would follow." in browser.get(f"/settings/statuses/{exchange}/plan?type=registered").text


def test_an_edit_of_what_somebody_else_changed_is_refused(signed_in: Callable, exchange: int) -> None:
    browser = signed_in(*RIGHTS)
    browser.post(f"/settings/statuses/{exchange}", {**EXCHANGE, "type": "registered", "label": "Guests"})

    answer = browser.post(f"/settings/statuses/{exchange}", {**EXCHANGE, "type": "registered", "label": "Visitors"})

    assert answer.status_code == 409
    assert "changed by somebody else" in answer.text


def test_a_status_that_students_have_cannot_be_deleted_and_says_the_way_out(signed_in: Callable, core: Application, exchange: int) -> None:
    browser = signed_in(*RIGHTS, "people:view")

    page = browser.get(f"/settings/statuses/{exchange}").text
    answer = browser.post(f"/settings/statuses/{exchange}/delete", {})

    assert "2 students have it. Give them another status first." in page
    assert "status=Exchange" in browser.get("/settings/statuses").text
    assert answer.status_code == 409
    assert "2 students have the status Exchange." in answer.text


def test_a_status_that_nobody_has_is_deleted(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    with core.db.write() as session:
        status_id = make_status(session, "Guests").id

    answer = browser.post(f"/settings/statuses/{status_id}/delete", {})

    assert answer.status_code == 303
    with core.db.read() as session:
        assert session.get(StudentStatus, status_id) is None
        assert session.query(AuditEntry).filter_by(kind="status.delete").one().payload["label"] == "Guests"


def test_each_right_opens_its_pages_only(signed_in: Callable, exchange: int) -> None:
    browser = signed_in("settings:view")

    page = browser.get("/settings/statuses").text

    assert "Exchange" in page
    assert "Add a status" not in page
    for path in ("/settings/statuses/new", f"/settings/statuses/{exchange}", f"/settings/statuses/{exchange}/delete"):
        assert browser.post(path, {}).status_code == 403


def test_a_record_says_what_leaving_means_for_the_account_and_then_that_it_did(
    signed_in: Callable, core: Application, exchange: int
) -> None:
    browser = signed_in("people:view", "people:edit")
    with core.db.write() as session:
        make_status(session, "Withdrawn", type="withdrawn", provider_action="suspend")
        person = make_person(session, status=session.get(StudentStatus, exchange))
        make_account(session, person=person, username="anna.k")
        values = {"code": person.code, "first_name": person.first_name, "last_name": person.last_name, "active": "yes", "version": "1"}

    form = browser.get(f"/people/{person.id}/edit").text
    browser.post(f"/people/{person.id}/edit", {**values, "status": "Withdrawn"})
    left = browser.get(f"/people/{person.id}").text
    back_form = browser.get(f"/people/{person.id}/edit").text
    browser.post(f"/people/{person.id}/edit", {**values, "status": "Exchange", "version": "2"})

    assert "Their account anna.k is deactivated and they are signed out" in form
    assert "The account anna.k was deactivated." in left
    assert "Their account anna.k, which was deactivated for this, is active again" in back_form
    assert "The account anna.k is active again." in browser.get(f"/people/{person.id}").text


def test_a_record_of_somebody_without_an_account_says_that_one_is_opened(signed_in: Callable, core: Application, exchange: int) -> None:
    browser = signed_in("people:view", "people:edit")
    with core.db.write() as session:
        person = make_person(session, active=False, list="teachers")

    form = browser.get(f"/people/{person.id}/edit").text

    assert "An account is opened for them as soon as they are active." in form
