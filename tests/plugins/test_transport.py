"""Every registered provider, whatever library it signs in with, calls through the client that core gives it, and by no other way.

Each is led to servers that mean ill; a call past the client would show there.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from effort import ends_early

from rolecall import AccountSnapshot, PersonSnapshot, Provider
from rolecall.config import load
from rolecall.errors import ProviderError
from rolecall.plugins.registry import Registry
from rolecall.sdk.http import Http
from rolecall.sdk.integration import provider_schema
from rolecall.work.application import Application
from rolecall.work.connection import check, works

PROVIDERS = sorted(name for name, plugin in Registry().installed.items() if plugin.providers)
#: Seconds that a call may take here.
DEADLINE = 0.5
MAX_BYTES = 50_000
ANNA = AccountSnapshot(
    id=1,
    key="5f0c9d52-96b1-4b19-8a5e-2f5b8a1b7f10",
    type="student",
    username="anna",
    email="anna@school.example",
    person=PersonSnapshot(id=1, list="students", code="S1", first_name="Anna", last_name="Kowalska", language="en"),
)


class Server:
    """Listens on loopback and does with each connection what it was made for; counts connections and what it could send."""

    def __init__(self, serve: Callable[["Server", socket.socket], None]) -> None:
        self.connections = 0
        self.sent = 0
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def send(self, connection: socket.socket, data: bytes) -> None:
        """Send, and count."""
        connection.sendall(data)
        self.sent += len(data)

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    connection.recv(65536)
                    self._serve(self, connection)


@contextmanager
def serving(serve: Callable[[Server, socket.socket], None]) -> Iterator[Server]:
    """A server for as long as the block lasts."""
    server = Server(serve)
    try:
        yield server
    finally:
        server.close()


def silent(server: Server, connection: socket.socket) -> None:
    """Say nothing."""


def endless(server: Server, connection: socket.socket) -> None:
    """Answer with a body that does not end."""
    server.send(connection, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    while True:
        server.send(connection, b"1," * 4096)


def dripping(server: Server, connection: socket.socket) -> None:
    """Answer a byte now and then, so that no single wait is long."""
    server.send(connection, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n[")
    until = time.monotonic() + 60 * DEADLINE
    while time.monotonic() < until:
        server.send(connection, b" ")
        threading.Event().wait(DEADLINE / 10)


def settings_at(name: str, address: str) -> dict[str, Any]:
    """The settings of the provider's fake at this address."""
    (point,) = entry_points(group="rolecall.fakes", name=name)
    return dict(point.load()(address).settings)


@contextmanager
def provider_at(name: str, host: str) -> Iterator[Provider]:
    """The provider with its fake's settings for a host that may be called, and no other."""
    kind = Registry().installed[name].providers[name]
    http = Http(allow=[host], deadline=DEADLINE, connect=DEADLINE, max_bytes=MAX_BYTES)
    try:
        yield kind(provider_schema(kind, kind.settings_schema)().load(settings_at(name, f"http://{host}")), http)
    finally:
        http.close()


def test_there_are_providers_to_ask() -> None:
    assert {"brightspace", "canvas", "google", "moodle", "o365", "scim"} <= set(PROVIDERS)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_provider_reaches_a_private_address_that_the_operator_has_not_named(scheme: str, database_url: str, tmp_path: Path) -> None:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s", encryption_keys=Fernet.generate_key().decode())
    lines = {}

    with serving(silent) as server, Application(config) as app:
        for name in PROVIDERS:
            lines[name] = check(app, name, settings_at(name, f"{scheme}://{server.host}"))

    assert server.connections == 0
    assert [name for name, each in lines.items() if works(each)] == []


@pytest.mark.parametrize("name", PROVIDERS)
def test_no_provider_follows_a_redirect_with_what_it_signs_in_with(name: str) -> None:
    def redirecting(server: Server, connection: socket.socket) -> None:
        server.send(connection, f"HTTP/1.1 307 Away\r\nLocation: http://{elsewhere.host}/\r\nContent-Length: 0\r\n\r\n".encode())

    with (
        serving(silent) as elsewhere,
        serving(redirecting) as server,
        provider_at(name, server.host) as provider,
        pytest.raises(ProviderError),
    ):
        provider.find(ANNA)

    assert server.connections
    assert elsewhere.connections == 0


@pytest.mark.parametrize("name", PROVIDERS)
def test_no_provider_reads_an_answer_without_end(name: str) -> None:
    with serving(endless) as server, provider_at(name, server.host) as provider, pytest.raises(ProviderError):
        provider.find(ANNA)

    # Beside what was read, the kernel's buffers hold some megabytes.
    assert 0 < server.sent < 20 * 2**20


@pytest.mark.parametrize("name", PROVIDERS)
def test_no_provider_waits_longer_than_a_call_may_take_in_all(name: str) -> None:
    with serving(dripping) as server, provider_at(name, server.host) as provider, ends_early(), pytest.raises(ProviderError):
        provider.find(ANNA)

    assert server.connections == 1
