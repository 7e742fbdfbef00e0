"""An import does nothing that whoever imports could not do by hand (R58, X-07)."""

from datetime import date

import pytest
from sqlalchemy import delete, select, update

from rolecall.sdk.roster import PeriodRecord, PersonRecord, RelationRecord
from rolecall.store.tables import Account, Period, Person, Relation, RolePermission
from rolecall.testing.factories import make_account, make_clerk, make_person
from rolecall.work.imports.confirm import confirm
from rolecall.work.imports.stage import Options, stage

OLD, NEW = "+306900000001", "+306900000002"
RIGHTS = ("people:create", "people:edit")


@pytest.fixture
def limited(office):
    """A clerk for students alone."""
    return office.clerk(*RIGHTS, limited_to=["student"])


@pytest.fixture
def clerk(office):
    return office.clerk(*RIGHTS)


def items(office, run_id):
    return {item["n"]: (item["code"], item["message"], item["person"]) for item in office.items(run_id)}


def phone(office, person_id):
    with office.app.db.read() as session:
        return session.get_one(Person, person_id).phone


def bring(registry, actor, text, **options):
    run_id = registry.stage(text, actor=actor, **options)
    confirm(registry.app, actor, run_id)
    registry.office.work()
    return run_id


def test_rows_of_lists_that_are_not_reached_are_rejected_whether_or_not_there_is_somebody(registry, office, limited):
    office.make(make_person, "Tina", list="teachers", code="T1", phone=OLD)

    run_id = bring(registry, limited, f"students,S1,Anna,K,,,,,,\nteachers,T1,Tina,X,,{NEW},,,,\nteachers,T2,Theo,X,,{NEW},,,,\n")

    refused = ("rejected", "Row {}: Your role does not reach the teachers.", None)
    assert items(office, run_id)[2] == (refused[0], refused[1].format(3), None)
    assert items(office, run_id)[3] == (refused[0], refused[1].format(4), None)
    assert set(registry.people()) == {"S1"}
    assert {code: person.phone for code, person in registry.people("teachers").items()} == {"T1": OLD}


def test_records_of_who_may_do_more_are_left_as_they_are(registry, office, clerk):
    boss = office.make(make_clerk, "settings:edit", code="B1", phone=OLD)
    plain = office.make(make_account, type="staff", code="E1", phone=OLD)

    run_id = bring(registry, clerk, f"employees,B1,,,,{NEW},,,,\nemployees,E1,,,,{NEW},,,,\n")

    told = "Row 2: This person's account may do more than you may, so the record is left as it is."
    assert items(office, run_id)[1][:2] == ("rejected", told)
    assert (phone(office, boss.person_id), phone(office, plain.person_id)) == (OLD, NEW)


def test_rows_without_a_difference_are_no_matter_of_rights(registry, office, clerk):
    office.make(make_clerk, "settings:edit", code="B1", phone=OLD)

    run_id = registry.stage(f"employees,B1,,,,{OLD},,,,\n", actor=clerk)

    assert items(office, run_id)[1][0] == "unchanged"


def test_rights_are_asked_for_again_when_it_is_done(registry, office, clerk):
    someone = office.make(make_account, type="staff", code="E1", phone=OLD)
    run_id = registry.stage(f"employees,E1,,,,{NEW},,,,\n", actor=clerk)
    office.make(lambda session: session.execute(update(Account).where(Account.id == someone.id).values(is_owner=True)))

    confirm(registry.app, clerk, run_id)
    office.work()

    assert items(office, run_id)[1][0] == "rejected"
    assert phone(office, someone.person_id) == OLD


def test_an_import_that_somebody_else_confirms_has_the_rights_of_who_confirms(registry, office, limited):
    run_id = registry.stage("teachers,T1,Tina,X,,,,,,\nstudents,S1,Anna,K,,,,,,\n")
    own = office.clerk(*RIGHTS, "runs:edit", "runs:view")
    office.make(lambda session: session.execute(delete(RolePermission).where(RolePermission.permission == "people:edit")))

    confirm(registry.app, own, run_id)
    office.work()

    assert office.run(run_id)["state"] == "failed"
    assert registry.people() == {}


def test_a_complete_file_closes_nobody_who_is_not_reached_or_may_do_more(registry, office):
    office.make(make_clerk, "settings:edit", type="staff", code="B1")
    office.make(make_account, type="administrator", code="A1")
    office.make(make_person, "Eve", list="employees", code="E1")
    staff = office.clerk(*RIGHTS, limited_to=["staff"], type="staff", code="M1")

    run_id = bring(registry, staff, "employees,E2,New,Person,,,,,,\nemployees,M1,,,,,,,,\n", complete=True)

    employees = registry.people("employees")
    assert {code for code, person in employees.items() if not person.active} == {"E1"}
    assert set(employees) == {"A1", "B1", "E1", "E2", "M1"}
    assert [code for code, _, _ in items(office, run_id).values()] == ["new", "unchanged", "changed"]


class Roster:
    """A source with a period and a relation."""

    label, is_delta = "roster", False

    def people(self):
        yield PersonRecord(row=1, list="students", code="S1", first_name="Anna", last_name="K")

    def periods(self):
        yield PeriodRecord(code="2030", name="2030", starts_on=date(2030, 9, 1), ends_on=date(2031, 6, 30))

    def relations(self):
        yield RelationRecord(row=1, person=("guardians", "G1"), child=("students", "S1"), kind="parent")

    def classes(self):
        return iter(())

    memberships = classes

    def notes(self):
        return []


def test_periods_and_relations_need_their_rights_too(office, limited):
    office.make(make_person, "Gina", list="guardians", code="G1")

    run_id = stage(office.app, limited, Roster(), Options())
    confirm(office.app, limited, run_id)
    office.work()

    told = {item["message"] for item in office.items(run_id) if item["code"] == "rejected"}
    assert told == {
        "Bringing periods needs the permissions “periods:create” and “periods:edit”.", "Row 1: Your role does not reach the guardians.",
    }  # fmt: skip
    with office.app.db.read() as session:
        assert session.scalar(select(Period.id).where(Period.code == "2030")) is None
        assert session.scalar(select(Relation.id)) is None
        assert session.scalar(select(Person.id).where(Person.code == "S1")) is not None
