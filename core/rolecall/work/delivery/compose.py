"""Makes one message at the moment it is sent: whom it is for, in which language, and with what in it.

Owns that links and passwords come into being here and nowhere before, and that nothing is sent that has become pointless. What each kind
of core's needs beside the account is in `facts`. Knows nothing of servers.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import invitations, message_texts, senders
from rolecall.accounts.core_settings import core_settings
from rolecall.sdk import template
from rolecall.sdk.channel import Message
from rolecall.store.engine import now
from rolecall.store.tables import Account, Person
from rolecall.work.delivery.claim import ClaimedMessage
from rolecall.work.delivery.facts import MAKERS, Case, Pointless, plainly

if TYPE_CHECKING:
    from rolecall.work.application import Application

__all__ = ["Pointless", "compose"]


def compose(app: "Application", session: Session, claimed: ClaimedMessage) -> Message:
    """Return a claimed message as it is sent now. Links that it holds work as soon as the transaction is over.

    :raises Pointless: with the reason, when it need not be sent any more.
    """
    view = app.plugins.view(session)
    kind = view.templates.get(claimed.kind)
    if kind is None:
        raise Pointless("The plugin that this message comes from is not enabled any more.")
    row = session.execute(select(Account, Person).join(Person, Person.id == Account.person_id).where(Account.id == claimed.account_id))
    account, person = row.one()
    settings = core_settings(session)
    language, text = message_texts.for_reader(session, kind, account.language or person.language, str(settings["default_language"]))
    labels = {each: found.label for known in (view.login_methods, view.providers) for each, found in known.items()}
    case = Case(
        session=session, keyring=app.keyring, providers=labels,
        base_url=app.config.base_url, now=now(session), claimed=claimed, account=account, person=person, language=language,
        settings=settings,
    )  # fmt: skip
    values = {**common(account, settings, app.config.base_url), **MAKERS.get(kind.id, plainly)(case)}
    filled = template.fill(text, values)
    host = urlsplit(app.config.base_url).hostname or "localhost"
    return Message(
        id=claimed.id,
        address=claimed.address,
        subject=filled.subject,
        text=filled.body,
        html=template.html(filled.body),
        language=language,
        is_right_to_left=template.is_right_to_left(language),
        sender=_sender(session, claimed, settings["sender_addresses"], host),
        sender_name=str(settings["institution_name"]),
        # The same on every attempt, so that whoever gets it twice can tell.
        message_id=claimed.message_id or f"<{uuid4().hex}@{host}>",
        region=str(settings["phone_region"]),
        may_have_left_since=claimed.created_at if claimed.may_have_left else None,
    )


def common(account: Account, settings: Mapping[str, Any], base_url: str) -> dict[str, str]:
    """What every message may say."""
    return {
        "first_name": account.first_name,
        "last_name": account.last_name,
        "username": account.username,
        "institution": str(settings["institution_name"]) or "Rolecall",
        "sign_in": f"{base_url}/login",
    }


def _sender(session: Session, claimed: ClaimedMessage, addresses: Sequence[str], host: str) -> str:
    """The address that a message comes from: for invitations the one of whoever sent them, if it still is one of the institution's; else
    its first, or one that at least says which machine sent it.
    """
    own = senders.of_run(session, claimed.run_id, addresses) if claimed.kind in invitations.KINDS else None
    if own or addresses:
        return own or addresses[0]
    return f"rolecall@{host if host.strip('0123456789.') and ':' not in host else 'localhost'}"
