"""A run goes on with the rights of the period in which it was begun (R59, Z-12)."""

import pytest
from sqlalchemy import update

from rolecall.accounts import sessions, working_period
from rolecall.store.engine import now
from rolecall.store.tables import RolePeriod, RolePermission
from rolecall.testing.factories import give_role, make_account, make_accounts, make_period, make_role

ACTION = "account.deactivate"


@pytest.fixture
def clerk(office):
    """Somebody who may deactivate in a period that is not the current one, and has switched to it."""
    with office.app.db.write() as session:
        clerk = make_account(session, "Clara", type="staff")
        weak = make_role(session, "Reader", user_type="staff", permissions=[RolePermission(permission="accounts:view")])
        strong = make_role(session, "Clerk", user_type="staff", permissions=[RolePermission(permission=f"act:{ACTION}")])
        give_role(session, clerk, weak, make_period(session, "2026"))
        last = make_period(session, "2025", current=False)
        give_role(session, clerk, strong, last)
        token = sessions.create(session, clerk.id, address=None, agent=None, now=now(session))
        view = sessions.load(session, token, now(session))
        token = working_period.switch(session, view, last.id, actor=sessions.actor_for(view), now=now(session))
        return sessions.actor_for(sessions.load(session, token, now(session)))


def test_a_run_in_the_background_keeps_the_rights_of_its_period(office, clerk):
    ids = office.make(make_accounts, 60)

    run = office.act(ACTION, *ids, actor=clerk)
    office.work()

    assert office.run(run)["counts"]["done"] == 60


def test_a_run_stops_when_the_role_of_its_period_is_lost(office, clerk):
    ids = office.make(make_accounts, 60)
    run = office.act(ACTION, *ids, actor=clerk)

    with office.app.db.write() as session:
        session.execute(update(RolePeriod).where(RolePeriod.period_id == clerk.period_id).values(enabled=False))
    office.work()

    assert office.run(run)["counts"]["done"] == 0
