"""The state of a link in one word, as every list, page and document shows it (R61).

Owns which of a link's columns make which word. Writes nothing.
"""

from datetime import datetime
from typing import Protocol


class LinkFacts(Protocol):
    """The columns of a link that its state is made of."""

    @property
    def wanted(self) -> int: ...
    @property
    def synced(self) -> int: ...
    @property
    def blocked(self) -> bool: ...
    @property
    def attempts(self) -> int: ...
    @property
    def leased_until(self) -> datetime | None: ...


def sync_state(link: LinkFacts, now: datetime) -> str:
    """Return queued, running, retrying, blocked or done."""
    if link.synced >= link.wanted:
        return "done"
    if link.blocked:
        return "blocked"
    if link.leased_until is not None and link.leased_until > now:
        return "running"
    return "retrying" if link.attempts else "queued"
