"""Accounts follow their people: closed when they leave, back when they return, opened when they become entitled (R7, R23)."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select

from rolecall.accounts import sessions
from rolecall.accounts.actors import Actor
from rolecall.errors import Refused
from rolecall.sdk.snapshots import Refusal
from rolecall.store.tables import Account, AuditEntry, Link, Listing, Person, RolePeriod, RolePermission, StudentStatus, WebSession
from rolecall.testing.factories import enable_provider, give_role, make_account, make_period, make_person, make_role, make_status, set_plain
from rolecall.work import changes, leaving, links
from rolecall.work.runs.undo import start_undo
from rolecall.work.runs.validators import Outside
from rolecall.work.timeline import timeline

OPEN, CLOSED = (True, False), (False, True)


class Registry:
    """A registry of people whose records somebody edits; ``office`` is who does it."""

    def __init__(self, office):
        self.office = office
        with office.app.db.write() as session:
            make_status(session)
            make_status(session, "Withdrawn", type="withdrawn", provider_action="suspend")

    @property
    def db(self):
        return self.office.app.db

    def account(self, first_name="Anna", **values):
        with self.db.write() as session:
            return make_account(session, first_name, **values)

    def edit(self, who, actor=None, **values):
        """Edit the record of an account's person, or of a person."""
        person_id = who.person_id if isinstance(who, Account) else who.id
        return changes.edit_person(self.office.app, actor or self.office.actor, person_id, values)

    def states(self, *accounts):
        found = [self.office.account(each) for each in accounts]
        return [(each.active, each.closed_by_rule) for each in found]

    def roles(self, account):
        with self.db.read() as session:
            rows = session.execute(select(RolePeriod.period_id, RolePeriod.role_id).where(RolePeriod.account_id == account.id))
            return dict(rows.all())

    def account_of(self, person):
        with self.db.read() as session:
            return session.scalar(select(Account).where(Account.person_id == person.id))

    def acting(self, account, *permissions):
        return Actor(name=f"account:{account.id}", label="Anna", account_id=account.id, permissions=frozenset(permissions) or None)


@pytest.fixture
def registry(office):
    return Registry(office)


@pytest.mark.parametrize("leaving_by", [{"active": False}, {"status": "Withdrawn"}])
def test_who_may_no_longer_have_an_account_loses_access_and_nothing_else(registry, leaving_by):
    anna = registry.account(username="anna.k")
    with registry.db.write() as session:
        give_role(session, anna, make_role(session), make_period(session))
        sessions.create(session, anna.id, address="192.0.2.1", agent="Test", now=datetime.now(UTC))
    before, roles = registry.office.account(anna), registry.roles(anna)

    told = registry.edit(anna, **leaving_by)

    after = registry.office.account(anna)
    kept = set(Account.__table__.columns.keys()) - {"active", "closed_by_rule", "version"}
    assert registry.states(anna) == [CLOSED]
    assert {name: getattr(after, name) for name in kept} == {name: getattr(before, name) for name in kept}
    assert (after.version, registry.roles(anna)) == (before.version + 1, roles)
    assert (told.verdict, told.message) == (leaving.CLOSED, "The account anna.k was deactivated.")
    with registry.db.read() as session:
        assert session.scalar(select(func.count()).select_from(WebSession)) == 0
        assert session.get_one(Listing, anna.id).active is False


def test_a_status_is_judged_by_its_type_and_never_by_its_label(registry):
    anna = registry.account()
    registry.office.make(make_status, "Left for good", type="registered")
    registry.office.make(make_status, "Registered here", type="other")

    registry.edit(anna, status="Left for good")
    still = registry.states(anna)
    registry.edit(anna, status="Registered here")

    assert (still, registry.states(anna)) == ([OPEN], [CLOSED])


@pytest.mark.parametrize("user_type", ["teacher", "staff", "administrator", "guardian", "partner", "alumni", "agent"])
def test_everybody_else_leaves_by_becoming_inactive(registry, user_type):
    account = registry.account(type=user_type)

    registry.edit(account, active=False)
    closed = registry.states(account)
    registry.edit(account, active=True)

    assert (closed, registry.states(account)) == ([CLOSED], [OPEN])


