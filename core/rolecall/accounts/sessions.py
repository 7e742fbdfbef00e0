"""Signed-in browsers: random tokens of which only the digest is kept, with their rights in one query (S-01 to S-09).

Owns how long a session lives and what it may do now. Knows nothing of cookies.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, or_, outerjoin, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import rights
from rolecall.accounts.actors import Actor
from rolecall.store.tables import Account, Period, Role, WebSession

#: Ends when nobody used it for this long; administrators' sooner (S-05).
IDLE = timedelta(minutes=60)
IDLE_ADMINISTRATOR = timedelta(minutes=30)
#: Ends anyway after this long.
ABSOLUTE = timedelta(hours=12)
#: "Last seen" is not written more often.
_TOUCH = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A living session with its account, the period it works in and the rights there, as of now."""

    digest: str = field(repr=False)
    account_id: int
    username: str
    name: str
    type: str
    is_owner: bool
    must_change_password: bool
    #: None when there is no current period.
    period_id: int | None
    period: str | None
    #: None when the account has no enabled role there.
    role_id: int | None
    role: str | None
    permissions: frozenset[str]
    created_at: datetime
    last_seen_at: datetime
    authenticated_at: datetime
    expires_at: datetime
    address: str | None

    @property
    def has_access(self) -> bool:
        """Whether the account may be here at all: it has a role in the period, or is the Global Owner (R59)."""
        return self.is_owner or self.role_id is not None

    def is_fresh(self, now: datetime, within: timedelta = timedelta(minutes=15)) -> bool:
        """Tell whether the password was given recently enough for a dangerous action (S-08)."""
        return now - self.authenticated_at <= within

    def is_due(self, now: datetime) -> bool:
        """Tell whether :func:`touch` has something to write."""
        return now - self.last_seen_at >= _TOUCH


def digest_of(token: str) -> str:
    """The digest under which a token is kept."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def create(session: Session, account_id: int, *, address: str | None, agent: str | None, now: datetime) -> str:
    """Open a session for somebody who has just proved who they are; return its token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    session.add(
        WebSession(
            digest=digest_of(token),
            account_id=account_id,
            created_at=now,
            last_seen_at=now,
            authenticated_at=now,
            expires_at=now + ABSOLUTE,
            address=None if address is None else address[:60],
            agent=None if agent is None else agent.replace("\0", "")[:300],
        )
    )
    session.flush()
    return token


def load(session: Session, token: str, now: datetime) -> SessionView | None:
    """Return the session of a token with account, role and rights, in one query; none when it is over or its account may not be here.

    An account that was deactivated or deleted has no session from that moment on (S-03).
    """
    period = func.coalesce(WebSession.period_id, rights.current_period())
    role, on = rights.role_in(period)
    row = session.execute(
        select(
            WebSession,
            Account.username,
            Account.first_name,
            Account.last_name,
            Account.type,
            Account.is_owner,
            Account.must_change_password,
            Period.id,
            Period.name,
            Role.id,
            Role.name,
            rights.permissions_text(),
        )
        .select_from(
            outerjoin(
                outerjoin(WebSession.__table__.join(Account, Account.id == WebSession.account_id), role, on), Period, Period.id == period
            )
        )
        .where(WebSession.digest == digest_of(token), Account.active, Account.deleted_at.is_(None), *_alive(now))
    ).one_or_none()
    if row is None:
        return None
    found, username, first, last, kind, is_owner, must_change, period_id, period_name, role_id, role_name, permissions = row
    return SessionView(
        digest=found.digest,
        account_id=found.account_id,
        username=username,
        name=f"{first} {last}".strip(),
        type=kind,
        is_owner=is_owner,
        must_change_password=must_change,
        period_id=period_id,
        period=period_name,
        role_id=role_id,
        role=role_name,
        permissions=rights.split(permissions),
        created_at=found.created_at,
        last_seen_at=found.last_seen_at,
        authenticated_at=found.authenticated_at,
        expires_at=found.expires_at,
        address=found.address,
    )


def actor_for(view: SessionView, address: str | None = None) -> Actor:
    """Return who acts in a session, from where. Until the password is changed, as it must be, nobody may do anything (A-18)."""
    permissions = frozenset() if view.must_change_password else None if view.is_owner else view.permissions
    label = view.name or view.username
    return Actor(name=f"account:{view.account_id}", label=label, account_id=view.account_id, permissions=permissions, address=address)


def touch(session: Session, digest: str, now: datetime) -> None:
    """Note that the session was used; at most once a minute, whoever asks."""
    session.execute(update(WebSession).where(WebSession.digest == digest, WebSession.last_seen_at <= now - _TOUCH).values(last_seen_at=now))


def authenticated(session: Session, digest: str, now: datetime) -> None:
    """Note that the password was given again just now."""
    session.execute(update(WebSession).where(WebSession.digest == digest).values(authenticated_at=now, last_seen_at=now))


def work_in(session: Session, digest: str, period_id: int | None) -> None:
    """Let the session work in another period; none follows the current one (R59)."""
    session.execute(update(WebSession).where(WebSession.digest == digest).values(period_id=period_id))


def of_account(session: Session, account_id: int, now: datetime) -> list[WebSession]:
    """Return an account's living sessions, the last used first (S-07)."""
    statement = select(WebSession).join(Account, Account.id == WebSession.account_id).where(Account.id == account_id, *_alive(now))
    return list(session.scalars(statement.order_by(WebSession.last_seen_at.desc())))


def end(session: Session, digest: str) -> None:
    """End one session now (S-02)."""
    session.execute(delete(WebSession).where(WebSession.digest == digest))


def end_all(session: Session, account_ids: Iterable[int], except_digest: str | None = None) -> None:
    """End every session of these accounts now, but for one (S-04)."""
    statement = delete(WebSession).where(WebSession.account_id.in_(list(account_ids)))
    session.execute(statement if except_digest is None else statement.where(WebSession.digest != except_digest))


def purge_expired(session: Session, now: datetime) -> None:
    """Remove sessions that are over. That they are over is judged at each use, not by this."""
    session.execute(delete(WebSession).where(or_(WebSession.expires_at <= now, WebSession.last_seen_at <= now - IDLE)))


def _alive(now: datetime) -> tuple[ColumnElement[bool], ...]:
    idle = or_(
        and_(Account.type == "administrator", WebSession.last_seen_at > now - IDLE_ADMINISTRATOR),
        and_(Account.type != "administrator", WebSession.last_seen_at > now - IDLE),
    )
    return (WebSession.expires_at > now, idle)
