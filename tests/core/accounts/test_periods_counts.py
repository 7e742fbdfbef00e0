"""What making a period the current one would mean (R59)."""

from collections.abc import Callable
from datetime import date

from sqlalchemy import select, update

from rolecall.accounts import periods
from rolecall.store.engine import Database
from rolecall.store.tables import Period, Role, RolePeriod


def test_accounts_with_an_enabled_role_are_counted_in_each_period(db: Database, make_account: Callable[..., int]) -> None:
    make_account("anna")
    closed = make_account("boris")
    with db.write() as session:
        later = periods.create(session, code="2027", name="2026/27", starts_on=date(2026, 9, 1), ends_on=date(2027, 6, 30))
        session.execute(update(RolePeriod).where(RolePeriod.account_id == closed).values(enabled=False))

    with db.read() as session:
        current = periods.current(session)
        assert current is not None
        assert periods.counts(session) == {current.id: 1}
        assert later.id not in periods.counts(session)


def test_who_would_be_left_out_is_counted(db: Database, make_account: Callable[..., int], noon: object) -> None:
    make_account("anna")
    goes_on = make_account("boris")
    make_account("owner", is_owner=True)
    make_account("gone", active=False)
    with db.write() as session:
        later = periods.create(session, code="2027", name="2026/27", starts_on=date(2026, 9, 1), ends_on=date(2027, 6, 30))
        role = session.scalars(select(Role)).one()
        session.add(RolePeriod(account_id=goes_on, period_id=later.id, role_id=role.id, enabled=True, created_at=noon))

    with db.read() as session:
        assert periods.left_out(session, later.id) == 1
        assert periods.left_out(session, session.scalars(select(Period.id).where(Period.is_current)).one()) == 0
