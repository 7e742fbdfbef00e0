"""API tokens and links that work once: shown at their making, kept as digests only (S-09, T-01 to T-06).

Owns how long they live and that a link is used once, whatever many do at the same moment. Rights are those of the account, now.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, Delete, Table, bindparam, delete, exists, insert, or_, outerjoin, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import rights
from rolecall.accounts.actors import Actor
from rolecall.accounts.sessions import digest_of
from rolecall.errors import Invalid, Unknown
from rolecall.store.bulk import among
from rolecall.store.folding import email_key
from rolecall.store.tables import Account, ApiToken, OneTimeToken, Role

#: Begins every API token, so that one that leaked is recognised.
PREFIX = "rct_"
#: No token outlives a school year unseen.
LONGEST = timedelta(days=366)
#: The purpose of links that set a password; `invitations` owns them.
SETS_PASSWORD = "set-password"  # noqa: S105 - a word for what a link is for
#: What the key of a link begins with that was sent to a phone; no e-mail does.
PHONE = "tel:"
#: Links that ended are kept so long, for whoever has to find out what became of one.
ENDED_KEPT = timedelta(days=7)
_SHOWN = 10
#: "Last used" is not written more often.
_TOUCH = timedelta(minutes=1)
_LINKS = cast(Table, OneTimeToken.__table__)
# Built once: they are executed for each message with a link.
_OLDER = delete(_LINKS).where(
    _LINKS.c.account_id == bindparam("of_account"), _LINKS.c.purpose == bindparam("of_purpose"), _LINKS.c.used_at.is_(None)
)
_NEW = insert(_LINKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Who came with an API token: the actor, the token's row, and whether :func:`touch` has something to write."""

    actor: Actor
    token_id: int
    is_due: bool


def create(session: Session, account_id: int, *, name: str, now: datetime, lasts: timedelta = LONGEST) -> tuple[str, ApiToken]:
    """Make an API token for an account; return the token, which is shown this once, and its row.

    :raises Invalid: without a name, or when it would last longer than a year or no time at all.
    """
    name = name.strip()
    if not name or len(name) > 100 or "\0" in name:
        message = "The token needs a name of at most 100 characters."
        raise Invalid(message, hint="Name what will use it.", fields={"name": [message]})
    if not timedelta(0) < lasts <= LONGEST:
        raise Invalid("A token lasts at least a day and at most a year.", fields={"expires_at": ["Choose a day within a year."]})
    token = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(digest=digest_of(token), hint=token[:_SHOWN], name=name, account_id=account_id, created_at=now, expires_at=now + lasts)
    session.add(row)
    session.flush()
    return token, row


def authenticate(session: Session, token: str, now: datetime, *, address: str | None = None) -> Bearer | None:
    """Return who a token acts for, with the rights its account has in the current period now; none when it is not valid.

    Not valid: unknown, over, revoked, account inactive or deleted, its changed e-mail not verified yet (R22), no role in the current
    period (the Global Owner is exempt).
    An account that must change its password may do nothing until it has (A-18).
    """
    role, on = rights.role_in(rights.current_period())
    row = session.execute(
        select(ApiToken, Account, Role.id, rights.permissions_text(), Role.limited_to)
        .select_from(outerjoin(ApiToken.__table__.join(Account, Account.id == ApiToken.account_id), role, on))
        .where(
            ApiToken.digest == digest_of(token),
            ApiToken.expires_at > now,
            ApiToken.revoked_at.is_(None),
            Account.active,
            Account.deleted_at.is_(None),
            ~Account.must_verify_email,
            or_(Account.is_owner, Role.id.is_not(None)),
        )
    ).one_or_none()
    if row is None:
        return None
    found, account, _, permissions, types = row
    actor = Actor(
        name=f"account:{account.id}",
        label=f"{account.first_name} {account.last_name}".strip() or account.username,
        account_id=account.id,
        permissions=frozenset() if account.must_change_password else None if account.is_owner else rights.split(permissions),
        types=None if account.is_owner else rights.types_of(types),
        address=address,
    )
    return Bearer(actor=actor, token_id=found.id, is_due=found.last_used_at is None or now - found.last_used_at >= _TOUCH)


def touch(session: Session, token_id: int, now: datetime) -> None:
    """Note that a token was used; at most once a minute, whoever asks."""
    old = or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= now - _TOUCH)
    session.execute(update(ApiToken).where(ApiToken.id == token_id, old).values(last_used_at=now))


def of_account(session: Session, account_id: int | None = None) -> list[ApiToken]:
    """Return the tokens of an account, or all of them, newest first."""
    statement = select(ApiToken).order_by(ApiToken.id.desc())
    return list(session.scalars(statement if account_id is None else statement.where(ApiToken.account_id == account_id)))


