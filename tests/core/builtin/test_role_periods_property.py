"""Role periods under any order of actions: one role per account and period, and an undo that nobody disturbed puts everything back."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from rolecall.errors import Refused
from rolecall.store.tables import Account, Period, Role, RolePeriod
from rolecall.testing.factories import make_account, make_period, make_role
from rolecall.work.runs.undo import start_undo

PERIODS = ("2025", "2026")
ROLES = {"Main": "student", "Guest": "student", "Clerk": "staff", "Chief": "administrator"}
#: What a rollover may be told: up, down, away, and a role of staff that stays.
MAPS = ([], ["Main=Guest"], ["Main=Guest", "Guest=Main"], ["Main=-"], ["Clerk=-", "Guest=Main"])
SOME = st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=3, unique=True)


class RolesOfThree(RuleBasedStateMachine):
    """Two students and an employee, two periods, roles of their types. What a run did is compared with what was there before it."""

    office = None

    def __init__(self):
        super().__init__()
        with self.office.app.db.write() as session:
            for code in PERIODS:
                make_period(session, code, current=code == "2026")
            for name, user_type in ROLES.items():
                make_role(session, name, user_type=user_type)
            self.ids = [make_account(session, type=each).id for each in ("student", "student", "staff")]
        #: Run id -> the states before it, for as long as nothing else has changed these accounts.
        self.undoable = {}

    def state(self):
        with self.office.app.db.read() as session:
            facts = select(Account.id, Account.active, Account.deleted_at.is_not(None), Account.type)
            accounts = session.execute(facts.where(Account.id.in_(self.ids)))
            found = {row[0]: (tuple(row[1:]), {}) for row in accounts}
            for each in session.scalars(select(RolePeriod).where(RolePeriod.account_id.in_(self.ids))):
                found[each.account_id][1][each.period_id] = (each.role_id, each.enabled)
            return found

    def act(self, action_id, which, **params):
        before = self.state()
        ids = [self.ids[each] for each in which]
        try:
            run_id = self.office.act(action_id, *ids, agreed=True, **params)
        except Refused:
            assert self.state() == before
            return
        after = self.state()
        assert {each: after[each] for each in after if each not in ids} == {each: before[each] for each in before if each not in ids}
        touched = {item["account"]["id"] for item in self.office.items(run_id) if item["outcome"] == "done"}
        changed = {each for each in ids if after[each] != before[each]}
        assert changed <= touched
        for known in self.undoable.values():
            for each in changed:
                known.pop(each, None)
        if touched:
            self.undoable[run_id] = {each: before[each] for each in touched}

    @rule(
        which=SOME, period=st.sampled_from(PERIODS), role=st.sampled_from(sorted(ROLES)), mode=st.sampled_from(["add", "replace", "remove"])
    )
    def assign(self, which, period, role, mode):
        self.act("roles.assign", which, period=period, role=role, mode=mode)

    @rule(which=SOME, periods=st.lists(st.sampled_from(PERIODS), min_size=1, unique=True))
    def disable(self, which, periods):
        self.act("roles.disable_period", which, periods=periods)

    @rule(which=SOME, periods=st.permutations(PERIODS), mode=st.sampled_from(["add", "replace"]))
    def copy(self, which, periods, mode):
        self.act("roles.copy", which, from_period=periods[0], period=periods[1], mode=mode)

    @rule(which=SOME, periods=st.permutations(PERIODS), roles=st.sampled_from(MAPS), current=st.booleans())
    def roll_over(self, which, periods, roles, current):
        self.act("roles.rollover", which, from_period=periods[0], period=periods[1], map=roles, make_current=current)

    @rule(which=SOME, action_id=st.sampled_from(["account.to_admin", "account.to_staff"]))
    def convert(self, which, action_id):
        self.act(action_id, which)

    @rule(which=SOME, periods=st.lists(st.sampled_from(PERIODS), unique=True))
    def activate(self, which, periods):
        self.act("account.activate", which, periods=periods)

    @rule(which=SOME, action_id=st.sampled_from(["account.deactivate", "account.delete", "account.restore"]))
    def close_or_open(self, which, action_id):
        self.act(action_id, which)

    @precondition(lambda self: self.undoable)
    @rule(data=st.data())
    def undo(self, data):
        run_id = data.draw(st.sampled_from(sorted(self.undoable)))
        expected, before = self.undoable.pop(run_id), self.state()
        undo_id = start_undo(self.office.app, self.office.actor, run_id)
        after = self.state()
        for each in self.ids:
            assert after[each] == expected.get(each, before[each])
        done = {item["account"]["id"] for item in self.office.items(undo_id) if item["outcome"] == "done"}
        assert done == set(expected)
        for known in self.undoable.values():
            for each in done:
                known.pop(each, None)

    @invariant()
    def every_account_has_one_role_in_a_period_at_most(self):
        with self.office.app.db.read() as session:
            pairs = session.execute(select(RolePeriod.account_id, RolePeriod.period_id)).all()
        assert len(pairs) == len(set(pairs))

    @invariant()
    def every_role_is_of_the_type_of_its_account(self):
        joined = select(Account.type, Role.user_type).join(RolePeriod, RolePeriod.account_id == Account.id)
        with self.office.app.db.read() as session:
            types = session.execute(joined.join(Role, Role.id == RolePeriod.role_id)).all()
        assert [pair for pair in types if pair[0] != pair[1]] == []

    @invariant()
    def one_period_is_current(self):
        with self.office.app.db.read() as session:
            assert len(session.scalars(select(Period.id).where(Period.is_current)).all()) == 1


def test_roles_hold_under_any_order_of_actions(office):
    machine = type("Machine", (RolesOfThree,), {"office": office})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
        ),
    )
