"""Changes of student statuses, and what follows for the accounts of everybody who has one (R3, R7, R67)."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, insert, select, update

from rolecall.accounts import statuses
from rolecall.accounts.actors import Actor
from rolecall.errors import CountChanged, Invalid, Refused, Stale, Unknown
from rolecall.sdk.snapshots import Refusal
from rolecall.store.tables import Account, AuditEntry, Link, Listing, Person, Run, StudentStatus
from rolecall.testing.factories import enable_provider, make_account, make_person, make_status, set_plain
from rolecall.work import changes, links, status_changes
from rolecall.work.runs.evidence import verify_all
from rolecall.work.status_changes import Foreseen
from rolecall.work.timeline import timeline


class Statuses:
    """One status, “Exchange”, with students who have it."""

    def __init__(self, office, *, type="registered", accounts=3, without=0):
        self.office, self.app = office, office.app
        with self.app.db.write() as session:
            status = make_status(session, "Exchange", type=type, provider_action="create")
            make_status(session)
            self.accounts = [make_account(session, f"Anna{n}", status=status).id for n in range(accounts)]
            self.people = [make_person(session, f"Ben{n}", status=status).id for n in range(without)]
            self.other = make_account(session, "Zoe").id
            self.id = status.id

    def edit(self, actor=None, *, version=None, expected=None, **values):
        return status_changes.edit_status(self.app, actor or self.office.actor, self.id, values, version=version, expected=expected)

    def foresee(self, new_type):
        return status_changes.foresee(self.app, self.id, new_type)

    def states(self):
        with self.app.db.read() as session:
            rows = session.execute(select(Account.id, Account.active, Account.closed_by_rule).where(Account.id.in_(self.accounts)))
            return [tuple(row[1:]) for row in sorted(rows)]

    def opened(self):
        with self.app.db.read() as session:
            return session.scalar(select(func.count()).select_from(Account).where(Account.person_id.in_(self.people)))


@pytest.fixture
def exchange(office):
    return lambda **values: Statuses(office, **values)


def test_a_type_that_is_not_registered_closes_the_accounts_of_its_students_and_of_nobody_else(exchange, office):
    here = exchange(without=1)

    run_id = here.edit(type="other")

    assert here.states() == [(False, True)] * 3
    assert office.account(here.other).active
    items = office.items(run_id)
    assert [item["code"] for item in items] == ["deactivated"] * 3
    assert (office.run(run_id)["state"], office.run(run_id)["kind"]) == ("done", "status")
    with here.app.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Listing).where(Listing.active)) == 1
        assert timeline(session, here.accounts[0]).items[0]["kind"] == "statuses.edit"
        assert session.scalar(select(AuditEntry.payload).where(AuditEntry.kind == "status.edit"))["run"] == run_id
        assert verify_all(session).ok


def test_a_registered_type_brings_them_back_and_opens_the_others(exchange):
    here = exchange(without=2)
    here.edit(type="other")

    run_id = here.edit(type="registered")

    assert here.states() == [(True, False)] * 3
    assert here.opened() == 2
    assert sorted(item["code"] for item in here.office.items(run_id)) == ["opened"] * 2 + ["reactivated"] * 3


@pytest.mark.parametrize("change", [{"label": "Guests"}, {"provider_action": "nothing"}, {"type": "registered"}])
def test_what_does_not_change_the_type_closes_nobody(exchange, change):
    here = exchange(without=1)

    assert here.edit(**change) is None

    assert here.states() == [(True, False)] * 3
    assert here.opened() == 0


def test_types_that_are_both_not_registered_mean_the_same(exchange):
    here = exchange(type="other", without=1)

    assert here.edit(type="graduated") is None

    assert here.states() == [(True, False)] * 3


def test_what_would_follow_is_counted_before(exchange, office):
    here = exchange(accounts=4, without=2)
    office.act("account.deactivate", here.accounts[0])
    office.act("account.delete", here.accounts[1], agreed=True)

    leaving = here.foresee("withdrawn")
    here.edit(type="withdrawn")
    returning = here.foresee("registered")

    assert leaving == Foreseen(students=6, deactivated=2)
    assert returning == Foreseen(students=6, reactivated=2, opened=2)
    assert here.foresee("graduated").accounts == here.foresee(None).accounts == 0
    assert (leaving.accounts, returning.accounts) == (2, 4)
    with pytest.raises(Unknown):
        status_changes.foresee(here.app, 999, "registered")


def test_settings_of_the_institution_are_counted_as_they_work(exchange, office):
    here = exchange(without=1)
    office.make(set_plain, "core", deactivate_ineligible=False, open_when_eligible=False)

    foreseen = here.foresee("other")
    run_id = here.edit(type="other")

    assert (foreseen.accounts, run_id, here.foresee("registered").accounts) == (0, None, 0)


def test_the_number_of_accounts_that_was_agreed_to_is_the_number_that_follows(exchange):
    here = exchange()

    with pytest.raises(CountChanged) as refused:
        here.edit(type="other", expected=2)

    assert refused.value.count == 3
    assert here.states() == [(True, False)] * 3
    here.edit(type="other", expected=3)
    assert here.states() == [(False, True)] * 3


def test_an_edit_of_what_somebody_else_changed_is_refused(exchange):
    here = exchange()
    here.edit(label="Guests", version=1)

    with pytest.raises(Stale):
        here.edit(type="other", version=1)
    with pytest.raises(Stale):
        status_changes.remove_status(here.app, here.office.actor, here.id, version=1)

    assert here.states() == [(True, False)] * 3


def test_nobody_closes_the_account_they_are_working_with_by_a_status(exchange):
    here = exchange()
    actor = Actor(name=f"account:{here.accounts[0]}", label="Anna", account_id=here.accounts[0], permissions=None)

    with pytest.raises(Refused, match="the account you are working with"):
        here.edit(actor, type="other")

    assert here.states() == [(True, False)] * 3


def test_a_plugin_that_refuses_one_account_keeps_the_status_as_it_is(exchange, office):
    def validate_accounts(changes):
        return [Refusal(account_id=each.after.id, message="A book is missing.") for each in changes if not each.after.active]

    office.use("library", validate_accounts=validate_accounts)
    here = exchange()

    with pytest.raises(Refused, match=r"A book is missing. \(2 more accounts are refused.\)"):
        here.edit(type="other")

    assert here.states() == [(True, False)] * 3


@pytest.mark.parametrize(
    ("change", "goal"), [({"provider_action": "suspend"}, "suspended"), ({"type": "other"}, "suspended"), ({"label": "Guests"}, "present")]
)
def test_links_of_all_its_students_fall_behind_by_whatever_changes(exchange, office, change, goal):
    here = exchange()
    with here.app.db.write() as session:
        enable_provider(session, "moodle")
        links.behind(session, [*here.accounts, here.other])
        session.execute(update(Link).values(synced=Link.wanted))

    here.edit(**change)

    with here.app.db.read() as session:
        behind = session.execute(select(Link.account_id, Link.goal).where(Link.synced < Link.wanted).order_by(Link.account_id)).all()
    assert [tuple(row) for row in behind] == [(each, goal) for each in here.accounts]


def test_a_status_that_creates_at_providers_makes_the_links_of_its_students(exchange, office):
    office.make(make_status, "Exchange", provider_action="nothing")
    here = exchange()
    office.make(enable_provider, "moodle")
    here.edit(provider_action="nothing")
    with here.app.db.read() as session:
        before = session.scalar(select(func.count()).select_from(Link))

    here.edit(provider_action="create")

    with here.app.db.read() as session:
        assert (before, set(session.scalars(select(Link.account_id)))) == (0, set(here.accounts))


def test_a_status_is_deleted_only_while_nobody_has_it(exchange):
    here = exchange()

    with pytest.raises(Refused, match="3 students have the status Exchange"):
        status_changes.remove_status(here.app, here.office.actor, here.id)

    with here.app.db.write() as session:
        session.execute(update(Person).where(Person.status_id == here.id).values(status_id=None))
    assert status_changes.remove_status(here.app, here.office.actor, here.id)["label"] == "Exchange"
    with here.app.db.read() as session:
        assert session.get(StudentStatus, here.id) is None
        assert session.scalar(select(AuditEntry.payload).where(AuditEntry.kind == "status.delete"))["label"] == "Exchange"


def test_a_wrong_edit_changes_nothing_and_leaves_no_run(exchange):
    here = exchange()

    with pytest.raises(Invalid):
        here.edit(type="other", label="")

    assert here.states() == [(True, False)] * 3
    with here.app.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 0


def test_a_status_is_found_by_its_label_in_any_case(exchange):
    here = exchange()

    with here.app.db.read() as session:
        assert statuses.by_label(session, " EXCHANGE ").id == here.id
        with pytest.raises(Unknown) as unknown:
            statuses.by_label(session, "Exchang")
    assert unknown.value.hint == "Did you mean Exchange?"


def test_whoever_is_given_a_status_while_it_changes_is_judged_by_what_it_becomes(exchange, office):
    here = exchange(accounts=0)
    with here.app.db.write() as session:
        people = [make_account(session).person_id for _ in range(12)]

    def give(person_id):
        changes.edit_person(office.app, office.actor, person_id, {"status": "Exchange"})

    with ThreadPoolExecutor(5) as pool:
        given = [pool.submit(give, each) for each in people]
        edited = pool.submit(here.edit, type="other")
        for each in (*given, edited):
            each.result()

    with here.app.db.read() as session:
        assert set(session.scalars(select(Account.active).where(Account.person_id.in_(people)))) == {False}


@pytest.mark.slow
def test_ten_thousand_students_follow_in_one_go(exchange, capsys):
    here = exchange(type="other", accounts=0)
    with here.app.db.write() as session:
        enable_provider(session, "moodle")
        session.execute(insert(Person), [_student(here.id, number) for number in range(10_000)])
    took = []
    for new_type, active, waiting in (("registered", 10_000, 10_000), ("other", 0, 10_000), ("registered", 10_000, 10_000)):
        started = time.process_time()
        here.edit(type=new_type)
        took.append(time.process_time() - started)
        with here.app.db.write() as session:
            theirs = select(func.count()).select_from(Account).join(Person).where(Person.status_id == here.id, Account.active)
            assert session.scalar(theirs) == active
            assert session.scalar(select(func.count()).select_from(Link).where(Link.synced < Link.wanted)) == waiting
            session.execute(update(Link).values(synced=Link.wanted))
    with capsys.disabled():
        print(f"\n10,000 students: opened in {took[0]:.1f} s, closed in {took[1]:.1f} s, back in {took[2]:.1f} s of processor time")
    # On SQLite everybody else who writes waits for as long as this takes, and gives up after 15 s.
    assert max(took) < 15


def _student(status_id, number):
    at = datetime.now(UTC)
    return {
        "list": "students", "code": f"N{number}", "code_key": f"n{number}", "first_name": f"First{number}", "last_name": f"Last{number}",
        "status_id": status_id, "search": "", "active": True, "no_sync": False, "version": 1, "created_at": at, "updated_at": at,
    }  # fmt: skip
