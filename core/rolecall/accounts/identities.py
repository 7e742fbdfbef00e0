"""Whose account an identity is: found by issuer and subject, linked only on proof (R66, F-01, F-02).

Owns the three proofs, and that an account which is signed in elsewhere is an SSO account. Knows nothing of tokens, browsers or protocols.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from rolecall.accounts import audit, let_go, security_notices
from rolecall.accounts.actors import Actor
from rolecall.errors import Invalid, Refused, Unknown
from rolecall.sdk.login import ExternalIdentity
from rolecall.store import listing
from rolecall.store.bulk import among
from rolecall.store.folding import email_key
from rolecall.store.tables import Account, Link, LinkedIdentity, Person
from rolecall.translation import gettext as _

#: By what an identity was linked: its owner's word, the office's, the provider that made the account there, a verified address; or the
#: account was opened because it came.
SELF, OFFICE, CONVERTED, EMAIL, OPENED = "self", "office", "converted", "email", "opened"
#: By what an account comes back to a service that it was let go at (R39).
_ON_PURPOSE = {SELF, OFFICE, CONVERTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """Whose account an identity is, and by what; ``how`` none where it is linked already."""

    account_id: int
    how: str | None = None


def recognise(session: Session, method: str, found: ExternalIdentity, *, speaks_for: bool) -> Recognised | None:
    """Find the account of an identity; none when nothing proves whose it is. Changes nothing.

    ``speaks_for`` tells whether the institution trusts the method about the domain of the address.
    """
    known = session.scalar(select(LinkedIdentity).where(LinkedIdentity.issuer == found.issuer, LinkedIdentity.subject == found.subject))
    if known is not None:
        return Recognised(account_id=known.account_id) if known.method == method else None
    if (converted := _converted(session, method, found)) is not None:
        return Recognised(account_id=converted, how=CONVERTED)
    if found.email_verified is True and speaks_for and (holder := _holder(session, method, found.email)) is not None:
        return Recognised(account_id=holder, how=EMAIL)
    return None


def is_linked(session: Session, found: ExternalIdentity) -> bool:
    """Tell whether an identity signs somebody in, whoever that is and by whichever method."""
    mine = (LinkedIdentity.issuer == found.issuer, LinkedIdentity.subject == found.subject)
    return session.scalar(select(LinkedIdentity.id).where(*mine)) is not None


def link(
    session: Session, account: Account, *, method: str, issuer: str, subject: str, how: str, actor: Actor, now: datetime
) -> LinkedIdentity:
    """Let an identity sign an account in, which is an SSO account from now on; the Global Owner keeps the password as well.

    :raises Invalid: when there is no subject.
    :raises Refused: when the identity is linked already, to whomever: nobody learns to whom.
    """
    subject = subject.strip()
    if not subject or len(subject) > 255 or "\0" in subject:
        message = "Enter the identifier that never changes, at most 255 characters."
        raise Invalid(message, fields={"subject": [message]})
    if how == CONVERTED:
        # The provider gave the account another user there: the former one must not come in any more.
        session.execute(
            delete(LinkedIdentity).where(
                LinkedIdentity.account_id == account.id, LinkedIdentity.method == method, LinkedIdentity.how == CONVERTED
            )
        )
    row = LinkedIdentity(account_id=account.id, method=method, issuer=issuer, subject=subject, how=how, linked_at=now)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Refused(_("This identity signs somebody in already."), hint=_("Unlink it there first."), code="identity-taken") from None
    if how in _ON_PURPOSE:
        let_go.over(session, [account.id], method)
    _follow(session, [account.id])
    payload = {"method": method, "issuer": issuer, "subject": subject, "how": how}
    audit.append(session, actor=actor, kind="identity.link", payload=payload, account_id=account.id, at=now)
    if how != CONVERTED:
        # Who was converted is told how they sign in from now on, which is another message.
        security_notices.queue(session, security_notices.IDENTITY, [account.id], now=now, facts={"method": method})
    return row


def of_account(session: Session, account_id: int) -> Sequence[LinkedIdentity]:
    """The identities that sign an account in, the oldest first."""
    return session.scalars(select(LinkedIdentity).where(LinkedIdentity.account_id == account_id).order_by(LinkedIdentity.id)).all()


def used(session: Session, found: ExternalIdentity, now: datetime) -> None:
    """Note that an identity has just signed its account in."""
    here = and_(LinkedIdentity.issuer == found.issuer, LinkedIdentity.subject == found.subject)
    session.execute(update(LinkedIdentity).where(here).values(last_used_at=now))


def why_kept(session: Session, account: Account, row: LinkedIdentity) -> str | None:
    """Why somebody cannot unlink an identity of their own; none when they can."""
    if row.how == CONVERTED:
        return _("The office made this your way to sign in. Ask there.")
    others = session.scalar(
        select(func.count()).select_from(LinkedIdentity).where(LinkedIdentity.account_id == account.id, LinkedIdentity.id != row.id)
    )
    # Nobody was ever told the first-time password of an account that was opened by signing in.
    unknown = account.sealed_password is None or row.how == OPENED
    if not others and account.password_hash is None and unknown:
        return _("It is your only way to sign in. Ask the office for a password first.")
    return None


def unlink(session: Session, account_id: int, identity_id: int, *, actor: Actor, now: datetime) -> LinkedIdentity:
    """Take an identity away from an account; where it was the last one, the password signs in again.

    Its address does not link it there again, until somebody does so on purpose.

    :raises Unknown: when the account has no such identity.
    """
    row = session.scalar(select(LinkedIdentity).where(LinkedIdentity.id == identity_id, LinkedIdentity.account_id == account_id))
    if row is None:
        raise Unknown("The account has no such identity.", hint="It may have been unlinked a moment ago.")
    session.delete(row)
    session.flush()
    let_go.note(session, [account_id], [row.method], now=now)
    session.execute(update(Account).where(Account.id == account_id, Account.sso_provider == row.method).values(sso_provider=None))
    _follow(session, [account_id])
    payload = {"method": row.method, "issuer": row.issuer, "subject": row.subject}
    audit.append(session, actor=actor, kind="identity.unlink", payload=payload, account_id=account_id, at=now)
    return row


def release(session: Session, account_ids: Collection[int], methods: Collection[str] | None, *, now: datetime) -> list[tuple[int, str]]:
    """Take all identities away from accounts, or those of some methods; return (account, method) of each (R39).

    Their addresses do not link them there again, until somebody does so on purpose.
    """
    let_go.note(session, account_ids, methods, now=now)
    theirs = LinkedIdentity.account_id.in_(among(session, account_ids))
    chosen = theirs if methods is None else and_(theirs, LinkedIdentity.method.in_(list(methods)))
    rows = [
        (account_id, method)
        for account_id, method in session.execute(select(LinkedIdentity.account_id, LinkedIdentity.method).where(chosen))
    ]
    session.execute(delete(LinkedIdentity).where(chosen), execution_options={"synchronize_session": False})
    elsewhere = [Account.id.in_(among(session, account_ids)), Account.sso_provider.is_not(None)]
    if methods is not None:
        elsewhere.append(Account.sso_provider.in_(list(methods)))
    session.execute(update(Account).where(*elsewhere).values(sso_provider=None), execution_options={"synchronize_session": False})
    _follow(session, account_ids)
    return rows


def _follow(session: Session, account_ids: Collection[int]) -> None:
    """Make accounts with an identity SSO accounts, but for the Global Owner's: somebody must get in while every service is down."""
    session.flush()
    of_it = select(func.min(LinkedIdentity.method)).where(LinkedIdentity.account_id == Account.id).scalar_subquery()
    has_one = exists().where(LinkedIdentity.account_id == Account.id)
    local = and_(Account.id.in_(among(session, account_ids)), Account.sso_provider.is_(None), ~Account.is_owner, has_one)
    session.execute(update(Account).where(local).values(sso_provider=of_it), execution_options={"synchronize_session": False})
    session.expire_all()
    listing.refresh(session, list(account_ids))


