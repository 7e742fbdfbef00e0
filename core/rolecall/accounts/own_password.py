"""Changing one's own password (R59b, A-20).

Owns the order: the present password is asked for, the rules are checked and the new one is hashed before anything is written.
"""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit, passwords, security_notices, sessions, sign_in
from rolecall.accounts.actors import Actor
from rolecall.accounts.sealing import Keyring, SealBroken
from rolecall.errors import Invalid, Refused, Stale
from rolecall.store.engine import Database
from rolecall.store.tables import Account
from rolecall.translation import gettext as _


def change_own(
    db: Database,
    keyring: Keyring,
    *,
    actor: Actor,
    account_id: int,
    current: str,
    new: str,
    session_digest: str | None,
    now: datetime,
) -> None:
    """Replace one's own password: every other session and unused link ends, the first-time password is wiped, no change is due any more.

    A notice goes to the verified address of the account.

    ``session_digest`` is the session that goes on; ``actor.address`` is counted as where the attempt came from.

    :raises Refused: when a provider keeps the password of this account.
    :raises Busy: after too many wrong present passwords.
    :raises Invalid: when the present password is wrong, or the new one breaks a rule or is one that was given out.
    :raises Stale: when the password was changed by somebody else meanwhile.
    """
    with db.read() as session:
        account = session.get_one(Account, account_id)
        rules = passwords.rules_for(session, [account_id])
    if account.sso_provider is not None:
        raise Refused(_("Your password is kept by your sign-in provider."), hint=_("Change it there."))
    if not sign_in.confirm(db, keyring, account_id=account_id, password=current, address=actor.address, now=now):
        raise Invalid(_("The present password is not right."), fields={"current": [_("This is not your present password.")]})
    rules.check(new)
    if passwords.same(new, current) or _is_first(keyring, account, new):
        message = _("The new password must differ from the present one and from the one you were given first.")
        raise Invalid(message, fields={"password": [message]})
    stored = passwords.hash_password(new)
    db.attempt(lambda session: _store(session, account, stored, actor, session_digest, now))


def _store(session: Session, seen: Account, stored: str, actor: Actor, session_digest: str | None, now: datetime) -> None:
    # Also the lock: an administrator's reset of the same moment goes before or after, never under.
    unchanged = session.execute(
        update(Account)
        .where(Account.id == seen.id, Account.password_hash.is_not_distinct_from(seen.password_hash), Account.sso_provider.is_(None))
        .values(version=Account.version + 1)
        .returning(Account.id)
    ).first()
    sealed = session.scalar(select(Account.sealed_password).where(Account.id == seen.id))
    if unchanged is None or (seen.password_hash is None and sealed != seen.sealed_password):
        raise Stale(_("Your password was changed meanwhile."), hint=_("Sign in again with the new one."))
    passwords.put(session, [seen.id], stored)
    sessions.end_all(session, [seen.id], except_digest=session_digest)
    security_notices.queue(session, security_notices.PASSWORD, [seen.id], now=now)
    audit.append(session, actor=actor, kind="password", payload={"changed": "own password"}, account_id=seen.id, at=now)


def _is_first(keyring: Keyring, account: Account, new: str) -> bool:
    if account.sealed_password is None:
        return False
    try:
        return passwords.same(keyring.open(account.sealed_password, passwords.sealed_place(account.id)), new)
    except SealBroken:
        return False
