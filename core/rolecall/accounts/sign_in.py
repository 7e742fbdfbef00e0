"""Signing in by password or by a link that works once: count, check, settle (R32, R53, R59).

Owns the order of things: the attempt is counted in a unit of its own before the secret is looked at, hashing happens outside any unit,
and who may not come in gets one and the same answer in the same time, until the secret was right. Knows nothing of cookies.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import join, select
from sqlalchemy.orm import Session

from rolecall.accounts import audit, passwords, rights, throttle, tokens
from rolecall.accounts.actors import Actor
from rolecall.accounts.sealing import Keyring, SealBroken
from rolecall.errors import Busy, Invalid
from rolecall.store import listing
from rolecall.store.engine import Database
from rolecall.store.folding import canonical, email_key
from rolecall.store.tables import Account, Period, Role, SignIn

#: Longest user name or e-mail that is looked up.
_LONGEST_NAME = 254
#: The purpose of links that sign in.
LINK = "sign-in"

WRONG = "The user name or the password is not right."
EXPIRED = "This first-time password is no longer valid. Ask the office for a new one."
LINK_GONE = "This link was used already, or its time is over. Ask for a new one."

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended. ``result``: ok, wrong, no-role, expired or throttled; ``message`` is the sentence for the page.

    ``account_id`` is known to the caller only when ``ok``. ``retry_after`` is in seconds.
    """

    result: str
    message: str = ""
    account_id: int | None = None
    must_change_password: bool = False
    retry_after: int | None = None

    @property
    def ok(self) -> bool:
        """Whether a session may be opened."""
        return self.result == "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """What the check found: the reason in one word for the history, and a hash to store where there is a new one."""

    reason: str
    new_hash: str | None = None
    first_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """How, from where and when somebody came."""

    method: str
    address: str | None
    agent: str | None
    now: datetime


def sign_in(
    db: Database, keyring: Keyring, *, identifier: str, password: str, address: str | None, agent: str | None, now: datetime
) -> Outcome:
    """Try to sign in with a user name, or an e-mail that exactly one account holds verified, and a password.

    Unknown, disabled, deleted, managed elsewhere and wrong are one answer and cost one hash each (A-07, A-08). Without a role in the
    current period the sentence says so, once the password was right; the Global Owner is exempt (R59).

    :raises Invalid: for input that is no user name or password at all: empty, or too long to be hashed.
    """
    _refuse_impossible(identifier, password)
    visit = _Visit(method="password", address=address, agent=agent, now=now)
    key = _key(identifier)
    with db.read() as session:
        account = _find(session, identifier, key)
    tried = throttle.attempt(account_id=None if account is None else account.id, name=key or identifier, address=address)
    try:
        db.attempt(lambda session: throttle.count(session, tried, now=now))
    except Busy as busy:
        return Outcome(result="throttled", message=busy.message, retry_after=busy.retry_after)
    outcome = _try(db, keyring, account, password, tried, visit)
    if outcome is None:
        # The account changed between check and settling: somebody else signed in for the first time with the same password, say.
        with db.read() as session:
            account = _find(session, identifier, key)
        outcome = _try(db, keyring, account, password, tried, visit)
    return outcome or Outcome(result="wrong", message=WRONG)


def by_link(db: Database, *, token: str, address: str | None, agent: str | None, now: datetime) -> Outcome:
    """Sign in with a link that works once; state and role are asked as after a right password."""
    visit = _Visit(method="link", address=address, agent=agent, now=now)

    def use(session: Session) -> Outcome:
        account_id = tokens.consume(session, token, LINK, now)
        if account_id is None:
            _record(session, None, "wrong-link", visit)
            return Outcome(result="wrong", message=LINK_GONE)
        return _enter(session, session.get_one(Account, account_id), _Checked(reason="ok"), visit)

    return db.attempt(use)


def confirm(db: Database, keyring: Keyring, *, account_id: int, password: str, address: str | None, now: datetime) -> bool:
    """Ask somebody who is signed in for the password again; counted together with the sign-ins of the account (A-11).

    :raises Busy: when too many attempts were made.
    :raises Invalid: for input that is no password at all.
    """
    _refuse_impossible("-", password)
    with db.read() as session:
        account = session.get(Account, account_id)
    tried = throttle.attempt(account_id=account_id, name="", address=address)
    db.attempt(lambda session: throttle.count(session, tried, now=now))
    checked = _check(keyring, account, password, now)
    visit = _Visit(method="confirmation", address=address, agent=None, now=now)

    def settle(session: Session) -> None:
        if checked.reason == "ok":
            throttle.succeeded(session, tried, now=now)
        else:
            _record(session, account, checked.reason, visit)

    db.attempt(settle)
    return checked.reason == "ok"


def _refuse_impossible(identifier: str, password: str) -> None:
    """Refuse what is no input, whoever it is meant for, before anything is looked up or hashed (A-05, A-14)."""
    if not identifier.strip() or not password:
        raise Invalid("Enter your user name and your password.")
    if len(identifier) > _LONGEST_NAME or len(password) > passwords.LONGEST or "\0" in identifier or "\0" in password:
        raise Invalid("This cannot be a user name and a password.", hint="Type both again.")


def _key(identifier: str) -> str | None:
    try:
        return canonical(identifier)
    except Invalid:
        return None


def _find(session: Session, identifier: str, key: str | None) -> Account | None:
    """Find the account of a user name, else the only one that holds the address verified."""
    if key is not None and (account := session.scalar(select(Account).where(Account.username_key == key))) is not None:
        return account
    try:
        address = email_key(identifier)
    except Invalid:
        return None
    holders = session.scalars(
        select(Account).where(Account.email_key == address, Account.email_verified, Account.deleted_at.is_(None)).limit(2)
    ).all()
    return holders[0] if len(holders) == 1 else None


def _check(keyring: Keyring, account: Account | None, password: str, now: datetime) -> _Checked:
    """Check the password, outside any transaction. Every way through costs one hash, until the password was right."""
    if account is None or (closed := _closed(account)):
        passwords.dummy_verify(password)
        return _Checked(reason="unknown" if account is None else closed)
    if account.password_hash is None:
        passwords.dummy_verify(password)
        return _check_first(keyring, account, password, now)
    if not passwords.verify(account.password_hash, password):
        return _Checked(reason="wrong-password")
    if account.must_change_password and _is_over(account, now):
        return _Checked(reason="expired")
    return _Checked(reason="ok", new_hash=passwords.hash_password(password) if passwords.needs_rehash(account.password_hash) else None)


def _check_first(keyring: Keyring, account: Account, password: str, now: datetime) -> _Checked:
    if account.sealed_password is None:
        return _Checked(reason="no-password")
    try:
        first = keyring.open(account.sealed_password, passwords.sealed_place(account.id))
    except SealBroken as broken:
        _log.error("first-time password cannot be opened", account=account.id, error=str(broken))
        return _Checked(reason="no-password")
    if not passwords.same(first, password):
        return _Checked(reason="wrong-password")
    if account.sealed_at is None or _is_over(account, now):
        return _Checked(reason="expired")
    return _Checked(reason="ok", new_hash=passwords.hash_password(password), first_time=True)


def _closed(account: Account) -> str:
    """Why nobody signs in to this account with a local password, in one word; empty when they may."""
    if account.deleted_at is not None:
        return "deleted"
    if not account.active:
        return "disabled"
    return "sso" if account.sso_provider is not None else ""


def _is_over(account: Account, now: datetime) -> bool:
    return account.sealed_at is not None and now - account.sealed_at >= passwords.FIRST_VALID


def _try(db: Database, keyring: Keyring, account: Account | None, password: str, tried: throttle.Attempt, visit: _Visit) -> Outcome | None:
    checked = _check(keyring, account, password, visit.now)
    return db.attempt(lambda session: _settle(session, tried, account, checked, visit))


def _settle(session: Session, tried: throttle.Attempt, seen: Account | None, checked: _Checked, visit: _Visit) -> Outcome | None:
    """Write down what the check found; none when the account is no longer the one that was checked."""
    if seen is None or checked.reason not in {"ok", "expired"}:
        _record(session, seen, checked.reason, visit)
        return Outcome(result="wrong", message=WRONG)
    account = session.get_one(Account, seen.id, with_for_update=True)
    if _closed(account) or _proof(account) != _proof(seen):
        return None
    throttle.succeeded(session, tried, now=visit.now)
    if checked.reason == "expired":
        _record(session, account, "expired", visit)
        return Outcome(result="expired", message=EXPIRED)
    return _enter(session, account, checked, visit)


def _proof(account: Account) -> tuple[str | None, bytes | None]:
    return account.password_hash, account.sealed_password


def _enter(session: Session, account: Account, checked: _Checked, visit: _Visit) -> Outcome:
    """Let somebody in whose proof was right, if the account has a role now."""
    if not account.is_owner and not _has_role(session, account.id):
        _record(session, account, "no-role", visit)
        return Outcome(result="no-role", message=_no_role(session))
    first_ever = account.last_login_at is None
    account.last_login_at = visit.now
    if checked.new_hash is not None:
        account.password_hash = checked.new_hash
    if checked.first_time:
        if not passwords.keeps_first(session):
            account.sealed_password = None
        if not account.must_change_password:
            # It is an ordinary password from now on; while it must be changed, its seven days go on.
            account.sealed_at = None
    if first_ever:
        listing.refresh(session, [account.id])
    _record(session, account, "ok", visit)
    return Outcome(result="ok", account_id=account.id, must_change_password=account.must_change_password)


def _has_role(session: Session, account_id: int) -> bool:
    role, on = rights.role_in(rights.current_period())
    return session.scalar(select(Role.id).select_from(join(Account, role, on)).where(Account.id == account_id)) is not None


def _no_role(session: Session) -> str:
    period = session.scalar(select(Period.name).where(Period.is_current))
    if period is None:
        return "No academic period is current, so nobody can sign in yet. Ask the office."
    return f"You have no role in the current period, {period}, so you cannot sign in yet. Ask the office."


def _record(session: Session, account: Account | None, result: str, visit: _Visit) -> None:
    """Write the attempt to the history of the account and to the audit, never what was typed: it may be a password."""
    agent = None if visit.agent is None else visit.agent.replace("\0", "")[:300]
    address = None if visit.address is None else visit.address.replace("\0", "")[:60]
    account_id = None if account is None else account.id
    session.add(SignIn(account_id=account_id, at=visit.now, method=visit.method, result=result, address=address, agent=agent))
    actor = Actor(name="anonymous", label="Somebody", address=address)
    if account is not None and result in {"ok", "no-role", "expired"}:
        label = f"{account.first_name} {account.last_name}".strip() or account.username
        actor = Actor(name=f"account:{account.id}", label=label, account_id=account.id, address=address)
    payload = {"result": result, "method": visit.method, "agent": agent}
    audit.append(session, actor=actor, kind="sign-in", payload=payload, account_id=account_id, at=visit.now)
