"""What an action did, seen from outside: columns that differ, links, sessions, the refusal of one account."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, update

from rolecall.accounts import sessions
from rolecall.accounts.actors import Actor
from rolecall.errors import Refused
from rolecall.store.tables import Account, Link, RolePeriod, RolePermission, WebSession
from rolecall.testing.factories import enable_provider, give_role, make_account, make_period, make_role
from rolecall.work.runs.undo import start_undo

#: What every change moves; the rest is what an action is about.
_ALWAYS = {"version"}


class Case:
    """One account under test, with a role in two periods, a provider and an open session."""

    def __init__(self, office):
        self.office = office
        with office.app.db.write() as session:
            enable_provider(session, "moodle")
            old, current = make_period(session, "2025", current=False), make_period(session, "2026")
            self.role = make_role(session, "Main")
            account = make_account(session, "Anna", last_name="Smith")
            for period in (old, current):
                give_role(session, account, self.role, period)
            self.id = account.id
            sessions.create(session, account.id, address="192.0.2.1", agent="Test", now=datetime.now(UTC))

    def set(self, **values):
        with self.office.app.db.write() as session:
            session.execute(update(Account).where(Account.id == self.id).values(**values))

    def acting(self, *permissions):
        """The account itself as an actor, whose role in the current period holds these permissions."""
        with self.office.app.db.write() as session:
            session.add_all(RolePermission(role_id=self.role.id, permission=each) for each in permissions)
        return Actor(name=f"account:{self.id}", label="Anna", account_id=self.id, permissions=frozenset(permissions))

    def link(self, **values):
        facts = {
            "goal": "present",
            "external_id": "77",
            "wanted": 3,
            "synced": 3,
            "sent": {"attributes": {}},
            "changed_at": datetime.now(UTC),
        } | values
        with self.office.app.db.write() as session:
            session.add(Link(account_id=self.id, provider="moodle", **facts))

    def act(self, action_id, **params):
        return self.office.act(action_id, self.id, agreed=True, **params)

    def undo(self, run_id):
        return start_undo(self.office.app, self.office.actor, run_id)

    def refusal(self, action_id, **params):
        before = self.columns()
        with pytest.raises(Refused) as refused:
            self.act(action_id, **params)
        assert self.columns() == before
        return refused.value

    def columns(self):
        with self.office.app.db.read() as session:
            return dict(session.execute(select(Account.__table__).where(Account.id == self.id)).mappings().one())

    def changed_by(self, action_id, **params):
        """Names and new values of the columns that an action changed."""
        before = self.columns()
        self.act(action_id, **params)
        return {name: value for name, value in self.columns().items() if value != before[name] and name not in _ALWAYS}

    @property
    def roles(self):
        """Period code -> (role, enabled)."""
        with self.office.app.db.read() as session:
            rows = session.scalars(select(RolePeriod).where(RolePeriod.account_id == self.id)).all()
            return {each.period_id: (each.role_id, each.enabled) for each in rows}

    @property
    def links(self):
        """(provider, goal, external id, pending) of each link."""
        with self.office.app.db.read() as session:
            found = session.scalars(select(Link).where(Link.account_id == self.id).order_by(Link.provider)).all()
            return [(each.provider, each.goal, each.external_id, each.synced < each.wanted) for each in found]

    @property
    def sessions(self):
        with self.office.app.db.read() as session:
            return session.scalar(select(func.count()).select_from(WebSession).where(WebSession.account_id == self.id))


@pytest.fixture
def case(office):
    return Case(office)
