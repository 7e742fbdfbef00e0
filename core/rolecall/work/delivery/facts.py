"""What the messages of core say beside what every message may: links made at the moment of sending, and what happened (R22, R40).

Owns, for each kind, when it has become pointless. Knows nothing of texts or languages beyond the few words that stand for a value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from rolecall.accounts import (
    alerts,
    eligibility,
    emails,
    first_password,
    forgotten,
    invitations,
    passwords,
    provider_passwords,
    security_notices,
)
from rolecall.accounts.sealing import Keyring
from rolecall.store.folding import email_key
from rolecall.work.delivery.claim import ClaimedMessage
from rolecall.work.delivery.recipients import Recipient
from rolecall.work.sync import alert, circuit

_MINUTES = str(int(forgotten.LINK_LASTS.total_seconds() // 60))


class Pointless(Exception):
    """A message need not be sent any more; its text says why, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One message that is being made: for whom, and where it stands."""

    session: Session
    keyring: Keyring
    #: What providers and other services that sign people in are called, by id.
    providers: Mapping[str, str]
    base_url: str
    now: datetime
    claimed: ClaimedMessage
    recipient: Recipient
    settings: Mapping[str, Any]

    @property
    def may_have_left(self) -> bool:
        """Whether an earlier attempt may have sent it, links included."""
        return self.claimed.may_have_left


#: Returns what a kind's placeholders stand for; raises :class:`Pointless`.
Maker = Callable[[Case], Mapping[str, str]]


def plainly(case: Case) -> Mapping[str, str]:
    """What the messages of plugins say: the texts that were queued with them."""
    _need_open(case)
    return {name: str(value) for name, value in case.claimed.facts.items() if isinstance(value, str | int)}


def verification(case: Case) -> Mapping[str, str]:
    """A link that verifies the account's address; pointless once that is another one or verified."""
    _need_open(case)
    if case.recipient.email_key != email_key(case.claimed.address):
        raise Pointless("The address is not the account's any more.")
    if case.recipient.email_verified:
        raise Pointless("The address was verified meanwhile.")
    token = emails.verification_link_token(
        case.session, case.recipient.account_id, address=case.claimed.address, now=case.now, keep_older=case.may_have_left
    )
    hours = int(emails.LINK_LASTS.total_seconds() // 3600)
    return {"link": f"{case.base_url}/verify/{token}", "hours": str(hours), "email": case.claimed.address}


def changed_email(case: Case) -> Mapping[str, str]:
    """Which address took the place of the one that is told (T-15). It goes out whatever became of the account since."""
    return {"email": case.claimed.address}


def nothing_more(_case: Case) -> Mapping[str, str]:
    """Nothing beside what every message may say. It goes out whatever became of the account since (A-20)."""
    return {}


def linked_identity(case: Case) -> Mapping[str, str]:
    """Which service signs the account in from now on (R66). It goes out whatever became of the account since."""
    method = str(case.claimed.facts.get("method", ""))
    return {"service": case.providers.get(method, method)}


def invitation(case: Case) -> Mapping[str, str]:
    """The way to sign in for the first time: a link to choose a password, the first-time password, or the provider that keeps it.

    The password is in it only where the institution wants that, it is still kept and still signs in; else the link is.
    """
    _need_open(case)
    recipient = case.recipient
    if recipient.person_email is None or email_key(recipient.person_email) != email_key(case.claimed.address):
        raise Pointless("The personal e-mail was changed meanwhile.")
    if case.claimed.facts.get(invitations.NEW) and eligibility.refusal_of(case.session, recipient.person_id):
        raise Pointless("The person is not entitled to an account any more.")
    if recipient.sso_provider is not None:
        return {"provider": case.providers.get(recipient.sso_provider, recipient.sso_provider)}
    if case.settings["invitation_says"] == "password":
        there = provider_passwords.kept(case.session, case.keyring, [recipient.account_id]).get(recipient.account_id, ())
        said = {"provider_passwords": "\n".join(f"{case.providers.get(e.provider, e.provider)}: {e.username}  {e.password}" for e in there)}
        password = _first_password(case)
        if password is not None:
            return {**said, "password": password}
    else:
        said = {}
    token = invitations.link_token(
        case.session, recipient.account_id, address=case.claimed.address, now=case.now, keep_older=case.may_have_left
    )
    return {**said, "link": f"{case.base_url}/set-password/{token}", "days": str(invitations.LINK_LASTS.days)}


def credentials_by_phone(case: Case) -> Mapping[str, str]:
    """A link to choose a password, or the provider that signs the account in; never a password, which stays on phones (R42, T-13)."""
    _need_open(case)
    recipient, phone = case.recipient, case.claimed.address
    if recipient.person_phone is None or invitations.phone_key(recipient.person_phone) != invitations.phone_key(phone):
        raise Pointless("The phone in the person's record was changed meanwhile.")
    if recipient.sso_provider is not None:
        return {"provider": case.providers.get(recipient.sso_provider, recipient.sso_provider)}
    token = invitations.phone_link_token(case.session, recipient.account_id, phone=phone, now=case.now, keep_older=case.may_have_left)
    return {"link": f"{case.base_url}/set-password/{token}", "days": str(invitations.LINK_LASTS.days)}


def forgotten_password(case: Case) -> Mapping[str, str]:
    """A link to choose another password; pointless for whoever would not be sent one now, or who asked too long ago to wait for it."""
    _need_open(case)
    recipient = case.recipient
    if recipient.email_key != email_key(case.claimed.address) or not recipient.email_verified:
        raise Pointless("The address is not the account's any more, or not verified any more.")
    _need_asked_lately(case)
    token = forgotten.link_token(
        case.session, recipient.account_id, address=case.claimed.address, now=case.now, keep_older=case.may_have_left
    )
    return {"link": f"{case.base_url}/set-password/{token}", "minutes": _MINUTES}


def forgotten_by_phone(case: Case) -> Mapping[str, str]:
    """The same link, on the phone in the person's record; pointless where the institution does not want that any more (R59b, T-13)."""
    _need_open(case)
    recipient, phone = case.recipient, case.claimed.address
    if not case.settings["forgotten_by_phone"] or recipient.user_type == "administrator" or recipient.is_owner:
        raise Pointless("A link for a forgotten password does not go to this account's phone.")
    if recipient.person_phone is None or invitations.phone_key(recipient.person_phone) != invitations.phone_key(phone):
        raise Pointless("The phone in the person's record was changed meanwhile.")
    _need_asked_lately(case)
    token = forgotten.phone_link_token(case.session, recipient.account_id, phone=phone, now=case.now, keep_older=case.may_have_left)
    return {"link": f"{case.base_url}/set-password/{token}", "minutes": _MINUTES}


def held(case: Case) -> Mapping[str, str]:
    """What the safety limits hold at a provider, and where somebody decides; pointless once nothing is held there any more (R62)."""
    provider = str(case.claimed.facts.get("provider", ""))
    said = alert.said(case.session, provider)
    if not said:
        raise Pointless("Nothing is held there any more.")
    return {**said, "provider": case.providers.get(provider, provider), "link": f"{case.base_url}/sync/{provider}/held"}


def alerted(case: Case) -> Mapping[str, str]:
    """What happened, who did it, when and where one looks; pointless for an integration that works again (L-06)."""
    facts = case.claimed.facts
    provider = facts.get("provider")
    if provider is not None and not circuit.is_stopped(case.session, provider):
        raise Pointless("It works again.")
    at = datetime.fromisoformat(facts["at"]).astimezone(ZoneInfo(case.settings["time_zone"]))
    return {"what": facts["what"], "who": facts["who"], "when": f"{at:%Y-%m-%d %H:%M}", "link": f"{case.base_url}{facts['path']}"}


def _first_password(case: Case) -> str | None:
    """The first-time password, where it is what signs in now."""
    recipient = case.recipient
    over = recipient.sealed_at is None or recipient.sealed_at + passwords.FIRST_VALID <= case.now
    if recipient.has_password or over:
        return None
    return first_password.open_kept(case.session, case.keyring, [recipient.account_id]).get(recipient.account_id)


MAKERS: Mapping[str, Maker] = {
    emails.VERIFICATION: verification,
    emails.CHANGED: changed_email,
    security_notices.PASSWORD: nothing_more,
    security_notices.FACTOR: nothing_more,
    security_notices.IDENTITY: linked_identity,
    forgotten.KIND: forgotten_password,
    forgotten.TEXTED: forgotten_by_phone,
    **dict.fromkeys(invitations.KINDS, invitation),
    invitations.TEXTED: credentials_by_phone,
    alert.KIND: held,
    alerts.KIND: alerted,
}


def _need_open(case: Case) -> None:
    if case.recipient.is_deleted:
        raise Pointless("The account was deleted.")
    if not case.recipient.is_active:
        raise Pointless("The account is not active.")


def _need_asked_lately(case: Case) -> None:
    """A forgotten password is chosen anew within the hour, and where it is kept."""
    if case.recipient.sso_provider is not None:
        raise Pointless("A provider keeps the password of the account now.")
    if case.now - case.claimed.created_at >= forgotten.LINK_LASTS:
        raise Pointless("It was asked for more than an hour ago.")
