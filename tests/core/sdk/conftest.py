"""Servers and clients that are closed at the end."""

import socket

import pytest
from http_servers import Authority, Server

from rolecall.sdk.http import Http


@pytest.fixture
def serve():
    servers = []

    def start(answer, tls=None):
        servers.append(Server(answer if callable(answer) else lambda _: answer, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def client():
    """Make an Http that is closed at the end, before the servers stop."""
    made = []

    def make(server=None, **options):
        made.append(Http(**{"allow": [server.host] if server else [], "deadline": 5, **options}))
        return made[-1]

    yield make
    for http in made:
        http.close()


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))