def test_who_comes_back_has_the_user_name_and_the_roles_they_had(registry):
    anna = registry.account(username="anna.k")
    with registry.db.write() as session:
        old, current = make_period(session, "2025", current=False, starts_on=date(2025, 9, 1)), make_period(session)
        give_role(session, anna, make_role(session), old)
        give_role(session, anna, make_role(session, "Prefect"), current, enabled=False)
        make_role(session, "Default student", is_default=True)
    roles = registry.roles(anna)
    registry.edit(anna, status="Withdrawn")

    told = registry.edit(anna, status="Registered")

    assert registry.states(anna) == [OPEN]
    assert (registry.office.account(anna).username, registry.roles(anna)) == ("anna.k", roles)
    assert told.message == "The account anna.k is active again."


def test_in_a_newer_period_they_get_the_default_role_there(registry):
    anna = registry.account()
    with registry.db.write() as session:
        old = make_period(session, "2025", current=False, starts_on=date(2025, 9, 1))
        current, default = make_period(session), make_role(session, "Default student", is_default=True)
        main = make_role(session)
        give_role(session, anna, main, old)
    registry.edit(anna, active=False)

    told = registry.edit(anna, active=True)

    assert registry.roles(anna) == {old.id: main.id, current.id: default.id}
    assert told.after["role:2026"]["role"] == "Default student"


@pytest.mark.parametrize(
    "reason", ["never had one", "has one later", "no default", "default is inactive", "is an administrator", "period is closed"]
)
def test_no_role_is_given_that_the_rule_does_not_mean(registry, reason):
    account = registry.account(type="administrator" if reason == "is an administrator" else "student")
    with registry.db.write() as session:
        old = make_period(session, "2025", current=False, starts_on=date(2025, 9, 1))
        later = make_period(session, "2027", current=False, starts_on=date(2027, 9, 1))
        make_period(session, is_open=reason != "period is closed")
        if reason != "no default":
            make_role(session, "Default", user_type=account.type, is_default=True, active=reason != "default is inactive")
        held = {"never had one": [], "has one later": [old, later]}.get(reason, [old])
        for period in held:
            give_role(session, account, make_role(session, "Main", user_type=account.type), period)
    roles = registry.roles(account)
    registry.edit(account, active=False)

    registry.edit(account, active=True)

    assert (registry.states(account), registry.roles(account)) == ([OPEN], roles)


def test_what_a_person_closed_stays_closed(registry, office):
    anna = registry.account()
    office.act("account.deactivate", anna)

    registry.edit(anna, active=False)
    registry.edit(anna, active=True)

    assert registry.states(anna) == [(False, False)]


def test_what_a_person_deleted_stays_so_and_closed_after_restoring(registry, office):
    anna = registry.account()
    registry.edit(anna, active=False)
    office.act("account.delete", anna, agreed=True)

    registry.edit(anna, active=True)
    office.act("account.restore", anna)
    registry.edit(anna, phone="+30 210 1234567")

    assert registry.states(anna) == [(False, False)]


def test_what_a_person_opened_is_not_closed_by_an_edit_that_has_nothing_to_do_with_it(registry, office):
    anna = registry.account()
    registry.edit(anna, active=False)
    office.act("account.activate", anna)

    registry.edit(anna, phone="+30 210 1234567")

    assert registry.states(anna) == [OPEN]


def test_undo_of_a_persons_decision_gives_it_back_to_the_rule(registry, office):
    anna = registry.account()
    registry.edit(anna, active=False)
    run_id = office.act("account.activate", anna)

    start_undo(office.app, office.actor, run_id)
    undone = registry.states(anna)
    registry.edit(anna, active=True)

    assert (undone, registry.states(anna)) == ([CLOSED], [OPEN])


