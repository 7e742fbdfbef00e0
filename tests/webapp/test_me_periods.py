"""Working in another period, with the rights that one has there (R59, S-03)."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select, update

from rolecall.accounts import sessions
from rolecall.store.tables import (
    AuditEntry,
    Period,
    Role,
    RolePeriod,
    RolePermission,
)
from rolecall.testing.school import School
from rolecall.work.application import Application


def kinds(core: Application) -> list[str]:
    with core.db.read() as session:
        return list(session.scalars(select(AuditEntry.kind).order_by(AuditEntry.seq)))


def alive(core: Application, token: str) -> bool:
    with core.db.read() as session:
        return sessions.load(session, token, datetime.now(UTC)) is not None


def put_period(core: Application, account_id: int, *permissions: str, is_open: bool = True) -> int:
    """Give an account a role in another period, and return the period's id."""
    with core.db.write() as session:
        period = Period(
            code="2025", code_key="2025", name="2025–26", starts_on=date(2025, 9, 1), ends_on=date(2026, 6, 30), is_open=is_open
        )
        role = Role(name="Of last year", name_key="of last year", user_type="administrator")
        role.permissions = [RolePermission(permission=each) for each in permissions]
        session.add_all([period, role])
        session.flush()
        given = RolePeriod(account_id=account_id, period_id=period.id, role_id=role.id, enabled=True, created_at=datetime.now(UTC))
        session.add(given)
        return period.id


def test_who_has_one_period_is_offered_no_other(signed_in: Callable) -> None:
    page = signed_in("accounts:view").get("/accounts").text

    assert "Work in another period" not in page
    assert 'action="/me/period"' not in page


@pytest.mark.parametrize("is_open", [True, False])
def test_one_works_in_another_period_with_the_rights_there_and_comes_back(core: Application, signed_in: Callable, is_open: bool) -> None:
    somebody = signed_in("accounts:view")
    last = put_period(core, somebody.account_id, "people:view", is_open=is_open)
    offered = somebody.get("/accounts").text
    with somebody.client.session_transaction() as cookie:
        before = cookie["_user_id"]

    switched = somebody.post("/me/period", {"period": last})
    there = somebody.get("/people")

    assert "Work in another period" in offered
    assert "Of last year" in offered
    assert switched.location == "/"
    assert there.status_code == 200
    assert "which is not the current period" in there.text
    assert somebody.get("/accounts").status_code == 403
    assert not alive(core, before)
    with core.db.read() as session:
        current = session.scalars(select(Period.id).where(Period.is_current)).one()
    somebody.post("/me/period", {"period": current})
    assert somebody.get("/people").status_code == 403
    assert "which is not the current period" not in somebody.get("/accounts").text
    assert kinds(core) == ["session.period", "session.period"]


@pytest.mark.parametrize("period", ["", "x", "9999", "99999999999"])
def test_no_other_period_can_be_had(core: Application, signed_in: Callable, period: str) -> None:
    somebody = signed_in("accounts:view")

    assert somebody.post("/me/period", {"period": period}).status_code in (409, 422)
    assert somebody.get("/accounts").status_code == 200


def test_who_loses_the_role_there_is_told_and_works_in_the_current_period(core: Application, signed_in: Callable) -> None:
    somebody = signed_in("accounts:view")
    last = put_period(core, somebody.account_id, "people:view")
    somebody.post("/me/period", {"period": last})

    with core.db.write() as session:
        session.execute(update(RolePeriod).where(RolePeriod.period_id == last).values(enabled=False))
    page = somebody.get("/accounts")

    assert page.status_code == 200
    assert "You work in 2026–27 again." in page.text
    assert "You work in 2026–27 again." not in somebody.get("/accounts").text
    assert somebody.get("/people").status_code == 403


def test_lists_look_at_the_period_one_works_in_and_so_do_actions_on_all_of_them(
    core: Application, signed_in: Callable, school: School
) -> None:
    somebody = signed_in("accounts:view")
    last = put_period(core, somebody.account_id, "accounts:view", "act:account.deactivate")
    then, now_ = school.student("Then", last_name="Berg"), school.student("Now", last_name="Berg")
    with core.db.write() as session:
        role = Role(name="Choir", name_key="choir", user_type="student")
        session.add(role)
        session.flush()
        current = session.scalars(select(Period.id).where(Period.is_current)).one()
        for account_id, period in ((then, last), (now_, current)):
            session.add(RolePeriod(account_id=account_id, period_id=period, role_id=role.id, enabled=True, created_at=datetime.now(UTC)))
    here = somebody.get("/accounts?role=Choir").text

    somebody.post("/me/period", {"period": last})
    there = somebody.get("/accounts?role=Choir").text
    asked = somebody.get("/accounts?role=Choir&period=2026").text

    assert ("Now Berg" in here, "Then Berg" in here) == (True, False)
    assert ("Now Berg" in there, "Then Berg" in there) == (False, True)
    assert ("Now Berg" in asked, "Then Berg" in asked) == (True, False)
    assert '<input type="hidden" name="period" value="2025">' in there
