"""The checks of the package scim2-tester, over HTTP on loopback (RFC 7643, RFC 7644)."""

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server
from werkzeug.serving import make_server


@pytest.fixture
def address(flask: Flask, port: int) -> Iterator[str]:
    """Where the web application listens."""
    server = make_server("127.0.0.1", port, flask, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}/scim/v2"
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_check_of_the_tester_passes(address: str, token_for: Callable[..., str]) -> None:
    token = token_for("people:view", "people:create", "people:edit")
    with Client(base_url=address, headers={"Authorization": f"Bearer {token}"}) as http:
        client = SyncSCIMClient(http)
        client.discover()

        results = check_server(client)

    wrong = [f"{each.title}: {each.reason}" for each in results if each.status not in (Status.SUCCESS,)]
    assert not wrong, "\n".join(wrong)
    assert len(results) > 80
