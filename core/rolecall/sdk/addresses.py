"""Decides which addresses a plugin may call and looks names up within a time limit.

Owns the difference between the internet and the house the server stands in. Knows nothing of HTTP: whoever connects must connect to
the endpoints returned here and to nothing else, because asking the name server a second time may give another answer.
"""

import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from queue import Empty, SimpleQueue
from typing import Any

from rolecall.errors import ConfigurationError, Misconfigured, Transient

#: The one IPv6 range that is routed on the internet; NAT64, IPv4-mapped, link-local and unique local addresses lie outside it.
_ROUTED_V6 = IPv6Network("2000::/3")

#: Written out, because what ``ipaddress`` calls global differs between Python versions and includes tunnels and multicast.
_NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers (CGNAT)
        "127.0.0.0/8",
        "168.63.129.16/32",  # the control plane of a cloud, seen only from inside it
        "169.254.0.0/16",  # link-local, and the metadata services of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
        "2001::/23",  # Teredo and other protocols that carry an IPv4 address
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)

#: A last label of digits or of 0x and hex digits is a number to the resolver: ``127.1``, ``0x7f.1``, ``2130706433``, ``0177.0.0.1``.
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A checked address, in the form a socket connects to."""

    family: int
    address: tuple[Any, ...]


class Destinations:
    """The rule for where plugins may call: public addresses, and the ``host:port`` or ``host:*`` entries of the operator.

    :raises ConfigurationError: when an entry of ``allow`` is neither.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._allowed = frozenset(_parse_entry(entry) for entry in allow)

    def allows(self, host: str, port: int) -> bool:
        """Tell whether the operator has named this host and port, so that it may be inside the house and speak plain http."""
        name = _canonical(host)
        return (name, port) in self._allowed or (name, None) in self._allowed

    def endpoints(self, host: str, port: int, *, seconds: float) -> list[Endpoint]:
        """Look the host up, once, and return the addresses that may be connected to, in the resolver's order.

        A name may have public and other addresses (a network with NAT64 adds one to every name): the others are left out.

        :raises Misconfigured: when no address may be called.
        :raises Transient: when the name is not found, or not within ``seconds``.
        """
        name = _canonical(host)
        allowed = self.allows(name, port)
        if not allowed and _is_odd_number(name):
            raise Misconfigured(
                f"The address {host} is a number in an unusual spelling and was not called.",
                hint="Write the server's name, or its address as four numbers.",
            )
        found = _look_up(name, port, seconds)
        usable = [endpoint for endpoint in found if allowed or is_public(ip_address(endpoint.address[0]))]
        if not usable:
            raise Misconfigured(
                f"The server {host} was not called, because its address {found[0].address[0]} is not a public one.",
                hint=f"If it stands in your own network, the operator can add {_entry(name, port)} to ROLECALL_OUTBOUND_ALLOW.",
            )
        return usable


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is on the internet: not loopback, private, link-local, multicast, reserved, nor a tunnel to such."""
    if isinstance(address, IPv6Address) and address not in _ROUTED_V6:
        return False
    return address.is_global and not any(address in network for network in _NOT_PUBLIC)


def _canonical(host: str) -> str:
    name = host.strip("[]").lower().removesuffix(".")
    try:
        return str(ip_address(name))
    except ValueError:
        return name


def _entry(name: str, port: int) -> str:
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def _parse_entry(entry: str) -> tuple[str, int | None]:
    host, _, port = entry.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if host and not re.search(r"[\s/@*]", host) and (bracketed or ":" not in host):
        if port == "*":
            return _canonical(host), None
        if _PORT.fullmatch(port) and 0 < int(port) < 65536:
            return _canonical(host), int(port)
    raise ConfigurationError(
        f"{entry!r} is not an address that plugins can be allowed to call.",
        hint="Write host:port, or host:* for every port, in ROLECALL_OUTBOUND_ALLOW.",
    )


def _is_literal(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_odd_number(name: str) -> bool:
    return not _is_literal(name) and _NUMBER.fullmatch(name.rpartition(".")[2]) is not None


def _look_up(name: str, port: int, seconds: float) -> list[Endpoint]:
    """Ask the resolver in a thread of its own: it has no time limit that a caller could set."""
    if _is_literal(name):
        return _ask(name, port, socket.AI_NUMERICHOST)
    answers: SimpleQueue[list[Endpoint] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_ask(name, port, 0))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the thread that waits
            answers.put(error)

    threading.Thread(target=ask, name="rolecall-resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0))
    except Empty:
        raise Transient(f"The name server gave no address for {name} in time.") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _ask(name: str, port: int, flags: int) -> list[Endpoint]:
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError:
        raise Misconfigured(f"{name} is not a server's name.", hint="Correct the address in the integration's settings.") from None
    except OSError as error:
        raise Transient(
            f"The server {name} was not found: {error.strerror or error}.",
            hint="If this goes on, check the address in the integration's settings.",
        ) from error
    endpoints = [Endpoint(family=family, address=address) for family, _, _, _, address in found]
    if not endpoints:
        raise Transient(f"The name server knows no address for {name}.")
    return endpoints
