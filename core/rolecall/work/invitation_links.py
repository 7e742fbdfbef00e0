"""Choosing a password by a link, of an invitation or after one was forgotten: one transaction, the hashing before it (R40, R59b, T-11)."""

from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit, forgotten, invitations, passwords, security_notices, sessions
from rolecall.accounts.actors import Actor
from rolecall.errors import Invalid
from rolecall.store import listing
from rolecall.store.engine import now
from rolecall.store.tables import Account
from rolecall.translation import gettext as _
from rolecall.work import links
from rolecall.work.application import Application
from rolecall.work.projection import difference, project


def account_of_link(session: Session, token: str, at: datetime) -> int | None:
    """The account whose password a link would set, without using it up; none when it does not work (T-09)."""
    return invitations.account_of_link(session, token, at) or forgotten.account_of_link(session, token, at)


def accept(app: Application, token: str, *, password: str, confirm: str, address: str | None) -> bool:
    """Make a password that was typed twice the account's own; false when the link does not work.

    Whoever has the link may do this, because only the address got it. Nobody is signed in by it, sessions end, and a second factor stays.
    Where there was a password before, a notice goes to the verified address.
    ``address`` is where the request came from.

    :raises Invalid: when the two differ or a rule is broken; the link is not used up.
    """
    with app.db.read() as session:
        account_id = account_of_link(session, token, datetime.now(UTC))
        if account_id is None:
            return False
        rules = passwords.rules_for(session, [account_id])
    if password != confirm:
        raise Invalid(_("The two passwords differ."), fields={"confirm": [_("The two passwords differ.")]})
    rules.check(password)
    stored = passwords.hash_password(password)

    def unit(session: Session) -> bool:
        at = now(session)
        links.lock_accounts(session, [account_id])
        was = project(session, [account_id])[account_id]
        had_one = session.scalar(select(Account.password_hash).where(Account.id == account_id)) is not None
        if invitations.accept(session, token, stored, at):
            changed = "chosen by the link of an invitation"
        elif forgotten.accept(session, token, stored, at):
            changed = "chosen by the link for a forgotten password"
        else:
            return False
        session.execute(update(Account).where(Account.id == account_id).values(version=Account.version + 1))
        session.expire_all()
        sessions.end_all(session, [account_id])
        if had_one:
            # Whoever chooses their first one has just read their mail.
            security_notices.queue(session, security_notices.PASSWORD, [account_id], now=at)
        listing.refresh_flags(session, [account_id])
        links.behind(session, [account_id])
        account = session.get_one(Account, account_id)
        label = f"{account.first_name} {account.last_name}".strip() or account.username
        actor = Actor(name=f"account:{account_id}", label=label, account_id=account_id, address=address)
        before, after = difference(was, project(session, [account_id])[account_id])
        payload = {"changed": changed, "before": before, "after": after}
        audit.append(session, actor=actor, kind="password", payload=payload, account_id=account_id, at=at)
        return True

    return app.db.attempt(unit)
