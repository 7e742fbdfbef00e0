"""Writes down what became of a message, guarded by its fence: sent, bounced, tried again later, or given up as unknown.

Owns the table of errors for messages. A message whose fence has moved belongs to a newer worker, and what we know of it is dropped.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from rolecall.accounts import messages
from rolecall.accounts.messages import BOUNCED, PHONE, SENT, SKIPPED, UNKNOWN
from rolecall.errors import Ambiguous, Misconfigured, Permanent, ProviderError, Transient
from rolecall.sdk.channel import Price
from rolecall.work.delivery.claim import ClaimedMessage, write
from rolecall.work.delivery.effects import after_sending
from rolecall.work.leases import NotCalledError
from rolecall.work.sync import backoff
from rolecall.work.sync.circuit import sentence

#: How long a message is tried that the server does not take yet; mail servers themselves try for days.
PATIENCE = timedelta(days=3)
#: Attempts of which nobody knows how they ended; each may have been a message.
MOST_UNKNOWN = 3
_ENDED = "The worker ended while it sent this message, for the third time; nobody knows whether it was sent. Ask whether it arrived."


def sent(
    session: Session,
    claimed: ClaimedMessage,
    channel: str,
    *,
    reference: str | None = None,
    references: Sequence[str] = (),
    price: Price | None = None,
    now: datetime,
) -> bool:
    """Note that the server took a message, what it calls its parts, and what follows; false when it is no longer this worker's."""
    values: dict[str, Any] = {"state": SENT, "settled_at": now, "error": None, "error_class": None, **_cost(price)}
    if reference:
        values["message_id"] = "".join(each for each in reference if each.isprintable())[:200]
    if not _write(session, claimed, **values):
        return False
    after_sending(session, kind=claimed.kind, account_id=claimed.account_id, now=now)
    if claimed.channel == PHONE:
        names = [each[:200] for each in references if each.isprintable() and each]
        messages.name_parts(session, channel, claimed.id, claimed.account_id, names, now=now)
    return True


def skipped(session: Session, claimed: ClaimedMessage, why: str, *, now: datetime) -> bool:
    """Note that a message was not sent, because it has become pointless."""
    return _write(session, claimed, state=SKIPPED, settled_at=now, error=why, error_class=None)


def given_up(session: Session, claimed: ClaimedMessage, *, now: datetime) -> bool:
    """Note that a message is not tried again during which workers ended too often; false when it may be tried."""
    if claimed.doubts < MOST_UNKNOWN:
        return False
    _write(session, claimed, state=UNKNOWN, settled_at=now, error=_ENDED, error_class="ambiguous")
    return True


def failed(session: Session, claimed: ClaimedMessage, error: Exception, *, price: Price | None = None, now: datetime) -> bool:
    """Note that an attempt failed, and whether and when there is another; returns whether that was the end of it."""
    told: dict[str, Any] = {"error": sentence(error), "error_class": _class_of(error)}
    if isinstance(error, NotCalledError | Misconfigured):
        # Nothing about this message: it waits until the channel works again, and no attempt counts.
        _write(session, claimed, attempts=claimed.attempts, doubts=claimed.doubts, **told)
        return False
    attempts = claimed.attempts + 1
    if isinstance(error, Transient):
        told["doubts"] = claimed.doubts
    if isinstance(error, Ambiguous):
        # It may have been taken, and paid for.
        told |= _cost(price)
    if isinstance(error, Ambiguous) and claimed.doubts + 1 >= MOST_UNKNOWN:
        return _write(session, claimed, state=UNKNOWN, settled_at=now, **told)
    if _is_final(error, attempts, now - claimed.created_at):
        return _write(session, claimed, state=BOUNCED, settled_at=now, **told)
    wait = backoff.wait(attempts, error.retry_after if isinstance(error, Transient) else None)
    _write(session, claimed, not_before=now + wait, **told)
    return False


def _is_final(error: Exception, attempts: int, age: timedelta) -> bool:
    if isinstance(error, Transient | Ambiguous):
        return age >= PATIENCE
    return isinstance(error, ProviderError) or attempts >= backoff.ATTEMPTS_UNEXPECTED


def _cost(price: Price | None) -> dict[str, Any]:
    """What a message that was taken came to, as its row keeps it."""
    if price is None:
        return {}
    return {"parts": price.parts, "cost": None if price.total is None else int(price.total * 1_000_000)}


def _class_of(error: Exception) -> str:
    for kind, word in ((Transient, "transient"), (Ambiguous, "ambiguous"), (Permanent, "permanent"), (Misconfigured, "misconfigured")):
        if isinstance(error, kind):
            return word
    return "permanent" if isinstance(error, ProviderError) else "error"


def _write(session: Session, claimed: ClaimedMessage, **values: Any) -> bool:
    return write(session, claimed, leased_until=None, **values)
