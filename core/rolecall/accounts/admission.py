"""What becomes of an attempt to sign in: who may come in once the proof was right, and the history of attempts (R32, R59).

Owns what else stands in the way, and that nothing of what was typed is written down. Knows no secret and does not know how one is proved.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import cast

from sqlalchemy import Select, Table, bindparam, insert, join, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from rolecall.accounts import audit, rights
from rolecall.accounts.actors import Actor
from rolecall.store import listing
from rolecall.store.tables import Account, Period, Role, SignIn
from rolecall.translation import gettext as _

UNVERIFIED = _(
    "The e-mail of your account was changed and is not verified yet, so you cannot sign in. "
    "Follow the link in the message to the new address, or ask the office to verify it."
)
CLOSED = _("Your account is closed, so you cannot sign in. Ask the office.")

_WRITE = insert(cast(Table, SignIn.__table__))
_ACCOUNTS = cast(Table, Account.__table__)
_CAME = update(_ACCOUNTS).where(_ACCOUNTS.c.id == bindparam("account")).values(last_login_at=bindparam("at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended; ``message`` is for the page.

    ``result``: ok, code, wrong, unverified, no-role, expired, over, throttled, and from elsewhere unlinked or closed.

    ``account_id`` is known to the caller only when ``ok`` or ``needs_code``. ``retry_after`` is in seconds.
    """

    result: str
    message: str = ""
    account_id: int | None = None
    must_change_password: bool = False
    #: Whether the service that signed somebody in vouches for a second factor that counts here.
    second_factor: bool = False
    retry_after: int | None = None

    @property
    def ok(self) -> bool:
        """Whether a session may be opened."""
        return self.result == "ok"

    @property
    def goes_on(self) -> bool:
        """Whether what was given so far was right, to the end or up to the code."""
        return self.ok or self.needs_code

    @property
    def needs_code(self) -> bool:
        """Whether everything was right so far and the code of the second factor is asked for next."""
        return self.result == "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """How, from where and when somebody came."""

    method: str
    address: str | None
    agent: str | None
    now: datetime


def hindered(session: Session, account: Account, visit: Visit) -> Outcome | None:
    """What else stands in the way of whoever proved who they are; none when nothing does."""
    if account.must_verify_email:
        record(session, account, "unverified", visit)
        return Outcome(result="unverified", message=UNVERIFIED)
    if not account.is_owner and not _has_role(session, account.id):
        record(session, account, "no-role", visit)
        return Outcome(result="no-role", message=_no_role(session))
    return None


def arrive(session: Session, account: Account, visit: Visit) -> Outcome:
    """Let somebody in: it counts as a sign-in of the account from now on (R13)."""
    first_ever = account.last_login_at is None
    session.execute(_CAME, {"account": account.id, "at": visit.now})
    # Not a change for the session to find among all that it knows of the account.
    set_committed_value(account, "last_login_at", visit.now)
    if first_ever:
        listing.refresh(session, [account.id])
    record(session, account, "ok", visit)
    return Outcome(result="ok", account_id=account.id, must_change_password=account.must_change_password)


def _has_role(session: Session, account_id: int) -> bool:
    return session.scalar(_role_now(), {"account": account_id}) is not None


@cache
def _role_now() -> Select[int]:
    """An account's role in the current period; built once, because every sign-in asks it."""
    role, on = rights.role_in(rights.current_period())
    return select(Role.id).select_from(join(Account, role, on)).where(Account.id == bindparam("account", type_=Account.id.type))


def _no_role(session: Session) -> str:
    period = session.scalar(select(Period.name).where(Period.is_current))
    if period is None:
        return _("No academic period is current, so nobody can sign in yet. Ask the office.")
    return _("You have no role in the current period, {period}, so you cannot sign in yet. Ask the office.", period=period)


def themselves(account: Account, address: str | None) -> Actor:
    """Whoever an account belongs to, as who did something."""
    label = f"{account.first_name} {account.last_name}".strip() or account.username
    return Actor(name=f"account:{account.id}", label=label, account_id=account.id, address=address)


def record(session: Session, account: Account | None, result: str, visit: Visit) -> None:
    """Write the attempt to the history of the account and to the audit, never what was typed: it may be a password."""
    agent = None if visit.agent is None else visit.agent.replace("\0", "")[:300]
    address = None if visit.address is None else visit.address.replace("\0", "")[:60]
    account_id = None if account is None else account.id
    facts = {"account_id": account_id, "at": visit.now, "method": visit.method, "result": result, "address": address, "agent": agent}
    session.execute(_WRITE, facts)
    actor = Actor(name="anonymous", label="Somebody", address=address)
    if account is not None and result in {"ok", "unverified", "no-role", "expired", "code-due", "wrong-code"}:
        actor = themselves(account, address)
    payload = {"result": result, "method": visit.method, "agent": agent}
    audit.append(session, actor=actor, kind="sign-in", payload=payload, account_id=account_id, at=visit.now)
