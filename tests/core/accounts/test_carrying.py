"""What carrying roles into another period would do, before it is done (R59a)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from rolecall.accounts import carrying
from rolecall.accounts.actors import operator
from rolecall.errors import Invalid, Refused, Unknown
from rolecall.store.tables import Account, Period
from rolecall.testing.factories import give_role, make_account, make_period, make_role

OFFICE = operator("office")
EVERYBODY = select(Account.id)


@pytest.fixture
def school(db):
    """Ids of accounts by what is special about them."""
    with db.write() as session:
        old, new = make_period(session, "2026"), make_period(session, "2027", current=False)
        first, second = make_role(session, "Year 1"), make_role(session, "Year 2")
        ids = {}
        for name, role, values in (
            ("goes up", first, {}), ("goes up too", first, {"active": False}), ("leaves", second, {}), ("left", second, {"active": False}),
            ("owner", second, {"is_owner": True}), ("nobody", None, {}),
        ):  # fmt: skip
            account = make_account(session, **values)
            ids[name] = account.id
            if role is not None:
                give_role(session, account, role, old)
        given = make_account(session)
        give_role(session, given, second, new)
        return ids | {"first": first.id, "second": second.id, "has one": given.id}


def plan(db, school, **more):
    with db.read() as session:
        roles = {school["first"]: school["second"], school["second"]: None}
        chosen = carrying.between(session, "2026", "2027", roles=roles, **more)
        return carrying.foresee(session, EVERYBODY, chosen, actor=OFFICE)


def test_a_forecast_counts_who_becomes_what_and_who_ends_without_a_role(db, school):
    forecast = plan(db, school)

    assert [(line.role, line.becomes, line.verdict.code, line.count) for line in forecast.lines] == [
        ("Year 1", "Year 2", "", 2), ("Year 2", "", "goes-without", 3), ("", "", "no-role", 2),
    ]  # fmt: skip
    assert (forecast.given, forecast.without) == (2, 4)


def test_it_counts_whom_the_new_period_would_lock_out(db, school):
    """Of those who end without a role: not who is closed, not the Global Owner, not who has none today."""
    assert plan(db, school).locked_out == 1


def test_a_forecast_is_what_carrying_then_does(db, school):
    forecast = plan(db, school)
    with db.write() as session:
        chosen = carrying.between(session, "2026", "2027", roles={school["first"]: school["second"], school["second"]: None})
        ids = list(session.scalars(EVERYBODY))

        left = carrying.carry(session, ids, chosen, actor=OFFICE, now=datetime.now(UTC))

        assert len(ids) - len(left) == forecast.given
        assert carrying.without_role(session, chosen.target.id, EVERYBODY) == forecast.without


def test_deleted_accounts_are_not_counted_among_those_without_a_role(db, school):
    with db.write() as session:
        session.get_one(Account, school["nobody"]).deleted_at = datetime.now(UTC)
        new = session.scalars(select(Period).where(Period.code == "2027")).one()

        assert carrying.without_role(session, new.id, EVERYBODY) == 5


def test_the_roles_of_a_period_are_listed_with_how_many_hold_them(db, school):
    with db.write() as session:
        old = session.scalars(select(Period).where(Period.code == "2026")).one()
        session.get_one(Account, school["left"]).deleted_at = datetime.now(UTC)
        give_role(session, make_account(session), make_role(session, "Year 1"), old, enabled=False)

        held = carrying.roles_held(session, old.id)

    assert [(role.name, number) for role, number in held] == [("Year 1", 2), ("Year 2", 2)]


def test_both_periods_have_to_be_there_different_and_the_new_one_open(db, school):
    with db.write() as session:
        with pytest.raises(Invalid, match="the same"):
            carrying.between(session, "2026", "2026")
        with pytest.raises(Unknown, match="Did you mean"):
            carrying.between(session, "2026", "20277")
        make_period(session, "2028", current=False).is_open = False
        with pytest.raises(Refused, match="2028 is closed"):
            carrying.between(session, "2026", "2028")
