"""``rolecall worker`` in processes of their own, on a PostgreSQL database that is made for them and dropped afterwards."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

from cryptography.fernet import Fernet
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import OperationalError

from benchmarks import dataset
from benchmarks.scaling_plugins import PLUGINS
from rolecall.config import load
from rolecall.plugins import state
from rolecall.plugins.registry import GROUP
from rolecall.store import schema
from rolecall.store.engine import Database, now
from rolecall.store.tables import PluginState, Worker
from rolecall.work.application import Application

#: Where PostgreSQL is; the same name as the tests have for it.
SERVER = os.environ.get("ROLECALL_TEST_DATABASE_URL") or "postgresql+psycopg://postgres@127.0.0.1:5432/"
#: What the service is called among the fakes.
FAKE = "bench"
#: Seconds after which what is waited for does not come any more.
PATIENCE = 90.0
_BETWEEN = 0.2


class UnreachableError(Exception):
    """There is no PostgreSQL here."""


@contextmanager
def database(people: int) -> Iterator[str]:
    """The address of a database with a school of so many people in it.

    :raises UnreachableError: when no PostgreSQL answers.
    """
    server = create_engine(SERVER, isolation_level="AUTOCOMMIT")
    name = f"rolecall_bench_{os.getpid()}_{uuid4().hex[:8]}"
    try:
        with server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
    except OperationalError as error:
        server.dispose()
        raise UnreachableError from error
    try:
        db = Database(server.url.set(database=name))
        schema.upgrade(db)
        dataset.build(db, people)
        db.close()
        yield server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        server.dispose()


class Crew:
    """An application with the benchmark's plugins, and workers at its database that load the same ones as installed packages."""

    def __init__(self, folder: Path, database_url: str, *, host: str, **environment: str) -> None:
        self._folder = folder
        self._settings = {
            "ROLECALL_DATA": str(folder),
            "ROLECALL_DATABASE_URL": database_url,
            "ROLECALL_SECRET_KEY": "s" * 40,
            "ROLECALL_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "ROLECALL_OUTBOUND_ALLOW": host,
        }
        self._environment = environment
        self._processes: list[subprocess.Popen[bytes]] = []
        self.app = Application(load(self._settings), plugins=PLUGINS)
        with self.app.db.write() as session:
            session.get_one(PluginState, "moodle").enabled = False  # the school's own provider is nobody's work here
            for name in PLUGINS:
                state.set_enabled(session, self.app.plugins, name, True, now=now(session))

    @contextmanager
    def workers(self, number: int, **environment: str) -> Iterator[None]:
        """Have so many workers look for what is due, and end them."""
        everything = {"PATH": os.environ["PATH"], "PYTHONPATH": path(self._folder), **self._settings, **self._environment, **environment}
        with ExitStack() as stack:
            log = stack.enter_context(self._log.open("ab"))
            command = [str(Path(sys.executable).with_name("rolecall")), "worker"]
            # Sessions of their own: where the machine has other work, each has a part of it as a service would have.
            self._processes = [
                subprocess.Popen(command, env=everything, cwd=self._folder, stdout=log, stderr=log, start_new_session=True)
                for _ in range(number)
            ]
            try:
                self.eventually(f"{number} workers look for what is due", lambda: self._looking() == number)
                yield
            finally:
                ended, self._processes = self._processes, []
                for each in ended:
                    each.terminate()
                for each in ended:
                    each.wait(PATIENCE)

    def eventually(self, what: str, found: Callable[[], bool]) -> None:
        """Wait until something is so.

        :raises RuntimeError: with the end of the workers' log, when it is not in time, or a worker has ended.
        """
        begun = time.monotonic()
        while not found():
            if time.monotonic() > begun + PATIENCE or any(each.poll() is not None for each in self._processes):
                told = self._log.read_text(errors="replace")[-4_000:]
                raise RuntimeError(f"After {time.monotonic() - begun:.0f} seconds still not: {what}. The workers say:\n{told}")
            time.sleep(_BETWEEN)

    def close(self) -> None:
        """Give the connections back."""
        self.app.close()

    @property
    def _log(self) -> Path:
        return self._folder / "workers.log"

    def _looking(self) -> int:
        with self.app.db.read() as session:
            there = select(func.count()).select_from(Worker).where(Worker.ended_at.is_(None), Worker.looked_at.is_not(None))
            return session.scalar(there) or 0


def install(folder: Path) -> None:
    """Make the plugins and the service look installed to whoever has the folder in its path."""
    info = folder / "rolecall_bench-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rolecall-bench\nVersion: 1\n")
    plugins = [f"{name} = benchmarks.scaling_plugins:{name}" for name in PLUGINS]
    lines = [f"[{GROUP}]", *plugins, "[rolecall.fakes]", f"{FAKE} = benchmarks.scaling_plugins:Service", ""]
    (info / "entry_points.txt").write_text("\n".join(lines))


def path(folder: Path) -> str:
    """What ``PYTHONPATH`` has to be for that."""
    return os.pathsep.join([str(folder), str(Path(__file__).parents[1])])
