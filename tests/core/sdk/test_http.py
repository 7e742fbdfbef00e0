"""The guarded transport, against servers on loopback that answer byte by byte what each test tells them."""

import gc
import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rolecall.errors import Ambiguous, Misconfigured, Permanent, Transient
from rolecall.sdk.http import Http, Response


class Server:
    """Listens on loopback; ``answer(connection)`` is called for each request and returns the bytes to send, or none to hang up."""

    def __init__(self, answer, tls=None):
        self.answer, self.tls = answer, tls
        self.hits, self.requests = 0, []
        self.hung_up = threading.Event()
        self.current = threading.local()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        with suppress(OSError):  # the listener is shut down
            while True:
                connection, _ = self.listener.accept()
                self.hits += 1
                self.threads.append(threading.Thread(target=self.serve, args=(connection,)))
                self.threads[-1].start()

    def serve(self, connection):
        connection.settimeout(5)
        with suppress(OSError), connection:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                while request := self.read(connection):
                    self.requests.append(request)
                    self.current.request = request
                    sent = self.answer(connection)
                    if sent is None:
                        break
                    connection.sendall(sent)
        self.hung_up.set()

    def read(self, connection):
        request = b""
        while b"\r\n\r\n" not in request:
            if not (part := connection.recv(65536)):
                return b""
            request += part
        head, _, body = request.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                while len(body) < int(line.split(b":")[1]):
                    body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        self.listener.close()


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


def reply(body=b"", status="200 OK", **headers):
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def ends_within(seconds):
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


# What is sent and what comes back


def test_an_answer_comes_back_whole_whatever_its_status(serve, client):
    server = serve(reply(b'{"error": "no"}', "422 Unprocessable", Content_Type="application/json", X_Trace="7"))

    response = client(server).get(f"{server.url}/users?id=3")

    assert (response.status, response.json(), response.headers["x-trace"]) == (422, {"error": "no"}, "7")
    assert response.url == f"{server.url}/users?id=3"


def test_a_form_goes_out_with_its_parameters_and_headers(serve, client):
    server = serve(reply())

    client(server).post(server.url + "/rest", params={"page": 2}, data={"users[0][name]": "Зоя"}, headers={"X-Key": "k"}, auth=("ü", "ö"))

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /rest?page=2 HTTP/1.1")
    assert b"X-Key: k" in head
    assert b"Authorization: Basic w7w6w7Y=" in head
    assert body == b"users%5B0%5D%5Bname%5D=%D0%97%D0%BE%D1%8F"


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_each_verb_sends_its_method(serve, client, method):
    server = serve(reply())

    getattr(client(server), method)(server.url, json={"a": 1})

    assert server.requests[0].startswith(method.upper().encode())
    assert server.requests[0].endswith(b'{"a": 1}')


def test_the_answer_to_head_has_no_body_and_the_connection_goes_on(serve, client):
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
    http = client(server)

    assert http.request("HEAD", server.url).content == http.request("HEAD", server.url).content == b""
    assert server.hits == 1


def test_a_redirect_is_an_answer_and_is_not_followed(serve, client):
    elsewhere = serve(reply(b"gold"))
    server = serve(reply(b"go away", "302 Found", Location=elsewhere.url))

    response = client(server, allow=[server.host, elsewhere.host]).get(server.url, headers={"X-Api-Key": "k"})

    assert (response.status, response.content, response.headers["Location"]) == (302, b"go away", elsewhere.url)
    assert elsewhere.hits == 0


def test_cookies_of_one_call_are_not_sent_with_the_next(serve, client):
    server = serve(reply(Set_Cookie="session=1"))
    http = client(server)

    http.get(server.url)
    http.get(server.url)

    assert b"ookie" not in server.requests[1]


def test_proxies_and_passwords_of_the_environment_are_ignored(serve, client, monkeypatch, tmp_path):
    proxy, server = serve(reply(b"proxy")), serve(reply(b"server"))
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)

    response = client(server).get(server.url)

    assert (response.content, proxy.hits) == (b"server", 0)
    assert b"Authorization" not in server.requests[0]


