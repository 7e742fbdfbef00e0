"""The fixtures of tests with processes of their own."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from outside.moodle import Site
from outside.nursery import Nursery
from outside.office import Office

OpenOffice = Callable[..., Office]


@pytest.fixture(scope="session")
def _nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.fixture
def nursery(_nursery: Nursery) -> Iterator[Nursery]:
    """Starts processes; whoever is left at the end of the test is killed."""
    yield _nursery
    _nursery.kill_all()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A fake Moodle in a process of its own."""
    with Site(tmp_path) as site:
        yield site


@pytest.fixture
def open_office(nursery: Nursery, site: Site, database_url: str, tmp_path: Path) -> Iterator[OpenOffice]:
    """Opens a school whose leases are so many seconds long, and whose processes have more in their environment."""
    with ExitStack() as stack:

        def open_one(*, lease_seconds: int = 2, **environment: str) -> Office:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            base_url = f"http://127.0.0.1:{port}"
            office = Office(nursery, site, tmp_path, database_url, lease_seconds=lease_seconds, base_url=base_url, **environment)
            stack.callback(office.close)
            stack.callback(nursery.kill_all)
            return office

        yield open_one


@pytest.fixture
def office(open_office: OpenOffice) -> Office:
    """A school with leases of two seconds."""
    return open_office()
