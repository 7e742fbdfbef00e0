"""Working in another period: who may, with which rights, and what ends it (R59)."""

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rolecall.accounts import sessions, tokens, working_period
from rolecall.errors import Refused
from rolecall.store.engine import Database
from rolecall.store.tables import Account, AuditEntry, Period, Role, RolePeriod, RolePermission, WebSession


def _period(session: Session, code: str, **facts: object) -> int:
    year = int(code)
    period = Period(code=code, code_key=code, name=f"Year {code}", starts_on=date(year, 9, 1), ends_on=date(year + 1, 6, 30), **facts)
    session.add(period)
    session.flush()
    return period.id


def _give(session: Session, account: int, period: int, now: datetime, *, permissions: tuple[str, ...] = (), **facts: object) -> None:
    name = f"Role {period}"
    role = Role(name=name, name_key=name.casefold(), user_type="teacher", active=facts.pop("active", True))
    role.permissions = [RolePermission(permission=each) for each in permissions]
    session.add(role)
    session.flush()
    session.add(RolePeriod(account_id=account, period_id=period, role_id=role.id, created_at=now, **facts))
    session.flush()


def _view(db: Database, token: str, now: datetime) -> sessions.SessionView:
    with db.read() as session:
        view = sessions.load(session, token, now)
    assert view is not None
    return view


def _switch(db: Database, token: str, period: int, now: datetime) -> str:
    view = _view(db, token, now)
    with db.write() as session:
        return working_period.switch(session, view, period, actor=sessions.actor_for(view), now=now)


def _opened(db: Database, account: int, now: datetime) -> str:
    with db.write() as session:
        return sessions.create(session, account, address=None, agent=None, now=now)


def test_one_may_choose_among_the_periods_with_a_role_that_counts(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna, other = make_account("anna"), make_account("boris")
    with db.write() as session:
        _give(session, anna, _period(session, "2023", is_open=False), noon)
        _give(session, anna, _period(session, "2022"), noon, enabled=False)
        _give(session, anna, _period(session, "2021"), noon, active=False)
        _give(session, other, _period(session, "2020"), noon)

        found = working_period.choices(session, anna)

    assert [(each.code, each.is_current) for each in found][1:] == [("2023", False)]
    assert (found[0].is_current, found[0].role) == (True, "Teacher")


def test_the_owner_may_choose_every_period(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    owner = make_account(type="administrator", is_owner=True)
    with db.write() as session:
        last = _period(session, "2023")
    token = _switch(db, _opened(db, owner, noon), last, noon)

    view = _view(db, token, noon)

    assert (view.period, view.in_current, view.role, view.has_access) == ("Year 2023", False, None, True)
    assert sessions.actor_for(view).permissions is None


def test_rights_are_those_of_the_role_in_the_chosen_period_under_a_new_token(
    db: Database, make_account: Callable[..., int], noon: datetime
) -> None:
    anna = make_account(permissions=("people:view",))
    with db.write() as session:
        last = _period(session, "2023", is_open=False)
        _give(session, anna, last, noon, permissions=("accounts:view",))
    before = _opened(db, anna, noon)

    after = _switch(db, before, last, noon)

    view = _view(db, after, noon)
    assert (view.period, view.role, view.in_current, view.permissions) == ("Year 2023", f"Role {last}", False, {"accounts:view"})
    assert sessions.actor_for(view).period_id == last
    with db.read() as session:
        assert sessions.load(session, before, noon) is None
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.kind, entry.account_id, entry.payload["to"]) == ("session.period", anna, "Year 2023")


def test_back_to_the_current_period_follows_it_from_then_on(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna = make_account()
    with db.write() as session:
        last = _period(session, "2023")
        _give(session, anna, last, noon)
        current = session.scalars(select(Period.id).where(Period.is_current)).one()
    token = _switch(db, _switch(db, _opened(db, anna, noon), last, noon), current, noon)
    assert _view(db, token, noon).period_id == current

    with db.write() as session:
        session.execute(update(Period).where(Period.id == current).values(is_current=False))
        session.execute(update(Period).where(Period.id == last).values(is_current=True))

    assert (_view(db, token, noon).period_id, _view(db, token, noon).in_current) == (last, True)


def test_a_period_without_a_role_is_refused_like_one_that_does_not_exist(
    db: Database, make_account: Callable[..., int], noon: datetime
) -> None:
    token = _opened(db, make_account(), noon)
    with db.write() as session:
        strange = _period(session, "2023")

    refusals = []
    for period in (strange, 9_999):
        with pytest.raises(Refused) as caught:
            _switch(db, token, period, noon)
        refusals.append(str(caught.value))

    assert len(set(refusals)) == 1
    assert _view(db, token, noon).in_current


@pytest.mark.parametrize("lost", ["role-period", "role", "deleted"])
def test_who_loses_the_role_of_the_chosen_period_is_back_in_the_current_one_or_out(
    db: Database, make_account: Callable[..., int], noon: datetime, lost: str
) -> None:
    anna = make_account(permissions=("people:view",))
    with db.write() as session:
        last = _period(session, "2023")
        _give(session, anna, last, noon, permissions=("accounts:view",))
    token = _switch(db, _opened(db, anna, noon), last, noon)

    with db.write() as session:
        if lost == "role":
            session.execute(update(Role).where(Role.name == f"Role {last}").values(active=False))
        else:
            there = session.scalars(select(RolePeriod).where(RolePeriod.period_id == last)).one()
            session.delete(there) if lost == "deleted" else setattr(there, "enabled", False)
    back = _view(db, token, noon)
    with db.write() as session:
        session.execute(update(RolePeriod).where(RolePeriod.account_id == anna).values(enabled=False))

    assert (back.in_current, back.came_back, back.permissions) == (True, True, {"people:view"})
    assert not _view(db, token, noon).has_access


def test_a_forgotten_choice_does_not_come_back_with_the_role(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna = make_account()
    with db.write() as session:
        last = _period(session, "2023")
        _give(session, anna, last, noon, enabled=False)
        token = sessions.create(session, anna, address=None, agent=None, now=noon)
        session.execute(update(WebSession).values(period_id=last))
        sessions.follow_current(session, sessions.digest_of(token))

        session.execute(update(RolePeriod).values(enabled=True))

    assert _view(db, token, noon).in_current


def test_tokens_act_in_the_current_period_whatever_a_session_does(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna = make_account(permissions=("people:view",))
    with db.write() as session:
        last = _period(session, "2023")
        _give(session, anna, last, noon, permissions=("accounts:view",))
        secret, _ = tokens.create(session, anna, name="script", now=noon)

    _switch(db, _opened(db, anna, noon), last, noon)

    with db.read() as session:
        bearer = tokens.authenticate(session, secret, noon)
        assert bearer is not None
        assert bearer.actor.permissions == {"people:view"}
        assert session.get_one(Account, anna).active