def _converted(session: Session, method: str, found: ExternalIdentity) -> int | None:
    """The account that was converted to the method's own provider, and has there the id that the method tells (R23)."""
    if not found.external_id:
        return None
    ids = session.scalars(
        select(Account.id)
        .join(Link, Link.account_id == Account.id)
        .where(Account.sso_provider == method, Link.provider == method, Link.external_id == found.external_id, Link.goal != "released")
        .limit(2)
    ).all()
    return ids[0] if len(ids) == 1 else None


def _holder(session: Session, method: str, email: str | None) -> int | None:
    """The only account with this address, where the address is its owner's: verified, or as the roster has it.

    Not one that somebody typed and never verified: whoever types another's address would wait for them in an account of their own. And
    not the Global Owner's, nor one that is signed in elsewhere already, nor one that was let go at this service.
    """
    try:
        key = email_key(email or "")
    except Invalid:
        return None
    held = or_(Account.email_key == key, Account.former_email_key == key)
    holders = session.scalars(select(Account).where(held, Account.deleted_at.is_(None)).limit(2)).all()
    if len(holders) != 1:
        return None
    (account,) = holders
    if account.is_owner or account.sso_provider is not None or account.email_key != key:
        return None
    if let_go.lasts(session, account.id, method):
        return None
    return account.id if account.email_verified or _is_in_roster(session, account, key) else None


def _is_in_roster(session: Session, account: Account, key: str) -> bool:
    told = session.scalar(select(Person.email).where(Person.id == account.person_id))
    try:
        return bool(told) and email_key(told or "") == key
    except Invalid:
        return False
