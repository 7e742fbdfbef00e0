"""Signed-in browsers: random tokens of which only the digest is kept, with their rights in one query (S-01 to S-09).

Owns how long a session lives and what it may do now. Knows nothing of cookies.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Delete,
    Select,
    Table,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    or_,
    outerjoin,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from rolecall.accounts import rights, second_factor
from rolecall.accounts.actors import Actor
from rolecall.store.bulk import among
from rolecall.store.tables import Account, Period, Person, Role, RolePeriod, WebSession

#: Ends when nobody used it for this long; administrators' sooner (S-05).
IDLE = timedelta(minutes=60)
IDLE_ADMINISTRATOR = timedelta(minutes=30)
#: Ends anyway after this long.
ABSOLUTE = timedelta(hours=12)
#: How long somebody may look for their phone after the password was right.
CODE_WITHIN = timedelta(minutes=5)
#: "Last seen" is not written more often.
_TOUCH = timedelta(minutes=1)

Moment = datetime | BindParameter[datetime]
_BEGIN = insert(cast(Table, WebSession.__table__))
#: What the statement about a session is asked with, the moments in the order of :func:`_moments`.
_DIGEST = bindparam("digest", type_=WebSession.digest.type)
_MOMENTS = tuple(bindparam(name, type_=WebSession.expires_at.type) for name in ("now", "used_since", "by_administrators"))


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
    #: Whether a second factor has to be set up before anything else (R53).
    must_set_up_factor: bool
    #: Whether the account has a second factor, whose code is asked for along with the password.
    has_factor: bool
    #: None when there is no current period.
    period_id: int | None
    period: str | None
    period_code: str | None
    #: Whether it works in the current period, as all do that were not switched to another (R59).
    in_current: bool
    #: Whether it was switched to a period in which its account has no role any more, and is back in the current one (S-03).
    came_back: bool
    #: None when the account has no enabled role there.
    role_id: int | None
    role: str | None
    #: The role that is tried out, whose menu and rights the session has; nothing can be changed meanwhile (R57).
    trying: str | None
    #: The name of the Global Owner who is signed in as this account, and until when; none where it is one's own session (R27).
    acting_for: str | None
    acting_until: datetime | None
    #: The account that the session was lent to; with ``acting_for`` none, that is over, and :func:`act_as` has to say so.
    acting_as: int | None
    #: Whose session it is.
    holder_id: int
    permissions: frozenset[str]
    #: The user types that the permissions reach; none reaches all of them.
    types: frozenset[str] | None
    created_at: datetime
    last_seen_at: datetime
    authenticated_at: datetime
    expires_at: datetime
    address: str | None
    #: The language of whoever looks at the pages: their choice, else what their record says; none where neither says anything (R59b).
    language: str | None = None

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


def create(session: Session, account_id: int, *, address: str | None, agent: str | None, now: datetime, second_factor: bool = False) -> str:
    """Open a session for somebody who has just proved who they are; return its token, which is kept nowhere.

    ``second_factor`` tells that a code was given too, or that a service vouches for a second factor that counts here.
    """
    return _open(session, account_id, address, agent, now, ABSOLUTE, second_factor=second_factor)


def await_code(session: Session, account_id: int, *, address: str | None, agent: str | None, now: datetime) -> str:
    """Open half a session, for whose password was right while a code is still asked for; nobody is signed in with its token."""
    return _open(session, account_id, address, agent, now, CODE_WITHIN, awaits_code=True)


def awaiting(session: Session, token: str, now: datetime) -> int | None:
    """Return the account whose half session has this token; none when its time is over, or it was ended with the others."""
    statement = select(WebSession.account_id).where(
        WebSession.digest == digest_of(token), WebSession.awaits_code, WebSession.expires_at > now
    )
    return session.scalar(statement)


def _open(session: Session, account_id: int, address: str | None, agent: str | None, now: datetime, lasts: timedelta, **facts: bool) -> str:
    token = secrets.token_urlsafe(32)
    row = {
        "digest": digest_of(token),
        "account_id": account_id,
        "created_at": now,
        "last_seen_at": now,
        "authenticated_at": now,
        "expires_at": now + lasts,
        "address": None if address is None else address[:60],
        "agent": None if agent is None else agent.replace("\0", "")[:300],
    }
    session.execute(_BEGIN, row | facts)
    return token


def load(session: Session, token: str, now: datetime) -> SessionView | None:
    """Return the session of a token with account, role and rights, in one query; none when it is over or its account may not be here.

    An account that was deactivated or deleted has no session from that moment on, and one that lost its role in the period it had
    switched to works in the current one again (S-03).
    """
    found = _load(session, token, now, acting=True)
    if found is None or (found.acting_for is not None and not found.has_access):
        # Whom somebody was signed in as is closed, or has no role any more: they are themselves again.
        found = _load(session, token, now, acting=False)
    return found


def _load(session: Session, token: str, now: datetime, *, acting: bool) -> SessionView | None:
    moments = {each.key: moment for each, moment in zip(_MOMENTS, _moments(now), strict=True)}
    row = session.execute(_with_rights(acting=acting), {_DIGEST.key: digest_of(token), **moments}).one_or_none()
    if row is None:
        return None
    (
        found,
        account_id,
        username,
        first,
        last,
        kind,
        is_owner,
        must_change,
        must_set_up,
        has_factor,
        period_row,
        role_id,
        role_name,
        permissions,
        types,
        holder_name,
        is_lent,
        language,
    ) = row
    works_in = cast(Period | None, period_row)
    trying = None
    if found.trying_role_id is not None and (is_owner or role_id is not None):
        role_id, trying, permissions, types = _tried(session, found.trying_role_id)
    return SessionView(
        digest=found.digest,
        account_id=account_id,
        username=username,
        name=f"{first} {last}".strip(),
        type=kind,
        is_owner=is_owner,
        must_change_password=must_change and not is_lent,
        must_set_up_factor=must_set_up and not is_lent,
        has_factor=has_factor,
        period_id=works_in.id if works_in else None,
        period=works_in.name if works_in else None,
        period_code=works_in.code if works_in else None,
        in_current=works_in is None or works_in.is_current,
        came_back=found.period_id is not None and (works_in is None or works_in.id != found.period_id),
        role_id=role_id,
        role=role_name,
        trying=trying,
        acting_for=holder_name.strip() if is_lent else None,
        acting_until=found.acting_until if is_lent else None,
        acting_as=found.acting_as_id,
        holder_id=found.account_id,
        permissions=rights.split(permissions),
        types=rights.types_of(types),
        created_at=found.created_at,
        last_seen_at=found.last_seen_at,
        authenticated_at=found.authenticated_at,
        expires_at=found.expires_at,
        address=found.address,
        language=language,
    )


def actor_for(view: SessionView, address: str | None = None) -> Actor:
    """Return who acts in a session, from where.

    Nobody may do anything until the password is changed and the second factor set up, where they must be (A-18, A-22).
    """
    everything = view.is_owner and view.trying is None
    permissions = frozenset() if view.must_change_password or view.must_set_up_factor else None if everything else view.permissions
    label = view.name or view.username
    return Actor(
        name=f"account:{view.holder_id}",
        label=label if view.acting_for is None else view.acting_for,
        account_id=view.account_id,
        permissions=permissions,
        types=None if everything else view.types,
        address=address,
        period_id=None if view.in_current else view.period_id,
        on_behalf=None if view.acting_for is None else f"account:{view.account_id}",
    )


def touch(session: Session, digest: str, now: datetime) -> None:
    """Note that the session was used; at most once a minute, whoever asks."""
    session.execute(update(WebSession).where(WebSession.digest == digest, WebSession.last_seen_at <= now - _TOUCH).values(last_seen_at=now))


def authenticated(session: Session, digest: str, now: datetime) -> None:
    """Note that the password was given again just now."""
    session.execute(update(WebSession).where(WebSession.digest == digest).values(authenticated_at=now, last_seen_at=now))


def work_in(session: Session, digest: str, period_id: int | None) -> str:
    """Let the session work in another period, none follows the current one; return its new token, because its rights change (R59, S-01)."""
    return _renew(session, digest, period_id=period_id)


def follow_current(session: Session, digest: str) -> None:
    """Let the session follow the current period again, and forget the one it was switched to."""
    session.execute(update(WebSession).where(WebSession.digest == digest).values(period_id=None))


def try_role(session: Session, digest: str, role_id: int | None) -> str:
    """Let the session have a role's menu and rights, none ends it; return its new token, because its rights change (R57, S-01)."""
    return _renew(session, digest, trying_role_id=role_id)