def test_the_institution_may_leave_accounts_open_and_what_was_closed_still_comes_back(registry, office):
    anna, ben = registry.account(), registry.account("Ben")
    registry.edit(anna, active=False)
    office.make(set_plain, "core", deactivate_ineligible=False)

    told = registry.edit(ben, active=False)
    registry.edit(anna, active=True)

    assert (told, registry.states(anna, ben)) == (None, [OPEN, OPEN])


def test_the_global_owner_stays_and_the_edit_says_so(registry):
    owner = registry.account(type="administrator", is_owner=True, username="the.owner")

    told = registry.edit(owner, active=False)

    assert registry.states(owner) == [OPEN]
    assert told.message == "The account the.owner stays open: it is the Global Owner's."


def test_nobody_closes_the_account_they_are_working_with(registry):
    anna = registry.account(type="staff")

    with pytest.raises(Refused, match="the account you are working with"):
        registry.edit(anna, actor=registry.acting(anna), active=False)

    assert registry.states(anna) == [OPEN]
    with registry.db.read() as session:
        assert session.get_one(Person, anna.person_id).active


def test_a_plugin_may_refuse_and_then_the_person_is_not_changed_either(registry, office):
    anna = registry.account()

    def validate_accounts(changes):
        return [Refusal(account_id=each.after.id, message="She has a library book.") for each in changes if not each.after.active]

    office.use("library", validate_accounts=validate_accounts)

    with pytest.raises(Refused, match="She has a library book"):
        registry.edit(anna, active=False)

    assert registry.states(anna) == [OPEN]
    with registry.db.read() as session:
        assert session.get_one(Person, anna.person_id).active


def test_the_audit_and_the_accounts_history_tell_of_it(registry):
    anna = registry.account(username="anna.k")

    registry.edit(anna, active=False)

    with registry.db.read() as session:
        entry = session.scalar(select(AuditEntry).where(AuditEntry.kind == "person.edit"))
        told = timeline(session, anna.id).items[0]
    assert entry.account_id == anna.id
    assert entry.payload["after"] == {"active": False, "account": {"active": False, "closed_by_rule": True}}
    assert entry.payload["follows"] == "The account anna.k was deactivated."
    assert told["before"]["account"] == {"active": True, "closed_by_rule": False}


def test_a_student_who_is_registered_gets_an_account_with_a_first_time_password_and_the_default_role(registry, office):
    with registry.db.write() as session:
        enable_provider(session, "moodle")
        period, role = make_period(session), make_role(session, is_default=True)
        person = make_person(session, "Ben", status=session.scalar(select(StudentStatus).where(StudentStatus.label == "Withdrawn")))

    told = registry.edit(person, status="Registered")

    account = registry.account_of(person)
    assert (account.active, account.closed_by_rule, account.sealed_password is not None) == (True, False, True)
    assert registry.roles(account) == {period.id: role.id}
    assert (told.verdict, told.after["username"]) == (leaving.OPENED, account.username)
    with registry.db.read() as session:
        assert session.get(Listing, account.id) is not None
        assert session.scalar(select(Link.goal).where(Link.account_id == account.id)) == "present"


def test_the_institution_may_open_accounts_itself(registry, office):
    office.make(set_plain, "core", open_when_eligible=False)
    person = office.make(make_person, list="teachers", active=False)

    told = registry.edit(person, active=True)

    assert (told, registry.account_of(person)) == (None, None)


def test_who_was_entitled_already_is_left_without_an_account_by_an_edit(registry, office):
    person = office.make(make_person)

    told = registry.edit(person, phone="+30 210 1234567")

    assert (told, registry.account_of(person)) == (None, None)


def test_people_who_are_new_are_opened_by_somebody_who_means_to(registry, office):
    person_id = changes.add_person(office.app, office.actor, {"list": "teachers", "code": "T1", "first_name": "Eva", "last_name": "Novak"})

    with registry.db.read() as session:
        assert session.scalar(select(Account).where(Account.person_id == person_id)) is None


