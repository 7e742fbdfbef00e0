"""A message centre that is spoken to by SMPP 3.4: long messages in parts, the GSM alphabet and UCS-2, receipts over the same line.

The line stays open between messages; one that is silent is asked whether it is still there, and opened anew when it is not.
"""

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from rolecall import CheckLine, Network, Report
from rolecall.errors import Misconfigured, Permanent, ProviderError, Transient
from rolecall_sms.gateways.gateway import Gateway, Text
from rolecall_sms.gateways.smpp_receipt import ARRIVED, LOST, answered, canonical
from rolecall_sms.segments import UCS_2, encoded

try:
    from rolecall_sms.gateways.smpp_line import Line, Part
except ImportError:  # the extra is not installed
    Line = None  # type: ignore[assignment, misc]

_DEFAULT, _UCS_2 = 0, 8
#: Times that a centre is asked again within one message whose first parts it took: all or nothing must reach the phone.
_AGAIN = 5
#: Seconds that receipts are waited for when they are asked for.
_LISTEN = 2.0


class Smpp(Gateway):
    """One account at one message centre."""

    label: ClassVar[str] = "The message centre"

    def __init__(self, settings: Mapping[str, Any], network: Network, *, wait: float = 1.0, idle: float = 30.0) -> None:
        """Prepare a line; it is opened by the first message.

        :param wait: seconds until a centre that throttles is asked again within one message.
        :param idle: seconds of silence after which the line is asked whether it is still there; centres close those of a minute.
        """
        super().__init__(settings, network)
        if Line is None:
            raise Misconfigured("SMPP needs a package that is not installed.", hint="The operator installs rolecall[smpp] and restarts.")
        self._tcp, self._wait, self._idle = network.tcp, wait, idle
        self._line: Line | None = None
        self._numbers = itertools.count(1)

    def hand_over(self, text: Text) -> tuple[str, ...]:
        """See :class:`Gateway`. One id for each part."""
        parts, ids = self._parts(text), list[str]()
        with self._tcp.call(), self._open() as line:
            for part in parts:
                ids.append(self._submit(line, part, text, first=not ids))
        return tuple(answered(each, str(self.settings["smpp_receipt_ids"])) for each in ids if each)

    def reports(self) -> Iterator[Report]:
        """Hear the receipts that wait; one counts as taken in when the next is asked for."""
        with self._tcp.call(), self._open() as line:
            for sequence, receipt in line.receipts(_LISTEN):
                if receipt is not None and (receipt.state == ARRIVED or receipt.state in LOST):
                    reference = canonical(receipt.reference, str(self.settings["smpp_receipt_ids"]))
                    arrived = receipt.state == ARRIVED
                    yield Report(reference=reference, arrived=arrived, reason="" if arrived else receipt.reason)
                line.acknowledge(sequence)

    def check(self) -> Iterable[CheckLine]:
        """See :class:`Gateway`. Binds, asks whether the line is there, and unbinds."""
        try:
            with self._tcp.call():
                Line(self._tcp, self.settings, idle=self._idle).unbind()
        except ProviderError as error:
            yield CheckLine(label="Sign in", ok=False, detail=error.message, fix=error.hint)
            return
        yield CheckLine(label="Sign in", ok=True)

    def close(self) -> None:
        """End the line."""
        if self._line is not None:
            with self._tcp.call():
                self._line.unbind()
            self._line = None

    @contextmanager
    def _open(self) -> Iterator["Line"]:
        """The line as it is, or a new one; one on which something broke is not used again."""
        if self._line is not None and not self._line.is_there():
            self._line.close()
            self._line = None
        line = self._line or Line(self._tcp, self.settings, idle=self._idle)
        self._line = None
        try:
            yield line
        except Transient:
            # Refused, in order; a line that broke says so at the next question.
            self._line = line
            raise
        except (Permanent, Misconfigured):
            self._line = line
            raise
        except BaseException:
            line.close()
            raise
        self._line = line

    def _submit(self, line: "Line", part: "Part", text: Text, *, first: bool) -> str:
        sender = str(self.settings["sender"])
        for attempt in range(1, _AGAIN + 1):
            try:
                return line.submit(part, to=text.to, sender=sender, wants_receipt=bool(self.settings["receipts"]))
            except Transient as error:
                if first:
                    raise
                if attempt == _AGAIN:
                    # Some parts are on their way and paid for; sending all again would bring them twice.
                    raise Permanent(f"The message centre took only a part of the message. {error.message}") from None
                time.sleep(self._wait)
            except (Permanent, Misconfigured) as error:
                if first:
                    raise
                raise Permanent(f"The message centre took only a part of the message. {error.message}", hint=error.hint) from None
        raise AssertionError("unreachable")

    def _parts(self, text: Text) -> list["Part"]:
        encoding, pieces = encoded(text.body)
        coding = _UCS_2 if encoding == UCS_2 else _DEFAULT
        if len(pieces) == 1:
            return [Part(data=pieces[0], coding=coding, has_header=False)]
        number = next(self._numbers) % 256
        # Eight bits for the number of the message, as every phone reads it (3GPP TS 23.040).
        heads = [bytes((5, 0, 3, number, len(pieces), each)) for each in range(1, len(pieces) + 1)]
        return [Part(data=head + piece, coding=coding, has_header=True) for head, piece in zip(heads, pieces, strict=True)]
