"""The gate that messages which cost money pass before they leave: an institution's limits, asked of the channel, counted by core (T-13).

Owns that a message counts once however often it is tried, and not at all when it surely did not leave.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from rolecall.accounts import message_limits
from rolecall.accounts.core_settings import core_settings
from rolecall.errors import Misconfigured, Transient
from rolecall.sdk.channel import Channel, MessageLimits
from rolecall.store.engine import now
from rolecall.work.delivery.claim import ClaimedMessage


@dataclass(frozen=True, slots=True)
class Gate:
    """The limits of one channel."""

    channel: Channel

    def refusal(self, session: Session, claimed: ClaimedMessage) -> str | None:
        """Count a message that is about to leave and return none, or why it must not leave.

        One that may have left before was counted then: it is the same message, which is looked up or left in doubt.
        """
        counted = self._counted(session, claimed)
        if counted is None or claimed.may_have_left:
            return None
        address, limits = counted
        return message_limits.take(session, self.channel.id, address, limits, now=now(session), account_id=claimed.account_id)

    def did_not_leave(self, session: Session, claimed: ClaimedMessage, error: Exception | None = None) -> None:
        """Take a message back from the counters; with an ``error``, unless that leaves it in doubt or ends it."""
        if error is not None and not isinstance(error, Transient | Misconfigured):
            return
        counted = self._counted(session, claimed)
        if counted is not None and not claimed.may_have_left:
            message_limits.give_back(session, self.channel.id, *counted, now=now(session))

    def _counted(self, session: Session, claimed: ClaimedMessage) -> tuple[str, MessageLimits] | None:
        """How its address is counted, and the limits; none where there are none, or where the channel refuses the address anyway."""
        limits = self.channel.limits(self.channel.settings)
        if limits is None:
            return None
        region = str(core_settings(session)["phone_region"])
        address = self.channel.canonical(self.channel.settings, claimed.address, region=region)
        return (address, limits) if address else None
