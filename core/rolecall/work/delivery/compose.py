"""Makes one message at the moment it is sent: whom it is for, in which language, and with what in it.

Owns that links and passwords come into being here and nowhere before, and that nothing is sent that has become pointless. What each kind
of core's needs beside the account is in `facts`. Knows nothing of servers.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from sqlalchemy.orm import Session

from rolecall.accounts import invitations
from rolecall.sdk import template
from rolecall.sdk.channel import Message
from rolecall.store.tables import Account
from rolecall.work.delivery.claim import ClaimedMessage
from rolecall.work.delivery.facts import MAKERS, Case, Pointless, plainly
from rolecall.work.delivery.recipients import Recipient
from rolecall.work.delivery.stationery import Stationery

if TYPE_CHECKING:
    from rolecall.work.application import Application

__all__ = ["Pointless", "compose"]


def compose(
    app: "Application", session: Session, claimed: ClaimedMessage, recipient: Recipient, stationery: Stationery, *, now: datetime
) -> Message:
    """Return a claimed message as it is sent now. Links that it holds work as soon as the transaction is over.

    :raises Pointless: with the reason, when it need not be sent any more.
    """
    kind = stationery.view.templates.get(claimed.kind)
    if kind is None:
        raise Pointless("The plugin that this message comes from is not enabled any more.")
    settings, base_url = stationery.settings, app.config.base_url
    language, text = stationery.text(session, kind, recipient.language)
    case = Case(
        session=session, keyring=app.keyring, providers=stationery.labels, base_url=base_url, now=now, claimed=claimed,
        recipient=recipient, settings=settings,
    )  # fmt: skip
    filled = template.fill(text, {**common(recipient, settings, base_url), **MAKERS.get(kind.id, plainly)(case)})
    host = urlsplit(base_url).hostname or "localhost"
    return Message(
        id=claimed.id,
        address=claimed.address,
        subject=filled.subject,
        text=filled.body,
        html=template.html(filled.body),
        language=language,
        is_right_to_left=template.is_right_to_left(language),
        sender=_sender(session, claimed, stationery, host),
        sender_name=str(settings["institution_name"]),
        # The same on every attempt, so that whoever gets it twice can tell.
        message_id=claimed.message_id or f"<{uuid4().hex}@{host}>",
        region=stationery.region,
        may_have_left_since=claimed.created_at if claimed.may_have_left else None,
    )


def common(account: Account | Recipient, settings: Mapping[str, Any], base_url: str) -> dict[str, str]:
    """What every message may say."""
    return {
        "first_name": account.first_name,
        "last_name": account.last_name,
        "username": account.username,
        "institution": str(settings["institution_name"]) or "Rolecall",
        "sign_in": f"{base_url}/login",
    }


def _sender(session: Session, claimed: ClaimedMessage, stationery: Stationery, host: str) -> str:
    """The address that a message comes from: for invitations the one of whoever sent them, if it still is one of the institution's; else
    its first, or one that at least says which machine sent it.
    """
    addresses = stationery.settings["sender_addresses"]
    own = stationery.sender_of_run(session, claimed.run_id) if claimed.kind in invitations.KINDS else None
    if own or addresses:
        return str(own or addresses[0])
    return f"rolecall@{host if host.strip('0123456789.') and ':' not in host else 'localhost'}"
