"""Makes what a provider created the account's own: its mailbox the account's e-mail, its sign-in the account's (R23).

Owns what changes in the account, in the transaction that settles the link. Knows nothing of calls.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit, emails
from rolecall.accounts.actors import WORKER
from rolecall.sdk.provider import Provider
from rolecall.store import listing
from rolecall.store.bulk import among
from rolecall.store.tables import Account, Link
from rolecall.work import links

#: What the audit calls it.
KIND = "account.converted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What one account takes from a provider."""

    account_id: int
    #: The mailbox there, which becomes the account's e-mail; none where the provider gives none.
    address: str | None
    #: Whether the provider signs the person in from now on.
    signs_in: bool


def conversion(provider: Provider, account_id: int, sign_in_name: str | None) -> Conversion | None:
    """Say what an account takes from a provider that it is converted to; none where that only creates and links."""
    address = sign_in_name if provider.gives_mailbox else None
    if address is None and not provider.signs_in:
        return None
    return Conversion(account_id=account_id, address=address, signs_in=provider.signs_in)


def take_over(session: Session, provider: str, found: Sequence[Conversion], moment: datetime) -> None:
    """Change the accounts whose remote account is there now, and put them behind at every provider that hears of it.

    An address that is another account's user name stays out, and the audit says so (A-16). The Global Owner goes on signing in here too:
    somebody must be able to while every provider is down. The caller has locked the accounts.
    """
    by_account = {each.account_id: each for each in found}
    accounts = {each.id: each for each in session.scalars(select(Account).where(Account.id.in_(among(session, by_account))))}
    befores = {account_id: _facts(account) for account_id, account in accounts.items()}
    refused = emails.take_over(session, {each.account_id: each.address for each in found if each.address}, now=moment)
    signed_in_there = [each.account_id for each in found if each.signs_in and not accounts[each.account_id].is_owner]
    session.execute(update(Account).where(Account.id.in_(among(session, signed_in_there))).values(sso_provider=provider))
    session.flush()
    session.expire_all()
    changed: list[int] = []
    for account_id, before in befores.items():
        after = _facts(session.get_one(Account, account_id))
        differing = [name for name in before if before[name] != after[name]]
        why = {"refused": refused[account_id]} if account_id in refused else {}
        if differing or why:
            payload = {"provider": provider, "before": _only(before, differing), "after": _only(after, differing), **why}
            audit.append(session, actor=WORKER, kind=KIND, payload=payload, account_id=account_id)
        if differing:
            changed.append(account_id)
    if changed:
        session.execute(update(Account).where(Account.id.in_(among(session, changed))).values(version=Account.version + 1))
        listing.refresh(session, changed)
        links.behind(session, changed)


def over(session: Session, link_ids: Sequence[int]) -> None:
    """Note that these links convert nothing any more; what was asked for anew meanwhile goes on."""
    done = update(Link).where(Link.id.in_(among(session, link_ids)), Link.synced >= Link.wanted)
    session.execute(done.values(converts=False), execution_options={"synchronize_session": False})


def _facts(account: Account) -> dict[str, Any]:
    return {"email": account.email, "email_verified": account.email_verified, "sso": account.sso_provider}


def _only(facts: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: facts[name] for name in names}
