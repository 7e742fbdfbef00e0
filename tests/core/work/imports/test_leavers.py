"""What an import does to the accounts of the people it changes (R7)."""

import pytest
from sqlalchemy import select, update

from rolecall.accounts.actors import Actor
from rolecall.sdk.snapshots import Refusal
from rolecall.store.tables import Account, Link, Listing, Person, RolePermission
from rolecall.testing.factories import enable_provider, give_role, make_account, make_period, make_role, set_plain
from rolecall.work import links
from rolecall.work.imports.confirm import confirm
from rolecall.work.runs.evidence import verify_all
from rolecall.work.timeline import timeline


def rows(*numbers, status="", active=""):
    return "".join(f"students,S{n},Anna,Alpha,,,,{active},{status},\n" for n in numbers)


@pytest.fixture
def students(registry, office):
    """Five students of the file with accounts."""
    registry.bring(rows(*range(5)))
    with office.app.db.write() as session:
        people = session.scalars(select(Person).order_by(Person.id)).all()
        return [make_account(session, person=person, username=f"anna{n}").id for n, person in enumerate(people)]


def states(office):
    with office.app.db.read() as session:
        return [(each.active, each.closed_by_rule) for each in session.scalars(select(Account).order_by(Account.id))]


def done(office, run_id):
    return [item for item in office.items(run_id) if item["outcome"] == "done"]


def test_leavers_lose_access_and_come_back_with_the_next_file(registry, office, students):
    left = registry.bring(rows(0, 1, 2, 3), complete=True)
    after_leaving = states(office)
    back = registry.bring(rows(4, active="yes"))

    assert after_leaving == [(True, False)] * 4 + [(False, True)]
    assert states(office) == [(True, False)] * 5
    (item,) = done(office, left)
    assert item["message"] == "The account anna4 was deactivated."
    assert item["after"] == {"active": False, "account": {"active": False, "closed_by_rule": True}}
    assert item["account"]["username"] == "anna4"
    assert done(office, back)[0]["message"] == "The account anna4 is active again."
    with office.app.db.read() as session:
        assert [each["message"] for each in timeline(session, students[4]).items] == [
            "The account anna4 is active again.", "The account anna4 was deactivated.",
        ]  # fmt: skip
        assert session.get_one(Listing, students[4]).active
        assert verify_all(session).ok


def test_a_status_in_the_file_closes_and_its_providers_hear_of_it(registry, office, students):
    with office.app.db.write() as session:
        enable_provider(session, "moodle")
        links.behind(session, [students[0]])
        session.execute(update(Link).values(synced=Link.wanted))

    registry.bring(rows(0, 1, status="Withdrawn"))

    assert states(office) == [(False, True)] * 2 + [(True, False)] * 3
    with office.app.db.read() as session:
        link = session.scalars(select(Link)).one()
        assert (link.account_id, link.goal, link.synced < link.wanted) == (students[0], "suspended", True)


def test_people_who_are_new_get_no_account_and_those_who_become_entitled_do(registry, office):
    registry.bring(rows(0, status="Withdrawn") + rows(1))

    run_id = registry.bring(rows(0, status="Registered") + rows(1, 2))

    with office.app.db.read() as session:
        codes = session.scalars(select(Person.code).join(Account, Account.person_id == Person.id)).all()
        account = session.scalars(select(Account)).one()
        assert session.get(Listing, account.id) is not None
    assert codes == ["S0"]
    (item,) = [each for each in done(office, run_id) if each["account"]]
    assert item["message"] == f"The account {account.username} was opened."
    assert item["after"]["account"]["username"] == account.username


def test_the_account_that_works_the_import_stays_open_and_the_line_says_so(registry, office, students):
    clerk = _clerk(office, students[4])

    run_id = registry.stage(rows(0, 1, 2, 3), complete=True, actor=clerk)
    confirm(office.app, clerk, run_id)
    office.work()

    assert states(office)[4] == (True, False)
    assert registry.people()["S4"].active is False
    assert done(office, run_id)[0]["message"] == "The account anna4 stays open: nobody closes the account they are working with."


def test_the_global_owner_stays_open(registry, office, students):
    office.make(_own, students[4])

    run_id = registry.bring(rows(0, 1, 2, 3), complete=True)

    assert states(office)[4] == (True, False)
    assert done(office, run_id)[0]["message"] == "The account anna4 stays open: it is the Global Owner's."


def test_the_institution_may_leave_accounts_open(registry, office, students):
    office.make(set_plain, "core", deactivate_ineligible=False)

    run_id = registry.bring(rows(0, 1, 2, 3), complete=True)

    assert states(office) == [(True, False)] * 5
    assert done(office, run_id)[0]["after"] == {"active": False}


def test_one_whom_a_plugin_keeps_open_keeps_their_record_and_the_others_follow(registry, office, students):
    def validate_accounts(changes):
        held = [each.after.id for each in changes if not each.after.active and each.after.username == "anna3"]
        return [Refusal(account_id=each, message="She has a library book.", code="book") for each in held]

    office.use("library", validate_accounts=validate_accounts)

    run_id = registry.bring(rows(3, 4, active="no"))

    assert states(office)[3:] == [(True, False), (False, True)]
    assert registry.people()["S3"].active
    assert [item["message"] for item in office.items(run_id) if item["outcome"] == "skipped"] == ["She has a library book."]


def test_the_same_file_again_changes_nothing(registry, office, students):
    registry.bring(rows(0, 1, 2, 3), complete=True)
    before = states(office)

    run_id = registry.bring(rows(0, 1, 2, 3), complete=True)

    assert (states(office), done(office, run_id)) == (before, [])


def _clerk(office, account_id):
    """The account as somebody who may import: a role in the current period says so."""
    with office.app.db.write() as session:
        role = make_role(session, "Clerk")
        session.add_all(RolePermission(role_id=role.id, permission=each) for each in ("people:create", "people:edit"))
        give_role(session, session.get_one(Account, account_id), role, make_period(session))
    permissions = frozenset({"people:create", "people:edit"})
    return Actor(name=f"account:{account_id}", label="Anna", account_id=account_id, permissions=permissions)


def _own(session, account_id):
    session.get_one(Account, account_id).is_owner = True
