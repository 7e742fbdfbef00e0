"""Opening accounts: for people or whole lists, with user name, role and first password; never twice (R1, R4, R46, R49, R50)."""

import threading

import pytest
from sqlalchemy import func, select, update

from rolecall import Refusal
from rolecall.accounts.actors import Actor
from rolecall.accounts.passwords import sealed_place
from rolecall.errors import Forbidden, Invalid, Refused
from rolecall.store.engine import now
from rolecall.store.tables import Account, Delivery, Link, Listing, RolePeriod, Run
from rolecall.testing.factories import enable_provider, make_period, make_person, make_role, make_status, set_plain
from rolecall.work.runs.advance import advance
from rolecall.work.runs.opening import start_opening


def open_for(office, *people, **given):
    run_id = start_opening(office.app, given.pop("actor", office.actor), people=[each.id for each in people] or None, **given)
    office.work()
    return run_id


def accounts(office):
    with office.app.db.read() as session:
        return session.scalars(select(Account).order_by(Account.id)).all()


def test_an_account_has_its_persons_names_a_made_user_name_and_an_unverified_address(office):
    anna = office.make(make_person, "Anna", last_name="Smith", email="anna@home.example")

    run_id = open_for(office, anna)

    (account,) = accounts(office)
    assert (account.type, account.first_name, account.last_name, account.username) == ("student", "Anna", "Smith", "asmith")
    assert (account.email, account.email_verified, account.active, account.version) == ("anna@home.example", False, True, 1)
    (item,) = office.items(run_id)
    assert (item["outcome"], item["before"], item["after"]["username"]) == ("done", None, "asmith")


def test_the_first_password_is_sealed_and_must_be_changed(office):
    anna = office.make(make_person, "Anna")

    run_id = open_for(office, anna)

    (account,) = accounts(office)
    assert account.password_hash is None
    assert account.must_change_password
    password = office.app.keyring.open(account.sealed_password, sealed_place(account.id))
    assert len(password) >= 18
    assert password not in str(office.items(run_id))


def test_the_default_role_is_given_for_the_current_period(office):
    office.make(make_period, "2025", current=False)
    period = office.make(make_period, "2026")
    role = office.make(make_role, "Student", is_default=True)
    office.make(make_role, "Other")
    anna = office.make(make_person, "Anna")

    open_for(office, anna)

    with office.app.db.read() as session:
        assert [(each.period_id, each.role_id, each.enabled) for each in session.scalars(select(RolePeriod))] == [
            (period.id, role.id, True)
        ]


def test_a_list_is_opened_whole_and_those_who_may_not_have_one_are_no_news(office):
    office.make(enable_provider, "moodle")
    withdrawn = office.make(make_status, "Withdrawn", type="withdrawn", provider_action="suspend")
    for _ in range(60):
        office.make(make_person)
    office.make(make_person, active=False)
    office.make(make_person, status=withdrawn)
    office.make(make_person, list="teachers")

    run_id = open_for(office, people_list="students")

    assert office.run(run_id)["counts"] == {"waiting": 0, "done": 60, "skipped": 0, "failed": 0}
    with office.app.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Listing)) == 60
        assert session.scalar(select(func.count()).select_from(Link)) == 60
    assert len({account.username_key for account in accounts(office)}) == 60


def test_everybody_is_opened_without_a_list(office):
    office.make(make_person)
    office.make(make_person, list="teachers")
    office.make(make_person, list="employees")

    open_for(office)

    assert [account.type for account in accounts(office)] == ["student", "teacher", "staff"]


def test_opening_again_opens_nobody(office):
    people = [office.make(make_person) for _ in range(3)]
    open_for(office, *people)

    again = open_for(office, people_list="students")
    named = open_for(office, *people)

    assert sum(office.run(again)["counts"].values()) == 0
    assert office.run(again)["state"] == "done"
    assert [item["code"] for item in office.items(named)] == ["has-account"] * 3
    assert len(accounts(office)) == 3


@pytest.mark.parametrize(
    ("values", "code", "sentence"),
    [
        ({"active": False}, "not-eligible", "not active"),
        ({"status": "withdrawn"}, "not-eligible", "Withdrawn"),
    ],
)
def test_who_may_not_have_an_account_is_refused_in_words(office, values, code, sentence):
    if "status" in values:
        values = {"status": office.make(make_status, "Withdrawn", type="withdrawn", provider_action="suspend")}
    anna = office.make(make_person, "Anna", **values)
    ben = office.make(make_person, "Ben")

    with pytest.raises(Refused, match=sentence) as refused:
        open_for(office, anna)
    run_id = open_for(office, anna, ben)

    assert refused.value.code == code
    assert [(item["outcome"], item["code"]) for item in office.items(run_id)] == [("skipped", code), ("done", None)]


