"""Snapshots hold what an account is in this transaction."""

from datetime import UTC, datetime

from sqlalchemy import event

from rolecall.store.engine import Database
from rolecall.testing.factories import give_role, make_account, make_accounts, make_period, make_role
from rolecall.work.snapshots import account_snapshots


def test_a_snapshot_has_the_account_its_person_and_its_roles(db: Database) -> None:
    with db.write() as session:
        anna = make_account(session, "Anna", last_name="Kowalska", active=False, deleted_at=datetime(2026, 1, 1, tzinfo=UTC), no_sync=True)
        give_role(session, anna, make_role(session), make_period(session))
        give_role(session, anna, make_role(session), make_period(session, "2027", current=False, is_open=False), enabled=False)

    with db.read() as session:
        found = account_snapshots(session, [anna.id])[anna.id]

    assert (found.key, found.username, found.email, found.type) == (anna.key, anna.username, anna.email, "student")
    assert (found.active, found.deleted) == (False, True)
    assert (found.person.last_name, found.person.no_sync, found.person.status, found.person.status_type) == (
        "Kowalska",
        True,
        "Registered",
        "registered",
    )
    roles = [(role.period, role.role, role.enabled, role.period_is_current, role.period_is_open) for role in found.roles]
    assert roles == [("2026", "Main student", True, True, True), ("2027", "Main student", False, False, False)]


def test_a_person_without_status_has_none(db: Database) -> None:
    with db.write() as session:
        account = make_account(session, type="teacher")

        found = account_snapshots(session, [account.id])[account.id]

    assert (found.person.list, found.person.status, found.person.status_type) == ("teachers", None, None)


def test_uncommitted_changes_are_seen(db: Database) -> None:
    with db.write() as session:
        account = make_account(session, "Anna")
        account.first_name = "Annika"

        assert account_snapshots(session, [account.id])[account.id].first_name == "Annika"


def test_the_number_of_statements_does_not_depend_on_the_number_of_accounts(db: Database) -> None:
    with db.write() as session:
        ids = make_accounts(session, 20)
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))

    with db.read() as session:
        assert len(account_snapshots(session, [*ids, 999_999])) == 20

    assert len([each for each in statements if each.startswith("SELECT")]) == 2
