"""Access ends with the role in the period, at the next request: sessions and tokens (R37, R59, S-03)."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from rolecall.accounts import tokens
from rolecall.store.tables import Account, Period, Role, RolePeriod
from rolecall.testing.factories import give_role, make_account, make_period, make_role
from rolecall.testing.school import School
from rolecall.work.application import Application
from rolecall.work.runs.undo import start_undo


@pytest.fixture
def clerk(application: Flask, signed_in: Callable, core: Application) -> tuple[Callable[[], int], Callable[[], int], int]:
    """Somebody with a browser and a program: what each of them is answered now, and the account."""
    browser = signed_in("accounts:view")
    with core.db.write() as session:
        token, _row = tokens.create(session, browser.account_id, name="test", now=datetime.now(UTC))

    def program() -> int:
        return application.test_client().get("/api/v1/accounts", headers={"Authorization": f"Bearer {token}"}).status_code

    return (lambda: browser.get("/accounts").status_code), program, browser.account_id


def test_disabling_the_period_ends_access_at_once_and_activating_gives_it_back(clerk: tuple, school: School) -> None:
    browser, program, account_id = clerk
    assert (browser(), program()) == (200, 200)

    school.act("roles.disable_period", account_id, periods=["2026"])
    assert (browser(), program()) == (401, 401)

    school.act("account.activate", account_id)
    assert (browser(), program()) == (200, 200)


def test_a_rollover_that_leaves_somebody_out_ends_their_access_when_the_new_period_is_current(
    clerk: tuple, school: School, core: Application
) -> None:
    browser, program, account_id = clerk
    with core.db.write() as session:
        make_period(session, "2027", current=False)
        role = session.scalars(select(Role.name).join(RolePeriod).where(RolePeriod.account_id == account_id)).one()

        ids = [account_id, *(make_account(session).id for _ in range(2))]
    params = {"from_period": "2026", "period": "2027", "map": [f"{role}=-"]}

    school.act("roles.rollover", *ids, **params)
    assert (browser(), program()) == (200, 200)
    school.act("roles.rollover", *ids, **params, make_current=True)

    assert (browser(), program()) == (401, 401)
    with core.db.read() as session:
        assert session.scalars(select(Period.code).where(Period.is_current)).one() == "2027"


def test_an_undo_of_the_rollover_lets_everybody_in_again(clerk: tuple, school: School, core: Application) -> None:
    browser, program, account_id = clerk
    other = school.student("Anna")
    with core.db.write() as session:
        make_period(session, "2027", current=False)
        give_role(session, session.get_one(Account, other), make_role(session), make_period(session, "2026"))
        role = session.scalars(select(Role.name).join(RolePeriod).where(RolePeriod.account_id == account_id)).one()
    run = school.act("roles.rollover", other, account_id, from_period="2026", period="2027", map=[f"{role}=-"], make_current=True)
    assert (browser(), program()) == (401, 401)

    start_undo(core, school.actor, run.id)

    assert (browser(), program()) == (200, 200)
