"""The audit vouches for every line of a run; a line that was changed behind its back is named (R67)."""

import pytest
from sqlalchemy import delete, update

from rolecall.store.tables import AuditEntry, RunItem
from rolecall.testing.factories import make_accounts
from rolecall.work.runs.control import resume
from rolecall.work.runs.evidence import verify_all, verify_items
from rolecall.work.runs.undo import start_undo

EVERYBODY = {"type": "student"}


@pytest.fixture
def run_id(office):
    office.make(make_accounts, 60)
    run_id = office.act("account.deactivate", words=EVERYBODY)
    office.work()
    return run_id


def verdict(office, check=verify_all):
    with office.app.db.read() as session:
        return check(session)


def change(office, run_id, n, **values):
    with office.app.db.write() as session:
        session.execute(update(RunItem).where(RunItem.run_id == run_id, RunItem.n == n).values(**values))


def test_runs_as_they_were_written_are_right(office, run_id):
    start_undo(office.app, office.actor, run_id)
    office.work()

    found = verdict(office)

    assert found.ok
    assert found.message.endswith("All 120 lines of runs are as they were written.")
    assert verdict(office, verify_items).checked == 120


@pytest.mark.parametrize(
    "values",
    [
        {"outcome": "failed"},
        {"code": "changed"},
        {"before": {"active": False}},
        {"after": None},
        {"account_id": None},
        {"person_id": None},
        {"salt": "0" * 16},
    ],
    ids=lambda values: next(iter(values)),
)
def test_a_changed_line_is_named(office, run_id, values):
    change(office, run_id, 42, **values)

    found = verdict(office)

    assert not found.ok
    assert found.message.startswith(f"Line 42 of run {run_id} was changed")


def test_a_removed_line_is_named(office, run_id):
    with office.app.db.write() as session:
        session.execute(delete(RunItem).where(RunItem.run_id == run_id, RunItem.n == 7))

    assert verdict(office).message.startswith(f"Line 7 of run {run_id} is missing")


def test_an_erased_line_is_right(office, run_id):
    change(office, run_id, 42, before=None, after=None, salt=None)

    assert verdict(office).ok


def test_a_line_that_was_tried_again_is_what_it_was_the_last_time(office, plugin_action):
    broken = [True]

    def stumble(context, accounts, params):
        if broken:
            raise RuntimeError

    plugin_action(stumble)
    run_id = office.act("trial.go", *office.make(make_accounts, 3))
    broken.clear()
    resume(office.app, office.actor, run_id, failed=True)
    assert verdict(office).ok

    office.work()

    assert verdict(office).ok
    change(office, run_id, 2, outcome="failed")
    assert verdict(office).message.startswith(f"Line 2 of run {run_id} was changed")


def test_odd_values_are_vouched_for_like_others(office, plugin_action):
    def note(context, accounts, params):
        for account_id, value in zip(accounts.ids, ["a\0b", "😀 Ωμέγα", 1.5, 1e22, float("inf"), [1, {"x": None}]], strict=True):
            context.record(account_id, "odd", None, value)

    plugin_action(note)

    run_id = office.act("trial.go", *office.make(make_accounts, 6))

    assert office.run(run_id)["counts"]["done"] == 6
    assert verdict(office).ok


def test_a_broken_chain_is_told_first(office, run_id):
    with office.app.db.write() as session:
        connection = session.connection()
        if office.app.db.is_sqlite:
            for name in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        session.execute(update(AuditEntry).where(AuditEntry.seq == 1).values(actor_label="Somebody else"))

    assert verdict(office).seq == 1
