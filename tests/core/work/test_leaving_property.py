"""The rule of R7 under any order of events: what it closed comes back, what a person decided stands, and roles stay as they were."""

from datetime import date

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select, update

from rolecall.errors import Refused
from rolecall.store.tables import Account, Period, Person, Role, RolePeriod, StudentStatus
from rolecall.testing.factories import give_role, make_account, make_period, make_person, make_role, make_status
from rolecall.work import changes, status_changes
from rolecall.work.imports.confirm import confirm
from rolecall.work.imports.source import CsvSource
from rolecall.work.imports.stage import Options, stage
from rolecall.work.runs.undo import start_undo

PERIODS = ("2025", "2026", "2027")
STATUSES = ("Registered", "Guest", "Withdrawn")


class Leaving(RuleBasedStateMachine):
    """One student with an account, one without, and the Global Owner; what should become of them is computed beside."""

    office = None
    folder = None

    def __init__(self):
        super().__init__()
        with self.db.write() as session:
            for code in PERIODS:
                make_period(session, code, current=False, starts_on=date(int(code), 9, 1))
            # Examples share the database: each begins with the same periods and statuses, and with people of its own.
            session.execute(update(Period).values(is_current=False))
            session.execute(update(Period).where(Period.code == "2025").values(is_current=True))
            for label in STATUSES:
                make_status(session, label)
            session.execute(update(StudentStatus).values(type="registered"))
            session.execute(update(StudentStatus).where(StudentStatus.label == "Withdrawn").values(type="withdrawn"))
            session.execute(update(Account).where(Account.is_owner).values(is_owner=False))
            make_role(session, "Default", is_default=True)
            main, first = make_role(session, "Main"), session.scalars(select(Period).where(Period.code == "2025")).one()
            self.anna, self.ben = make_person(session, "Anna"), make_person(session, "Ben", status=make_status(session, "Withdrawn"))
            self.account = make_account(session, person=self.anna)
            give_role(session, self.account, main, first)
            self.owner = make_account(session, type="administrator", is_owner=True)
        #: What the account should be.
        self.active, self.by_rule, self.deleted, self.roles = True, False, False, {"2025": "Main"}
        #: What the people and their world are.
        self.current = "2025"
        self.types = {"Registered": "registered", "Guest": "registered", "Withdrawn": "withdrawn"}
        self.records = {self.anna.code: [True, "Registered"], self.ben.code: [True, "Withdrawn"]}
        self.opened = False
        #: The last decision of a person that nothing came after, with what was before it.
        self.undoable = None

    @property
    def db(self):
        return self.office.app.db

    def eligible(self, code):
        active, status = self.records[code]
        return active and self.types[status] == "registered"

    def follow(self, were, *, touched=()):
        """What the rule means for both students, who were entitled or not before; ``touched`` are those whose record changed."""
        anna, ben = self.anna.code, self.ben.code
        if were[anna] and not self.eligible(anna) and self.active and not self.deleted:
            self.active, self.by_rule, self.undoable = False, True, None
        elif self.by_rule and self.eligible(anna) and anna in touched:
            self.active, self.by_rule, self.undoable = True, False, None
            if max(self.roles) < self.current:
                self.roles[self.current] = "Default"
        self.opened = self.opened or (self.eligible(ben) and not were[ben])

    def change(self, code, active, status):
        """What a record that is written means; one that stays the same is not touched."""
        were = {each: self.eligible(each) for each in self.records}
        touched = [code] if self.records[code] != [active, status] else []
        self.records[code] = [active, status]
        self.follow(were, touched=touched)

    who = st.sampled_from(["anna", "ben"])

    @rule(who=who, active=st.booleans(), status=st.sampled_from(STATUSES))
    def edit_the_record(self, who, active, status):
        person = getattr(self, who)
        changes.edit_person(self.office.app, self.office.actor, person.id, {"active": active, "status": status})
        self.change(person.code, active, status)

    @rule(phone=st.integers(2_100_000_000, 2_109_999_999))
    def edit_something_else(self, phone):
        changes.edit_person(self.office.app, self.office.actor, self.anna.id, {"phone": f"+30{phone}"})
        self.follow({each: self.eligible(each) for each in self.records}, touched=[self.anna.code])

    @rule(who=who, active=st.booleans(), status=st.sampled_from(STATUSES))
    def import_the_record(self, who, active, status):
        person = getattr(self, who)
        path = self.folder / "people.csv"
        row = f"students,{person.code},{person.first_name},{person.last_name},{'yes' if active else 'no'},{status}"
        path.write_text(f"list,code,first_name,last_name,active,status\n{row}\n", "utf-8")
        run_id = stage(self.office.app, self.office.actor, CsvSource(path=path, label="people.csv"), Options())
        confirm(self.office.app, self.office.actor, run_id)
        self.office.work()
        self.change(person.code, active, status)

    @rule(kind=st.sampled_from(["registered", "withdrawn"]))
    def give_a_status_another_type(self, kind):
        with self.db.read() as session:
            status_id = session.scalar(select(StudentStatus.id).where(StudentStatus.label == "Guest"))
        status_changes.edit_status(self.office.app, self.office.actor, status_id, {"type": kind})
        were = {each: self.eligible(each) for each in self.records}
        holding = [code for code, (_, status) in self.records.items() if status == "Guest"] if self.types["Guest"] != kind else []
        self.types["Guest"] = kind
        self.follow(were, touched=holding)

    @rule(action_id=st.sampled_from(["account.deactivate", "account.delete", "account.restore"]))
    def decide(self, action_id):
        before = (self.active, self.by_rule, self.deleted)
        try:
            run_id = self.office.act(action_id, self.account, agreed=True)
        except Refused:
            return
        if action_id == "account.activate":
            self.active = True
        elif action_id == "account.deactivate":
            self.active = False
        else:
            self.deleted = action_id == "account.delete"
        # Restoring decides nothing about access.
        self.by_rule = self.by_rule and action_id == "account.restore"
        self.undoable = (run_id, before)

    @rule()
    def let_them_in_anyway(self):
        self.decide("account.activate")

    @rule()
    def take_the_last_decision_back(self):
        if self.undoable is not None:
            run_id, before = self.undoable
            start_undo(self.office.app, self.office.actor, run_id)
            (self.active, self.by_rule, self.deleted), self.undoable = before, None

    @rule(code=st.sampled_from(PERIODS))
    def make_another_period_current(self, code):
        with self.db.write() as session:
            session.execute(update(Period).values(is_current=False))
            session.execute(update(Period).where(Period.code == code).values(is_current=True))
        self.current = code

    @rule(active=st.booleans())
    def the_owner_leaves_or_comes(self, active):
        changes.edit_person(self.office.app, self.office.actor, self.owner.person_id, {"active": active})

    @invariant()
    def the_account_is_what_it_should_be(self):
        account = self.office.account(self.account)
        found = (account.active, account.closed_by_rule, account.deleted_at is not None)
        assert found == (self.active, self.by_rule, self.deleted)
        assert not (account.closed_by_rule and account.active)

    @invariant()
    def its_roles_are_those_it_had_and_the_default_in_a_newer_period(self):
        held = select(Period.code, Role.name).join(RolePeriod, RolePeriod.period_id == Period.id).join(Role, Role.id == RolePeriod.role_id)
        with self.db.read() as session:
            assert dict(session.execute(held.where(RolePeriod.account_id == self.account.id)).all()) == self.roles

    @invariant()
    def who_became_entitled_once_has_an_account(self):
        with self.db.read() as session:
            assert (session.scalar(select(Account.id).where(Account.person_id == self.ben.id)) is not None) == self.opened

    @invariant()
    def the_owner_is_always_active(self):
        owner = self.office.account(self.owner)
        assert (owner.active, owner.closed_by_rule) == (True, False)

    @invariant()
    def the_records_are_as_they_were_written(self):
        with self.db.read() as session:
            rows = session.execute(
                select(Person.code, Person.active, StudentStatus.label)
                .join(StudentStatus, StudentStatus.id == Person.status_id)
                .where(Person.id.in_([self.anna.id, self.ben.id]))
            )
            assert {code: [active, label] for code, active, label in rows} == self.records


@pytest.mark.slow
def test_the_rule_holds_under_any_order_of_events(office, tmp_path):
    machine = type("Machine", (Leaving,), {"office": office, "folder": tmp_path})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=False
        ),
    )
