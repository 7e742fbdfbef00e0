"""What becomes of an account whose user type changes: staff to administrator and back (R33, Z-07).

Owns that the new type gives no rights by itself: every session ends, and who is no administrator any more has no API token.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from rolecall.accounts import sessions, tokens
from rolecall.store.bulk import among
from rolecall.store.tables import Account, RolePeriod

_OPTIONS = {"synchronize_session": False}


def become(session: Session, account_ids: Sequence[int], user_type: str, *, now: datetime) -> None:
    """Make accounts ones of another user type. Their roles are the caller's: to drop, or to put back."""
    session.execute(update(Account).where(Account.id.in_(among(session, account_ids))).values(type=user_type), execution_options=_OPTIONS)
    sessions.end_all(session, account_ids)
    if user_type != "administrator":
        tokens.revoke_all(session, account_ids, now=now)
    session.expire_all()


def drop_roles(session: Session, account_ids: Sequence[int]) -> None:
    """Take away every role in every period, remembered ones included: they are for the user type that the accounts leave."""
    session.execute(delete(RolePeriod).where(RolePeriod.account_id.in_(among(session, account_ids))), execution_options=_OPTIONS)
    session.expire_all()
