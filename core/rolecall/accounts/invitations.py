"""Invitations: who gets one, and the link in it by which somebody chooses their first own password (R19, R40, R51).

Owns that an invitation goes to the person's own address and nowhere else, that one run invites an account once, and what following its
link proves. When it is sent and what it says is the delivery's business.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import emails, messages, passwords, tokens
from rolecall.accounts.core_settings import INVITE_NEW, core_settings
from rolecall.accounts.eligibility import eligible_clause
from rolecall.accounts.messages import Message
from rolecall.sdk.words import TYPE_OF_LIST
from rolecall.store.bulk import among
from rolecall.store.folding import email_key
from rolecall.store.tables import Account, Delivery, Person

#: The purpose of links that set a password.
LINK = tokens.SETS_PASSWORD
#: How long such a link works (T-04).
LINK_LASTS = timedelta(days=14)
#: Kinds of messages: the first invitation, and the one after a password was reset.
INVITATION, RESET = "invitation.account", "password.invited_again"
KINDS = (INVITATION, RESET)
#: The same by SMS, to the phone in the person's record (R42).
TEXTED = "sms.credentials"
#: Among the facts of an invitation that nobody sent: it came with the account (R51).
NEW = "new"


def invited(session: Session, account_ids: Collection[int]) -> set[int]:
    """The accounts that were invited, or whose invitation waits to be sent."""
    ids = among(session, account_ids)
    waiting = select(Delivery.account_id).where(Delivery.account_id.in_(ids), Delivery.kind.in_(KINDS), Delivery.state == messages.QUEUED)
    sent = select(Account.id).where(Account.id.in_(ids), Account.invited_at.is_not(None))
    return set(session.scalars(waiting.union(sent)))


def invite(session: Session, account_ids: Collection[int], kind: str, *, run_id: int | None, now: datetime) -> None:
    """Queue an invitation to the own address of each account's person; one that waits already gives way to it."""
    for each in KINDS:
        messages.skip(session, account_ids, each, why="A newer invitation took its place.", now=now)
    rows = session.execute(
        select(Account.id, Person.email)
        .join(Person, Person.id == Account.person_id)
        .where(Account.id.in_(among(session, account_ids)), Person.email.is_not(None))
        .order_by(Account.id)
    )
    key = f"run:{run_id}" if run_id is not None else now.isoformat()
    queued = [
        Message(kind=kind, channel=messages.EMAIL, account_id=account_id, address=address, dedupe_key=f"{kind}:{account_id}:{key}")
        for account_id, address in rows
        if address
    ]
    messages.queue_all(session, queued, run_id=run_id, now=now)


def lists_invited(session: Session) -> list[str]:
    """The lists of people whose new accounts are invited at once (R51)."""
    settings = core_settings(session)
    return [each for each, user_type in TYPE_OF_LIST.items() if settings[f"{INVITE_NEW}{user_type}"]]


def invite_new(session: Session, account_ids: Collection[int], *, run_id: int | None, now: datetime) -> dict[int, bool]:
    """Queue the invitations of accounts that were just opened, where the institution wants that for their type (R51).

    Returns, for each account of such a type, whether it is invited: false where the person has no own address. An account is invited
    this way once, whatever is repeated (T-14).
    """
    types = [TYPE_OF_LIST[each] for each in lists_invited(session)]
    if not types or not account_ids:
        return {}
    theirs = (
        select(Account.id, Person.email)
        .join(Person, Person.id == Account.person_id)
        .where(Account.id.in_(among(session, account_ids)), Account.type.in_(types), eligible_clause())
        .order_by(Account.id)
    )
    addresses = {row.id: row.email for row in session.execute(theirs)}
    queued = [
        Message(
            kind=INVITATION, channel=messages.EMAIL, account_id=each, address=address, dedupe_key=f"{INVITATION}:{each}:{NEW}",
            facts={NEW: True},
        )
        for each, address in addresses.items()
        if address
    ]  # fmt: skip
    messages.queue_all(session, queued, run_id=run_id, now=now)
    return {each: bool(address) for each, address in addresses.items()}


def texted(session: Session, account_ids: Collection[int]) -> set[int]:
    """The accounts whose credentials went out by SMS, may have, or wait to."""
    over = (messages.BOUNCED, messages.SKIPPED)
    ids = among(session, account_ids)
    return set(
        session.scalars(select(Delivery.account_id).where(Delivery.account_id.in_(ids), Delivery.kind == TEXTED, ~Delivery.state.in_(over)))
    )


def text(session: Session, phones: Mapping[int, str], *, run_id: int, now: datetime) -> None:
    """Queue an SMS with the credentials to each account's phone; one that waits already gives way to it (R42)."""
    messages.skip(session, phones, TEXTED, why="A newer message took its place.", now=now)
    queued = [
        Message(kind=TEXTED, channel=messages.PHONE, account_id=each, address=phone, dedupe_key=f"{TEXTED}:{each}:run:{run_id}")
        for each, phone in phones.items()
    ]
    messages.queue_all(session, queued, run_id=run_id, now=now)


def phone_key(phone: str) -> str:
    """What stands for a phone that a link was sent to."""
    return f"{tokens.PHONE}{phone.strip()}"


def phone_link_token(session: Session, account_id: int, *, phone: str, now: datetime, keep_older: bool) -> str:
    """Like :func:`link_token`, for a link that goes to a phone: it works only while the phone is the person's."""
    key = phone_key(phone)
    return tokens.create_link(session, LINK, account_id, lasts=LINK_LASTS, now=now, key=key, keep_older=keep_older)


def link_token(session: Session, account_id: int, *, address: str, now: datetime, keep_older: bool) -> str:
    """Make the token of a link that sets the account's password, at the moment of sending.

    It works only while the address is the account's or its person's (T-05).
    """
    return tokens.create_link(session, LINK, account_id, lasts=LINK_LASTS, now=now, address=address, keep_older=keep_older)


def account_of_link(session: Session, token: str, now: datetime) -> int | None:
    """The account whose password a link would set, without using it up; none when it does not work (T-09)."""
    account_id = tokens.holder(session, token, LINK, now)
    return account_id if account_id is not None and _is_still_theirs(session, account_id, token) else None


def accept(session: Session, token: str, stored: str, now: datetime) -> bool:
    """Use a link up and make a hash the password of its account; false when the link does not work.

    Whoever has the link reads the address that it was sent to: where that is the account's e-mail, it is verified by this. Nobody is
    signed in, and a closed account stays closed (T-11). Ending sessions is the caller's.
    """
    if account_of_link(session, token, now) is None:
        return False
    address_key = tokens.address_of(session, token, LINK)
    account_id = tokens.consume(session, token, LINK, now)
    if account_id is None:
        return False
    passwords.put(session, [account_id], stored, now=now)
    account = session.get_one(Account, account_id, populate_existing=True)
    if account.email is not None and address_key == email_key(account.email) and not account.email_verified:
        emails.prove(session, account_id, now=now)
    return True


def _is_still_theirs(session: Session, account_id: int, token: str) -> bool:
    """Whether the address that a link was sent to is still the account's or its person's; or the phone the person's."""
    known = select(Person.phone, Account.email, Person.email).join(Person, Person.id == Account.person_id).where(Account.id == account_id)
    phone, *addresses = session.execute(known).one()
    theirs = {email_key(each) for each in addresses if each}
    if phone:
        theirs.add(phone_key(phone))
    return tokens.address_of(session, token, LINK) in theirs
