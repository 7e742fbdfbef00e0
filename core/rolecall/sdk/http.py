"""The only way from a plugin to the network: guarded, bounded in time and size, never following a redirect.

Owns how a failed call is classed: nothing sent is ``Transient``, sent without a complete answer is ``Ambiguous``. A status code is an
answer, and what it means is for the plugin to say. Knows nothing of providers, accounts or retries.
"""

import json as json_module
import re
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from types import MappingProxyType
from typing import Any, TypeVar

import requests
from requests.structures import CaseInsensitiveDict
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import parse_url

from rolecall.errors import Ambiguous, Misconfigured, Permanent, ProviderError, Transient
from rolecall.sdk.addresses import Destinations
from rolecall.sdk.transport import Call, TooLargeError, current, pools

E = TypeVar("E", bound=Exception)

#: A server that asks for more patience than this is asked again after this.
LONGEST_RETRY_AFTER = timedelta(hours=24)
#: Read and decompress in pieces of this size, so that the size limit is noticed before the memory is gone.
_PIECE = 64 * 1024
#: Room for the head and the framing of an answer, beside its body.
_HEAD = 2**20
#: Connections kept open to one server: as many as a provider has workers.
_CONNECTIONS = 16
_READS = frozenset({"GET", "HEAD"})
_HEADERS = {"User-Agent": "Rolecall", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
#: Encodings that a reply may name: Python knows others that are no encodings of text, or take very long.
_CHARSET = re.compile(r"charset\s*=\s*\"?(utf-?(?:8|16|32)|us-ascii|iso-8859-\d{1,2}|windows-125\d)\b", re.IGNORECASE)
_SECONDS = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A complete answer, whatever its status. Its text shows the status only: addresses and bodies may hold secrets."""

    status: int
    #: Names in any case; repeated ones are joined with a comma.
    headers: Mapping[str, str] = field(repr=False)
    #: The body, decompressed.
    content: bytes = field(repr=False)
    url: str = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text, in the reply's encoding or UTF-8; what cannot be read becomes U+FFFD."""
        named = _CHARSET.search(self.headers.get("Content-Type", ""))
        try:
            return self.content.decode(named[1] if named else "utf-8", errors="replace")
        except LookupError:
            return self.content.decode(errors="replace")

    def json(self) -> Any:
        """Return the body as JSON.

        :raises Transient: with the code ``bad-response``, when it is something else: a log-in page, a proxy's error, half a reply.
        """
        try:
            return json_module.loads(self.content, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            error = Transient(
                f"{parse_url(self.url).host} answered with something that is not JSON (status {self.status}).",
                hint="If this goes on, check that the address in the integration's settings is the service itself.",
            )
            error.code = "bad-response"
            raise error from None

    def retry_after(self) -> timedelta | None:
        """Return how long the server asked to wait: never negative, at most 24 hours, none if it said nothing readable."""
        value = self.headers.get("Retry-After", "").strip()
        if _SECONDS.fullmatch(value):
            seconds = float(value)
        else:
            until = _http_date(value)
            if until is None:
                return None
            # Measured on the server's own clock where it tells the time, because its clock and ours may differ.
            seconds = (until - (_http_date(self.headers.get("Date", "")) or datetime.now(UTC))).total_seconds()
        return timedelta(seconds=min(max(seconds, 0), LONGEST_RETRY_AFTER.total_seconds()))


class Http:
    """Makes calls for one plugin. Safe to use from several threads; close it when done.

    :param allow: ``host:port`` or ``host:*`` entries that may be loopback or private and may speak plain http.
    :param deadline: seconds that a call may take in all, waiting for its turn and reading the last byte included.
    :param connect: seconds that name, connection and TLS handshake may take of these.
    :param max_bytes: the largest body accepted, counted after decompression.
    :param rate: calls a second, evenly spaced over all threads; none for no limit.
    :param verify: a file or folder of certificate authorities to trust instead of the usual ones; false for no check at all.
    :raises ConfigurationError: when an entry of ``allow`` cannot be read.
    :raises Misconfigured: when the file that ``verify`` names cannot be read.
    """

    def __init__(
        self,
        *,
        allow: Sequence[str] = (),
        deadline: float = 30.0,
        connect: float = 5.0,
        max_bytes: int = 5 * 2**20,
        rate: float | None = None,
        verify: bool | str = True,
    ) -> None:
        self._destinations = Destinations(allow)
        self._deadline = deadline
        self._connect = connect
        self._max_bytes = max_bytes
        self._pace = Pace(rate) if rate else None
        self._pools = pools(verify=verify, connections=_CONNECTIONS)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | Sequence[tuple[str, str]] | bytes | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        idempotent: bool = False,
        weight: int = 1,
        once: bool = False,
    ) -> Response:
        """Send one request and return the complete answer, whatever its status; a redirect is an answer like any other.

        :param idempotent: that sending it twice does no harm, so that an unknown outcome is simply tried again.
        :param weight: of how many calls it counts towards the rate, where the service counts the parts of a batch.
        :param once: that sending it twice does harm even by GET or HEAD, as with services that send a message for each.
        :raises Misconfigured: the address may not be called or cannot be read, or the server's certificate was refused.
        :raises Permanent: the parameters or the body hold text that cannot be sent (half a character, not a number).
        :raises Transient: nothing was sent, or it may be sent again: GET and HEAD unless ``once``, and ``idempotent`` requests.
        :raises Ambiguous: it was sent and no complete answer came.
        """
        begun = time.monotonic()
        prepared = _prepare(method, url, params=params, data=data, json=json, headers=headers, auth=auth)
        host = self._check(prepared.url or "")
        if self._pace:
            self._pace.wait(before=begun + self._deadline, host=host, weight=weight)
        call = Call(
            destinations=self._destinations,
            deadline=begun + self._deadline,
            connect=self._connect,
            max_received=2 * self._max_bytes + _HEAD,
        )
        token = current.set(call)
        try:
            return self._exchange(prepared)
        except ProviderError:
            raise
        except Exception as error:
            # What is raised once something was sent comes from reading the answer, whatever it is; before that it may be a bug of ours.
            if not call.sent and not isinstance(error, HTTPError | HTTPException | OSError):
                raise
            repeatable = idempotent or (prepared.method in _READS and not once) or not call.sent
            raise self._classed(error, call, host, Transient if repeatable else Ambiguous) from error
        finally:
            current.reset(token)

    def get(self, url: str, **options: Any) -> Response:
        """Send a GET; options as for :meth:`request`."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Response:
        """Send a POST; options as for :meth:`request`."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> Response:
        """Send a PUT; options as for :meth:`request`."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Any) -> Response:
        """Send a PATCH; options as for :meth:`request`."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Any) -> Response:
        """Send a DELETE; options as for :meth:`request`."""
        return self.request("DELETE", url, **options)

    def close(self) -> None:
        """Close the connections that are kept open; a call under way in another thread ends first."""
        self._pools.clear()

    def _check(self, url: str) -> str:
        """Refuse what needs no look-up to be refused; return the host."""
        try:
            parts = parse_url(url)
        except HTTPError:
            raise _bad_address() from None
        if parts.scheme not in ("http", "https") or not parts.host:
            raise _bad_address()
        if parts.auth:
            raise Misconfigured(
                "The address holds a user name or a password.", hint="Enter them in the integration's own settings fields instead."
            )
        if parts.scheme == "http" and not self._destinations.allows(parts.host, parts.port or 80):
            raise Misconfigured(
                f"{parts.host} was not called, because its address is not encrypted.",
                hint="Use an address with https://, or have the operator add host:port to ROLECALL_OUTBOUND_ALLOW.",
            )
        return parts.host

    def _exchange(self, prepared: requests.PreparedRequest) -> Response:
        url = prepared.url or ""
        reply = self._pools.urlopen(
            prepared.method or "",
            url,
            body=prepared.body,
            headers=dict(prepared.headers),
            redirect=False,
            retries=False,
            preload_content=False,
            timeout=self._deadline,
        )
        try:
            content = self._read(reply)
        except BaseException:
            reply.close()
            raise
        reply.release_conn()
        headers = MappingProxyType(CaseInsensitiveDict(reply.headers.items()))
        return Response(status=reply.status, headers=headers, content=content, url=url)

    def _read(self, reply: BaseHTTPResponse) -> bytes:
        content = bytearray()
        for piece in reply.stream(_PIECE, decode_content=True):
            content += piece
            if len(content) > self._max_bytes:
                raise TooLargeError
        return bytes(content)

    def _classed(self, error: Exception, call: Call, host: str, outcome: type[Transient] | type[Ambiguous]) -> ProviderError:
        refused = _cause(error, ssl.SSLCertVerificationError)
        if refused is not None:
            return Misconfigured(
                f"The certificate of {host} was refused: {refused.verify_message}",
                hint="Have the server's certificate put in order; nothing was sent to it.",
            )
        if not call.sent:
            tls = _cause(error, ssl.SSLError)
            reason = f" ({tls.reason})" if tls is not None and tls.reason else ""
            return Transient(f"No secure connection to {host} could be made{reason}; nothing was sent.")
        if isinstance(error, TooLargeError):
            return outcome(f"The answer of {host} is larger than {self._max_bytes:,} bytes; it was given up.")
        if isinstance(error, ReadTimeoutError) or _cause(error, TimeoutError) is not None:
            return outcome(f"{host} gave no complete answer within {self._deadline:g} seconds.")
        return outcome(f"{host} broke the connection, or its answer could not be read.")


class Pace:
    """Spaces calls evenly: each takes the next free moment, and the one after it is ``weight / rate`` seconds later at the earliest."""

    def __init__(self, rate: float) -> None:
        #: Calls a second; whoever changes it changes what is waited from the next call on.
        self.rate = rate
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, *, before: float, host: str, weight: int = 1) -> None:
        """Sleep until this call's turn.

        :raises Transient: at once, when the turn would come after the moment ``before``; ``retry_after`` says how long it would take.
        """
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            if turn >= before:
                raise Transient(f"Too many calls to {host} are waiting for their turn.", retry_after=timedelta(seconds=turn - now))
            self._next = turn + weight / self.rate
        time.sleep(turn - now)