def act_as(session: Session, digest: str, account_id: int | None, until: datetime | None) -> str:
    """Let the session show what another account shows, none its own again; return its new token, because its rights change (R27, S-01)."""
    return _renew(session, digest, acting_as_id=account_id, acting_until=until, period_id=None, trying_role_id=None)


def gave_factor(session: Session, digest: str) -> str:
    """Note that a second factor was given in the session; return its new token (S-01)."""
    return _renew(session, digest, second_factor=True)


def of_account(session: Session, account_id: int, now: datetime) -> list[WebSession]:
    """Return an account's living sessions, the last used first (S-07)."""
    statement = (
        select(WebSession).join(Account, Account.id == WebSession.account_id).where(Account.id == account_id, *_alive(*_moments(now)))
    )
    return list(session.scalars(statement.order_by(WebSession.last_seen_at.desc())))


def has_any(now: datetime) -> ColumnElement[bool]:
    """Whether an account is signed in anywhere, as SQL over account."""
    return exists().where(WebSession.account_id == Account.id, *_alive(*_moments(now))).correlate(Account)


def handle_of(digest: str) -> str:
    """What names a session on a page: enough of its digest to tell an account's sessions apart."""
    return digest[:16]


def end(session: Session, digest: str) -> None:
    """End one session now (S-02)."""
    session.execute(delete(WebSession).where(WebSession.digest == digest))


