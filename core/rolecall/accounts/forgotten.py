"""A forgotten password: who is sent a link, and the link by which they choose another one (R59b, A-07, A-08, T-03 to T-06, T-12).

Owns that asking costs the same statements and says the same whoever is meant. When the link is made and what the message says is the
delivery's business; who may be told what, the page's. A link goes to the verified e-mail; where there is none, or nothing sends e-mail, to
the phone in the person's record, which never is for administrators: who has somebody's number for an hour would have the school.
"""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, exists, literal, null, or_, select
from sqlalchemy.orm import Session

from rolecall.accounts import invitations, messages, passwords, throttle, tokens
from rolecall.accounts.throttle import Limit
from rolecall.errors import Invalid
from rolecall.store.bulk import insert_into
from rolecall.store.folding import canonical, email_key
from rolecall.store.tables import Account, Delivery, Person
from rolecall.translation import gettext as _

#: The kind of the message, and of the same by SMS.
KIND, TEXTED = "password.forgotten", "password.forgotten_texted"
KINDS = (KIND, TEXTED)
#: The purpose of its link; that of an invitation is another one, so neither passes for the other (T-05).
LINK = "forgotten-password"
#: How long such a link works, and how long a message that could not be sent is of use (T-04).
LINK_LASTS = timedelta(minutes=60)
#: Longest user name or e-mail that is looked up.
LONGEST = 254
#: Messages to one account, and requests from one network (T-12).
PER_ACCOUNT = Limit(count=5, window=timedelta(days=1))
PER_ADDRESS = Limit(count=10, window=timedelta(hours=1))


def ask(session: Session, identifier: str, *, address: str | None, now: datetime, ways: Collection[str] = (messages.EMAIL,)) -> None:
    """Queue a message for the account of a user name, or of an e-mail that exactly one account holds verified, if it may have one.

    Says nothing of whether it did. Every identifier costs the same statements: counted, looked up, and one insert that may find no row.
    ``address`` is where the request came from, ``ways`` the kinds of addresses that a message may go to.

    :raises Invalid: for what is no user name or e-mail at all, whoever it is meant for.
    """
    if not identifier.strip() or len(identifier) > LONGEST or "\0" in identifier:
        message = _("Enter your user name or your e-mail.")
        raise Invalid(message, fields={"identifier": [message]})
    account_id = _find(session, identifier)
    subject = f"account:{account_id}" if account_id is not None else f"name:{_digest(identifier)}"
    counters = ((f"forgotten:address:{throttle.network(address)}", PER_ADDRESS), (f"forgotten:{subject}", PER_ACCOUNT))
    has_room = throttle.take(session, counters, now=now)
    # Zero is nobody's account.
    _queue(session, account_id if account_id is not None and has_room else 0, ways, now)


def link_token(session: Session, account_id: int, *, address: str, now: datetime, keep_older: bool) -> str:
    """Make the token of the link, at the moment of sending; it works only while the address is the account's (T-05)."""
    return tokens.create_link(session, LINK, account_id, lasts=LINK_LASTS, now=now, address=address, keep_older=keep_older)


def phone_link_token(session: Session, account_id: int, *, phone: str, now: datetime, keep_older: bool) -> str:
    """Like :func:`link_token`, for a link that goes to a phone: it works only while the phone is the person's. Either ends the other."""
    key = invitations.phone_key(phone)
    return tokens.create_link(session, LINK, account_id, lasts=LINK_LASTS, now=now, key=key, keep_older=keep_older)


def account_of_link(session: Session, token: str, now: datetime) -> int | None:
    """The account whose password a link would set, without using it up; none when it does not work (T-09).

    Besides all that makes a link worthless: the address is verified no longer, the phone is another one, or a provider keeps the password
    now (A-21).
    """
    account_id = tokens.holder(session, token, LINK, now)
    sent_to = tokens.address_of(session, token, LINK) or ""
    known = select(Account.email_verified, may_be_texted(), Person.phone).join(Person, Person.id == Account.person_id)
    row = session.execute(known.where(Account.id == account_id, Account.sso_provider.is_(None))).one_or_none()
    if row is None:
        return None
    verified, textable, phone = row
    by_phone = bool(textable and phone and invitations.phone_key(phone) == sent_to)
    return account_id if by_phone or (verified and not sent_to.startswith(tokens.PHONE)) else None


def may_be_texted() -> ColumnElement[bool]:
    """The clause over ``account`` and ``person`` that is true where a link may go to the phone in the person's record."""
    return and_(Person.phone.is_not(None), Person.phone != "", Account.type != "administrator", ~Account.is_owner)


def accept(session: Session, token: str, stored: str, now: datetime) -> bool:
    """Use a link up and make a hash the password of its account; false when the link does not work.

    Nobody is signed in, and a closed account stays closed (T-11). Locking the account and ending its sessions are the caller's.
    """
    if account_of_link(session, token, now) is None:
        return False
    account_id = tokens.consume(session, token, LINK, now)
    if account_id is None:
        return False
    passwords.put(session, [account_id], stored, now=now)
    return True


def _find(session: Session, identifier: str) -> int | None:
    """The account of a user name, else the only one that holds the address verified; one statement in every case."""
    try:
        name = canonical(identifier)
    except Invalid:
        name = ""
    try:
        address = email_key(identifier)
    except Invalid:
        address = ""
    is_name = case((Account.username_key == name, 0), else_=1)
    holds = and_(Account.email_key == address, Account.email_verified, Account.deleted_at.is_(None))
    rows = session.execute(select(Account.id, is_name).where(or_(Account.username_key == name, holds)).order_by(is_name).limit(3)).all()
    if rows and (rows[0][1] == 0 or len(rows) == 1):
        return int(rows[0][0])
    return None


def _queue(session: Session, account_id: int, ways: Collection[str], now: datetime) -> None:
    """Queue the message, unless the account may not have it or one to the same address waits already."""
    by_email = and_(literal(messages.EMAIL in ways), Account.email.is_not(None), Account.email_verified)
    by_phone = and_(literal(messages.PHONE in ways), may_be_texted())
    address = case((by_email, Account.email), else_=Person.phone)
    waits = exists().where(
        Delivery.account_id == Account.id, Delivery.kind.in_(KINDS), Delivery.state == messages.QUEUED, Delivery.address == address
    )
    values = {
        "kind": case((by_email, KIND), else_=TEXTED), "channel": case((by_email, messages.EMAIL), else_=messages.PHONE),
        "account_id": Account.id, "run_id": null(), "address": address,
        "facts": literal({}, Delivery.facts.type), "dedupe_key": literal(f"{KIND}:{account_id}:{now.isoformat()}"),
        "state": literal(messages.QUEUED), "attempts": literal(0), "fence": literal(0),
        "not_before": literal(now, Delivery.not_before.type), "created_at": literal(now, Delivery.created_at.type),
    }  # fmt: skip
    theirs = select(*values.values()).join(Person, Person.id == Account.person_id)
    rows = theirs.where(
        Account.id == account_id,
        Account.active,
        Account.deleted_at.is_(None),
        Account.sso_provider.is_(None),
        or_(by_email, by_phone),
        ~waits,
    )
    session.execute(insert_into(session, Delivery).from_select(list(values), rows).on_conflict_do_nothing(index_elements=["dedupe_key"]))


def _digest(identifier: str) -> str:
    """A name that is nobody's, as it is counted: never itself, because people type passwords into the wrong field."""
    return hashlib.sha256(identifier.strip().casefold().encode("utf-8", "replace")).hexdigest()[:32]