def test_threads_share_connections_without_mixing_answers(serve, client):
    server = serve(lambda _: reply(server.current.request.split(b" ")[1]))
    http = client(server)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: http.get(f"{server.url}/{number}").text, range(40)))

    assert answers == [f"/{number}" for number in range(40)]
    assert server.hits <= 8


def test_nothing_stays_open_after_close(serve):
    server = serve(reply())
    http = Http(allow=[server.host])
    http.get(server.url)
    http.close()

    assert server.hung_up.wait(2)
    gc.collect()  # a socket that was left open would be a ResourceWarning now, and warnings are errors


# Where calls may go


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.2",
        "127.1",
        "127.0.1",
        "0",
        "0.0.0.0",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7f.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "00000177.0.0.1",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
        "１２７.０.０.１",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "alias.test",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[fe80::1%25lo]",
        "user:secret@127.0.0.1",
        "public.test@127.0.0.1",
        "127.0.0.1\\@public.test",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_spelling_of_a_local_address_gets_through(serve, client, monkeypatch, scheme, host):
    names(monkeypatch, {"alias.test": "127.0.0.1", "localhost": "127.0.0.1", "public.test": "127.0.0.1"})
    canary = serve(reply(b"gold"))

    with pytest.raises(Misconfigured) as raised:
        client(allow=["127.0.0.1:1", "other.test:*"]).get(f"{scheme}://{host}:{canary.port}/")

    assert canary.hits == 0
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "moodle.school.test",
        "/rest",
        "ftp://school.test/",
        "file:///etc/passwd",
        "https://",
        "https:///x",
        "https://a:99999/",
        "https://[::1/",
        "https://*/",
    ],
)
def test_what_is_no_address_is_misconfigured(client, url):
    with pytest.raises(Misconfigured):
        client().get(url)


def test_plain_http_is_only_for_hosts_that_are_allowed(client, monkeypatch):
    asked = names(monkeypatch, {"school.test": "8.8.8.8"})

    with pytest.raises(Misconfigured, match="not encrypted"):
        client().get("http://school.test/")

    assert asked == []


def test_the_connection_goes_to_the_address_that_was_checked(client, monkeypatch):
    """A name server that gives a public address first and a local one afterwards gains nothing."""
    asked = names(monkeypatch, {"rebind.test": ["8.8.8.8", "127.0.0.1"]})
    connected = []

    def refuse(_, address):
        connected.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket.socket, "connect", refuse)

    with pytest.raises(Transient):
        client().get("https://rebind.test/")

    assert connected == [("8.8.8.8", 443)]
    assert asked == ["rebind.test"]


def test_an_allowed_host_may_use_any_port_if_its_entry_says_so(serve, client):
    server = serve(reply(b"ok"))

    assert client(allow=["127.0.0.1:*"]).get(server.url).text == "ok"


# Certificates


def test_a_certificate_is_checked_for_the_name_although_the_address_is_pinned(serve, client, authority, monkeypatch):
    names(monkeypatch, {"school.test": "127.0.0.1"})
    server = serve(reply(b"ok"), authority.server("school.test"))
    asked_for = []
    server.tls.sni_callback = lambda _socket, name, _context: asked_for.append(name)

    response = client(allow=["school.test:*"], verify=authority.file).get(f"https://school.test:{server.port}/")

    assert (response.text, asked_for) == ("ok", ["school.test"])


@pytest.mark.parametrize("fault", ["wrong name", "expired", "unknown authority"])
def test_a_bad_certificate_is_misconfigured_and_nothing_is_sent(serve, client, authority, monkeypatch, fault):
    names(monkeypatch, {"school.test": "127.0.0.1"})
    certificate = authority.server("other.test" if fault == "wrong name" else "school.test", expired=fault == "expired")
    server = serve(reply(b"ok"), certificate)
    http = client(allow=["school.test:*"], verify=True if fault == "unknown authority" else authority.file)

    with pytest.raises(Misconfigured, match="certificate"):
        http.post(f"https://school.test:{server.port}/", data={"password": "secret"})

    assert server.requests == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_an_old_tls_version_is_refused(serve, client, authority, monkeypatch):
    names(monkeypatch, {"school.test": "127.0.0.1"})
    server = serve(reply(b"ok"), authority.server("school.test"))
    server.tls.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    server.tls.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises(Transient):
        client(allow=["school.test:*"], verify=authority.file).post(f"https://school.test:{server.port}/")

    assert server.requests == []


