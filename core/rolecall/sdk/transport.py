"""Connections that obey one call: its destinations, its total deadline, and whether anything of it was sent.

Owns the sockets. Every wait of a call ends by the call's deadline, however slowly bytes arrive, because each read and write is given
only the time that is left. Knows nothing of requests, replies or retries.
"""

import logging
import re
import socket
import ssl
import time
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from rolecall.errors import Misconfigured, Transient
from rolecall.sdk.addresses import Destinations, Endpoint


@dataclass(slots=True, kw_only=True)
class Call:
    """One request on its way. Times are of the monotonic clock, in seconds."""

    destinations: Destinations
    deadline: float
    #: The most that name, connection and TLS handshake may take together, in seconds.
    connect: float
    #: The most bytes that may arrive, head and framing included, before anything is made of them.
    max_received: int
    connect_by: float = 0.0
    received: int = 0
    #: Whether a byte of the request may have left: from then on nobody knows what the server did.
    sent: bool = False

    def left(self) -> float:
        """Return the seconds left; raise ``TimeoutError`` when there are none."""
        return _seconds_until(self.deadline)

    def left_to_connect(self) -> float:
        """Return the seconds left for the connection; raise ``TimeoutError`` when there are none."""
        return _seconds_until(min(self.deadline, self.connect_by))

    def count(self, received: int) -> int:
        """Add up what arrived and return it; raise ``TooLargeError`` when it is more than any honest answer needs."""
        self.received += received
        if self.received > self.max_received:
            raise TooLargeError
        return received


class TooLargeError(Exception):
    """The answer is larger than the call allows. No ``OSError``, so that nothing on the way takes it for a broken connection."""


#: The call that the current thread is making. A connection serves many calls, one after the other, each in its own thread.
current: ContextVar[Call] = ContextVar("current")


def _seconds_until(moment: float) -> float:
    seconds = moment - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the time for the call is over")
    return seconds


class _Socket(socket.socket):
    """A socket that gives each operation the time the call has left."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        call = current.get()
        self.settimeout(call.left())
        return call.count(super().recv_into(*args, **kwargs))

    def sendall(self, data: Any, flags: int = 0) -> None:
        call = current.get()
        self.settimeout(call.left())
        call.sent = True
        super().sendall(data, flags)


class _TlsSocket(ssl.SSLSocket):
    """The same over TLS; the handshake belongs to connecting."""

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(current.get().left_to_connect())
        super().do_handshake(block)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        call = current.get()
        self.settimeout(call.left())
        return call.count(super().recv_into(*args, **kwargs))

    def send(self, data: Any, flags: int = 0) -> int:
        call = current.get()
        self.settimeout(call.left())
        call.sent = True
        return super().send(data, flags)


def connect(host: str, port: int) -> socket.socket:
    """Connect the current call to a checked address of the host, trying one after the other.

    :raises Misconfigured: when no address of the host may be called.
    :raises Transient: when none answers in time.
    """
    call = current.get()
    call.connect_by = time.monotonic() + call.connect
    failure: OSError | None = None
    try:
        endpoints = call.destinations.endpoints(host, port, seconds=call.left_to_connect())
        for index, endpoint in enumerate(endpoints):
            # The first address may be a black hole: it gets its share of the time, not all of it.
            seconds = call.left_to_connect() / (len(endpoints) - index)
            try:
                return _connected(endpoint, seconds)
            except OSError as error:
                failure = error
    except TimeoutError as error:
        failure = error
    reason = "it did not answer in time" if isinstance(failure, TimeoutError) else getattr(failure, "strerror", None) or failure
    raise Transient(f"No connection to {host}:{port}: {reason}.") from failure


def _connected(endpoint: Endpoint, seconds: float) -> socket.socket:
    made = _Socket(endpoint.family, socket.SOCK_STREAM)
    try:
        made.settimeout(seconds)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.connect(endpoint.address)
    except BaseException:
        made.close()
        raise
    return made


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return connect(self.host, self.port)


class _TlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return connect(self.host, self.port)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def pools(*, verify: bool | str, connections: int) -> PoolManager:
    """Return connection pools whose connections obey :data:`current`; ``connections`` are kept open per server."""
    manager = PoolManager(num_pools=8, maxsize=connections, ssl_context=tls_context(verify))
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return manager


@lru_cache(maxsize=16)
def tls_context(verify: bool | str) -> ssl.SSLContext:
    """Return the TLS settings: 1.2 or newer, certificates checked against the system's authorities and the well-known ones.

    ``verify`` may name a file or folder of authorities to be trusted instead of these, or be false for no check at all.

    :raises Misconfigured: when that file cannot be read.
    """
    if isinstance(verify, str):
        try:
            folder = Path(verify).is_dir()
            context = ssl.create_default_context(cafile=None if folder else verify, capath=verify if folder else None)
        except (OSError, ValueError) as error:
            raise Misconfigured(f"The certificates in {verify} cannot be read.", hint="Name a file in PEM format.") from error
    else:
        context = ssl.create_default_context()
        context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _TlsSocket
    return context


_QUERY = re.compile(r"\?\S+")


def _without_queries(record: logging.LogRecord) -> bool:
    """Take the query out of the addresses that urllib3 logs: services put their keys there."""
    if isinstance(record.args, tuple):
        record.args = tuple(_QUERY.sub("?...", value) if isinstance(value, str) else value for value in record.args)
    return True


for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(_without_queries)
