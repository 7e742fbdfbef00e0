"""The gate that messages which cost money pass before they leave: an institution's limits, asked of the channel, counted by core (T-13).

Owns that a message counts once however often it is tried, and not at all when it surely did not leave.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from rolecall.accounts import message_limits
from rolecall.errors import Misconfigured, Transient
from rolecall.sdk.channel import Channel, MessageLimits
from rolecall.work.delivery.claim import ClaimedMessage


class Gate:
    """The limits of one channel, for the messages of one claim."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        #: How each message was counted here, by its number: its address as it is counted, and the limits.
        self._counted: dict[int, tuple[str, MessageLimits]] = {}

    def refusal(self, session: Session, claimed: ClaimedMessage, *, region: str, now: datetime) -> str | None:
        """Count a message that is about to leave and return none, or why it must not leave.

        One that may have left before was counted then: it is the same message, which is looked up or left in doubt. Nothing is counted
        where there are no limits, or where the channel refuses the address anyway.
        """
        limits = self._channel.limits(self._channel.settings)
        if limits is None or claimed.may_have_left:
            return None
        address = self._channel.canonical(self._channel.settings, claimed.address, region=region)
        if not address:
            return None
        refusal = message_limits.take(session, self._channel.id, address, limits, now=now, account_id=claimed.account_id)
        if refusal is None:
            self._counted[claimed.id] = (address, limits)
        return refusal

    def did_not_leave(self, session: Session, claimed: ClaimedMessage, error: Exception | None = None, *, now: datetime) -> None:
        """Take a message back from the counters; with an ``error``, unless that leaves it in doubt or ends it."""
        if error is not None and not isinstance(error, Transient | Misconfigured):
            return
        # It stays noted: the transaction may have to be done again.
        counted = self._counted.get(claimed.id)
        if counted is not None:
            message_limits.give_back(session, self._channel.id, *counted, now=now)
