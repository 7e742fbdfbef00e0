"""A channel that lives in memory: what it was given, and what it is told to do wrong. For tests of core and of plugins' actions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar

from rolecall.errors import ProviderError
from rolecall.hookspecs import hookimpl
from rolecall.sdk.channel import Channel, Message, SendResult

#: An error to yield, or something to do at that moment, which may raise.
Fault = ProviderError | Callable[[], object]


@dataclass(slots=True)
class Outbox:
    """What stands behind a memory channel: every message that it took, also those of which it did not say so."""

    messages: list[Message] = field(default_factory=list)
    #: By address: before the message is taken, or after it.
    before: dict[str, Fault] = field(default_factory=dict)
    after: dict[str, Fault] = field(default_factory=dict)

    def sent_to(self, address: str) -> list[Message]:
        """The messages that one address got."""
        return [each for each in self.messages if each.address == address]


class MemoryChannel(Channel):
    """See :func:`memory_channel`."""

    outbox: ClassVar[Outbox]

    def send(self, messages: Iterable[Message]) -> Iterator[SendResult]:
        """Put each message into the outbox, unless a fault waits for its address; each fault strikes once."""
        for message in messages:
            error = _strike(self.outbox.before, message)
            if error is None:
                self.outbox.messages.append(message)
                error = _strike(self.outbox.after, message)
            yield SendResult(message=message, error=error)


def memory_channel(channel_id: str = "pigeons", *, address: str = "email") -> type[MemoryChannel]:
    """Make a channel class with an empty outbox of its own."""
    made: Mapping[str, Any] = {"id": channel_id, "label": channel_id.title(), "address": address, "outbox": Outbox()}
    return type("Memory", (MemoryChannel,), dict(made))


def channel_plugin(channel: type[Channel]) -> ModuleType:
    """A plugin that consists of a channel."""
    module = ModuleType(channel.id)
    module.register_channels = hookimpl(lambda: [channel], specname="register_channels")  # type: ignore[attr-defined]
    return module


def _strike(faults: dict[str, Fault], message: Message) -> ProviderError | None:
    fault = faults.pop(message.address, None)
    if fault is None or isinstance(fault, ProviderError):
        return fault
    fault()
    return None
