"""Signing in by password or by a link that works once: count, check, settle (R32, R53, R59).

Owns the order of things: the attempt is counted in a unit of its own before the secret is looked at, hashing happens outside any unit,
and who may not come in gets one and the same answer in the same time, until the secret was right. Knows nothing of cookies.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.orm import Session

from rolecall.accounts import admission, first_password, identities, passwords, second_factor, throttle, tokens
from rolecall.accounts.admission import Outcome as Outcome
from rolecall.accounts.admission import Visit
from rolecall.accounts.identities import Recognised
from rolecall.accounts.sealing import Keyring, SealBroken
from rolecall.accounts.second_step import refuse_no_code
from rolecall.errors import Busy, Invalid
from rolecall.sdk.login import ExternalIdentity
from rolecall.store.engine import Database
from rolecall.store.folding import canonical, email_key
from rolecall.store.tables import Account
from rolecall.translation import gettext as _

#: Longest user name or e-mail that is looked up.
_LONGEST_NAME = 254
#: The purpose of links that sign in.
LINK = "sign-in"

WRONG = _("The user name or the password is not right.")
EXPIRED = _("This first-time password is no longer valid. Ask the office for a new one.")
UNLINKED = _(
    "You are known there, but no account here belongs to you. Sign in with your user name and password and link the two under "
    "“My account”, or ask the office."
)
LINK_GONE = _("This link was used already, or its time is over. Ask for a new one.")

# Built once, because every sign-in asks them and building takes longer than asking.
_NAMED = select(Account).where(Account.username_key == bindparam("key"))
_IT_IS = bindparam("address", type_=Account.email_key.type)
_VERIFIED = or_(and_(Account.email_key == _IT_IS, Account.email_verified), Account.former_email_key == _IT_IS)
_HOLDING = select(Account).where(_VERIFIED, Account.deleted_at.is_(None)).limit(2)
_LOCKED = select(Account).where(Account.id == bindparam("id")).with_for_update()

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """What the check found: the reason in one word for the history, and a hash to store where there is a new one."""

    reason: str
    new_hash: str | None = None
    first_time: bool = False


def sign_in(
    db: Database, keyring: Keyring, *, identifier: str, password: str, address: str | None, agent: str | None, now: datetime
) -> Outcome:
    """Try to sign in with a user name, or an e-mail that exactly one account holds verified, and a password.

    Unknown, disabled, deleted, managed elsewhere and wrong are one answer and cost one hash each (A-07, A-08). Once the password was
    right, the sentence says what else stands in the way: a changed e-mail that is not verified (R22), or no role in the current period,
    which the Global Owner does not need (R59).

    :raises Invalid: for input that is no user name or password at all: empty, or too long to be hashed.
    """
    _refuse_impossible(identifier, password)
    visit = Visit(method="password", address=address, agent=agent, now=now)
    key = _key(identifier)

    def count(session: Session) -> tuple[Account | None, throttle.Attempt]:
        account = _find(session, identifier, key)
        tried = throttle.attempt(account_id=None if account is None else account.id, name=key or identifier, address=address)
        throttle.count(session, tried, now=now)
        return account, tried

    try:
        account, tried = db.attempt(count)
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
    visit = Visit(method="link", address=address, agent=agent, now=now)

    def use(session: Session) -> Outcome:
        account_id = tokens.consume(session, token, LINK, now)
        if account_id is None:
            admission.record(session, None, "wrong-link", visit)
            return Outcome(result="wrong", message=LINK_GONE)
        return _enter(session, session.get_one(Account, account_id), _Checked(reason="ok"), visit)

    return db.attempt(use)


def by_identity(
    db: Database,
    method: str,
    found: ExternalIdentity,
    *,
    speaks_for: bool,
    address: str | None,
    agent: str | None,
    now: datetime,
    vouched: bool = False,
    opens: Callable[[Session], Recognised | str] | None = None,
) -> Outcome:
    """Sign in whom another service has proved; state and role are asked as after a right password (F-09).

    An identity is linked here only on the proofs of :func:`rolecall.accounts.identities.recognise`, and never to a closed account.
    ``vouched`` tells that the service asked for a second factor which counts here, so that none is asked for after it (A-22). ``opens`` is
    asked about somebody who has no account and whose address is proved: it opens one, or says why not.
    """
    visit = Visit(method=method, address=address, agent=agent, now=now)

    def use(session: Session) -> Outcome:
        whose = identities.recognise(session, method, found, speaks_for=speaks_for)
        opened: Recognised | str | None = None
        if whose is None and opens is not None and speaks_for and found.email_verified is True and not identities.is_linked(session, found):
            opened = opens(session)
        if isinstance(opened, str):
            admission.record(session, None, "not-opened", visit)
            return Outcome(result="unlinked", message=opened)
        whose = whose or opened
        if whose is None:
            admission.record(session, None, "unlinked", visit)
            return Outcome(result="unlinked", message=UNLINKED)
        account = session.get_one(Account, whose.account_id, with_for_update=True)
        if account.deleted_at is not None or not account.active:
            admission.record(session, account, "deleted" if account.deleted_at is not None else "disabled", visit)
            return Outcome(result="closed", message=admission.CLOSED)
        # The account may have changed until it was locked, unless it was made a moment ago in this same transaction.
        again = opened or identities.recognise(session, method, found, speaks_for=speaks_for)
        if again is None or again.account_id != account.id:
            admission.record(session, None, "unlinked", visit)
            return Outcome(result="unlinked", message=UNLINKED)
        if again.how is not None:
            identities.link(
                session, account, method=method, issuer=found.issuer, subject=found.subject, how=again.how,
                actor=admission.themselves(account, address), now=now,
            )  # fmt: skip
        identities.used(session, found, now)
        if account.sso_provider is not None:
            account.must_change_password = False  # no password of this account signs anybody in
        return _enter(session, account, _Checked(reason="ok"), visit, vouched=vouched)

    return db.attempt(use)


def confirm_by_identity(
    db: Database, method: str, found: ExternalIdentity, *, account_id: int, address: str | None, now: datetime
) -> Outcome:
    """Tell whether an identity is that of somebody who is signed in and had to prove again who they are (S-08).

    Whoever has a second factor here is asked for its code next, as together with the password, whatever the service says.
    """
    visit = Visit(method=method, address=address, agent=None, now=now)

    def settle(session: Session) -> Outcome:
        whose = identities.recognise(session, method, found, speaks_for=False)
        if whose is None or whose.account_id != account_id:
            admission.record(session, session.get_one(Account, account_id), "somebody-else", visit)
            return Outcome(result="wrong")
        return Outcome(result="code" if second_factor.has(session, account_id) else "ok", account_id=account_id)

    return db.attempt(settle)


def not_proved(db: Database, method: str, *, address: str | None, agent: str | None, now: datetime) -> None:
    """Write down that somebody came back from a service and was proved to be nobody (R32)."""
    visit = Visit(method=method, address=address, agent=agent, now=now)
    db.attempt(lambda session: admission.record(session, None, "not-proved", visit))


def confirm(
    db: Database, keyring: Keyring, *, account_id: int, password: str, address: str | None, now: datetime, code: str | None = None
) -> bool:
    """Ask somebody who is signed in for the password again; counted together with the sign-ins of the account (A-11).

    With a ``code``, that of the second factor must be right too.

    :raises Busy: when too many attempts were made.
    :raises Invalid: for input that is no password at all.
    """
    _refuse_impossible("-", password)
    if code is not None:
        refuse_no_code(code)
    with db.read() as session:
        account = session.get(Account, account_id)
    tried = throttle.attempt(account_id=account_id, name="", address=address)
    db.attempt(lambda session: throttle.count(session, tried, now=now))
    checked = _check(db, keyring, account, password, now)
    visit = Visit(method="confirmation", address=address, agent=None, now=now)

    def settle(session: Session) -> bool:
        if checked.reason != "ok":
            _record_wrong(session, account, checked.reason, visit)
            return False
        if code is not None and second_factor.use(session, keyring, account_id, code, now=now) is None:
            admission.record(session, account, "wrong-code", visit)
            return False
        throttle.succeeded(session, tried, now=now)
        first_password.guessed_right(session.get_one(Account, account_id, with_for_update=True))
        return True

    return db.attempt(settle)


def _refuse_impossible(identifier: str, password: str) -> None:
    """Refuse what is no input, whoever it is meant for, before anything is looked up or hashed (A-05, A-14)."""
    if not identifier.strip() or not password:
        raise Invalid(_("Enter your user name and your password."))
    if len(identifier) > _LONGEST_NAME or len(password) > passwords.LONGEST or "\0" in identifier or "\0" in password:
        raise Invalid(_("This cannot be a user name and a password."), hint=_("Type both again."))


def _key(identifier: str) -> str | None:
    try:
        return canonical(identifier)
    except Invalid:
        return None


def _find(session: Session, identifier: str, key: str | None) -> Account | None:
    """Find the account of a user name, else the only one that holds the address verified, or held it before a change (R22, *keep*)."""
    if key is not None and (account := session.scalar(_NAMED, {"key": key})) is not None:
        return account
    try:
        address = email_key(identifier)
    except Invalid:
        return None
    holders = session.scalars(_HOLDING, {"address": address}).all()
    return holders[0] if len(holders) == 1 else None


def _check(db: Database, keyring: Keyring, account: Account | None, password: str, now: datetime) -> _Checked:
    """Check the password, outside any transaction. Every way through costs one hash, until the password was right."""
    if account is None or (closed := _closed(account)):
        passwords.dummy_verify(password)
        return _Checked(reason="unknown" if account is None else closed)
    if account.phone_guesses_left is not None and not _stands_guess(db, account):
        passwords.dummy_verify(password)
        return _Checked(reason="no-password")
    if account.password_hash is None:
        passwords.dummy_verify(password)
        return _check_first(keyring, account, password, now)
    if not passwords.verify(account.password_hash, password):
        return _Checked(reason="wrong-password")
    if account.must_change_password and _is_over(account, now):
        return _Checked(reason="expired")
    return _Checked(reason="ok", new_hash=passwords.hash_password(password) if passwords.needs_rehash(account.password_hash) else None)


def _stands_guess(db: Database, account: Account) -> bool:
    """Whether a phone number may be tried once more; never for who has become an administrator (A-19)."""
    return not first_password.refuses_phone(account) and db.attempt(lambda session: first_password.count_guess(session, account.id))


def _check_first(keyring: Keyring, account: Account, password: str, now: datetime) -> _Checked:
    if account.sealed_password is None or account.sealed_at is None:
        return _Checked(reason="no-password")
    try:
        first = keyring.open(account.sealed_password, passwords.sealed_place(account.id))
    except SealBroken as broken:
        _log.error("first-time password cannot be opened", account=account.id, error=str(broken))
        return _Checked(reason="no-password")
    if not passwords.same(first, password):
        return _Checked(reason="wrong-password")
    if _is_over(account, now):
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


def _try(db: Database, keyring: Keyring, account: Account | None, password: str, tried: throttle.Attempt, visit: Visit) -> Outcome | None:
    checked = _check(db, keyring, account, password, visit.now)
    return db.attempt(lambda session: _settle(session, tried, account, checked, visit))


def _settle(session: Session, tried: throttle.Attempt, seen: Account | None, checked: _Checked, visit: Visit) -> Outcome | None:
    """Write down what the check found; none when the account is no longer the one that was checked."""
    if seen is None or checked.reason not in {"ok", "expired"}:
        _record_wrong(session, seen, checked.reason, visit)
        return Outcome(result="wrong", message=WRONG)
    account = session.execute(_LOCKED, {"id": seen.id}).scalar_one()
    if _closed(account) or _proof(account) != _proof(seen):
        return None
    outcome = _found_right(session, account, checked, visit)
    (throttle.half_way if outcome.needs_code else throttle.succeeded)(session, tried, now=visit.now)
    return outcome


def _found_right(session: Session, account: Account, checked: _Checked, visit: Visit) -> Outcome:
    """What follows from a right password."""
    first_password.guessed_right(account)
    if checked.reason == "expired":
        admission.record(session, account, "expired", visit)
        return Outcome(result="expired", message=EXPIRED)
    return _enter(session, account, checked, visit)


def _proof(account: Account) -> tuple[str | None, bytes | None]:
    return account.password_hash, account.sealed_password


def _enter(session: Session, account: Account, checked: _Checked, visit: Visit, *, vouched: bool = False) -> Outcome:
    """Let somebody in whose proof was right, if nobody has to verify an address first and the account has a role now.

    Where the account has a second factor, its code is asked for next, unless the first step is ``vouched`` to have had one.
    """
    if (hindered := admission.hindered(session, account, visit)) is not None:
        return hindered
    _keep_password(session, account, checked, visit)
    if not vouched and second_factor.has(session, account.id):
        admission.record(session, account, "code-due", visit)
        return Outcome(result="code", account_id=account.id)
    return replace(admission.arrive(session, account, visit), second_factor=vouched)


def _keep_password(session: Session, account: Account, checked: _Checked, visit: Visit) -> None:
    """Keep the hash of what was right, and see whether it has to be changed."""
    if checked.new_hash is not None:
        account.password_hash = checked.new_hash
    if checked.first_time:
        if account.phone_guesses_left is not None:
            account.must_change_password = True
        if not passwords.keeps_first(session):
            account.sealed_password, account.first_is_phone = None, False
        if not account.must_change_password:
            # It is an ordinary password from now on; while it must be changed, its seven days go on.
            account.sealed_at, account.password_changed_at = None, visit.now
    elif visit.method == "password" and passwords.is_too_old(session, account.password_changed_at or account.created_at, visit.now):
        account.must_change_password = True


def _record_wrong(session: Session, account: Account | None, reason: str, visit: Visit) -> None:
    """Write down an attempt that failed; the one that used up the last guess at a phone number also ends that password (A-19)."""
    burned = account is not None and first_password.burn_spent(session, account)
    admission.record(session, account, "burned" if burned else reason, visit)
