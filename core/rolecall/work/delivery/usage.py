"""What messages that cost money came to lately: how many count for the day's limit, and the parts and cost of a day and of a month (T-13).

Reads only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.accounts import message_limits
from rolecall.errors import Unknown
from rolecall.plugins.registry import View
from rolecall.store.engine import now
from rolecall.store.tables import Delivery
from rolecall.work.delivery import asking
from rolecall.work.documents import Document

DAY, MONTH = timedelta(days=1), timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Messages that were taken or may have been, their parts, and their cost as far as it is known."""

    messages: int
    parts: int
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a channel sent: ``counted`` of the ``limit`` of a day, and what that came to."""

    counted: int
    limit: int
    day: Sum
    month: Sum
    #: What the settings say that costs are in; empty where they do not.
    currency: str = ""


def usage(session: Session, view: View, channel_id: str) -> Usage | None:
    """Return what a channel's messages came to, as far as the session sees them; none where it has no limits, because they cost nothing."""
    kind = view.channels.get(channel_id)
    saved = asking.saved_settings(session, view, kind) if kind is not None else {}
    limits = kind.limits(saved) if kind is not None else None
    if kind is None or limits is None:
        return None
    price = asking.price_of(kind, saved, "")
    moment = now(session)
    return Usage(
        counted=message_limits.used_today(session, channel_id, now=moment), limit=limits.a_day,
        day=_sum(session, kind.address, moment - DAY), month=_sum(session, kind.address, moment - MONTH),
        currency=price.currency if price is not None else "",
    )  # fmt: skip


def require(session: Session, view: View, channel_id: str) -> Usage:
    """As :func:`usage`, for a channel that must have it.

    :raises Unknown: when it is not enabled, or its messages cost nothing.
    """
    found = usage(session, view, channel_id)
    if found is None:
        raise Unknown(f"{channel_id} sends nothing that costs money.", hint="Enable it first, if it is a channel to phones.")
    return found


def usage_document(found: Usage) -> Document:
    """What a channel's messages came to, as the outside contract words it; amounts are texts, so that none of them is rounded."""
    return {
        "counted": found.counted, "limit": found.limit, "currency": found.currency or None,
        "day": _sum_document(found.day), "month": _sum_document(found.month),
    }  # fmt: skip


def _sum(session: Session, address: str, since: datetime) -> Sum:
    taken = select(func.count(), func.coalesce(func.sum(Delivery.parts), 0), func.coalesce(func.sum(Delivery.cost), 0))
    row = session.execute(taken.where(Delivery.channel == address, Delivery.parts.is_not(None), Delivery.settled_at > since)).one()
    return Sum(messages=row[0], parts=int(row[1] or 0), cost=Decimal(int(row[2] or 0)) / 1_000_000)


def _sum_document(found: Sum) -> Document:
    return {"messages": found.messages, "parts": found.parts, "cost": f"{found.cost.normalize():f}"}
