"""A provider that accounts can be behind at."""

from collections.abc import Callable
from typing import Any

import pytest
from linked_accounts import PROVIDER

from rolecall.store.engine import Database
from rolecall.testing.factories import enable_provider


@pytest.fixture
def enabled(db: Database) -> Callable[..., None]:
    """A function that enables it with these settings."""

    def enable(**settings: Any) -> None:
        with db.write() as session:
            enable_provider(session, PROVIDER, **settings)

    return enable
