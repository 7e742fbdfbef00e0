"""Brings a database's schema to a revision, one process at a time, wholly or not at all.

Owns how Alembic is called: there is no ``alembic.ini``, and no revision commits by itself. Knows nothing of what a revision changes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from rolecall.store.engine import Database

_MIGRATIONS = Path(__file__).parent / "migrations"
#: Two processes that start at once would both migrate: on PostgreSQL the second waits here (SQLite has one writer).
_LOCK = 0x726F6C65


def upgrade(db: Database, revision: str = "head") -> None:
    """Bring the schema up to ``revision`` in one transaction; nothing to do is no error."""
    with _connection(db) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(db: Database, revision: str = "-1") -> None:
    """Take the schema back to ``revision`` (``base``: nothing left), in one transaction."""
    with _connection(db) as connection:
        command.downgrade(_config(connection), revision)


def sql(dialect: str, revisions: str = "head", *, down: bool = False) -> str:
    """Return the SQL of a migration for an administrator to read or run.

    ``dialect`` is ``sqlite`` or ``postgresql``; ``revisions`` is ``to`` or ``from:to``, and must be ``from:to`` when ``down``.
    """
    config = _config(None)
    config.attributes["dialect"] = dialect
    config.output_buffer = StringIO()
    (command.downgrade if down else command.upgrade)(config, revisions, sql=True)
    return config.output_buffer.getvalue()


def head() -> str:
    """Return the newest revision that this program knows."""
    newest = ScriptDirectory.from_config(_config(None)).get_current_head()
    if newest is None:
        raise AssertionError("The package has no migrations.")
    return newest


def current(db: Database) -> str | None:
    """Return the revision of the database; none for an empty one."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_current(db: Database) -> bool:
    """Tell whether the database has exactly the schema that this program was written for."""
    return current(db) == head()


@contextmanager
def _connection(db: Database) -> Iterator[Connection]:
    with db.engine.connect() as connection:
        # Alembic rebuilds a SQLite table by copying it; with the keys enforced, dropping the old one would take its children along.
        # The pragma has no effect inside a transaction, so it goes to the driver before SQLAlchemy begins one.
        if db.is_sqlite:
            _enforce_keys(connection, on=False)
        connection.execution_options(rolecall_write=True)
        try:
            with connection.begin():
                if not db.is_sqlite:
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
                    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                yield connection
                _check_keys(connection, db)
        finally:
            if db.is_sqlite:
                _enforce_keys(connection, on=True)


def _enforce_keys(connection: Connection, *, on: bool) -> None:
    driver = connection.connection.driver_connection
    if driver is None:
        raise AssertionError("A connection without a driver.")
    driver.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def _check_keys(connection: Connection, db: Database) -> None:
    if db.is_sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
        raise IntegrityError(f"migration left {broken[0]} pointing at a missing row of {broken[2]}", None, ValueError("foreign key"))


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    if connection is not None:
        config.attributes["connection"] = connection
    return config
