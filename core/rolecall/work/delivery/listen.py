"""Hears what gateways report over lines of their own: after messages were sent, and once a minute while some wait for a report (R42).

A report is acknowledged after it was written down, so a worker that dies hears it again.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts.messages import NOTHING
from rolecall.errors import ProviderError
from rolecall.sdk.channel import Channel
from rolecall.store.engine import now
from rolecall.store.tables import MessagePart
from rolecall.work import slots
from rolecall.work.delivery import asking
from rolecall.work.delivery.receipts import ChannelReceipts

if TYPE_CHECKING:
    from rolecall.work.application import Application

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=60)
#: Reports that come later than this after a message are not asked for any more.
PATIENCE = timedelta(days=3)


def due(app: "Application", session: Session) -> list[str]:
    """The channels that have a line to listen at, and messages that wait for a report."""
    view, found = app.plugins.view(session), []
    for channel_id, kind in view.channels.items():
        if kind.listens.__func__ is Channel.listens.__func__:  # type: ignore[attr-defined]
            # This is asked all the time, and most channels have nothing to say.
            continue
        if not kind.listens(asking.saved_settings(session, view, kind)) or slots.owners(session, _place(channel_id)):
            continue
        waits = select(MessagePart.reference).where(
            MessagePart.channel == channel_id, MessagePart.report == NOTHING, MessagePart.delivery_id.is_not(None),
            MessagePart.at > now(session) - PATIENCE,
        )  # fmt: skip
        if session.scalar(waits.limit(1)) is not None:
            found.append(channel_id)
    return found


def listen(app: "Application", channel_id: str) -> int:
    """Listen once and return how many reports were about messages that are known; at most once a minute over all workers."""
    with app.db.write() as session:
        instance = app.channels.get(session, app.plugins.view(session), channel_id)
        if instance is None or instance.channel is None:
            return 0
        # The line is the sender's too: nobody listens while messages are sent. The place to listen is free again in a minute.
        sending = slots.take(session, f"deliver:{channel_id}", length=instance.lease)
        if sending is None:
            return 0
        slots.take(session, _place(channel_id), length=EVERY)
    try:
        return hear(app, channel_id, instance.channel)
    finally:
        with app.db.write() as session:
            sending.free(session)


def hear(app: "Application", channel_id: str, channel: Channel) -> int:
    """Take in what a channel has to report now; what it cannot hear comes another time."""
    heard, known = ChannelReceipts(app, channel_id), 0
    try:
        for each in channel.reports():
            known += heard.arrived(each.reference) if each.arrived else heard.lost(each.reference, each.reason)
    except ProviderError as error:
        log.warning("reports not heard", channel=channel_id, error=str(error))
    except (Exception, SystemExit):  # a plugin may raise anything; messages are sent without reports too
        log.exception("channel failed", channel=channel_id)
    return known


def _place(channel_id: str) -> str:
    return f"listen:{channel_id}"
