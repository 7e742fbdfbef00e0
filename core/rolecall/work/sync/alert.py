"""Tells the alert addresses of the institution that the safety limits hold something, once for each hold (R62).

Owns when that is, and to whom. A hold lasts from the first change that is held at a provider until somebody has decided about it: what is
held besides it meanwhile is no other hold. The message is the owner's, who may do everything about it; it goes to the addresses alone.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.accounts import messages
from rolecall.accounts.core_settings import core_settings
from rolecall.accounts.messages import Message
from rolecall.store.folding import email_key
from rolecall.store.tables import Account, Link
from rolecall.work.sync.held_groups import because, groups, is_held

#: The kind of the message.
KIND = "sync.held"


def tell(session: Session, provider: str, *, now: datetime) -> None:
    """Queue the message, where anybody is to be told, and unless this hold was told already."""
    addresses: list[str] = core_settings(session)["alert_addresses"]
    if not addresses:
        return
    owner = session.scalar(select(Account.id).where(Account.is_owner))
    since = session.scalar(select(func.min(Link.held_at)).where(is_held(provider)))
    if owner is None or since is None:
        return
    told = [
        Message(
            kind=KIND, channel=messages.EMAIL, account_id=owner, address=each, facts={"provider": provider},
            dedupe_key=f"{KIND}:{provider}:{since.isoformat()}:{_short(each)}",
        )
        for each in addresses
    ]  # fmt: skip
    messages.queue_all(session, told, run_id=None, now=now)


def said(session: Session, provider: str) -> Mapping[str, str]:
    """What the message says of what is held now: numbers, which are left out where they are zero, and a sentence. Empty for nothing."""
    found = groups(session, provider)
    numbers = {
        "suspensions": sum(each.number for each in found if each.verb == "suspend"),
        "deletions": sum(each.number for each in found if each.verb == "delete"),
        "guarded": sum(each.number for each in found if each.guarded),
    }
    return {"what": because(found), **{name: f"{number:,}" for name, number in numbers.items() if number}} if found else {}


def _short(address: str) -> str:
    """An address in a key, which has less room than an address may take."""
    return hashlib.sha256(email_key(address).encode()).hexdigest()[:32]