def test_an_account_that_cannot_be_opened_does_not_hold_up_the_record(registry, office):
    registry.account(username="somebody@school.example")
    person = office.make(make_person, list="teachers", active=False, email="somebody@school.example")

    told = registry.edit(person, active=True)

    assert told.verdict == leaving.NOT_OPENED
    assert "No account was opened. The e-mail somebody@school.example is somebody's user name." in told.message
    with registry.db.read() as session:
        assert session.get_one(Person, person.id).active


def test_an_account_that_a_plugin_refuses_is_not_opened_and_says_why(registry, office):
    person = office.make(make_person, list="teachers", active=False)

    def validate_accounts(changes):
        return [Refusal(account_id=each.after.id, message="No licence is left.") for each in changes if each.before is None]

    office.use("licences", validate_accounts=validate_accounts)

    told = registry.edit(person, active=True)

    assert (told.verdict, told.message) == (leaving.NOT_OPENED, "No account was opened. No licence is left.")
    assert registry.account_of(person) is None


def test_an_account_that_may_do_more_than_the_editor_is_left_as_it_is(registry, office):
    period, clerk = office.make(make_period), registry.account("Clerk", type="staff")
    chief = registry.account("Chief", username="chief")
    with registry.db.write() as session:
        role = make_role(session, "Chief")
        give_role(session, chief, role, period)
        session.add(RolePermission(role_id=role.id, permission="settings:edit"))
        person = session.get_one(Person, chief.person_id)
        before = leaving.eligible_among(session, [person.id])
        person.active = False
        place = Outside(app=office.app, session=session, view=office.app.plugins.view(session))

        told = leaving.follow(place, registry.acting(clerk, "people:edit"), [person.id], before, now=datetime.now(UTC))

    assert told[person.id].message == "The account chief stays as it is: it may do more than you may."
    assert registry.states(chief) == [OPEN]


def test_providers_hear_of_it_unless_the_person_is_kept_out_of_sync(registry, office):
    anna, ben = registry.account(), registry.account("Ben", no_sync=True)
    with registry.db.write() as session:
        enable_provider(session, "moodle")
        links.behind(session, [anna.id])
        session.add(Link(account_id=ben.id, provider="moodle", goal="present", wanted=1, synced=1, changed_at=datetime.now(UTC)))

    registry.edit(anna, active=False)
    registry.edit(ben, active=False)

    with registry.db.read() as session:
        goals = dict(session.execute(select(Link.account_id, Link.goal)).all())
        waiting = set(session.scalars(select(Link.account_id).where(Link.synced < Link.wanted)))
    assert (goals, waiting) == ({anna.id: "suspended", ben.id: "present"}, {anna.id})
    assert registry.states(anna, ben) == [CLOSED, CLOSED]


def test_a_status_change_makes_the_account_at_the_provider_where_the_status_says_so(registry, office):
    office.make(make_status, "Guest", provider_action="nothing")
    with registry.db.write() as session:
        enable_provider(session, "moodle")
        anna = make_account(session, status=make_status(session, "Guest"))
        links.behind(session, [anna.id])
        assert session.scalar(select(func.count()).select_from(Link)) == 0

    registry.edit(anna, status="Registered")

    with registry.db.read() as session:
        assert session.scalar(select(Link.goal).where(Link.account_id == anna.id)) == "present"


def test_the_number_of_statements_does_not_depend_on_the_number_of_people(registry, office, statements):
    def close_all(number):
        with registry.db.write() as session:
            accounts = [make_account(session) for _ in range(number)]
            ids = [each.person_id for each in accounts]
            before = leaving.eligible_among(session, ids)
            for person in session.scalars(select(Person).where(Person.id.in_(ids))):
                person.active = False
            session.flush()
            place = Outside(app=office.app, session=session, view=office.app.plugins.view(session))
            with statements(registry.db) as sent:
                told = leaving.follow(place, office.actor, ids, before, now=datetime.now(UTC))
            assert len(told) == number
            return len(sent)

    assert close_all(3) == close_all(30)
