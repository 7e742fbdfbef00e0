"""A process in which a strange plugin is enabled."""

from collections.abc import Iterator
from typing import Any

import pytest
from stranger import smoke, stranger

from rolecall.config import load
from rolecall.plugins import state
from rolecall.store.engine import now
from rolecall.testing.channels import channel_plugin
from rolecall.work.application import Application


@pytest.fixture
def core(database_url: str, tmp_path: Any) -> Iterator[Application]:
    """The parts of a process in which the stranger is enabled."""
    values = {"data": str(tmp_path), "database_url": database_url, "secret_key": "s" * 40, "encryption_keys": "A" * 43 + "="}
    with Application(load({}, **values, strict="1"), plugins={"stranger": stranger(), "smoke": channel_plugin(smoke())}) as application:
        with application.db.write() as session:
            state.set_enabled(session, application.plugins, "stranger", True, now=now(session))
        yield application
