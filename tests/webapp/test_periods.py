"""Pages of academic periods (R59, R59a)."""

from collections.abc import Callable

import pytest

from rolecall.accounts import periods
from rolecall.store.tables import AuditEntry, Period
from rolecall.work.application import Application

RIGHTS = ("periods:view", "periods:create", "periods:edit")
NEXT = {"code": "2027", "name": "2027–28", "starts_on": "2027-09-01", "ends_on": "2028-06-30"}


def find(core: Application, code: str) -> Period:
    with core.db.read() as session:
        period = periods.by_code(session, code)
        session.expunge(period)
        return period


def test_the_list_marks_the_current_period_and_counts_roles(signed_in: Callable) -> None:
    page = signed_in("periods:view").get("/periods").text

    assert "2026–27" in page
    assert "Current" in page
    assert 'data-label="Accounts with a role">1<' in page
    assert "Add a period" not in page


def test_a_period_is_added_and_edited(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)

    answer = browser.post("/periods/new", NEXT)

    assert answer.status_code == 303
    period = find(core, "2027")
    assert (period.is_open, period.is_current) == (True, False)
    assert 'value="2027-09-01"' in browser.get(f"{answer.location}/edit").text
    assert browser.post(f"{answer.location}/edit", {**NEXT, "name": "Next year", "version": "1"}).status_code == 303
    assert "Next year" in browser.get("/periods").text
    with core.db.read() as session:
        assert {entry.kind for entry in session.query(AuditEntry)} >= {"period.create", "period.edit"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": "2026"}, "code"),
        ({"code": "all"}, "code"),
        ({"name": ""}, "name"),
        ({"starts_on": "yesterday"}, "starts_on"),
        ({"ends_on": "2020-01-01"}, "ends_on"),
        ({"ends_on": ""}, "ends_on"),
    ],
)
def test_mistakes_are_said_at_their_fields(signed_in: Callable, change: dict[str, str], field: str) -> None:
    answer = signed_in(*RIGHTS).post("/periods/new", {**NEXT, **change})

    assert answer.status_code == 422
    assert f'id="wrong-{field}"' in answer.text


def test_an_edit_that_somebody_else_overtook_is_refused(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    where = browser.post("/periods/new", NEXT).location
    browser.post(f"{where}/edit", {**NEXT, "name": "A", "version": "1"})

    assert browser.post(f"{where}/edit", {**NEXT, "name": "B", "version": "1"}).status_code == 409
    assert find(core, "2027").name == "A"


def test_making_a_period_current_says_first_who_would_be_left_out(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    where = browser.post("/periods/new", NEXT).location

    page = browser.get(f"{where}/current").text

    assert "1 account that can sign in now could not any more" in page
    assert browser.post(f"{where}/current").status_code == 409
    assert not find(core, "2027").is_current
    browser = signed_in(*RIGHTS, owner=True)  # who has no role in the new period is out at once, except the Global Owner
    assert browser.post(f"{where}/current", {"agreed": "yes"}).status_code == 303
    assert find(core, "2027").is_current
    assert "is the current period now" in browser.get(where).text


def test_a_period_is_closed_and_opened_again(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    where = browser.post("/periods/new", NEXT).location

    assert browser.post(f"{where}/open", {"open": "no"}).status_code == 303
    assert not find(core, "2027").is_open
    page = browser.get(where).text
    assert "Closed" in page
    assert "Make it the current" not in page
    assert browser.post(f"{where}/current", {"agreed": "yes"}).status_code == 409
    browser.post(f"{where}/open", {"open": "yes"})
    assert find(core, "2027").is_open


def test_the_current_period_cannot_be_closed(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS)
    where = f"/periods/{find(core, '2026').id}"

    assert "The current period stays open." in browser.get(where).text
    assert browser.post(f"{where}/open", {"open": "no"}).status_code == 409


def test_changing_periods_needs_its_right(signed_in: Callable, core: Application) -> None:
    browser = signed_in("periods:view")
    where = f"/periods/{find(core, '2026').id}"

    assert "Edit" not in browser.get(where).text
    for path in ("/periods/new", f"{where}/edit", f"{where}/current", f"{where}/open"):
        assert browser.post(path, NEXT).status_code == 403


def test_a_period_is_deleted_after_a_question_and_the_audit_keeps_what_it_was(signed_in: Callable, core: Application) -> None:
    browser = signed_in(*RIGHTS, "periods:delete")
    where = browser.post("/periods/new", NEXT).location

    assert "Nobody has a role in it" in browser.get(f"{where}/delete").text
    assert browser.post(f"{where}/delete", {"version": "1"}).location == "/periods"

    assert "The period 2027 is deleted." in browser.get("/periods").text
    assert browser.get(where).status_code == 404
    with core.db.read() as session:
        entry = session.query(AuditEntry).filter(AuditEntry.kind == "period.delete").one()
        assert entry.payload["code"] == "2027"


def test_a_period_in_use_says_why_it_cannot_be_deleted(signed_in: Callable, core: Application) -> None:
    where = f"/periods/{find(core, '2026').id}"
    browser = signed_in(*RIGHTS, "periods:delete")

    assert "2026 is the current period." in browser.get(where).text
    assert browser.get(f"{where}/delete").status_code == 409
    assert browser.post(f"{where}/delete").status_code == 409
    assert find(core, "2026").is_current


def test_deleting_a_period_needs_its_right(signed_in: Callable) -> None:
    browser = signed_in(*RIGHTS)
    where = browser.post("/periods/new", NEXT).location

    assert "Delete" not in browser.get(where).text
    assert browser.get(f"{where}/delete").status_code == browser.post(f"{where}/delete").status_code == 403
