"""What a channel plugin implements: one class that hands messages to a mail server or a gateway, asked by the delivery and by nobody else.

Owns the values that travel between core and a channel. Knows nothing of templates, queues or retries.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from rolecall.errors import ProviderError
from rolecall.sdk.network import Network
from rolecall.sdk.provider import CheckLine

#: The kinds of addresses that a channel may send to.
EMAIL, PHONE = "email", "phone"
ADDRESS_KINDS = (EMAIL, PHONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one person, ready to be sent. It may hold a password or a link that works once: nothing of it is ever logged."""

    #: The number of the delivery.
    id: int
    #: One address of the channel's kind, and nothing else.
    address: str = field(repr=False)
    subject: str = field(repr=False)
    #: The text with plain line ends.
    text: str = field(repr=False)
    #: The same as a fragment of HTML, escaped.
    html: str = field(repr=False)
    #: The tag of the language that it is written in.
    language: str
    is_right_to_left: bool = False
    #: The address of the institution that it comes from, and what the institution is called.
    sender: str
    sender_name: str = ""
    #: Names the delivery in the world, such as ``<6f1c@school.example>``. The same on every attempt, so that who gets it twice can tell.
    message_id: str
    #: The country of phone numbers that are written without one, as two capital letters; empty when the institution has set none.
    region: str = ""
    #: An earlier attempt may have sent it, at this moment or later; none when no attempt can have. Whoever pays for each message looks
    #: it up first, or leaves it in doubt.
    may_have_left_since: datetime | None = None
    #: Where a gateway may report what becomes of it: the plugin's own endpoint for signed calls, by the configured address of Rolecall.
    receipts_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """How one message went: taken by the server, or the error. ``reference`` is the server's own id for it, where it gave one.

    ``references`` are its ids for the parts, where reports come for each of them; without any, ``reference`` stands for all.
    """

    message: Message
    error: ProviderError | None = None
    reference: str | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one message costs: the ``parts`` that it is sent and paid in, and what ``each`` of them costs, where that is known.

    ``costly`` are the characters because of which a part holds less.
    """

    parts: int
    each: Decimal | None = None
    costly: str = ""
    #: In which that is, such as ``EUR``; empty where only the gateway knows.
    currency: str = ""

    @property
    def total(self) -> Decimal | None:
        """What the whole message costs."""
        return None if self.each is None else self.each * self.parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Credits:
    """What is left to pay messages with."""

    amount: Decimal
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLimits:
    """The most messages that leave: to one address within an hour, and to all of them within a day (T-13)."""

    an_hour: int
    a_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one part of a message that was sent, by the server's own id for it; ``reason`` says why it will not arrive."""

    reference: str
    arrived: bool
    reason: str = ""


class Channel:
    """Base class of channels, built as ``Channel(settings, network)`` once per process and generation.

    Every method may raise the errors of ``rolecall.errors``; anything else counts as a bug in the plugin.
    """

    id: ClassVar[str]
    label: ClassVar[str]
    #: Markdown: how to set it up.
    guide: ClassVar[str] = ""
    #: What it sends to: ``email`` or ``phone``.
    address: ClassVar[str] = EMAIL

    #: How many may be sending at once, each in a call of :meth:`send` of its own.
    concurrency: ClassVar[int] = 1

    def __init__(self, settings: Mapping[str, Any], network: Network) -> None:
        self.settings = settings
        self.network = network

    @classmethod
    def from_url(cls, url: str) -> Mapping[str, Any]:
        """Read the settings out of the address that the operator gave the process (``ROLECALL_MAIL_URL``).

        :raises ValueError: with a sentence, when it cannot be read. The address may hold a password, so it is not quoted.
        """
        raise NotImplementedError(f"{cls.__name__} takes no address of the process.")

    @classmethod
    def unusable(cls, settings: Mapping[str, Any], address: str, *, region: str) -> str | None:
        """Say why no message can be sent to an address, without asking anybody; none when it may be tried.

        :param settings: as they are saved, without secrets; what is not filled in yet is missing.
        :param region: see :attr:`Message.region`.
        """
        return None

    @classmethod
    def canonical(cls, settings: Mapping[str, Any], address: str, *, region: str) -> str:
        """Return the one way to write an address, however it was written: messages to it are counted by that. Empty for an unusable one."""
        return address

    @classmethod
    def limits(cls, settings: Mapping[str, Any]) -> MessageLimits | None:
        """Return how many messages may leave at most; none where they cost nothing. Core counts, over all workers."""
        return None

    @classmethod
    def price(cls, settings: Mapping[str, Any], text: str) -> Price | None:
        """Return what one message with this text costs; none where messages cost nothing."""
        return None

    def credits(self) -> Credits | None:
        """Ask the service what is left to pay with; none where it cannot tell. What it does not suffice for is not begun (R42)."""
        return None

    @classmethod
    def listens(cls, settings: Mapping[str, Any]) -> bool:
        """Say whether :meth:`reports` has anything to hear with these settings, so that it is asked now and then."""
        return False

    def reports(self) -> Iterator[Report]:
        """Hear what the server reports of messages that it took, over a line of the channel's own; return soon when it says nothing.

        A report counts as taken in when the next is asked for: one that was not is heard again. It may come twice, and in any order.
        """
        return iter(())

    def close(self) -> None:
        """End what is kept open, because the settings changed or the process ends. Called by whoever built the channel."""

    def check(self) -> Iterable[CheckLine]:
        """Try the connection: one line per thing that was tried; no message is sent. Raises nothing that a line could say."""
        return ()

    def send(self, messages: Iterable[Message]) -> Iterator[SendResult]:
        """Send messages, and yield one result after each: take one, send it, yield, take the next (R40).

        A message is made when it is taken, with the links and passwords in it, and its result is written down before the next is made; so
        whoever dies in it leaves one message in doubt. What is wrong with one message is the ``error`` of its result: ``Permanent`` for an
        address that does not exist, ``Transient`` for one that should be tried later, ``Ambiguous`` where nobody knows whether the message
        was taken. What is wrong with the server is raised: the message just taken and all others wait.
        """
        raise NotImplementedError(f"{type(self).__name__} must be able to send.")
