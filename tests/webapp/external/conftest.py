"""A service that signs people in, on this machine, and a process that may call it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from rolecall.config import load
from rolecall.testing.issuer import Issuer
from rolecall.testing.wire import Wire
from rolecall.work.application import Application


@pytest.fixture
def issuer() -> Issuer:
    """The service."""
    return Issuer()


@pytest.fixture
def wire(issuer: Issuer) -> Iterator[Wire]:
    """Where it is reached."""
    with Wire(issuer) as wire:
        issuer.url = wire.url
        yield wire


@pytest.fixture
def core(database_url: str, tmp_path: Path, wire: Wire) -> Iterator[Application]:
    """The parts of a process that may call the issuer."""
    keys = {"secret_key": "s" * 40, "encryption_keys": Fernet.generate_key().decode()}
    with Application(load({}, data=str(tmp_path), database_url=database_url, strict="1", outbound_allow=wire.host, **keys)) as application:
        yield application
