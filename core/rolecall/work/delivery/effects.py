"""What follows from a message that left: an invitation was sent (R40)."""

from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, update
from sqlalchemy.orm import Session

from rolecall.accounts import invitations
from rolecall.store import listing
from rolecall.store.tables import Account

_ROW = cast(Table, Account.__table__)
# Built once: it is executed for each message.
_INVITED = update(_ROW).where(_ROW.c.id == bindparam("of_id"))


def after_sending(session: Session, *, kind: str, account_id: int, now: datetime) -> None:
    """Note that an account was invited, in its list row as well."""
    if kind in invitations.KINDS:
        session.connection().execute(_INVITED, {"of_id": account_id, "invited_at": now})
        listing.mark_invited(session, account_id)
