"""Twilio's Programmable Messaging, API 2010-04-01. Documentation: https://www.twilio.com/docs/messaging/api/message-resource.

It has no key by which it would notice a message that comes twice, so one in doubt is looked up before it is sent again.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

from rolecall import CheckLine, Credits
from rolecall.errors import Misconfigured, Permanent, ProviderError, Transient
from rolecall.sdk.http import Response
from rolecall_sms.gateways.gateway import Gateway, LaterError, Text, answer, refused, words

#: Codes of errors that stay (https://www.twilio.com/docs/api/errors): what is wrong, and what to do.
_PERMANENT = {
    21211: ("Twilio says that it is not a phone number.", "Correct it in the person's record."),
    21408: ("Messages to this country are not enabled at Twilio.", "Enable the country under Messaging › Geo permissions."),
    21608: ("A trial account sends only to numbers that Twilio has verified.", "Verify the number, or upgrade the account."),
    21610: ("The person has asked not to get messages from this sender.", "They can answer START to it."),
    21612: ("Twilio has no way to this number from the sender.", "Use another sender for this country."),
    21614: ("Twilio says that it is not the number of a mobile phone.", "Correct it in the person's record."),
}
_OUR_FAULT = {
    20003: ("Twilio refuses the credentials.", "Check account, key and secret in the integration's settings."),
    21606: ("The sender cannot send messages.", "Choose a number of the account that can, or a messaging service."),
}
_QUEUE_IS_FULL = 30001
#: What became of messages that were taken and will not arrive.
_LOST = ("failed", "undelivered", "canceled")
#: Clocks differ.
_SKEW = timedelta(minutes=1)
#: Links are made anew for every attempt.
_LINK = re.compile(r"https?://\S+")
_PAGE = 50


class Twilio(Gateway):
    """One account at Twilio."""

    label: ClassVar[str] = "Twilio"
    own_url: ClassVar[str] = "https://api.twilio.com"

    def hand_over(self, text: Text) -> tuple[str, ...]:
        """See :class:`Gateway`."""
        sender = str(self.settings["sender"])
        origin = "MessagingServiceSid" if re.fullmatch(r"MG[0-9a-fA-F]{32}", sender) else "From"
        form = {"To": text.to, origin: sender, "Body": text.body}
        if text.receipts_to:
            form["StatusCallback"] = f"{text.receipts_to}/twilio"
        reply = self.http.post(self._address("Messages.json"), data=form, auth=self._auth)
        if reply.status != 201:
            raise _error(reply, text)
        sid = _fields(answer(reply)).get("sid")
        return (str(sid),) if sid else ()

    def find(self, text: Text, since: datetime) -> tuple[str, ...] | None:
        """See :class:`Gateway`. Looks through the messages to this number, by their text without links."""
        since = since.astimezone(UTC) - _SKEW
        asked = {"To": text.to, "DateSent>": since.date().isoformat(), "PageSize": _PAGE}
        for each in self._get("Messages.json", asked).get("messages") or ():
            sent = _moment(each.get("date_created"))
            if _LINK.sub("", str(each.get("body") or "")) != _LINK.sub("", text.body) or sent is None or sent < since:
                continue
            if each.get("status") in _LOST:
                raise Permanent(f"Twilio took the message and could not deliver it (error {each.get('error_code') or 'unknown'}).")
            return (str(each["sid"]),)
        return None

    def check(self) -> Iterable[CheckLine]:
        """See :class:`Gateway`."""
        sender = str(self.settings["sender"])
        is_number = sender.startswith("+")
        try:
            asked = {"PhoneNumber": sender, "PageSize": 1} if is_number else {"PageSize": 1}
            numbers = self._get("IncomingPhoneNumbers.json", asked).get("incoming_phone_numbers") or []
        except ProviderError as error:
            yield CheckLine(label="Sign in", ok=False, detail=error.message, fix=error.hint)
            return
        yield CheckLine(label="Sign in", ok=True)
        if is_number:
            can = any((each.get("capabilities") or {}).get("sms") for each in numbers)
            detail = "" if can else f"{sender} is not a number of the account that sends messages."
            fix = "" if can else "Choose another sender, unless this one is only approved and not bought at Twilio."
            yield CheckLine(label="Sender", ok=can, required=False, detail=detail, fix=fix)
        with suppress(ProviderError):
            left = self.credits()
            yield CheckLine(
                label="Balance", ok=left.amount > 0, required=False, detail=f"{left.amount} {left.currency}",
                fix="" if left.amount > 0 else "Top the account up: messages wait until then.",
            )  # fmt: skip

    def credits(self) -> Credits:
        """See :class:`Gateway`."""
        found = self._get("Balance.json", {})
        try:
            return Credits(amount=Decimal(str(found.get("balance"))), currency=str(found.get("currency") or ""))
        except InvalidOperation:
            raise Transient("Twilio did not say how much is left.") from None

    def _get(self, path: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        reply = self.http.get(self._address(path), params=asked, auth=self._auth)
        if reply.status == 200:
            return _fields(reply.json())
        if reply.status in (401, 403, 404):
            raise Misconfigured(*_OUR_FAULT[20003][:1], hint=_OUR_FAULT[20003][1])
        raise Transient(f"Twilio answered with status {reply.status}.", retry_after=reply.retry_after())

    def _address(self, path: str) -> str:
        return f"{self.url}/2010-04-01/Accounts/{self.settings['account']}/{path}"

    @property
    def _auth(self) -> tuple[str, str]:
        return str(self.settings["key"] or self.settings["account"]), str(self.settings["secret"])


def _error(reply: Response, text: Text) -> ProviderError:
    told: Mapping[str, Any] = {}
    with suppress(Transient):
        told = _fields(reply.json())
    code = told.get("code")
    if code == 20429 or reply.status == 429:
        return Transient("Twilio takes no more messages at this moment.", retry_after=reply.retry_after())
    if code == _QUEUE_IS_FULL:
        return LaterError("The queue of the sender is full at Twilio.", retry_after=reply.retry_after())
    if code in _OUR_FAULT:
        return Misconfigured(_OUR_FAULT[code][0], hint=_OUR_FAULT[code][1])
    if code in _PERMANENT:
        return Permanent(f"{_PERMANENT[code][0]} (error {code})", hint=_PERMANENT[code][1])
    said = words(told.get("message"), secret=text.body)
    return refused("Twilio", reply.status, f"{said} (error {code})" if isinstance(code, int) else said)


def _fields(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _moment(value: object) -> datetime | None:
    """A date of RFC 2822."""
    try:
        return parsedate_to_datetime(str(value)).astimezone(UTC)
    except ValueError:
        return None
