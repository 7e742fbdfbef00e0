"""Vonage's SMS API. Documentation: https://developer.vonage.com/en/api/sms and https://developer.vonage.com/en/api/account.

It answers HTTP 200 whatever happens: each part of a message has a status of its own. It cannot tell what became of a message in doubt.
"""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from rolecall import CheckLine, Credits
from rolecall.errors import Ambiguous, Misconfigured, Permanent, ProviderError, Transient
from rolecall_sms.gateways.gateway import Gateway, LaterError, Text, answer, refused, words

_TAKEN = "0"
#: By status of a part: the class, what is wrong, what to do.
_STATUSES: dict[str, tuple[type[ProviderError], str, str]] = {
    "1": (Transient, "Vonage takes no more messages at this moment.", ""),
    "2": (Permanent, "Vonage misses something in the message.", "Check the sender in the integration's settings."),
    "3": (Permanent, "Vonage cannot read something in the message.", "Check the number, and the sender in the integration's settings."),
    "4": (Misconfigured, "Vonage refuses the credentials.", "Check API key and secret in the integration's settings."),
    "5": (LaterError, "Vonage has a fault of its own.", ""),
    "6": (Permanent, "Vonage cannot send to this number.", "Correct it in the person's record."),
    "7": (Permanent, "The number is barred at Vonage.", "The person has asked for no messages, or Vonage refuses the number."),
    "8": (Misconfigured, "The account at Vonage is barred.", "Ask Vonage why."),
    "9": (Misconfigured, "The account at Vonage has no credit left.", "Top the account up, then test the connection."),
    "10": (Transient, "Too many connections to Vonage are open.", ""),
}


class Vonage(Gateway):
    """One account at Vonage."""

    label: ClassVar[str] = "Vonage"
    own_url: ClassVar[str] = "https://rest.nexmo.com"

    def hand_over(self, text: Text) -> tuple[str, ...]:
        """See :class:`Gateway`."""
        form = {
            "api_key": self.settings["account"], "api_secret": self.settings["secret"], "from": self.settings["sender"],
            # Without the plus.
            "to": text.to.lstrip("+"), "text": text.body, "client-ref": f"rolecall-{text.id}",
            **({"type": "unicode"} if text.unicode else {}),
        }  # fmt: skip
        reply = self.http.post(f"{self.url}/sms/json", data=form)
        if reply.status == 429:
            raise Transient(_STATUSES["1"][1], retry_after=reply.retry_after())
        if reply.status != 200:
            raise refused("Vonage", reply.status)
        return _taken(answer(reply), text)

    def check(self) -> Iterable[CheckLine]:
        """See :class:`Gateway`."""
        try:
            left = self.credits()
        except ProviderError as error:
            yield CheckLine(label="Sign in", ok=False, detail=error.message, fix=error.hint)
            return
        yield CheckLine(label="Sign in", ok=True)
        yield CheckLine(
            label="Balance", ok=left.amount > 0, required=False, detail=f"{left.amount} {left.currency}",
            fix="" if left.amount > 0 else _STATUSES["9"][2],
        )  # fmt: skip

    def credits(self) -> Credits:
        """See :class:`Gateway`."""
        auth = (str(self.settings["account"]), str(self.settings["secret"]))
        reply = self.http.get(f"{self.url}/account/get-balance", auth=auth)
        if reply.status in (401, 403):
            raise Misconfigured(_STATUSES["4"][1], hint=_STATUSES["4"][2])
        if reply.status != 200:
            raise Transient(f"Vonage answered with status {reply.status}.", retry_after=reply.retry_after())
        found = reply.json()
        try:
            return Credits(amount=Decimal(str(found["value"])), currency="EUR")
        except (InvalidOperation, KeyError, TypeError):
            raise Transient("Vonage did not say how much is left.") from None


def _taken(told: Any, text: Text) -> tuple[str, ...]:
    parts = told.get("messages") if isinstance(told, dict) else None
    if not isinstance(parts, list) or not parts or not all(isinstance(each, dict) for each in parts):
        raise Ambiguous("Vonage did not say what became of the message.")
    failed = next((each for each in parts if str(each.get("status")) != _TAKEN), None)
    if failed is None:
        return tuple(str(each["message-id"]) for each in parts if each.get("message-id"))
    status = str(failed.get("status"))
    kind, sentence, hint = _STATUSES.get(status, (Permanent, "Vonage refused the message.", ""))
    said = words(failed.get("error-text"), secret=text.body)
    sentence = f"{sentence} (status {words(status, secret=text.body)}{f': {said}' if said else ''})"
    if any(str(each.get("status")) == _TAKEN for each in parts):
        # Some parts are on their way and paid for; sending all again would bring them twice.
        raise Permanent(f"Vonage took only a part of the message. {sentence}", hint=hint)
    raise kind(sentence, hint=hint)
