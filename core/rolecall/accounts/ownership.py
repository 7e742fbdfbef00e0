"""The one Global Owner of the institution, and how ownership passes on (R26, Z-06).

Owns that there is never more than one, whatever happens at the same moment: the row of the present owner is the lock, and the database's
own index stands behind it where there is no owner yet. Who may pass it on is decided by the action.
"""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from rolecall.accounts import periods, role_periods
from rolecall.errors import Refused
from rolecall.store.tables import Account

_OPTIONS = {"synchronize_session": False}


def present_owner(session: Session) -> int | None:
    """The account that is the Global Owner, or none; locked, so that it still is when this transaction goes on.

    :raises Refused: when ownership passes on at this very moment.
    """
    owner = Account.is_owner.is_(True)
    found = session.scalar(select(Account.id).where(owner))
    if found is None:
        return None
    # Waits for whoever passes it on now; the row is asked again after the wait.
    if session.scalar(select(Account.id).where(Account.id == found, owner).with_for_update(key_share=True)) is None:
        raise _passed_on()
    return found


def transfer(session: Session, account_id: int, *, present: int | None, former_role_id: int | None, now: datetime) -> None:
    """Make an account the Global Owner; the one who was it gets this role in the current period.

    :raises Refused: without a role for the present owner, without a current period, or when somebody else became the owner meanwhile.
    """
    if present is not None:
        _step_down(session, present, former_role_id, now)
    try:
        with session.begin_nested():
            session.execute(update(Account).where(Account.id == account_id).values(is_owner=True), execution_options=_OPTIONS)
    except IntegrityError as error:
        raise _passed_on() from error
    session.expire_all()


def _step_down(session: Session, present: int, former_role_id: int | None, now: datetime) -> None:
    if former_role_id is None:
        message = "The present Global Owner needs a role to stay an administrator with."
        raise Refused(message, hint="Name a role of administrators (former_role).", code="former-role")
    period = periods.current(session)
    if period is None:
        message = "No academic period is current, so the present Global Owner could have no role."
        raise Refused(message, hint="Make a period the current one first.", code="no-period")
    role_periods.assign(session, [present], period.id, former_role_id, "replace", now=now)
    session.execute(update(Account).where(Account.id == present).values(is_owner=False), execution_options=_OPTIONS)


def _passed_on() -> Refused:
    return Refused("Somebody else became the Global Owner at this moment.", hint="Look at who it is now.", code="owner-changed")
