"""What the pretended gateways have in common: the messages that they took, by number, and the numbers that they refuse."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

#: As many as are kept; older ones are forgotten.
KEPT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One message that a gateway took."""

    id: str
    gateway: str
    to: str
    sender: str
    body: str
    at: datetime


@dataclass(slots=True)
class Phones:
    """Everybody's phone. ``refused`` and ``put_off`` are numbers in E.164."""

    messages: list[Taken] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    put_off: set[str] = field(default_factory=set)
    credit: float = 25.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _count: int = 0

    def take(self, gateway: str, *, to: str, sender: str, body: str) -> Taken:
        """Keep a message and give it an id."""
        with self._lock:
            self._count += 1
            taken = Taken(id=f"{self._count:032x}", gateway=gateway, to=to, sender=sender, body=body, at=datetime.now(UTC))
            self.messages.append(taken)
            del self.messages[:-KEPT]
            return taken

    def of(self, gateway: str, to: str) -> list[Taken]:
        """The messages that one gateway took for one number, the newest first."""
        with self._lock:
            return [each for each in reversed(self.messages) if (each.gateway, each.to) == (gateway, to)]