def test_a_handshake_that_stalls_ends_with_the_time_for_connecting(serve, client, authority):
    with socket.create_server(("127.0.0.1", 0)) as mute, ends_within(1.5), pytest.raises(Transient):
        client(allow=["127.0.0.1:*"], connect=0.2).post(f"https://127.0.0.1:{mute.getsockname()[1]}/")


def test_a_slow_body_over_tls_ends_by_the_deadline(serve, client, authority, monkeypatch):
    names(monkeypatch, {"school.test": "127.0.0.1"})
    server = serve(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"), authority.server("school.test"))

    with ends_within(1.5), pytest.raises(Ambiguous, match="within"):
        client(allow=["school.test:*"], verify=authority.file, deadline=0.3).post(f"https://school.test:{server.port}/")


def test_a_file_of_authorities_that_cannot_be_read_is_misconfigured(tmp_path):
    with pytest.raises(Misconfigured):
        Http(verify=str(tmp_path / "none.pem"))


# Faults


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
            with ends_within(1.5), pytest.raises(Transient):
                client(allow=["127.0.0.1:*"], connect=0.2).post(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        finally:
            for connection in waiting:
                connection.close()


def drip(head=b"", byte=b"x"):
    """Send the head at once and then a byte every 20 ms, until the client has had enough."""

    def answer(connection):
        connection.sendall(head)
        for _ in range(100):
            connection.sendall(byte)
            time.sleep(0.02)  # the fault itself

    return answer


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

    with ends_within(2), pytest.raises(outcome):
        client(server, deadline=0.3, max_bytes=1500).request(method, server.url)


@pytest.mark.parametrize(
    ("method", "idempotent", "outcome"),
    [
        ("PUT", False, Ambiguous),
        ("PATCH", False, Ambiguous),
        ("DELETE", False, Ambiguous),
        ("HEAD", False, Transient),
        ("post", True, Transient),
    ],
)
def test_only_what_may_be_repeated_is_transient(serve, client, method, idempotent, outcome):
    server = serve(FAULTS["hang-up"])

    with pytest.raises(outcome):
        client(server).request(method, server.url, idempotent=idempotent)


def test_a_kept_connection_that_the_server_closed_is_replaced(serve, client):
    def once(connection):
        connection.sendall(reply(b"ok"))

    server = serve(once)
    http = client(server)
    http.post(server.url)
    assert server.hung_up.wait(2)

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


# What cannot be sent


def test_a_key_with_a_line_break_is_misconfigured_and_not_repeated_in_the_error(client):
    with pytest.raises(Misconfigured) as raised:
        client().get("https://school.test/", headers={"X-Api-Key": "hunter2\r\nX-Evil: 1"})

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("options", [{"data": {"name": "\ud800"}}, {"params": {"name": "\ud800"}}, {"json": {"name": float("nan")}}])
def test_text_that_cannot_be_encoded_blocks_the_account_not_the_provider(client, options):
    with pytest.raises(Permanent):
        client().post("https://school.test/", **options)


# Pace


def test_calls_keep_their_distance_over_all_threads(serve, client):
    server = serve(reply())
    http = client(server, rate=40)
    begun = time.monotonic()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: http.get(server.url), range(9)))

    assert time.monotonic() - begun >= 8 / 40


def test_a_call_whose_turn_comes_too_late_fails_at_once(serve, client):
    server = serve(reply())
    http = client(server, rate=0.1, deadline=0.5)
    http.get(server.url)

    with ends_within(0.4), pytest.raises(Transient) as raised:
        http.post(server.url)

    assert timedelta(seconds=9) < raised.value.retry_after <= timedelta(seconds=10)


# Reading an answer


def answer(content=b"", **headers):
    return Response(
        status=200, headers={name.replace("_", "-"): value for name, value in headers.items()}, content=content, url="https://school.test/"
    )


