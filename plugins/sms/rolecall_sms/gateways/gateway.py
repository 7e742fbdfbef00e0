"""What the channel asks of each gateway, and how answers become errors that are the same for all.

Knows no gateway by name.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from rolecall import CheckLine, Credits, Network, Report
from rolecall.errors import Ambiguous, Misconfigured, Permanent, ProviderError, Transient
from rolecall.sdk.http import Response

_SECRET_HINT = "Check the credentials in the integration's settings."  # noqa: S105 - a sentence


class LaterError(Transient):
    """One message is not taken now; the next may be. A plain ``Transient`` concerns the gateway, and all messages wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One message as gateways get it: ``to`` is E.164, ``unicode`` says that it takes UCS-2."""

    id: int
    to: str
    body: str
    unicode: bool
    #: Where the gateway may report what becomes of it; empty where nobody would believe it.
    receipts_to: str = ""


class Gateway:
    """One service that takes messages. ``own_url`` is where it is when the settings name no address."""

    label: ClassVar[str]
    own_url: ClassVar[str] = ""

    def __init__(self, settings: Mapping[str, Any], network: Network) -> None:
        self.settings = settings
        self.http = network.http
        self.url = str(settings["url"] or self.own_url).rstrip("/")

    def hand_over(self, text: Text) -> tuple[str, ...]:
        """Give a message over and return the gateway's ids for it: one, one for each part that it reports on, or none that it gives.

        :raises Permanent: when it will never be taken; ``LaterError`` when it is not taken now.
        :raises Ambiguous: when nobody knows whether it was taken.
        :raises Transient: when the gateway takes nothing now; ``Misconfigured`` when it takes nothing from us.
        """
        raise NotImplementedError

    def find(self, text: Text, since: datetime) -> tuple[str, ...] | None:
        """Return the ids of the message if it was taken at this moment or later, none if it surely was not.

        :raises Ambiguous: when the gateway cannot tell.
        :raises Permanent: when it was taken and came to nothing.
        """
        raise Ambiguous(f"{self.label} cannot tell whether it took this message, so it is not sent again.")

    def credits(self) -> Credits | None:
        """Return what is left to pay with; none where the gateway cannot tell."""
        return None

    def reports(self) -> Iterator[Report]:
        """Hear what the gateway has to report over its own line; see :meth:`Channel.reports`."""
        return iter(())

    def close(self) -> None:
        """End what is kept open."""

    def check(self) -> Iterable[CheckLine]:
        """Try the credentials without sending anything."""
        raise NotImplementedError


def answer(reply: Response) -> Any:
    """Return the JSON of a reply to a message that was given over; one that says it was taken and cannot be read leaves it in doubt.

    :raises Ambiguous: for such a reply.
    :raises Transient: for an unreadable reply of another status.
    """
    try:
        return reply.json()
    except Transient:
        if reply.status < 300:
            raise Ambiguous("The gateway's answer cannot be read, so nobody knows whether it took the message.") from None
        raise


def refused(label: str, status: int, words: str = "") -> ProviderError:
    """The error for a status that a gateway answers a message with, where nothing more is known of it."""
    said = f"{label} answered with status {status}{f': {words}' if words else ''}."
    if status in (401, 403):
        return Misconfigured(f"{label} refuses the credentials (status {status}).", hint=_SECRET_HINT)
    if status < 300:
        return Ambiguous(said)
    if status < 400:
        return Misconfigured(said, hint="Check the address in the integration's settings.")
    if status in (408, 425, 503):
        return LaterError(said)
    if status >= 500:
        # It broke over the message, before or after taking it.
        return Ambiguous(said)
    return Permanent(said, hint="Check the number in the person's record, and the sender in the integration's settings.")


def words(value: object, *, secret: str) -> str:
    """A gateway's own words for people: one line, not too long, and nothing of the message itself."""
    line = " ".join("".join(each if each.isprintable() else " " for each in str(value or "")).split())
    return "" if secret in line or any(word in line for word in secret.split() if "://" in word) else line[:200]
