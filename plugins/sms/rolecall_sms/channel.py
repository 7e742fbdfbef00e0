"""Sends messages to mobile phones through a gateway: checked before they are paid for, and never sent twice (R42, T-13)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from importlib import resources
from typing import Any, ClassVar

from rolecall import Channel, CheckLine, Credits, Message, MessageLimits, Price, Report, SendResult
from rolecall.errors import Ambiguous, Permanent, Transient
from rolecall_sms.gateways import GATEWAYS
from rolecall_sms.gateways.gateway import LaterError, Text
from rolecall_sms.numbers import UnusableError, to_e164
from rolecall_sms.receipts import takes_receipts
from rolecall_sms.segments import UCS_2, segments
from rolecall_sms.settings import A_DAY, AN_HOUR


class SmsChannel(Channel):
    """One gateway."""

    id: ClassVar[str] = "sms"
    label: ClassVar[str] = "SMS"
    guide: ClassVar[str] = resources.files("rolecall_sms").joinpath("guide.md").read_text(encoding="utf-8")
    address: ClassVar[str] = "phone"

    def __init__(self, settings: Mapping[str, Any], network: Any) -> None:
        super().__init__(settings, network)
        self._gateway = GATEWAYS[settings["gateway"]](settings, network)

    @classmethod
    def unusable(cls, settings: Mapping[str, Any], address: str, *, region: str) -> str | None:
        """Say why a number cannot be used, as sending would."""
        try:
            _number(settings, address, region)
        except UnusableError as wrong:
            return str(wrong)
        return None

    @classmethod
    def canonical(cls, settings: Mapping[str, Any], address: str, *, region: str) -> str:
        """Write a number as E.164; empty for one that is refused before anything is paid."""
        try:
            return _number(settings, address, region)
        except UnusableError:
            return ""

    @classmethod
    def limits(cls, settings: Mapping[str, Any]) -> MessageLimits:
        """Return what the institution pays for at most (T-13)."""
        return MessageLimits(an_hour=int(settings.get("an_hour") or AN_HOUR), a_day=int(settings.get("a_day") or A_DAY))

    @classmethod
    def price(cls, settings: Mapping[str, Any], text: str) -> Price:
        """Return how many parts a text takes, and what each costs where the settings say so."""
        size = segments(text)
        each = settings.get("price")
        known = None if each is None else Decimal(str(each))
        return Price(parts=size.parts, each=known, costly=size.costly, currency=str(settings.get("currency") or ""))

    def credits(self) -> Credits | None:
        """Ask the gateway what is left, where it can tell."""
        return self._gateway.credits()

    @classmethod
    def listens(cls, settings: Mapping[str, Any]) -> bool:
        """Say whether reports come over the gateway's own line."""
        return settings.get("gateway") == "smpp" and bool(settings.get("receipts", True))

    def reports(self) -> Iterator[Report]:
        """Hear what the gateway has to report."""
        return self._gateway.reports()

    def close(self) -> None:
        """End the line to the gateway, where one is kept open."""
        self._gateway.close()

    def check(self) -> Iterable[CheckLine]:
        """Ask the gateway whether it knows us and what is left to pay with; no message is sent."""
        return self._gateway.check()

    def send(self, messages: Iterable[Message]) -> Iterator[SendResult]:
        """Give each message over by itself; what is wrong with a number concerns nobody else, what the gateway lacks is raised."""
        for message in messages:
            try:
                references = self._hand_over(message)
            except (Permanent, Ambiguous) as error:
                yield SendResult(message=message, error=error)
            except LaterError as error:
                later = Transient(error.message, hint=error.hint, retry_after=error.retry_after)
                yield SendResult(message=message, error=later)
            else:
                yield SendResult(message=message, reference=references[0] if references else None, references=references)

    def _hand_over(self, message: Message) -> tuple[str, ...]:
        text = self._text(message)
        if message.may_have_left_since is not None:
            try:
                found = self._gateway.find(text, message.may_have_left_since)
            except Transient as error:
                raise Ambiguous(f"Whether the message was taken could not be asked. {error.message}") from None
            if found is not None:
                return found
        return self._gateway.hand_over(text)

    def _text(self, message: Message) -> Text:
        try:
            to = _number(self.settings, message.address, message.region)
        except UnusableError as wrong:
            raise Permanent(str(wrong), hint="Correct the phone in the person's record.") from None
        size = segments(message.text)
        if size.parts > self.settings["most_parts"]:
            raise Permanent(
                f"The message takes {size.parts} parts, and at most {self.settings['most_parts']} are sent.", hint="Make its text shorter."
            )
        receipts_to = message.receipts_to if takes_receipts(self.settings, message.receipts_to) else ""
        return Text(id=message.id, to=to, body=message.text, unicode=size.encoding == UCS_2, receipts_to=receipts_to)


def _number(settings: Mapping[str, Any], address: str, region: str) -> str:
    countries: Sequence[str] = settings.get("countries") or ()
    region = region or (countries[0] if len(countries) == 1 else "")
    return to_e164(address, region=region, countries=countries, mobile_only=bool(settings.get("mobile_only", True)))
