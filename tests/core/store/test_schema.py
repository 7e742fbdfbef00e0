"""The schema goes up, down and up, and is what the tables say."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from rolecall.store import schema
from rolecall.store.engine import Database
from rolecall.store.tables import AuditEntry, Base, Generation


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    database = Database(empty_database_url)
    yield database
    database.close()


def test_an_empty_database_is_not_current_until_it_is_upgraded(empty: Database) -> None:
    assert not schema.is_current(empty)

    schema.upgrade(empty)

    assert schema.is_current(empty)
    assert schema.current(empty) == schema.head()


# SQLAlchemy cannot read an index over an expression back from SQLite; that of PostgreSQL is compared, and the plan is looked at on both.
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index 'ix_person_email_lower'")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index ix_person_email_lower")
def test_the_migrations_make_exactly_the_tables(empty: Database) -> None:
    schema.upgrade(empty)

    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_up_down_and_up_again(empty: Database) -> None:
    schema.upgrade(empty)
    schema.downgrade(empty, "base")
    left = inspect(empty.engine).get_table_names()
    schema.upgrade(empty)

    assert left == ["alembic_version"]
    assert schema.is_current(empty)


def test_upgrading_twice_changes_nothing(db: Database) -> None:
    schema.upgrade(db)

    assert schema.is_current(db)


def test_there_is_one_generation(db: Database) -> None:
    with db.read() as session:
        assert session.execute(select(Generation.id, Generation.number)).all() == [(1, 1)]


def test_foreign_keys_are_enforced_after_a_migration(empty: Database) -> None:
    schema.upgrade(empty)

    with pytest.raises(DBAPIError), empty.write() as session:
        session.execute(text("INSERT INTO role_permission (role_id, permission) VALUES (99, 'people:view')"))


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_sql_can_be_read_without_a_database(dialect: str) -> None:
    up = schema.sql(dialect)
    down = schema.sql(dialect, f"{schema.head()}:base", down=True)

    assert "CREATE TABLE account" in up
    assert "append-only" in up
    assert "DROP TABLE account" in down


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit",
        "UPDATE audit SET actor = 'somebody'",
        "UPDATE audit SET payload = '{\"forged\": true}'",
        "UPDATE audit SET payload = NULL, salt = NULL, at = '2020-01-01'",
        "UPDATE audit SET payload = NULL",
    ],
)
def test_the_audit_refuses_changes(db: Database, at_noon: AuditEntry, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), db.write() as session:
        session.execute(text(statement))

    with db.read() as session:
        assert session.execute(select(AuditEntry.actor, AuditEntry.payload)).one() == ("worker", {"n": 1})


def test_the_audit_refuses_to_be_replaced_or_truncated(db: Database, at_noon: AuditEntry) -> None:
    statement = (
        "INSERT OR REPLACE INTO audit (seq, at, actor, actor_label, kind, digest, chain) VALUES (1, '2020-01-01', 'a', 'a', 'k', 'd', 'c')"
        if db.is_sqlite
        else "TRUNCATE audit"
    )

    with pytest.raises(DBAPIError, match="append-only"), db.write() as session:
        session.execute(text(statement))


def test_the_audit_allows_erasing_payload_and_salt_together(db: Database, at_noon: AuditEntry) -> None:
    with db.write() as session:
        session.execute(text("UPDATE audit SET payload = NULL, salt = NULL"))

    with db.read() as session:
        assert session.scalar(select(func.count()).where(AuditEntry.payload.is_(None), AuditEntry.salt.is_(None))) == 1


@pytest.fixture
def at_noon(db: Database) -> AuditEntry:
    entry = AuditEntry(
        seq=1,
        at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        actor="worker",
        actor_label="Rolecall",
        kind="test",
        payload={"n": 1},
        salt="s",
        digest="d",
        chain="c",
    )
    with db.write() as session:
        session.add(entry)
    return entry
