"""What a server that fails or means ill comes to: within a time, within a size, and with the right class of error."""

import gzip
import socket
import tracemalloc

import pytest
from effort import ends_early
from http_servers import drip, reply

from rolecall.errors import Ambiguous, Transient


def test_a_refused_connection_means_that_nothing_was_sent(client, closed_port):
    with pytest.raises(Transient):
        client(allow=["127.0.0.1:*"]).post(f"http://127.0.0.1:{closed_port}/", data={"a": "b"})


def test_a_connection_that_is_never_taken_ends_with_the_time_for_connecting(client):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(3):  # fill the queue: the next one is left without an answer
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(listener.getsockname())
        try:
            with ends_early(), pytest.raises(Transient):
                client(allow=["127.0.0.1:*"], connect=0.2, deadline=60).post(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        finally:
            for connection in waiting:
                connection.close()


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()


def reset_in_the_body(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf of")
    reset(connection)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FAULTS = {
    "header drip": drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
    "many headers drip": drip(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "endless 100": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body drip": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n"),
    "chunk drip": drip(CHUNKED, b"1\r\nx\r\n"),
    "silence": lambda connection: connection.recv(1) and None,
    "hang-up": lambda _: None,
    "reset": reset,
    "reset in the body": reset_in_the_body,
    "short body": lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"),
    "broken chunk": lambda connection: connection.sendall(CHUNKED + b"zz\r\nx"),
    "negative chunk": lambda connection: connection.sendall(CHUNKED + b"-5\r\nx"),
    "endless negative chunk": drip(CHUNKED + b"-1\r\n", b"x" * 200_000),
    "missing last chunk": lambda connection: connection.sendall(CHUNKED + b"1\r\nx\r\n"),
    "garbage status line": lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "garbage status": lambda connection: connection.sendall(b"HTTP/1.1 abc OK\r\n\r\n"),
    "too many headers": lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"),
    "header too long": lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70000 + b"\r\n\r\n"),
    "broken gzip": lambda _: reply(b"\x1f\x8bnot really", Content_Encoding="gzip"),
    "too large": lambda _: reply(b"x" * 2000),
    "too large in chunks": lambda _: CHUNKED + 2 * (b"400\r\n" + b"x" * 1024 + b"\r\n"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("method", "outcome"), [("POST", Ambiguous), ("GET", Transient)])
def test_a_fault_leaves_a_change_ambiguous_and_a_question_transient(serve, client, fault, method, outcome):
    server = serve(FAULTS[fault])

    with ends_early(), pytest.raises(outcome):
        client(server, deadline=0.3, max_bytes=1500).request(method, server.url)


@pytest.mark.parametrize(
    ("method", "options", "outcome"),
    [
        ("PUT", {}, Ambiguous),
        ("PATCH", {}, Ambiguous),
        ("DELETE", {}, Ambiguous),
        ("HEAD", {}, Transient),
        ("GET", {"once": True}, Ambiguous),
        ("post", {"idempotent": True}, Transient),
    ],
)
def test_only_what_may_be_repeated_is_transient(serve, client, method, options, outcome):
    server = serve(FAULTS["hang-up"])

    with pytest.raises(outcome):
        client(server).request(method, server.url, **options)


def test_a_kept_connection_that_the_server_closed_is_replaced(serve, client):
    def once(connection):
        connection.sendall(reply(b"ok"))

    server = serve(once)
    http = client(server)
    http.post(server.url)
    assert server.hung_up.wait(15)

    assert http.post(server.url).text == "ok"


def test_the_connection_of_a_failed_call_is_not_used_again(serve, client):
    answers = iter([b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000, reply(b"clean")])
    server = serve(lambda _: next(answers))
    http = client(server, max_bytes=100)

    with pytest.raises(Transient):
        http.get(server.url)

    assert http.get(server.url).text == "clean"


def test_an_answer_that_hides_its_length_does_not_fill_the_memory(serve, client):
    """A chunk of length -1 makes the parser read to the end, which never comes."""
    server = serve(drip(CHUNKED + b"-1\r\n", b"x" * 2**20))

    with pytest.raises(Transient, match="larger"):
        client(server, max_bytes=2**20).get(server.url)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_compressed_bomb_does_not_fill_the_memory(serve, client, layers):
    body = b"\0" * 64 * 2**20
    for _ in range(layers):
        body = gzip.compress(body, 1)
    server = serve(reply(body, Content_Encoding=", ".join(["gzip"] * layers)))
    http = client(server, max_bytes=2**20)

    tracemalloc.start()
    try:
        with pytest.raises(Transient, match="larger"):
            http.get(server.url)
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


def test_a_compressed_answer_is_unpacked(serve, client):
    server = serve(reply(gzip.compress(b'{"a": 1}'), Content_Encoding="gzip"))

    assert client(server).get(server.url).json() == {"a": 1}


def test_keys_in_addresses_are_not_logged(serve, client, caplog):
    server = serve(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nno colon here\r\nA: b\r\n\r\n"))

    with caplog.at_level("DEBUG"):
        client(server).get(server.url, params={"key": "hunter2"})

    assert "hunter2" not in caplog.text
