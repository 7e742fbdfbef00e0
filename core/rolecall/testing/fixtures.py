"""Applications and schools for the contracts, on a database that is thrown away.

A project that has a ``database_url`` fixture of its own (a migrated, empty database) is given that one instead.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.fernet import Fernet

from rolecall.config import load
from rolecall.store import schema
from rolecall.store.engine import Database
from rolecall.testing.school import School
from rolecall.work.application import Application


def database_for(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the address of a migrated database: the project's own ``database_url``, or a new SQLite file in ``folder``."""
    try:
        return str(request.getfixturevalue("database_url"))
    except pytest.FixtureLookupError:
        url = f"sqlite:///{folder / 'rolecall.db'}"
        database = Database(url)
        schema.upgrade(database)
        database.close()
        return url


@contextmanager
def open_school(
    database_url: str, folder: Path, *, plugins: Mapping[str, ModuleType] | None = None, allow: str = "", **settings: str
) -> Iterator[School]:
    """A school on this database; ``plugins`` come beside those that are installed, ``allow`` is what they may call besides the world."""
    keys = {"secret_key": "of a test", "encryption_keys": Fernet.generate_key().decode()}
    config = load({}, data=str(folder), database_url=database_url, outbound_allow=allow, **keys, **settings)
    with Application(config, plugins=plugins) as app:
        yield School(app)