def end_all(session: Session, account_ids: Iterable[int], except_digest: str | None = None) -> None:
    """End every session of these accounts now, but for one (S-04)."""
    statement = delete(WebSession).where(WebSession.account_id.in_(among(session, account_ids)))
    session.execute(statement if except_digest is None else statement.where(WebSession.digest != except_digest))


def housekeeping(now: datetime) -> Delete:
    """What removes sessions that are over, idle ones too. That they are over is judged at each use, not by this."""
    return delete(WebSession).where(or_(WebSession.expires_at <= now, WebSession.last_seen_at <= now - IDLE))


@cache
def _with_rights(*, acting: bool) -> Select[*tuple[Any, ...]]:
    """A session with all that it may do; built once, because every request asks it and building takes longer than asking."""
    holder = aliased(Account)
    lent = and_(WebSession.acting_as_id.is_not(None), WebSession.acting_until > _MOMENTS[0], holder.is_owner) if acting else false()
    whose = case((lent, WebSession.acting_as_id), else_=WebSession.account_id)
    whole = WebSession.__table__.join(holder, holder.id == WebSession.account_id).join(Account, Account.id == whose)
    period = func.coalesce(_chosen_period(), rights.current_period())
    role, on = rights.role_in(period)
    return (
        select(
            WebSession,
            Account.id,
            Account.username,
            Account.first_name,
            Account.last_name,
            Account.type,
            Account.is_owner,
            Account.must_change_password,
            second_factor.is_due(WebSession.second_factor),
            second_factor.is_on(),
            Period,
            Role.id,
            Role.name,
            rights.permissions_text(),
            Role.limited_to,
            holder.first_name + " " + holder.last_name,
            lent,
            func.coalesce(holder.language, select(Person.language).where(Person.id == holder.person_id).scalar_subquery()),
        )
        .select_from(outerjoin(outerjoin(whole, role, on), Period, Period.id == period))
        .where(
            WebSession.digest == _DIGEST,
            holder.active,
            holder.deleted_at.is_(None),
            Account.active,
            Account.deleted_at.is_(None),
            ~Account.must_verify_email,
            *_alive(*_MOMENTS),
        )
    )


def _renew(session: Session, digest: str, **values: Any) -> str:
    token = secrets.token_urlsafe(32)
    session.execute(update(WebSession).where(WebSession.digest == digest).values(digest=digest_of(token), **values))
    return token


def _tried(session: Session, role_id: int) -> tuple[int, str, str | None, Any]:
    """The id, name, permissions and reach of a role that is tried out; one that was deleted meanwhile may do nothing."""
    row = session.execute(select(Role.name, rights.permissions_text(), Role.limited_to).where(Role.id == role_id)).one_or_none()
    return (role_id, "a role that was deleted", None, None) if row is None else (role_id, row[0], row[1], row[2])


def _chosen_period() -> ColumnElement[int | None]:
    """The period that a session was switched to while its account has a role there, which the Global Owner does not need."""
    held = select(RolePeriod.period_id).join(Role, and_(Role.id == RolePeriod.role_id, Role.active))
    held = held.where(RolePeriod.account_id == WebSession.account_id, RolePeriod.period_id == WebSession.period_id, RolePeriod.enabled)
    return case((Account.is_owner, WebSession.period_id), else_=held.correlate(WebSession).scalar_subquery())


def _moments(now: datetime) -> tuple[datetime, datetime, datetime]:
    """What :func:`_alive` compares with."""
    return now, now - IDLE, now - IDLE_ADMINISTRATOR


def _alive(now: Moment, used_since: Moment, by_administrators: Moment) -> tuple[ColumnElement[bool], ...]:
    idle = or_(
        and_(Account.type == "administrator", WebSession.last_seen_at > by_administrators),
        and_(Account.type != "administrator", WebSession.last_seen_at > used_since),
    )
    return (WebSession.expires_at > now, ~WebSession.awaits_code, idle)
