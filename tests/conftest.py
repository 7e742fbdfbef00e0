"""Databases, keys and services for every test.

Each test gets a database of its own, migrated once: a copied file on SQLite, the emptied database of its worker on PostgreSQL.
``ROLECALL_TEST_DATABASE_URL`` names the PostgreSQL server; ``ROLECALL_TEST_REQUIRE=all`` turns what would be skipped into failures.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import URL

from rolecall.accounts.sealing import Keyring
from rolecall.store import schema
from rolecall.store.engine import Database

_SERVER = os.environ.get("ROLECALL_TEST_DATABASE_URL", "")
#: Above this many bytes emptying a table row by row costs more than cutting it off.
_LARGE = 256 * 1024

_SERVICES: dict[str, Callable[[], bool]] = {
    "postgresql": lambda: _SERVER.startswith("postgresql"),
    "chromium": Path("/usr/bin/chromium").exists,
    "make": lambda: shutil.which("make") is not None,
    "git": lambda: shutil.which("git") is not None,
}


@pytest.fixture(scope="session")
def requires_service() -> Callable[[str], None]:
    """A function that skips the test when a service is missing, by name; or fails it where everything is required."""

    def require(name: str) -> None:
        if _SERVICES[name]():
            return
        if os.environ.get("ROLECALL_TEST_REQUIRE") == "all":
            pytest.fail(f"This machine must have {name}: ROLECALL_TEST_REQUIRE is all.")
        pytest.skip(f"needs {name}")

    return require


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """A database with today's schema, made once per worker."""
    if _SERVER:
        with _created(_SERVER) as url:
            _migrate(url)
            yield url
    else:
        url = make_url(f"sqlite:///{tmp_path_factory.mktemp('schema') / 'rolecall.db'}")
        _migrate(url)
        yield url


@pytest.fixture
def database_url(_migrated: URL, tmp_path: Path) -> str:
    """The address of a migrated database that nobody else uses now."""
    if _migrated.get_backend_name() == "sqlite":
        file = tmp_path / "rolecall.db"
        shutil.copyfile(str(_migrated.database), file)
        return f"sqlite:///{file}"
    _empty(_migrated)
    return _migrated.render_as_string(hide_password=False)


@pytest.fixture
def empty_database_url(tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if _SERVER:
        with _created(_SERVER) as url:
            yield url.render_as_string(hide_password=False)
    else:
        yield f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """A migrated database."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def keyring() -> Keyring:
    """Keys of this test alone."""
    return Keyring([Fernet.generate_key().decode()])


def _migrate(url: URL) -> None:
    database = Database(url)
    schema.upgrade(database)
    database.close()


@contextmanager
def _created(address: str) -> Iterator[URL]:
    server = create_engine(address, isolation_level="AUTOCOMMIT")
    name = f"rolecall_test_{os.getpid()}_{uuid4().hex[:8]}"
    try:
        with server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        yield server.url.set(database=name)
    finally:
        with server.connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        server.dispose()


def _empty(url: URL) -> None:
    # A test that killed a process may have left its connection behind, with locks.
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        )
        # Neither foreign keys nor the triggers of the audit stand in the way of a superuser who asks for this.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL synchronous_commit = off"))
        sizes = connection.execute(
            text(
                "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
                "AND relname NOT IN ('alembic_version', 'generation', 'audit_head') AND pg_relation_size(oid) > 0"
            )
        ).all()
        if large := [f'"{name}"' for name, size in sizes if size > _LARGE]:
            connection.execute(text(f"TRUNCATE {', '.join(large)} CASCADE"))
        small = [f'DELETE FROM "{name}"' for name, size in sizes if size <= _LARGE]
        anew = ["UPDATE generation SET number = 1", "DELETE FROM audit_head", "INSERT INTO audit_head (id, seq, chain) VALUES (1, 0, '')"]
        connection.exec_driver_sql("; ".join([*small, *anew]))
        connection.execute(text("SELECT setval(schemaname || '.' || quote_ident(sequencename), start_value, false) FROM pg_sequences"))
    engine.dispose()
