"""What gateways report of messages after they took them: written down where the message is, or kept until it is there (R42).

Owns the transaction, and that a plugin reports on what its own channel sent and on nothing else.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rolecall.accounts import messages
from rolecall.store.engine import now

if TYPE_CHECKING:
    from rolecall.work.application import Application

#: No gateway's name for a message is longer.
LONGEST = 200


@dataclass(frozen=True, slots=True)
class ChannelReceipts:
    """The receipts of one channel; see :class:`rolecall.sdk.endpoint.Receipts`."""

    app: "Application"
    channel: str

    def arrived(self, reference: str) -> bool:
        """Note that a part of a message reached the phone."""
        return self._report(reference, messages.ARRIVED, None)

    def lost(self, reference: str, reason: str) -> bool:
        """Note that a part of a message will not arrive, and why."""
        return self._report(reference, messages.LOST, "".join(each if each.isprintable() else " " for each in reason).strip()[:2000])

    def _report(self, reference: str, what: int, reason: str | None) -> bool:
        if not 0 < len(reference) <= LONGEST or not reference.isprintable():
            return False
        return self.app.db.attempt(lambda session: messages.report(session, self.channel, reference, what, reason=reason, now=now(session)))
