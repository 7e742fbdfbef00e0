"""Which addresses may be called."""

import socket
import threading
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolecall.errors import ConfigurationError, Misconfigured, Transient
from rolecall.sdk.addresses import Destinations, is_public


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%lo",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_inside_the_house_or_leading_there_is_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "100.128.0.1", "193.0.6.139", "2606:4700::1111", "2a00:1450::1"])
def test_an_address_of_the_internet_is_public(address):
    assert is_public(ip_address(address))


@given(st.one_of(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)))
def test_what_python_knows_as_not_global_is_never_public(address):
    assert address.is_global or not is_public(address)


@pytest.mark.parametrize(
    ("entry", "host", "port"),
    [
        ("moodle.school.test:8080", "moodle.school.test", 8080),
        ("Moodle.School.test:8080", "moodle.SCHOOL.test.", 8080),
        ("127.0.0.1:*", "127.0.0.1", 81),
        ("[::1]:443", "::1", 443),
        ("[::1]:443", "[0:0:0:0:0:0:0:1]", 443),
        (" localhost:80 ", "localhost", 80),
    ],
)
def test_an_entry_allows_its_host_and_port(entry, host, port):
    assert Destinations([entry]).allows(host, port)


@pytest.mark.parametrize(
    ("entry", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8081),
        ("127.0.0.1:8080", "localhost", 8080),
        ("school.test:*", "moodle.school.test", 80),
        ("school.test:*", "school.test.evil.test", 80),
    ],
)
def test_an_entry_allows_nothing_else(entry, host, port):
    assert not Destinations([entry]).allows(host, port)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "localhost",
        ":80",
        "*:80",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "localhost:http",
        "http://localhost:80",
        "a b:1",
        "::1:80",
    ],
)
def test_an_entry_that_names_no_host_and_port_is_refused(entry):
    with pytest.raises(ConfigurationError):
        Destinations([entry])


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "127.1", "127.0.1", "010.8.8.8", "134744072", "1.2.3.4.5", "0x"]
)
def test_a_number_in_an_odd_spelling_is_refused_wherever_it_leads(host):
    with pytest.raises(Misconfigured):
        Destinations().endpoints(host, 443, seconds=15)


def test_only_the_public_ones_of_several_addresses_are_used(monkeypatch):
    names(monkeypatch, {"mixed.test": ["10.0.0.1", "8.8.8.8", "64:ff9b::808:808"]})

    found = Destinations().endpoints("mixed.test", 443, seconds=15)

    assert [endpoint.address[0] for endpoint in found] == ["8.8.8.8"]


def test_a_name_without_a_public_address_is_refused(monkeypatch):
    names(monkeypatch, {"inside.test": ["10.0.0.1", "::1"]})

    with pytest.raises(Misconfigured, match=r"10\.0\.0\.1"):
        Destinations().endpoints("inside.test", 443, seconds=15)


def test_an_allowed_name_may_lead_anywhere(monkeypatch):
    names(monkeypatch, {"inside.test": ["10.0.0.1"]})

    found = Destinations(["inside.test:443"]).endpoints("inside.test", 443, seconds=15)

    assert [endpoint.address for endpoint in found] == [("10.0.0.1", 443)]


def test_a_name_that_nobody_knows_is_tried_again_later(monkeypatch):
    names(monkeypatch, {})

    with pytest.raises(Transient):
        Destinations().endpoints("nowhere.test", 443, seconds=15)


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "..", ""])
def test_a_name_that_cannot_be_one_is_an_error_of_the_provider(host):
    with pytest.raises((Misconfigured, Transient)):
        Destinations().endpoints(host, 443, seconds=15)


def test_a_name_server_that_does_not_answer_is_given_up(monkeypatch):
    release = threading.Event()

    def hang(*_args, **_options):
        release.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        with pytest.raises(Transient, match="in time"):
            Destinations().endpoints("slow.test", 443, seconds=0.1)
    finally:
        release.set()


def names(monkeypatch, known):
    """Let the resolver know these names and no others; numbers it still understands by itself."""
    real = socket.getaddrinfo

    def look_up(host, port, *args, **options):
        if host not in known:
            options["flags"] = socket.AI_NUMERICHOST
            return real(host, port, *args, **options)
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
