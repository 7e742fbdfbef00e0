"""Tells the alert addresses of the institution that the safety limits hold something, once for each hold (R62).

Owns when that is, and to whom. A hold lasts from the first change that is held at a provider until somebody has decided about it: what is
held besides it meanwhile is no other hold. The message is the owner's, who may do everything about it; it goes to the addresses alone.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.accounts import alerts
from rolecall.store.tables import Link
from rolecall.work.sync.held_groups import because, groups, is_held

#: The kind of the message.
KIND = "sync.held"


def tell(session: Session, provider: str, *, now: datetime) -> None:
    """Queue the message, where anybody is to be told, and unless this hold was told already."""
    if not alerts.alert_addresses(session):
        return
    since = session.scalar(select(func.min(Link.held_at)).where(is_held(provider)))
    if since is not None:
        alerts.queue(session, KIND, {"provider": provider}, key=f"{provider}:{since.isoformat()}", now=now)


def said(session: Session, provider: str) -> Mapping[str, str]:
    """What the message says of what is held now: numbers, which are left out where they are zero, and a sentence. Empty for nothing."""
    found = groups(session, provider)
    numbers = {
        "suspensions": sum(each.number for each in found if each.verb == "suspend"),
        "deletions": sum(each.number for each in found if each.verb == "delete"),
        "guarded": sum(each.number for each in found if each.guarded),
    }
    return {"what": because(found), **{name: f"{number:,}" for name, number in numbers.items() if number}} if found else {}
