"""The account's own e-mail address: changing it, verifying it, and what signs in meanwhile (R22, R30, T-15, T-16).

Owns the two modes of a change. *block*: nobody signs in by any means until the new address is verified. *keep*: the user name goes on,
and so does the verified address before. Accounts that a provider signs in are never blocked here. The person's record is not touched.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rolecall.accounts import messages, sessions, tokens, usernames
from rolecall.accounts.core_settings import core_settings
from rolecall.accounts.messages import Message
from rolecall.errors import Invalid, Refused
from rolecall.store.bulk import among
from rolecall.store.folding import email_key
from rolecall.store.tables import Account
from rolecall.translation import gettext as _

BLOCK, KEEP, PROVIDER = "block", "keep", "provider"
#: The purpose of links that verify an address.
LINK = "verify-email"
#: How long such a link works (T-04).
LINK_LASTS = timedelta(hours=24)
#: Kinds of messages: to the new address, and to the one before.
VERIFICATION, CHANGED = "email.verification", "email.changed"


def check(typed: str) -> tuple[str, str]:
    """Return a typed address as it will be shown, and its key.

    :raises Invalid: saying what is wrong with it.
    """
    try:
        return typed.strip(), email_key(typed)
    except Invalid as wrong:
        raise Invalid(wrong.message, hint=wrong.hint, fields={"email": [str(wrong)]}) from wrong


def mode_of(session: Session, sso_provider: str | None) -> str:
    """What a change means now: :data:`BLOCK` or :data:`KEEP` by the setting, or :data:`PROVIDER` where a provider signs the account in."""
    return PROVIDER if sso_provider is not None else str(core_settings(session)["email_change"])


def change(session: Session, account: Account, address: str, *, now: datetime, run_id: int | None = None) -> str:
    """Give an account another address, unverified, and return the mode it was changed in.

    Unused links of the account are worthless from now on (T-06); a message with a link to the new address and a notice to the one before
    wait to be sent. History, list row and links to providers are the caller's.

    :raises Invalid: when it is no address.
    :raises Refused: when the account has it already, or it is or was another account's user name (A-16).
    """
    text, key = check(address)
    if key == account.email_key:
        raise Refused(
            _("The e-mail of this account is {address} already.", address=account.email), hint=_("Enter another address."), code="unchanged"
        )
    if _usernames_among(session, {account.id: key}):
        message = f"{text} is the user name of another account, so it cannot be the e-mail of this one."
        raise Refused(message, hint="Enter another address, or change that user name first.", code="email-is-username")
    mode = mode_of(session, account.sso_provider)
    before = account.email
    if mode != KEEP:
        account.former_email, account.former_email_key = None, None
    elif account.email_verified:
        account.former_email, account.former_email_key = account.email, account.email_key
    account.email, account.email_key = text, key
    account.email_verified, account.email_verified_by = False, None
    account.must_verify_email = mode == BLOCK
    session.flush()
    tokens.kill_links(session, [account.id])
    if mode == BLOCK:
        sessions.end_all(session, [account.id])
    _announce(session, account.id, text, before, mode, now=now, run_id=run_id)
    return mode


def put_back(session: Session, befores: Mapping[int, Mapping[str, Any]], *, now: datetime, run_id: int | None) -> dict[int, str]:
    """Put addresses and former addresses back as they were, by account, for an undo; what does not stand in ``before`` is left alone.

    Returns the accounts whose address cannot come back, with the reason: it became somebody's user name meanwhile (A-16).
    """
    emails = {each: before["email"] for each, before in befores.items() if "email" in before}
    taken = _usernames_among(session, {each: email_key(email) for each, email in emails.items() if email})
    for name in ("email", "former_email"):
        rows = [
            {"id": each, name: before[name], f"{name}_key": email_key(before[name]) if before[name] else None}
            for each, before in befores.items()
            if name in before and each not in taken
        ]
        if rows:
            session.execute(update(Account), rows)
    tokens.kill_links(session, emails)
    messages.skip(session, emails, VERIFICATION, why="The change of the address was taken back.", now=now)
    _stop_again(session, [each for each, before in befores.items() if before.get("must_verify_email") and each not in taken], now, run_id)
    return {each: f"{emails[each]} became the user name of another account, so it cannot come back." for each in taken}


def vouch(session: Session, account_ids: Collection[int], *, now: datetime) -> None:
    """Mark the addresses of accounts as verified by an administrator's word (R30); what a change had stopped goes on."""
    _settle(session, account_ids, by="admin")
    messages.skip(session, account_ids, VERIFICATION, why="The address was verified by an administrator meanwhile.", now=now)


