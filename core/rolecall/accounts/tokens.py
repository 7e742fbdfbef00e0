"""API tokens and links that work once: shown at their making, kept as digests only (S-09, T-01 to T-06).

Owns how long they live and that a link is used once, whatever many do at the same moment. Rights are those of the account, now.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, or_, outerjoin, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import rights
from rolecall.accounts.actors import Actor
from rolecall.accounts.sessions import digest_of
from rolecall.errors import Invalid, Unknown
from rolecall.store.tables import Account, ApiToken, OneTimeToken, Role

#: Begins every API token, so that one that leaked is recognised.
PREFIX = "rct_"
#: No token outlives a school year unseen.
LONGEST = timedelta(days=366)
_SHOWN = 10
#: "Last used" is not written more often.
_TOUCH = timedelta(minutes=1)


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

    Not valid: unknown, over, revoked, account inactive or deleted, no role in the current period (the Global Owner is exempt).
    An account that must change its password may do nothing until it has (A-18).
    """
    role, on = rights.role_in(rights.current_period())
    row = session.execute(
        select(ApiToken, Account, Role.id, rights.permissions_text())
        .select_from(outerjoin(ApiToken.__table__.join(Account, Account.id == ApiToken.account_id), role, on))
        .where(
            ApiToken.digest == digest_of(token),
            ApiToken.expires_at > now,
            ApiToken.revoked_at.is_(None),
            Account.active,
            Account.deleted_at.is_(None),
            or_(Account.is_owner, Role.id.is_not(None)),
        )
    ).one_or_none()
    if row is None:
        return None
    found, account, _, permissions = row
    actor = Actor(
        name=f"account:{account.id}",
        label=f"{account.first_name} {account.last_name}".strip() or account.username,
        account_id=account.id,
        permissions=frozenset() if account.must_change_password else None if account.is_owner else rights.split(permissions),
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


def create_link(session: Session, purpose: str, account_id: int, *, lasts: timedelta, now: datetime) -> str:
    """Make the token of a link that works once, for one purpose and account; an older one for the same is worthless from now on."""
    token = secrets.token_urlsafe(32)
    session.execute(
        delete(OneTimeToken).where(OneTimeToken.account_id == account_id, OneTimeToken.purpose == purpose, OneTimeToken.used_at.is_(None))
    )
    session.add(OneTimeToken(digest=digest_of(token), purpose=purpose, account_id=account_id, created_at=now, expires_at=now + lasts))
    session.flush()
    return token


def consume(session: Session, token: str, purpose: str, now: datetime) -> int | None:
    """Use a link up and return its account; none when it is unknown, used, over, for another purpose, or its account is closed (T-03).

    One conditional statement decides, so of many at the same moment one succeeds.
    """
    return session.execute(
        update(OneTimeToken).where(*_usable(token, purpose, now)).values(used_at=now).returning(OneTimeToken.account_id)
    ).scalar_one_or_none()


def is_usable(session: Session, token: str, purpose: str, now: datetime) -> bool:
    """Tell whether a link would work, without using it up: opening one changes nothing (T-09)."""
    return session.scalar(select(OneTimeToken.account_id).where(*_usable(token, purpose, now))) is not None


def kill_links(session: Session, account_ids: Iterable[int]) -> None:
    """Make every unused link of these accounts worthless: a newer password, another e-mail, a closed account (T-06)."""
    session.execute(delete(OneTimeToken).where(OneTimeToken.account_id.in_(list(account_ids)), OneTimeToken.used_at.is_(None)))


def purge(session: Session, *, now: datetime) -> None:
    """Remove links that are over. That they are over is judged at each use, not by this."""
    session.execute(delete(OneTimeToken).where(OneTimeToken.expires_at <= now))


def _usable(token: str, purpose: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    open_account = exists().where(Account.id == OneTimeToken.account_id, Account.active, Account.deleted_at.is_(None))
    return (
        OneTimeToken.digest == digest_of(token),
        OneTimeToken.purpose == purpose,
        OneTimeToken.used_at.is_(None),
        OneTimeToken.expires_at > now,
        open_account,
    )