def test_an_address_that_is_somebodys_user_name_is_refused(office):
    first = office.make(make_person, "Anna")
    open_for(office, first)
    (account,) = accounts(office)
    office.act("account.username", account, username="ben@home.example")
    ben = office.make(make_person, "Ben", email="ben@home.example")

    with pytest.raises(Refused, match="is somebody's user name"):
        open_for(office, ben)


def test_a_validator_takes_a_person_out(office):
    def validate_accounts(changes):
        assert all(change.before is None for change in changes)
        return [Refusal(account_id=each.after.id, message="No licence left.") for each in changes if each.after.first_name == "Ben"]

    office.use("trial", validate_accounts=validate_accounts)
    people = [office.make(make_person, name) for name in ("Anna", "Ben", "Cleo")]

    run_id = open_for(office, *people)

    assert [(item["outcome"], item["message"]) for item in office.items(run_id)] == [
        ("done", None),
        ("skipped", "No licence left."),
        ("done", None),
    ]
    assert [account.first_name for account in accounts(office)] == ["Anna", "Cleo"]


def test_whom_a_plugin_refuses_is_not_invited_either(office):
    office.use(
        "trial", validate_accounts=lambda changes: [Refusal(account_id=changes[0].after.id, message="No licence left.")][: len(changes) - 1]
    )
    office.make(set_plain, "core", invite_new_student=True)

    open_for(office, *[office.make(make_person) for _ in range(3)])

    with office.app.db.read() as session:
        assert list(session.scalars(select(Delivery.account_id))) == [each.id for each in accounts(office)]
    assert len(accounts(office)) == 1


def test_unknown_people_and_lists_are_named_before_anything_is_written(office):
    with pytest.raises(Invalid, match="no person with the id 4711"):
        start_opening(office.app, office.actor, people=[4711])
    with pytest.raises(Invalid, match="no list called 'pupils'"):
        start_opening(office.app, office.actor, people_list="pupils")
    with office.app.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 0


def test_it_needs_the_permission(office):
    clerk = Actor(name="account:9", label="Clerk", permissions=frozenset({"people:edit"}))

    with pytest.raises(Forbidden, match="accounts:create"):
        open_for(office, office.make(make_person), actor=clerk)


def test_one_key_is_one_run(office):
    people = [office.make(make_person) for _ in range(2)]

    first = open_for(office, *people, idempotency_key="k")

    assert open_for(office, *people, idempotency_key="k") == first
    with pytest.raises(Invalid, match="another request"):
        open_for(office, people[0], idempotency_key="k")


def test_two_runs_at_one_moment_open_each_person_once(office):
    people = [office.make(make_person, "Anna", last_name="Smith") for _ in range(120)]
    runs = [start_opening(office.app, office.actor, people_list="students") for _ in range(2)]
    assert {office.run(run_id)["counts"]["waiting"] for run_id in runs} == {120}
    threads = [threading.Thread(target=advance, args=(office.app, run_id)) for run_id in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    counts = [office.run(run_id)["counts"] for run_id in runs]
    assert [sum(each[name] for each in counts) for name in ("done", "skipped", "failed", "waiting")] == [120, 120, 0, 0]
    assert sorted(account.person_id for account in accounts(office)) == [each.id for each in people]
    assert {item["code"] for run_id in runs for item in office.items(run_id) if item["outcome"] == "skipped"} == {"has-account"}


def test_a_killed_run_goes_on_without_opening_anybody_twice(office):
    class Killed(BaseException):
        pass

    asked = []

    def validate_accounts(changes):
        asked.append(len(changes))
        if len(asked) == 2:
            raise Killed

    office.use("trial", validate_accounts=validate_accounts)
    office.make(lambda session: [make_person(session) for _ in range(600)])
    run_id = start_opening(office.app, office.actor, people_list="students")
    with pytest.raises(Killed):
        office.work()
    assert office.run(run_id)["counts"]["done"] == 500
    with office.app.db.write() as session:
        session.execute(update(Run).values(leased_until=now(session)))

    office.work()

    assert office.run(run_id)["counts"]["done"] == 600
    assert len(accounts(office)) == 600