def _prepare(
    method: str,
    url: str,
    *,
    params: Mapping[str, Any] | None,
    data: Mapping[str, Any] | Sequence[tuple[str, str]] | bytes | None,
    json: Any,
    headers: Mapping[str, str] | None,
    auth: tuple[str, str] | None,
) -> requests.PreparedRequest:
    """Build the request. What is refused is never quoted, nor chained: it may hold a password."""
    sent = {**_HEADERS, **(headers or {})}
    for name, value in sent.items():
        if not (name.isascii() and value.isascii() and value.isprintable() and value == value.strip()):
            raise Misconfigured(f"The header {name} has a value that cannot be sent.", hint="Enter the key or token again, without spaces.")
    try:
        return requests.Request(
            method.upper(),
            url,
            params=params,
            data=data,
            json=json,
            headers=sent,
            auth=(auth[0].encode(), auth[1].encode()) if auth else None,
        ).prepare()
    except (UnicodeError, requests.exceptions.InvalidJSONError):
        raise Permanent("The request holds a text or a number that cannot be sent.", hint="Correct the account's names.") from None
    except (requests.RequestException, ValueError):
        raise _bad_address() from None


def _bad_address() -> Misconfigured:
    return Misconfigured("The address cannot be read as one.", hint="Correct it in the integration's settings; it begins with https://.")


def _cause(error: BaseException | None, kind: type[E]) -> E | None:
    """Find an error of this kind in what urllib3 has wrapped it in. The context is left alone: it may be an older call's error."""
    while error is not None and not isinstance(error, kind):
        inner = [argument for argument in error.args if isinstance(argument, BaseException)]
        error = inner[-1] if inner else error.__cause__
    return error


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
