"""What a channel reaches the world with: guarded HTTP, and guarded connections for protocols that are not HTTP.

Owns that such a connection obeys the same rule as a call by HTTP: only allowed addresses, a total deadline, a limit to what may arrive.
"""

import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rolecall.sdk import transport
from rolecall.sdk.addresses import Destinations
from rolecall.sdk.http import Http
from rolecall.sdk.transport import Call

#: More than any server has to say about one message.
MAX_RECEIVED = 2**20


class Tcp:
    """Opens connections for one plugin. Safe to use from several threads.

    :param allow: ``host:port`` or ``host:*`` entries that may be loopback or private, and may be spoken to without encryption.
    :param deadline: seconds that everything within one :meth:`call` may take in all.
    :param connect: seconds that name, connection and TLS handshake may take of these.
    :param verify: a file or folder of certificate authorities to trust instead of the usual ones.
    """

    def __init__(self, *, allow: Sequence[str] = (), deadline: float = 30.0, connect: float = 10.0, verify: bool | str = True) -> None:
        self._destinations = Destinations(allow)
        self._deadline = deadline
        self._connect = connect
        self._verify = verify

    @contextmanager
    def call(self) -> Iterator[Call]:
        """Bound everything that happens within by one deadline; every read and write of a connection happens in one.

        Whatever waits longer raises ``TimeoutError``. ``Call.sent`` tells whether a byte may have left.
        """
        call = Call(
            destinations=self._destinations,
            deadline=time.monotonic() + self._deadline,
            connect=min(self._connect, self._deadline),
            max_received=MAX_RECEIVED,
        )
        token = transport.current.set(call)
        try:
            yield call
        finally:
            transport.current.reset(token)

    def open(self, host: str, port: int) -> socket.socket:
        """Connect, within a :meth:`call`, to an address of the host that may be called.

        :raises Misconfigured: when no address of the host may be called.
        :raises Transient: when none answers in time.
        """
        return transport.connect(host, port)

    def may_be_plain(self, host: str, port: int) -> bool:
        """Tell whether the operator named this host and port, so that it may be spoken to without encryption."""
        return self._destinations.allows(host, port)

    @property
    def tls(self) -> ssl.SSLContext:
        """The TLS settings for connections of :meth:`open`: 1.2 or newer, certificates checked.

        :raises Misconfigured: when the file of authorities cannot be read.
        """
        return transport.tls_context(self._verify)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The ways of one plugin to the world."""

    http: Http
    tcp: Tcp
