"""Verifying an address by the link that was sent to it: one transaction with its audit entry (R22, T-03, T-05)."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from rolecall.accounts import audit, emails
from rolecall.accounts.actors import Actor
from rolecall.store import listing
from rolecall.store.engine import now
from rolecall.store.tables import Account
from rolecall.work import links
from rolecall.work.application import Application
from rolecall.work.projection import difference, project


def verify(app: Application, token: str, *, address: str | None) -> bool:
    """Use a link up and mark the address it was sent to as verified by its owner; false when it does not work.

    ``address`` is where the request came from. Whoever has the link may do this, because only the address got it; nobody is signed in.
    """

    def unit(session: Session) -> frozenset[str] | None:
        at = now(session)
        account_id = emails.account_of_link(session, token, at)
        if account_id is None:
            return None
        # Whoever changes the address at this moment goes first or waits: a link never verifies another one.
        links.lock_accounts(session, [account_id])
        was = project(session, [account_id])[account_id]
        if not emails.verify(session, token, at):
            return None
        session.execute(update(Account).where(Account.id == account_id).values(version=Account.version + 1))
        session.expire_all()
        listing.refresh_flags(session, [account_id])
        links.behind(session, [account_id])
        account = session.get_one(Account, account_id)
        label = f"{account.first_name} {account.last_name}".strip() or account.username
        actor = Actor(name=f"account:{account_id}", label=label, account_id=account_id, address=address)
        before, after = difference(was, project(session, [account_id])[account_id])
        audit.append(session, actor=actor, kind="email.verify", payload={"before": before, "after": after}, account_id=account_id, at=at)
        return frozenset(app.plugins.view(session).providers)

    providers = app.db.attempt(unit)
    for provider in providers or ():
        app.nudge("drain", provider, 0)
    return providers is not None
