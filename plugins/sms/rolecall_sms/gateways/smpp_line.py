"""A bound line to a message centre by SMPP 3.4: opening it, handing parts over, hearing receipts, and what each answer means.

Owns the moment from which nobody knows whether a part was taken. Reads every PDU itself: the library's own loop calls its handler for
what was taken with a refused part too, without an id (https://github.com/python-smpplib/python-smpplib). Every wait ends by the deadline
of the call that it happens in.
"""

import select
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from smpplib import consts, exceptions, smpp
from smpplib.client import Client
from smpplib.pdu import PDU

from rolecall.errors import Ambiguous, Misconfigured, Permanent, ProviderError, Transient
from rolecall.sdk.network import Tcp
from rolecall_sms.gateways.gateway import LaterError
from rolecall_sms.gateways.smpp_receipt import Receipt, receipt_of

#: More than any centre says at once between two messages.
_MOST_HEARD = 1_000
#: What a broken line looks like from here, whatever breaks it.
_BROKEN = (exceptions.ConnectionError, exceptions.PDUError, exceptions.UnknownCommandError, OSError, ValueError, IndexError, KeyError)
_RECEIPT = 0x04

_LATER = {
    consts.SMPP_ESME_RMSGQFUL: "its queue is full",
    consts.SMPP_ESME_RSYSERR: "it has a fault of its own",
}
_OURS = {
    consts.SMPP_ESME_RINVSRCADR: ("The message centre refuses the sender.", "Choose a sender that it has registered for you."),
    consts.SMPP_ESME_RBINDFAIL: ("The message centre refuses the sign-in.", "Check account, secret and system type."),
    consts.SMPP_ESME_RINVPASWD: ("The message centre refuses the secret.", "Check account and secret."),
    consts.SMPP_ESME_RINVSYSID: ("The message centre does not know the account.", "Check account and secret."),
}
_NUMBER = (consts.SMPP_ESME_RINVDSTADR, consts.SMPP_ESME_RINVDSTTON, consts.SMPP_ESME_RINVDSTNPI)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part as it is submitted: ``coding`` is the number of its alphabet; one of several begins with a header that says which."""

    data: bytes
    coding: int
    has_header: bool


class _Connection(Protocol):
    """What is used of a connection that core has opened, with TLS or without."""

    def recv_into(self, buffer: bytearray) -> int: ...

    def sendall(self, data: bytes) -> None: ...

    def fileno(self) -> int: ...

    def close(self) -> None: ...


class _Guarded:
    """A guarded connection as the library reads from one."""

    def __init__(self, made: _Connection) -> None:
        self._socket = made
        # TLS may have read more than it was asked for.
        self._pending: Callable[[], int] = getattr(made, "pending", lambda: 0)

    def recv(self, size: int) -> bytes:
        buffer = bytearray(min(size, 65_536))
        return bytes(buffer[: self._socket.recv_into(buffer)])

    def sendall(self, data: bytes) -> None:
        self._socket.sendall(data)

    def close(self) -> None:
        self._socket.close()

    def has_something(self, seconds: float) -> bool:
        """Wait at most so long for something to read."""
        if self._pending():
            return True
        return bool(select.select([self._socket], [], [], seconds)[0])


class Line:
    """One bound line. Everything happens within a :meth:`Tcp.call`. Close it when it broke."""

    def __init__(self, tcp: Tcp, settings: Mapping[str, Any], *, idle: float) -> None:
        """Connect and bind. A line that was silent for ``idle`` seconds is asked whether it is still there.

        :raises Transient: when the centre cannot be reached or takes nobody now.
        :raises Misconfigured: when it refuses the sign-in, or a line without encryption was not allowed.
        """
        host, port = str(settings["smpp_host"]), int(settings["smpp_port"])
        if not settings["smpp_tls"] and not tcp.may_be_plain(host, port):
            raise Misconfigured(
                "The line to the message centre is not encrypted.",
                hint=f"Switch TLS on, or the operator allows {host}:{port} in ROLECALL_OUTBOUND_ALLOW.",
            )
        plain = tcp.open(host, port)
        try:
            made = tcp.tls.wrap_socket(plain, server_hostname=host) if settings["smpp_tls"] else plain
        except OSError as error:
            plain.close()
            raise Transient(f"The line to {host}:{port} cannot be encrypted ({type(error).__name__}).") from error
        self._socket = _Guarded(made)
        self._client = Client(host, port, allow_unknown_opt_params=True)
        # It logs what is sent, and that is between a person and us.
        self._client.logger.disabled = True
        self._client._socket, self._client.state = self._socket, consts.SMPP_CLIENT_STATE_OPEN
        self._heard: list[tuple[int, Receipt | None]] = []
        self._idle, self._last = idle, time.monotonic()
        try:
            self._bind(settings)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End it without a word."""
        self._client._socket = None
        self._socket.close()

    def unbind(self) -> None:
        """End it politely."""
        try:
            self._ask("unbind")
        except (ProviderError, *_BROKEN):
            pass
        self.close()

    def is_there(self) -> bool:
        """Whether the centre still answers; it is not asked when it spoke just now."""
        if time.monotonic() - self._last < self._idle and not self._socket.has_something(0):
            return True
        try:
            return not self._ask("enquire_link").is_error()
        except (ProviderError, *_BROKEN):
            return False

    def submit(self, part: Part, *, to: str, sender: str, wants_receipt: bool) -> str:
        """Hand one part over and return the centre's id for it.

        :raises Ambiguous: when nobody knows whether it was taken.
        """
        ton, npi = _kind_of(sender)
        try:
            answer = self._ask(
                "submit_sm", source_addr_ton=ton, source_addr_npi=npi, source_addr=sender.lstrip("+"),
                dest_addr_ton=consts.SMPP_TON_INTL, dest_addr_npi=consts.SMPP_NPI_ISDN, destination_addr=to.lstrip("+"),
                esm_class=consts.SMPP_GSMFEAT_UDHI if part.has_header else 0, data_coding=part.coding, short_message=part.data,
                registered_delivery=1 if wants_receipt else 0,
            )  # fmt: skip
        except _BROKEN as error:
            raise Ambiguous("The line to the message centre broke, so nobody knows whether it took the message.") from error
        if answer.is_error():
            raise _refusal(int(answer.status))
        found = getattr(answer, "message_id", None)
        return _text(found)

    def receipts(self, seconds: float) -> list[tuple[int, Receipt | None]]:
        """Return what was heard and not acknowledged yet, after waiting at most so long for more.

        :raises Transient: when the line breaks.
        """
        try:
            while len(self._heard) < _MOST_HEARD and self._socket.has_something(seconds):
                self._take(self._client.read_pdu())
        except _BROKEN as error:
            raise Transient("The line to the message centre broke.") from error
        heard, self._heard = self._heard, []
        return heard

    def acknowledge(self, sequence: int) -> None:
        """Say that a receipt was taken in; the centre sends it again otherwise."""
        answer = smpp.make_pdu("deliver_sm_resp", client=self._client, status=consts.SMPP_ESME_ROK)
        answer.sequence = sequence
        try:
            self._client.send_pdu(answer)
        except _BROKEN as error:
            raise Transient("The line to the message centre broke.") from error

    def _bind(self, settings: Mapping[str, Any]) -> None:
        try:
            answer = self._ask(
                "bind_transceiver", system_id=str(settings["account"]), password=str(settings["secret"]),
                system_type=str(settings["smpp_system_type"]),
            )  # fmt: skip
        except _BROKEN as error:
            raise Transient("The message centre did not answer the sign-in.") from error
        if answer.is_error():
            status = int(answer.status)
            if status in _OURS:
                raise Misconfigured(_OURS[status][0], hint=_OURS[status][1])
            raise Transient(f"The message centre takes no sign-in now ({_spoken(status)}).")
        self._client.state = consts.SMPP_CLIENT_STATE_BOUND_TRX

    def _ask(self, command: str, **fields: Any) -> PDU:
        """Send a request and return its answer; what comes in between is heard."""
        request = smpp.make_pdu(command, client=self._client, **fields)
        wanted = request.sequence
        self._client.send_pdu(request)
        while True:
            answer = self._client.read_pdu()
            self._last = time.monotonic()
            if answer.sequence == wanted and answer.command in (f"{command}_resp", "generic_nack"):
                return answer
            self._take(answer)

    def _take(self, told: PDU) -> None:
        """Hear what the centre says without being asked."""
        self._last = time.monotonic()
        if told.command == "enquire_link":
            self._client._enquire_link_received(told)
        elif told.command == "deliver_sm":
            is_receipt = int(told.esm_class or 0) & 0x3C == _RECEIPT
            self._heard.append((told.sequence, receipt_of(told) if is_receipt else None))
        elif told.command == "unbind":
            raise exceptions.ConnectionError("The message centre ended the line.")


def _refusal(status: int) -> ProviderError:
    if status == consts.SMPP_ESME_RTHROTTLED:
        return Transient("The message centre takes no more messages at this moment.")
    if status in _LATER:
        return LaterError(f"The message centre does not take the message yet: {_LATER[status]}.")
    if status in _OURS:
        return Misconfigured(_OURS[status][0], hint=_OURS[status][1])
    hint = "Correct the phone in the person's record." if status in _NUMBER else "Ask who runs the message centre what it means."
    return Permanent(f"The message centre refused the message ({_spoken(status)}).", hint=hint)


def _spoken(status: int) -> str:
    return f"{consts.DESCRIPTIONS.get(status, 'a status of its own')}, 0x{status:02X}"


def _kind_of(sender: str) -> tuple[int, int]:
    """Type and plan of a sender's number: international, a name of letters, or a short number."""
    if sender.startswith("+"):
        return consts.SMPP_TON_INTL, consts.SMPP_NPI_ISDN
    if sender.isdecimal():
        return consts.SMPP_TON_UNK, consts.SMPP_NPI_ISDN
    return consts.SMPP_TON_ALNUM, consts.SMPP_NPI_UNK


def _text(value: object) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
