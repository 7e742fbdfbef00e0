"""Puts a fake provider on a real port of this machine, writes down every request, and breaks what it is told to break.

Owns the connections. Knows nothing of what the fake does: it is a WSGI application.
"""

import os
import socket
import struct
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self
from wsgiref.types import WSGIApplication

from requests.structures import CaseInsensitiveDict

from rolecall.sdk.http import Http
from rolecall.testing.exchange import Exchange, Reply, ask
from rolecall.testing.faults import Delay, Drip, Drop, Fail, Fault, Faults, Match, Moment, Run

_LOGIN_PAGE = b"<!doctype html><title>Log in</title><form><input name=username></form>"


class Wire:
    """A WSGI application on a real loopback port, for as long as the ``with`` block lasts::

        with Wire(fake) as wire:
            provider = MyProvider({"url": wire.url}, wire.http)
            wire.drop(when="after", match=lambda request: request.path == "/users")

            with pytest.raises(Ambiguous):
                provider.create(anna, wanted, None)

        assert [request.method for request in wire.journal] == ["POST"]

    Each fault strikes the ``next`` so many requests for which ``match`` says yes (without it: any), or all of them until
    :meth:`mend` when ``next`` is none. A request is struck by one fault at most, the one that was asked for first.

    :param app: the application; an exception in it is answered with 500 and raised again at the end of the block.
    :param deadline: seconds that a call by :attr:`http` may take in all.
    """

    def __init__(self, app: WSGIApplication, *, deadline: float = 5.0) -> None:
        #: Every request in the order of arrival; what a fault kept from the application is here too.
        self.journal: list[Exchange] = []
        #: What the application, a ``match`` or a ``run`` raised.
        self.errors: list[Exception] = []
        self._app = app
        self._faults = Faults()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._port: int = self._listener.getsockname()[1]
        #: ``host:port``, as an ``Http`` of your own may be allowed to call it.
        self.host = f"127.0.0.1:{self._port}"
        #: The base address to give to the provider, without a slash at its end.
        self.url = f"http://{self.host}"
        #: A client that may call the application, and nothing else.
        self.http = Http(allow=[self.host], deadline=deadline)
        self._acceptor = threading.Thread(target=self._accept, name="wire", daemon=True)
        self._acceptor.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
        if self.errors and error is None:
            raise self.errors[0]

    def close(self) -> None:
        """Stop listening, end every connection and wait for the requests under way. Closing twice is no error."""
        self._closing.set()
        self.http.close()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def fail(
        self,
        *,
        next: int | None = 1,
        status: int = 503,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes = b"",
        match: Match | None = None,
    ) -> None:
        """Answer with this instead of asking the application."""
        self._faults.plan(Fail(status=status, headers=headers, body=body), next=next, match=match)

    def garbage(
        self,
        *,
        next: int | None = 1,
        body: bytes = _LOGIN_PAGE,
        content_type: str = "text/html; charset=utf-8",
        match: Match | None = None,
    ) -> None:
        """Answer 200 with a body that is no answer, instead of asking the application: by default, somebody's log-in page."""
        self._faults.plan(Fail(status=200, headers={"Content-Type": content_type}, body=body), next=next, match=match)

    def drop(self, *, next: int | None = 1, when: Moment = "before", match: Match | None = None) -> None:
        """Reset the connection: before the application ran, after it ran, or in the middle of its reply (``mid``)."""
        self._faults.plan(Drop(when=when), next=next, match=match)

    def delay(self, seconds: float, *, next: int | None = 1, match: Match | None = None) -> None:
        """Wait this long before asking the application."""
        self._faults.plan(Delay(seconds=seconds), next=next, match=match)

    def drip(
        self,
        seconds: float = 0.05,
        *,
        next: int | None = 1,
        part: Literal["head", "body"] = "body",
        match: Match | None = None,
    ) -> None:
        """Send the application's reply byte by byte, ``seconds`` apart, from its first byte (``head``) or that of its body."""
        self._faults.plan(Drip(seconds=seconds, part=part), next=next, match=match)

    def run(
        self,
        action: Callable[[], object],
        *,
        next: int | None = 1,
        when: Moment = "before",
        match: Match | None = None,
    ) -> None:
        """Call ``action`` at that point of the exchange, which then goes on: make another change, kill the worker."""
        self._faults.plan(Run(action=action, when=when), next=next, match=match)

    def mend(self) -> None:
        """Forget every fault that has not struck yet."""
        self._faults.clear()

    @property
    def waiting(self) -> int:
        """How many requests are still to be struck by a fault: 0 tells that each one has happened."""
        return self._faults.waiting

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is shut down
            while True:
                connection, address = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._serve, args=(connection, address), name="wire-connection", daemon=True)
                with self._lock:
                    self._connections.add(connection)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket, address: Any) -> None:
        try:
            with suppress(OSError, _DroppedError):  # the client has gone, the wire is closing, or that was the fault
                _Handler(connection, address, self)
        except Exception as error:  # noqa: BLE001 - raised by an action in the middle of a reply: the test has to see it
            self.errors.append(error)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _exchange(self, request: Exchange, connection: socket.socket, *, keep: bool) -> None:
        """Write the request down, answer it and carry out the fault that strikes it.

        :raises _DroppedError: when the fault was to drop the connection.
        """
        self.journal.append(request)
        fault: Fault | None = None
        try:
            fault = self._faults.take(request)
            _at("before", fault, connection)
            if isinstance(fault, Delay):
                self._closing.wait(fault.seconds)
            reply = _canned(fault) if isinstance(fault, Fail) else ask(self._app, request, port=self._port)
            _at("after", fault, connection)
        except _DroppedError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the application raised: the client gets a 500, the test the error
            reply = self._broken(error)
        request.status = reply.status
        self._send(reply.render(method=request.method, keep=keep), fault, connection)

    def _send(self, parts: tuple[bytes, bytes], fault: Fault | None, connection: socket.socket) -> None:
        head, body = parts
        whole = head + body
        if isinstance(fault, Drip):
            at_once = 0 if fault.part == "head" else len(head)
            connection.sendall(whole[:at_once])
            for position in range(at_once, len(whole)):
                if self._closing.wait(fault.seconds):
                    break
                connection.sendall(whole[position : position + 1])
            return
        middle = len(head) + len(body) // 2 if len(body) > 1 else len(head) // 2
        if _strikes("mid", fault):
            connection.sendall(whole[:middle])
            _at("mid", fault, connection)
            connection.sendall(whole[middle:])
        else:
            connection.sendall(whole)
        _at("end", fault, connection)

    def _broken(self, error: Exception) -> Reply:
        self.errors.append(error)
        text = "".join(traceback.format_exception(error))
        return Reply(status=500, headers=(("Content-Type", "text/plain; charset=utf-8"),), body=text.encode())


