"""Large runs: queued, advanced by a worker, stopped, resumed, taken back."""

import pytest
from sqlalchemy import func, select, update

from rolecall.accounts.actors import Actor
from rolecall.errors import Forbidden, Refused
from rolecall.store.engine import now
from rolecall.store.tables import Account, Listing, Run, RunItem
from rolecall.testing.factories import make_account, make_accounts, make_period, make_role
from rolecall.work.runs.control import resume, stop
from rolecall.work.runs.plan import make_plan
from rolecall.work.runs.secrets import LIFETIME, fetch_secrets, wipe_expired
from rolecall.work.runs.selection import of_words
from rolecall.work.runs.undo import start_undo

EVERYBODY = {"type": "student"}


def active(office):
    with office.app.db.read() as session:
        return session.scalar(select(func.count()).select_from(Account).where(Account.active))


def test_more_than_fifty_accounts_are_the_workers(office):
    office.make(make_accounts, 51)

    run_id = office.act("account.deactivate", words=EVERYBODY, expected=51)

    assert office.run(run_id)["state"] == "queued"
    assert active(office) == 51
    office.work()
    assert office.run(run_id)["counts"] == {"waiting": 0, "done": 51, "skipped": 0, "failed": 0}
    assert active(office) == 0


def test_the_selection_is_frozen_when_the_run_begins(office):
    office.make(make_accounts, 51)
    run_id = office.act("account.deactivate", words=EVERYBODY)

    late = office.make(make_account, "Late")
    office.work()

    assert office.account(late).active
    assert office.run(run_id)["counts"]["done"] == 51


def test_the_plan_counts_who_will_and_who_will_not_and_why(office):
    office.make(make_accounts, 7)
    office.make(make_accounts, 3, active=False)
    with office.app.db.read() as session:
        plan = make_plan(session, office.app.plugins.view(session), office.actor, "account.deactivate", of_words(EVERYBODY))

    assert (plan.total, plan.will, len(plan.examples)) == (10, 7, 5)
    assert [(reason.code, reason.count) for reason in plan.skipped] == [("not-active", 3)]


def test_a_queued_run_can_be_stopped_and_resumed(office):
    office.make(make_accounts, 51)
    run_id = office.act("account.deactivate", words=EVERYBODY)

    stop(office.app, office.actor, run_id)
    office.work()

    assert (office.run(run_id)["state"], active(office)) == ("stopped", 51)
    resume(office.app, office.actor, run_id)
    office.work()
    assert (office.run(run_id)["state"], active(office)) == ("done", 0)


def test_a_running_run_stops_after_its_batch(office, plugin_action):
    runs = []

    def stop_yourself(context, accounts, params):
        context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(first_name="Done"))
        if not runs:
            runs.append(context.run_id)
            context.session.execute(update(Run).where(Run.id == context.run_id).values(stop_requested=True))

    plugin_action(stop_yourself, batch=20)
    office.make(make_accounts, 60)

    run_id = office.act("trial.go", words=EVERYBODY)
    office.work()

    assert office.run(run_id)["state"] == "stopped"
    assert office.run(run_id)["counts"]["done"] == 20
    resume(office.app, office.actor, run_id)
    office.work()
    assert office.run(run_id)["counts"]["done"] == 60


def test_a_run_whose_process_is_gone_goes_on_where_the_last_batch_ended(office, plugin_action):
    class Killed(BaseException):
        pass

    seen = []

    def die_in_the_second_batch(context, accounts, params):
        context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(first_name="Done"))
        seen.extend(accounts.ids)
        if len(seen) == 40:
            raise Killed

    plugin_action(die_in_the_second_batch, batch=20)
    office.make(make_accounts, 60)
    run_id = office.act("trial.go", words=EVERYBODY)
    with pytest.raises(Killed):
        office.work()
    assert office.run(run_id)["counts"]["done"] == 20
    with office.app.db.write() as session:
        session.execute(update(Run).values(leased_until=now(session)))

    office.work()

    assert office.run(run_id)["counts"]["done"] == 60


def test_failed_items_can_be_tried_again(office, plugin_action):
    ids = office.make(make_accounts, 3)
    broken = {ids[1]}

    def stumble(context, accounts, params):
        if broken & set(accounts.ids):
            raise RuntimeError

    plugin_action(stumble)
    run_id = office.act("trial.go", *ids)
    assert office.run(run_id)["counts"]["failed"] == 1
    broken.clear()

    resume(office.app, office.actor, run_id, failed=True)
    office.work()

    assert office.run(run_id)["counts"] == {"waiting": 0, "done": 3, "skipped": 0, "failed": 0}


def test_nothing_to_resume_is_said(office):
    anna = office.make(make_account, "Anna")
    run_id = office.act("account.deactivate", anna)

    with pytest.raises(Refused, match="Nothing is left"):
        resume(office.app, office.actor, run_id)
    with pytest.raises(Refused, match="is done"):
        stop(office.app, office.actor, run_id)


