"""Where calls may go, and that a certificate is checked for the name although the address is pinned."""

import socket
import ssl

import pytest
from effort import ends_early
from http_servers import drip, names, reply

from rolecall.errors import Ambiguous, Misconfigured, Transient
from rolecall.sdk.http import Http


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
    with socket.create_server(("127.0.0.1", 0)) as mute, ends_early(), pytest.raises(Transient):
        client(allow=["127.0.0.1:*"], connect=0.2, deadline=60).post(f"https://127.0.0.1:{mute.getsockname()[1]}/")


def test_a_slow_body_over_tls_ends_by_the_deadline(serve, client, authority, monkeypatch):
    names(monkeypatch, {"school.test": "127.0.0.1"})
    server = serve(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"), authority.server("school.test"))

    with ends_early(), pytest.raises(Ambiguous, match="within"):
        client(allow=["school.test:*"], verify=authority.file, deadline=0.3).post(f"https://school.test:{server.port}/")


def test_a_file_of_authorities_that_cannot_be_read_is_misconfigured(tmp_path):
    with pytest.raises(Misconfigured):
        Http(verify=str(tmp_path / "none.pem"))