@pytest.mark.parametrize("content", [b"", b"<html>Log in</html>", b'{"a": NaN}', b'{"a": 1', b'"\xff"', b"[" * 100_000])
def test_what_is_not_json_is_a_bad_response(content):
    with pytest.raises(Transient) as raised:
        answer(content).json()

    assert raised.value.code == "bad-response"


def test_json_may_begin_with_a_byte_order_mark():
    assert answer(b'\xef\xbb\xbf{"a": 1}').json() == {"a": 1}


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        ("Ελένη".encode(), "text/html", "Ελένη"),
        ("Ελένη".encode("iso-8859-7"), "text/html; charset=ISO-8859-7", "Ελένη"),
        (b"\xff", "text/plain; charset=utf-8", "\ufffd"),
        (b"abc", "text/plain; charset=rot13", "abc"),
        (b"abc", "text/plain; charset=iso-8859-99", "abc"),
        (b"abc", 'text/plain; charset="utf-8"', "abc"),
    ],
)
def test_text_is_read_in_the_encoding_that_the_answer_names(content, kind, text):
    assert answer(content, Content_Type=kind).text == text


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0), ("120", 120), (" 7 ", 7), ("1.5", 1.5), ("-1", 0), ("99999999", 86400), ("9" * 5000, 86400)],
)
def test_retry_after_in_seconds_is_kept_between_now_and_a_day(value, seconds):
    assert answer(Retry_After=value).retry_after() == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["", "soon", "5, 10", "٣", "1e3", "inf", "nan", "Tue, 99 Foo 2026 00:00:00 GMT", "2026-01-01T00:00:00Z"])
def test_retry_after_that_cannot_be_read_says_nothing(value):
    assert answer(Retry_After=value).retry_after() is None


def test_no_retry_after_says_nothing():
    assert answer().retry_after() is None


@pytest.mark.parametrize(("ahead", "expected"), [(timedelta(minutes=5), 300), (timedelta(hours=-1), 0), (timedelta(days=3), 86400)])
def test_retry_after_as_a_date_counts_from_the_servers_clock(ahead, expected):
    server_time = datetime(2020, 1, 1, tzinfo=UTC)

    waiting = answer(Retry_After=format_datetime(server_time + ahead, usegmt=True), Date=format_datetime(server_time, usegmt=True))

    assert waiting.retry_after() == timedelta(seconds=expected)


def test_retry_after_as_a_date_counts_from_now_without_a_server_clock():
    waiting = answer(Retry_After=format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)).retry_after()

    assert timedelta(seconds=290) < waiting <= timedelta(seconds=300)


def test_an_answer_shows_nothing_but_its_status():
    shown = repr(Response(status=200, headers={"Set-Cookie": "secret"}, content=b"secret", url="https://school.test/?key=secret"))

    assert "secret" not in shown


# Helpers


def names(monkeypatch, known):
    """Let the resolver know these names (a list is given out one by one); return the list of names it was asked for."""
    real, asked = socket.getaddrinfo, []

    def look_up(host, port, *args, **options):
        if host not in known:
            return real(host, port, *args, **{**options, "flags": socket.AI_NUMERICHOST})
        asked.append(host)
        address = known[host].pop(0) if isinstance(known[host], list) else known[host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


class Authority:
    """Signs certificates for servers of tests."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
        certificate = self.build(self.name, self.key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.file = str(folder / "authority.pem")
        self.write(self.file, certificate.sign(self.key, hashes.SHA256()))

    def build(self, subject, key, *, until=timedelta(days=1)):
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + until)
        )

    def server(self, host, *, expired=False):
        key = ec.generate_private_key(ec.SECP256R1())
        with suppress(ValueError):
            host = ip_address(host)
        name = x509.SubjectAlternativeName([x509.DNSName(host) if isinstance(host, str) else x509.IPAddress(host)])
        until = timedelta(days=-1) if expired else timedelta(days=1)
        certificate = self.build(x509.Name([]), key, until=until).add_extension(name, critical=True).sign(self.key, hashes.SHA256())
        file = str(self.folder / f"{certificate.serial_number}.pem")
        self.write(file, certificate, key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def write(self, file, certificate, key=None):
        text = certificate.public_bytes(serialization.Encoding.PEM)
        if key:
            text += key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        Path(file).write_bytes(text)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))
