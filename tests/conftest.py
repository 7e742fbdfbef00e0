"""Databases, keys and services for every test.

Each test gets a database of its own, migrated once: a copied file on SQLite, the emptied database of its worker on PostgreSQL.
``ROLECALL_TEST_DATABASE_URL`` names the PostgreSQL server; ``ROLECALL_TEST_REQUIRE=all`` turns what would be skipped into failures.
"""

import os
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import once
import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import URL

from rolecall.accounts.sealing import Keyring
from rolecall.store import schema
from rolecall.store.engine import Database
from rolecall.work.slips import pdf

_SERVER = os.environ.get("ROLECALL_TEST_DATABASE_URL", "")
#: Above this many bytes emptying a table row by row costs more than cutting it off.
_LARGE = 256 * 1024

#: Whoever has a database has it by one of these fixtures, or asks for one while it runs, as the kit does.
_DATABASES = {"database_url", "empty_database_url", "_migrated", "request"}

_HERE = Path(__file__).parent
#: Tests mirror the source: those of the core and the plugins lie here, and are what the bound on their coverage is about.
_MEASURED = {"core", "plugins"}

# How long an example takes says how busy the machine is, and nothing of what is proved.
settings.register_profile("rolecall", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rolecall")


@pytest.fixture(scope="session", autouse=True)
def _built_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        once.rules(patch)
        once.plugins(patch)
        yield


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


_SERVICES: dict[str, Callable[[], bool]] = {
    "postgresql": lambda: _SERVER.startswith("postgresql"),
    "chromium": Path("/usr/bin/chromium").exists,
    "weasyprint": lambda: pdf.why_not() is None,
    "make": lambda: shutil.which("make") is not None,
    "rabbitmq": lambda: _listens(5672),
    "redis": lambda: _listens(6379),
    "git": lambda: shutil.which("git") is not None,
    "npm": lambda: shutil.which("npm") is not None and shutil.which("node") is not None,
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, on PostgreSQL, what knows no database: it is the same on every one, and has run on SQLite."""
    if not _SERVER:
        return
    kept, left = [], []
    for item in items:
        (kept if _DATABASES.intersection(getattr(item, "fixturenames", ())) else left).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure coverage only while a test of the core or of a plugin runs: others come through by the way, and measuring takes double."""
    tracer, of_threads = sys.gettrace(), threading.gettrace()
    if tracer is None or item.path.relative_to(_HERE).parts[0] in _MEASURED:
        return (yield)
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]
    try:
        return (yield)
    finally:
        sys.settrace(tracer)
        threading.settrace(of_threads)  # type: ignore[arg-type]


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