class _DroppedError(Exception):
    """The connection was reset on request."""


class _Handler(BaseHTTPRequestHandler):
    """Reads requests from one connection until it ends."""

    protocol_version = "HTTP/1.1"

    def __init__(self, connection: socket.socket, address: Any, wire: Wire) -> None:
        self._wire = wire
        super().__init__(connection, address, wire)  # type: ignore[arg-type] # the server is only ever handed through

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self.send_error(411)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = MappingProxyType(CaseInsensitiveDict(self.headers.items()))
        request = Exchange(method=self.command, target=self.path, headers=headers, body=body)
        self._wire._exchange(request, self.connection, keep=not self.close_connection)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the journal is the log."""


def _canned(fault: Fail) -> Reply:
    return Reply(status=fault.status, headers=tuple(fault.headers.items()), body=fault.body)


def _strikes(moment: Moment, fault: Fault | None) -> bool:
    return isinstance(fault, Drop | Run) and fault.when == moment


def _at(moment: Moment, fault: Fault | None, connection: socket.socket) -> None:
    """Carry out a fault that belongs to this point of the exchange."""
    if isinstance(fault, Run) and fault.when == moment:
        fault.action()
    if isinstance(fault, Drop) and fault.when == moment:
        # Lingering for no time makes the close a reset; closing the number itself, because readers of the socket still hold it open.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(connection.detach())
        raise _DroppedError