def revoke(session: Session, token_id: int, *, now: datetime, account_id: int | None = None) -> None:
    """Make a token worthless from now on; ``account_id`` limits it to that account's own. Revoking twice is no error.

    :raises Unknown: when there is no such token.
    """
    statement = select(ApiToken).where(ApiToken.id == token_id)
    row = session.scalar(statement if account_id is None else statement.where(ApiToken.account_id == account_id))
    if row is None:
        raise Unknown(f"There is no token {token_id}.")
    row.revoked_at = row.revoked_at or now
    session.flush()


def revoke_all(session: Session, account_ids: Iterable[int], *, now: datetime) -> None:
    """Make every token of these accounts worthless from now on (Z-07)."""
    living = update(ApiToken).where(ApiToken.account_id.in_(among(session, account_ids)), ApiToken.revoked_at.is_(None))
    session.execute(living.values(revoked_at=now), execution_options={"synchronize_session": False})


def create_link(
    session: Session,
    purpose: str,
    account_id: int,
    *,
    lasts: timedelta,
    now: datetime,
    address: str | None = None,
    keep_older: bool = False,
    key: str | None = None,
) -> str:
    """Make the token of a link that works once, for one purpose and account; an older one for the same is worthless from now on.

    With an ``address`` it works only while that is the account's e-mail (T-05). ``keep_older`` is for a message of which nobody knows
    whether it was sent before: whichever copy arrives has a link that works. ``key`` stands for an address that is no e-mail; whoever
    makes such links compares it.
    """
    token = secrets.token_urlsafe(32)
    session.flush()
    connection = session.connection()
    if not keep_older:
        connection.execute(_OLDER, {"of_account": account_id, "of_purpose": purpose})
    key = key if address is None else email_key(address)
    row = {
        "digest": digest_of(token), "purpose": purpose, "account_id": account_id, "address_key": key, "created_at": now,
        "expires_at": now + lasts,
    }  # fmt: skip
    connection.execute(_NEW, row)
    return token


def consume(session: Session, token: str, purpose: str, now: datetime) -> int | None:
    """Use a link up and return its account; none when it is unknown, used, over, for another purpose, or its account is closed (T-03),
    or it was sent to an address that is no longer the account's (T-05).

    One conditional statement decides, so of many at the same moment one succeeds.
    """
    return session.execute(
        update(OneTimeToken).where(*_usable(token, purpose, now)).values(used_at=now).returning(OneTimeToken.account_id)
    ).scalar_one_or_none()


def is_usable(session: Session, token: str, purpose: str, now: datetime) -> bool:
    """Tell whether a link would work, without using it up: opening one changes nothing (T-09)."""
    return holder(session, token, purpose, now) is not None


def holder(session: Session, token: str, purpose: str, now: datetime) -> int | None:
    """Return the account of a link that would work, without using it up."""
    return session.scalar(select(OneTimeToken.account_id).where(*_usable(token, purpose, now)))


def address_of(session: Session, token: str, purpose: str) -> str | None:
    """The key of the address that a link was sent to."""
    return session.scalar(select(OneTimeToken.address_key).where(OneTimeToken.digest == digest_of(token), OneTimeToken.purpose == purpose))


def kill_links(session: Session, account_ids: Iterable[int]) -> None:
    """Make every unused link of these accounts worthless: a newer password, another e-mail, a closed account (T-06)."""
    session.execute(delete(OneTimeToken).where(OneTimeToken.account_id.in_(among(session, account_ids)), OneTimeToken.used_at.is_(None)))


def housekeeping(now: datetime) -> Delete:
    """What removes links that were used up or over long ago. That they are over is judged at each use, not by this."""
    long_ago = now - ENDED_KEPT
    return delete(OneTimeToken).where(or_(OneTimeToken.expires_at <= long_ago, OneTimeToken.used_at <= long_ago))


def _usable(token: str, purpose: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    # Invitations go to the person's own address, which need not be the account's, and some links to phones: whoever makes them compares it.
    compared = or_(OneTimeToken.purpose == SETS_PASSWORD, OneTimeToken.address_key.like(f"{PHONE}%"))
    sent_here = or_(OneTimeToken.address_key.is_(None), OneTimeToken.address_key == Account.email_key, compared)
    open_account = exists().where(Account.id == OneTimeToken.account_id, Account.active, Account.deleted_at.is_(None), sent_here)
    return (
        OneTimeToken.digest == digest_of(token),
        OneTimeToken.purpose == purpose,
        OneTimeToken.used_at.is_(None),
        OneTimeToken.expires_at > now,
        open_account,
    )
