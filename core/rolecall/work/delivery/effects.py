"""What follows from a message that left: an invitation was sent (R40)."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from rolecall.accounts import invitations
from rolecall.store import listing
from rolecall.store.engine import now
from rolecall.store.tables import Account

_OPTIONS = {"synchronize_session": False}


def after_sending(session: Session, *, kind: str, account_id: int) -> None:
    """Note that an account was invited, in its list row as well."""
    if kind in invitations.KINDS:
        session.execute(update(Account).where(Account.id == account_id).values(invited_at=now(session)), execution_options=_OPTIONS)
        listing.mark_invited(session, account_id)