def withdraw(session: Session, account_ids: Collection[int]) -> None:
    """Let no address of these accounts count as proved any more, because somebody else may read what is sent there (T-16).

    The user name goes on signing in; the addresses do not, and no link by mail is asked for or works until one is verified again.
    """
    session.execute(
        update(Account)
        .where(Account.id.in_(among(session, account_ids)))
        .values(email_verified=False, email_verified_by=None, former_email=None, former_email_key=None),
        execution_options={"synchronize_session": False},
    )
    session.expire_all()
    tokens.kill_links(session, account_ids)


def verification_link_token(session: Session, account_id: int, *, address: str, now: datetime, keep_older: bool = False) -> str:
    """Make the token of a link that verifies this address of the account, at the moment of sending; older ones are worthless then,
    unless ``keep_older`` says that they may be in a message that was sent already.

    It works only while the address is the account's (T-05).
    """
    return tokens.create_link(session, LINK, account_id, lasts=LINK_LASTS, now=now, address=address, keep_older=keep_older)


def account_of_link(session: Session, token: str, now: datetime) -> int | None:
    """The account whose address a link would verify, without using it up; none when it does not work (T-09)."""
    return tokens.holder(session, token, LINK, now)


def verify(session: Session, token: str, now: datetime) -> bool:
    """Use a link up and mark the address it was sent to as verified by its owner; false when it does not work.

    The caller has locked the account, so that its address is not changing at this very moment.
    """
    account_id = tokens.consume(session, token, LINK, now)
    if account_id is None:
        return False
    _settle(session, [account_id], by="user")
    messages.skip(session, [account_id], VERIFICATION, why="The address was verified meanwhile.", now=now)
    return True


def prove(session: Session, account_id: int, *, now: datetime) -> None:
    """Mark the address of an account as verified by its owner, who followed another link that was sent to it (R40)."""
    _settle(session, [account_id], by="user")
    messages.skip(session, [account_id], VERIFICATION, why="The address was verified meanwhile.", now=now)


def take_over(session: Session, addresses: Mapping[int, str], *, now: datetime) -> dict[int, str]:
    """Make mailboxes that a provider created the e-mails of accounts, verified by the provider's word (R23).

    The person's record stays as it is. Returns the accounts that cannot have theirs, with the reason (A-16). History, list row and links
    to providers are the caller's.
    """
    keys = {account_id: email_key(address) for account_id, address in addresses.items()}
    taken = _usernames_among(session, keys)
    given = [each for each in addresses if each not in taken]
    if given:
        session.execute(update(Account), [{"id": each, "email": addresses[each], "email_key": keys[each]} for each in given])
        _settle(session, given, by="provider")
        tokens.kill_links(session, given)
        messages.skip(session, given, VERIFICATION, why="The address comes from a provider now.", now=now)
    return {each: f"{addresses[each]} is the user name of another account, so it cannot be the e-mail of this one." for each in taken}


def _usernames_among(session: Session, keys: Mapping[int, str]) -> set[int]:
    """The accounts whose address, given by its key, is or was the user name of another account (A-16)."""
    taken = usernames.emails_that_are_usernames(session, set(keys.values()))
    return {account_id for account_id, key in keys.items() if key in taken and taken[key] != account_id}


def _stop_again(session: Session, account_ids: Collection[int], now: datetime, run_id: int | None) -> None:
    """End what began while the address of these accounts did not have to be verified, and queue the message with the link again."""
    if not account_ids:
        return
    sessions.end_all(session, account_ids)
    rows = session.execute(select(Account.id, Account.email).where(Account.id.in_(among(session, account_ids)), Account.email.is_not(None)))
    messages.queue_all(
        session, [_message(VERIFICATION, account_id, email, BLOCK, now) for account_id, email in rows if email], run_id=run_id, now=now
    )


def _settle(session: Session, account_ids: Collection[int], *, by: str) -> None:
    session.execute(
        update(Account)
        .where(Account.id.in_(among(session, account_ids)), Account.email_key.is_not(None))
        .values(email_verified=True, email_verified_by=by, must_verify_email=False, former_email=None, former_email_key=None),
        execution_options={"synchronize_session": False},
    )
    session.expire_all()


def _announce(session: Session, account_id: int, address: str, before: str | None, mode: str, *, now: datetime, run_id: int | None) -> None:
    """Queue the message with the link, and the notice to the address before; a message to an address between the two stays unsent."""
    messages.skip(session, [account_id], VERIFICATION, why="The address was changed again before it was sent.", now=now)
    told = [_message(VERIFICATION, account_id, address, mode, now)]
    if before is not None:
        told.append(_message(CHANGED, account_id, before, mode, now))
    messages.queue_all(session, told, run_id=run_id, now=now)


def _message(kind: str, account_id: int, address: str, mode: str, now: datetime) -> Message:
    return Message(
        kind=kind, channel=messages.EMAIL, account_id=account_id, address=address, facts={"mode": mode},
        dedupe_key=f"{kind}:{account_id}:{now.isoformat()}",
    )  # fmt: skip