def test_a_bulk_role_assignment_is_taken_back_but_not_where_somebody_changed_it_since(office):
    office.make(make_accounts, 60)
    office.make(make_period, "2026")
    office.make(make_role, "Main student")
    run_id = office.act("roles.assign", words=EVERYBODY, period="2026", role="main student")
    office.work()
    with office.app.db.read() as session:
        first = session.scalar(select(Account.id).order_by(Account.id))
    office.act("account.profile_name", first, first_name="New", last_name="Name")

    undo_id = start_undo(office.app, office.actor, run_id)
    office.work()

    counts = office.run(undo_id)["counts"]
    assert (counts["done"], counts["skipped"]) == (59, 1)
    assert office.run(undo_id)["undoes"] == run_id
    assert {item["code"] for item in office.items(undo_id) if item["outcome"] == "skipped"} == {"changed-since"}


@pytest.mark.parametrize(
    ("action_id", "params", "state"),
    [
        ("account.deactivate", {}, {}),
        ("account.activate", {}, {"active": False}),
        ("account.profile_name", {"first_name": "X", "last_name": "Y"}, {}),
        ("account.username", {"username": "somebody.else"}, {}),
        ("account.verify_email", {"reason": "she showed it"}, {}),
        ("account.delete", {}, {}),
        ("password.at_next_logon", {"must_change": "yes"}, {}),
    ],
)
def test_undo_puts_back_what_was(office, action_id, params, state):
    anna = office.make(make_account, "Anna", **state)
    before = office.account(anna)

    run_id = office.act(action_id, anna, agreed=True, **params)
    start_undo(office.app, office.actor, run_id)

    after = office.account(anna)
    for column in ("active", "first_name", "last_name", "username", "email_verified", "deleted_at", "must_change_password"):
        assert getattr(after, column) == getattr(before, column)
    assert after.version == 3


def test_what_cannot_be_taken_back_says_so(office):
    anna = office.make(make_account, "Anna")
    run_id = office.act("password.reset", anna)

    with pytest.raises(Refused, match="cannot be taken back"):
        start_undo(office.app, office.actor, run_id)


def test_new_passwords_are_handed_out_once_and_to_the_author_only(office):
    anna = office.make(make_account, "Anna")
    run_id = office.act("password.reset", anna)
    other = Actor(name="account:7", label="Other", permissions=None)

    with pytest.raises(Forbidden, match="Only the person"):
        fetch_secrets(office.app, other, run_id)
    (handed,) = fetch_secrets(office.app, office.actor, run_id)

    assert handed.username == anna.username
    assert len(handed.secret) >= 18
    with pytest.raises(Refused, match="nothing to fetch"):
        fetch_secrets(office.app, office.actor, run_id)


def test_new_passwords_are_gone_after_a_day(office):
    anna = office.make(make_account, "Anna")
    run_id = office.act("password.reset", anna)

    with office.app.db.write() as session:
        wipe_expired(session, now(session) + 2 * LIFETIME)

    with pytest.raises(Refused, match="nothing to fetch"):
        fetch_secrets(office.app, office.actor, run_id)


def test_no_password_is_in_the_run_the_items_or_the_audit(office, database_url):
    anna = office.make(make_account, "Anna")

    run_id = office.act("password.change", anna, password="Zebra-Kanu-8812-Quilt", confirm="Zebra-Kanu-8812-Quilt")

    assert office.run(run_id)["params"] == {"from_phone": False}
    with office.app.db.read() as session:
        run = session.get_one(Run, run_id)
        assert run.sealed_params is None
        dump = " ".join(
            str(row) for table in ("run", "run_item", "audit") for row in session.connection().exec_driver_sql(f'SELECT * FROM "{table}"')
        )
    assert "Zebra" not in dump
    assert "$argon2" not in dump


def test_a_filter_that_matches_nobody_is_a_run_that_is_done(office):
    run_id = office.act("account.deactivate", words={"type": "agent"})

    assert office.run(run_id)["state"] in ("done", "running")
    office.work()
    assert office.run(run_id)["state"] == "done"


def test_an_actor_who_lost_the_right_meanwhile_does_not_go_on(office):
    office.make(make_accounts, 51)
    admin = office.make(make_account, "Ada", type="administrator", is_owner=True)
    actor = Actor(name=f"account:{admin.id}", label="Ada", account_id=admin.id, permissions=None)
    run_id = office.act("account.deactivate", words=EVERYBODY, actor=actor)
    with office.app.db.write() as session:
        session.execute(update(Account).where(Account.id == admin.id).values(is_owner=False))

    office.work()

    run = office.run(run_id)
    assert (run["state"], run["counts"]["done"]) == ("failed", 0)
    assert "may not do this any more" in run["error"]


def test_the_listing_counts_are_right_after_all_that(office):
    ids = office.make(make_accounts, 60)
    office.act("account.deactivate", words=EVERYBODY)
    office.work()

    with office.app.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Listing).where(Listing.active)) == 0
        assert session.scalar(select(func.count()).select_from(RunItem)) == len(ids)
