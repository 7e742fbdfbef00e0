"""Invitations that come with the account: for whom it is wanted, however the account was opened, and never twice (R51, T-14)."""

import pytest
from sqlalchemy import select, update

from rolecall.accounts import invitations
from rolecall.accounts.actors import Actor
from rolecall.errors import Refused
from rolecall.store.engine import now
from rolecall.store.tables import Account, AuditEntry, Person, StudentStatus
from rolecall.testing.factories import make_person, make_status, set_plain
from rolecall.work import changes, status_changes
from rolecall.work.imports.confirm import confirm
from rolecall.work.imports.source import csv_source
from rolecall.work.imports.stage import Options, stage
from rolecall.work.runs.documents import item_documents, items_query
from rolecall.work.runs.opening import start_opening
from rolecall.work.runs.results import NO_ADDRESS, NOT_INVITED, reasons

TYPES = ("student", "teacher", "staff", "guardian", "partner", "alumni", "agent")


class Roster:
    """People without accounts, and every way in which they get one."""

    def __init__(self, school, folder):
        self.school, self.app, self._file = school, school.app, folder / "people.csv"
        with self.app.db.write() as session:
            self.withdrawn = make_status(session, "Withdrawn", type="withdrawn", provider_action="suspend").id
            make_status(session)

    def wants(self, *types):
        with self.app.db.write() as session:
            set_plain(session, "core", **{f"invite_new_{each}": True for each in types})

    def person(self, first_name="Anna", **values):
        with self.app.db.write() as session:
            if values.pop("waits", False):
                values["status"] = session.get_one(StudentStatus, self.withdrawn)
            return make_person(session, first_name, **values)

    def open(self, *people, actor=None, **given):
        run_id = start_opening(self.app, actor or self.school.actor, people=[each.id for each in people] or None, **given)
        self.school.work_runs(run_id)
        return run_id

    def by_list(self):
        self.person()
        self.open(people_list="students")

    def by_person(self):
        self.open(self.person())

    def by_edit(self):
        person = self.person(waits=True)
        changes.edit_person(self.app, self.school.actor, person.id, {"status": "Registered"})

    def by_import(self):
        person = self.person(waits=True)
        self._file.write_text(f"list,code,first_name,last_name,status\nstudents,{person.code},Anna,K,Registered\n", "utf-8")
        run_id = stage(self.app, self.school.actor, csv_source(self._file, "people.csv", None), Options())
        confirm(self.app, self.school.actor, run_id)
        self.school.work_runs(run_id)

    def by_status(self):
        self.person(waits=True)
        status_changes.edit_status(self.app, self.school.actor, self.withdrawn, {"type": "registered"})


@pytest.fixture
def roster(school, tmp_path):
    """The roster of the school."""
    return Roster(school, tmp_path)


WAYS = [Roster.by_list, Roster.by_person, Roster.by_edit, Roster.by_import, Roster.by_status]


@pytest.mark.parametrize("way", WAYS)
def test_an_account_is_invited_once_however_it_was_opened(post, school, roster, way):
    roster.wants("student")

    way(roster)
    school.work()
    school.work()

    (message,) = post.outbox.messages
    assert message.address.startswith("anna.")
    assert "/set-password/" in message.text
    with school.app.db.read() as session:
        assert session.scalars(select(Account.invited_at)).one() is not None


@pytest.mark.parametrize("way", WAYS)
def test_nobody_is_invited_unless_the_institution_wants_it(post, roster, way):
    roster.wants("teacher", "staff")

    way(roster)

    assert post.all() == []


def test_each_type_is_decided_by_itself(post, roster):
    roster.wants("teacher", "alumni")
    lists = ("students", "teachers", "employees", "guardians", "partners", "alumni", "agents")

    roster.open(*[roster.person(list=each) for each in lists])

    with roster.app.db.read() as session:
        found = set(session.scalars(select(Account.type).where(Account.id.in_([each.account_id for each in post.all()]))))
    assert found == {"teacher", "alumni"}


def test_who_has_no_address_gets_the_account_and_is_named_in_the_run(post, roster):
    roster.wants("student")
    anna, ben = roster.person("Anna"), roster.person("Ben", email=None)

    run_id = roster.open(anna, ben)

    with roster.app.db.read() as session:
        told = {each["person"]["name"].split()[0]: each for each in item_documents(session, items_query(run_id))}
        named = [(each.outcome, each.code, each.count) for each in reasons(session, run_id)]
    assert {each["outcome"] for each in told.values()} == {"done"}
    assert (told["Ben"]["code"], told["Ben"]["message"]) == (NOT_INVITED, NO_ADDRESS)
    assert told["Anna"]["after"]["invitation"] == "queued"
    assert named == [("done", NOT_INVITED, 1)]
    assert len(post.all()) == 1


def test_an_edit_says_that_nobody_could_be_invited(post, roster):
    roster.wants("student")
    ben = roster.person("Ben", waits=True, email=None)

    follows = changes.edit_person(roster.app, roster.school.actor, ben.id, {"status": "Registered"})

    assert follows.message.endswith(NO_ADDRESS)
    assert post.all() == []
    with roster.app.db.read() as session:
        assert NO_ADDRESS in str(session.scalars(select(AuditEntry.payload).where(AuditEntry.kind == "person.edit")).one())


def test_it_comes_from_the_address_of_whoever_opened_the_accounts(post, school, roster):
    roster.wants("student")
    adam = school.account("Adam", type="administrator", is_owner=True, sender_email="b@school.example")
    with roster.app.db.write() as session:
        set_plain(session, "core", sender_addresses=["a@school.example", "b@school.example"])

    roster.open(roster.person(), actor=Actor(name=f"account:{adam}", label="Adam", account_id=adam, permissions=None))
    school.work()

    assert [each.sender for each in post.outbox.messages] == ["b@school.example"]


def test_a_student_who_is_not_registered_any_more_when_it_would_leave_gets_none(post, school, roster):
    roster.wants("student")
    roster.open(roster.person())
    with roster.app.db.write() as session:
        session.execute(update(Person).values(status_id=roster.withdrawn))

    school.work()

    assert post.outbox.messages == []
    assert post.one().error == "The person is not entitled to an account any more."


def test_who_was_invited_on_creation_is_not_invited_again_by_accident(post, school, roster):
    roster.wants("student")
    roster.open(roster.person())
    account_id = post.one().account_id
    with pytest.raises(Refused, match="Invited already"):
        school.act("invitation.send", account_id)

    with roster.app.db.write() as session:
        repeated = invitations.invite_new(session, [account_id], run_id=None, now=now(session))
    school.work()

    assert repeated == {account_id: True}
    assert len(post.outbox.messages) == 1


def test_opening_twice_leaves_one_invitation(post, roster):
    roster.wants(*TYPES)
    anna = roster.person()
    roster.open(anna)

    with pytest.raises(Refused, match="has an account already"):
        roster.open(anna)

    assert len(post.all()) == 1
