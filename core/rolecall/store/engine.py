"""Opens the database and hands out sessions for one unit of work.

Owns how transactions begin on each database. Units begin here and end in ``work/`` and at the request or command boundary.
SQLite: write-ahead log, and ``BEGIN IMMEDIATE`` for every unit that writes, because SQLAlchemy's default mode loses updates
and a deferred BEGIN fails with "database is locked" when a reader becomes a writer; threads take turns (``docs/decisions``).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.sql import func

from rolecall.errors import ConfigurationError
from rolecall.store.turns import Turns

T = TypeVar("T")

#: Milliseconds that a SQLite connection waits for the write lock; nobody sees "database is locked" (R-13).
BUSY_TIMEOUT = 15_000
#: Serialization failure and deadlock on PostgreSQL: tried again this often.
RETRIES = 3
_RETRYABLE = {"40001", "40P01"}
_CLOCK = select(func.clock_timestamp())


class Database:
    """An engine with its two kinds of units: :meth:`read` and :meth:`write`."""

    def __init__(self, url: str | URL, *, pool_size: int = 10) -> None:
        self.url = make_url(url)
        self.engine = _make_engine(self.url, pool_size)
        #: Whose turn it is to write, among the threads of this process; none on PostgreSQL.
        self.turns = Turns() if self.is_sqlite else None
        self._sessions = sessionmaker(self.engine, expire_on_commit=False, autoflush=True)
        #: Told after each unit that was committed what was noted in its session's ``info``. It must not raise: the unit is done.
        self.after_commit: Callable[[Mapping[Any, Any]], None] | None = None

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded default."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a unit that only reads; whatever it changed is rolled back."""
        with self._sessions() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a unit that writes: committed at the end, rolled back on any exception."""
        turn = nullcontext() if self.turns is None else self.turns.turn(BUSY_TIMEOUT / 1000)
        with turn, self._sessions() as session:
            session.connection(execution_options={"rolecall_write": True})
            try:
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise
        if self.after_commit is not None:
            self.after_commit(session.info)

    def attempt(self, unit: Callable[[Session], T]) -> T:
        """Run ``unit`` in a write unit and repeat it when PostgreSQL gives up on a serialization failure or a deadlock."""
        for left in reversed(range(RETRIES)):
            try:
                with self.write() as session:
                    return unit(session)
            except DBAPIError as error:
                if not left or not is_given_up(error):
                    raise
        raise AssertionError("unreachable")  # pragma: no cover - the loop returns or raises

    def forked(self) -> None:
        """Leave pooled connections to the process that this one was forked from, and open others when they are needed."""
        self.engine.dispose(close=False)
        if self.turns is not None:
            self.turns = Turns()  # whoever had one has stayed in the other process

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def now(session: Session) -> datetime:
    """Return the time of the database on PostgreSQL, so that machines with different clocks agree on leases; else ours."""
    if session.get_bind().dialect.name == "postgresql":
        clock: datetime = session.connection().execute(_CLOCK).scalar_one()
        return clock.astimezone(UTC)
    return datetime.now(UTC)


def is_sqlite(session: Session) -> bool:
    """Tell whether the session speaks to SQLite."""
    return session.get_bind().dialect.name == "sqlite"


def _make_engine(url: URL, pool_size: int) -> Engine:
    backend = url.get_backend_name()
    if backend == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT / 1000}, pool_size=pool_size, max_overflow=20)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if backend == "postgresql":
        options = "-c statement_timeout=120000 -c idle_in_transaction_session_timeout=60000 -c plan_cache_mode=force_custom_plan"
        return create_engine(url, pool_pre_ping=True, pool_size=pool_size, max_overflow=20, connect_args={"options": options})
    raise ConfigurationError(f"ROLECALL_DATABASE_URL names {backend}; Rolecall works on SQLite and PostgreSQL.")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions on its own: _begin_sqlite says how each one begins.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT}", "cache_size=-32000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("rolecall_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def is_given_up(error: Exception) -> bool:
    """Tell whether PostgreSQL gave the transaction up for another one: all of it is to be done again, by :meth:`Database.attempt`."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _RETRYABLE


def is_unavailable(error: Exception) -> bool:
    """Tell whether an exception means that the database itself cannot be reached or written now (answer 503, try again)."""
    return isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated)
