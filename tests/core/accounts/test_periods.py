"""Academic periods."""

from datetime import date

import pytest
from sqlalchemy import update

from rolecall.accounts import periods, sessions
from rolecall.errors import Invalid, Refused, Stale, Unknown
from rolecall.store.tables import RolePeriod, WebSession
from rolecall.testing.factories import make_class

YEAR = {"name": "Year", "starts_on": date(2025, 9, 1), "ends_on": date(2026, 8, 31)}


def test_exactly_one_period_is_current_and_stays_it_until_another_is_made_so(db):
    with db.write() as session:
        assert periods.current(session) is None
        old, new = periods.create(session, code="2025", **YEAR), periods.create(session, code="2026", **YEAR)

        assert periods.make_current(session, old.id) is None
        assert periods.make_current(session, new.id).id == old.id
        assert periods.make_current(session, new.id).id == new.id
        session.expire_all()
        assert [(each.code, each.is_current) for each in periods.every(session)] == [("2026", True), ("2025", False)]


def test_the_current_period_is_not_closed_and_a_closed_one_not_made_current(db):
    with db.write() as session:
        old, new = periods.create(session, code="2025", **YEAR), periods.create(session, code="2026", **YEAR)
        periods.make_current(session, new.id)

        with pytest.raises(Refused, match="current period"):
            periods.close(session, new.id)
        assert periods.close(session, old.id).is_open is False
        with pytest.raises(Refused, match="closed"):
            periods.make_current(session, old.id)
        assert periods.reopen(session, old.id).is_open is True


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"code": ""}, "code"),
        ({"code": "2025"}, "code"),
        ({"code": "２０２５"}, "code"),
        ({"code": "all"}, "code"),
        ({"code": "x" * 61}, "code"),
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"ends_on": date(2025, 8, 31)}, "ends_on"),
    ],
)
def test_a_wrong_field_is_named(db, facts, field):
    with db.write() as session:
        periods.create(session, code="2025", **YEAR)

        with pytest.raises(Invalid) as refused:
            periods.create(session, **({"code": "2026"} | YEAR | facts))

    assert list(refused.value.fields) == [field]


def test_an_edit_keeps_what_is_not_given_and_counts_the_version(db):
    with db.write() as session:
        period = periods.create(session, code="2025", **YEAR)
        periods.edit(session, period.id, version=1, name="Other", ends_on=date(2026, 7, 1))

        assert (period.code, period.name, period.starts_on, period.ends_on, period.version) == (
            "2025",
            "Other",
            date(2025, 9, 1),
            date(2026, 7, 1),
            2,
        )
        with pytest.raises(Stale):
            periods.edit(session, period.id, version=1, name="Third")


def test_a_period_is_found_by_its_code_in_any_case(db):
    with db.write() as session:
        period = periods.create(session, code="Autumn-25", **YEAR)

        assert periods.by_code(session, "AUTUMN-25").id == period.id
        with pytest.raises(Unknown, match="Did you mean Autumn-25"):
            periods.by_code(session, "Autum-25")
        with pytest.raises(Unknown):
            periods.get(session, 99)


def test_a_period_that_nobody_has_a_role_in_is_deleted_and_its_code_is_free_again(db):
    with db.write() as session:
        period = periods.create(session, code="2025", **YEAR)

        with pytest.raises(Stale):
            periods.remove(session, period.id, version=7)
        assert periods.remove(session, period.id, version=1).code == "2025"

        assert periods.every(session) == []
        periods.create(session, code="2025", **YEAR)


def test_a_period_in_use_is_not_deleted_and_says_how_much_it_is_used(db, make_account):
    anna = make_account("anna")
    with db.write() as session:
        used, other = periods.current(session), periods.create(session, code="2027", **YEAR)

        with pytest.raises(Refused, match="current period"):
            periods.remove(session, used.id)
        periods.make_current(session, other.id)
        session.execute(update(RolePeriod).where(RolePeriod.account_id == anna).values(enabled=False))
        with pytest.raises(Refused, match="One account has a role"):
            periods.remove(session, used.id)


def test_a_period_with_classes_is_not_deleted(db):
    with db.write() as session:
        period = periods.create(session, code="2025", **YEAR)
        for _ in range(2):
            make_class(session, period=period)

        with pytest.raises(Refused, match="2 classes are in 2025"):
            periods.remove(session, period.id)


def test_a_session_that_worked_in_a_deleted_period_follows_the_current_one(db, make_account, noon):
    anna = make_account("anna")
    with db.write() as session:
        gone = periods.create(session, code="2025", **YEAR)
        token = sessions.create(session, anna, address=None, agent=None, now=noon)
        session.execute(update(WebSession).where(WebSession.account_id == anna).values(period_id=gone.id))

        periods.remove(session, gone.id)

        assert sessions.load(session, token, noon).period_id == periods.current(session).id


@pytest.mark.parametrize(("day", "year"), [(date(2026, 7, 31), 2025), (date(2026, 8, 1), 2026), (date(2026, 12, 31), 2026)])
def test_an_academic_year_begins_in_august(day, year):
    assert periods.academic_year(day) == year
