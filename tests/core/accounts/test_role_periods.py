"""The one role of an account in a period."""

import pytest
from sqlalchemy import select

from rolecall.accounts import role_periods
from rolecall.errors import Invalid, Refused
from rolecall.store.tables import RolePeriod
from rolecall.testing.factories import give_role, make_account, make_accounts, make_period, make_role


def held(session, period):
    rows = select(RolePeriod.account_id, RolePeriod.role_id, RolePeriod.enabled).where(RolePeriod.period_id == period.id)
    return {account_id: (role_id, enabled) for account_id, role_id, enabled in session.execute(rows)}


@pytest.fixture
def school(db):
    """One account without a role, one with, one with a remembered role, one of another type."""
    with db.write() as session:
        period, role, other = make_period(session), make_role(session), make_role(session, "Guest")
        none, having, remembered = (make_account(session) for _ in range(3))
        teacher = make_account(session, type="teacher")
        give_role(session, having, other, period)
        give_role(session, remembered, other, period, enabled=False)
        return period, role, other, (none.id, having.id, remembered.id, teacher.id)


def test_add_gives_the_role_only_where_the_period_has_none(db, school):
    period, role, other, ids = school
    with db.write() as session:
        left = role_periods.assign(session, ids, period.id, role.id, "add")

        assert held(session, period) == {ids[0]: (role.id, True), ids[1]: (other.id, True), ids[2]: (other.id, False)}
        assert set(left) == set(ids[1:])
        assert "Has the role Guest in 2026 already" in left[ids[1]]
        assert "students only" in left[ids[3]]


def test_replace_gives_the_role_whatever_was_there_and_enables_it(db, school):
    period, role, _, ids = school
    with db.write() as session:
        left = role_periods.assign(session, ids, period.id, role.id, "replace")

        assert held(session, period) == dict.fromkeys(ids[:3], (role.id, True))
        assert set(left) == {ids[3]}
        assert set(role_periods.assign(session, ids, period.id, role.id, "replace")) == set(ids)


def test_remove_takes_this_role_or_whichever_there_is(db, school):
    period, role, other, ids = school
    with db.write() as session:
        assert set(role_periods.assign(session, ids, period.id, role.id, "remove")) == set(ids)
        assert set(role_periods.assign(session, ids[:2], period.id, other.id, "remove")) == {ids[0]}
        assert held(session, period) == {ids[2]: (other.id, False)}

        assert set(role_periods.assign(session, ids, period.id, None, "remove")) == {ids[0], ids[1], ids[3]}
        assert held(session, period) == {}


def test_a_disabled_period_remembers_the_role(db, school):
    period, _, other, ids = school
    with db.write() as session:
        next_period = make_period(session, "2027", current=False)
        role_periods.assign(session, ids[:2], next_period.id, other.id, "add")

        assert set(role_periods.disable(session, ids, [period.id, next_period.id])) == {ids[2], ids[3]}
        assert held(session, period) == {ids[1]: (other.id, False), ids[2]: (other.id, False)}

        assert set(role_periods.enable(session, ids, [next_period.id])) == {ids[2], ids[3]}
        assert held(session, next_period) == {ids[0]: (other.id, True), ids[1]: (other.id, True)}
        assert held(session, period)[ids[1]] == (other.id, False)

        assert set(role_periods.enable(session, ids)) == {ids[0], ids[3]}
        assert held(session, period)[ids[2]] == (other.id, True)


def test_a_closed_period_and_an_inactive_role_give_nothing(db, school):
    period, role, _, ids = school
    with db.write() as session:
        closed = make_period(session, "2020", current=False, is_open=False)
        resting = make_role(session, "Resting", active=False)

        with pytest.raises(Refused, match="closed"):
            role_periods.assign(session, ids, closed.id, role.id, "add")
        with pytest.raises(Refused, match="not active"):
            role_periods.assign(session, ids, period.id, resting.id, "replace")
        assert set(role_periods.assign(session, ids, period.id, resting.id, "remove")) == set(ids)


@pytest.mark.parametrize(("period", "role", "mode"), [(1, 1, "swap"), (99, 1, "add"), (1, 99, "add"), (1, None, "add"), (1, 99, "remove")])
def test_what_does_not_exist_is_refused(db, school, period, role, mode):
    first, known, _, ids = school
    period_id = first.id if period == 1 else period
    role_id = known.id if role == 1 else role
    with db.write() as session, pytest.raises(Invalid):
        role_periods.assign(session, ids, period_id, role_id, mode)


def test_a_hundred_take_as_many_statements_as_ten(db, statements):
    with db.write() as session:
        period, role = make_period(session), make_role(session)
        ids = make_accounts(session, 120)
        session.expire_all()
        with statements(db) as few:
            role_periods.assign(session, ids[:10], period.id, role.id, "add")
        with statements(db) as many:
            role_periods.assign(session, ids[10:], period.id, role.id, "add")

    assert len(many) == len(few)
