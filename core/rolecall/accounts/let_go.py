"""Which accounts were let go at services that sign people in: an address alone does not link them there again (R39, F-09).

Owns how long that lasts: until somebody links the account on purpose. Knows nothing of what else proves whose an identity is.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from rolecall.store.bulk import among, insert_into
from rolecall.store.tables import LetGo

#: Stands for every service, also those that are set up later: the account was made a local one.
EVERY = "*"


def note(session: Session, account_ids: Collection[int], methods: Collection[str] | None, *, now: datetime) -> None:
    """Write down that accounts were let go at some services, or at all of them; what was written before stays."""
    where = [EVERY] if methods is None else methods
    rows = [{"account_id": each, "method": method, "at": now} for each in account_ids for method in where]
    if rows:
        session.execute(insert_into(session, LetGo).on_conflict_do_nothing(), rows)


def over(session: Session, account_ids: Collection[int], method: str) -> None:
    """Forget it: somebody linked the accounts to this service on purpose, so they are no local accounts any more."""
    theirs = LetGo.account_id.in_(among(session, account_ids))
    session.execute(delete(LetGo).where(theirs, LetGo.method.in_((method, EVERY))), execution_options={"synchronize_session": False})


def lasts(session: Session, account_id: int, method: str) -> bool:
    """Tell whether an account was let go at a service, and nobody linked it there since."""
    mine = exists().where(LetGo.account_id == account_id, LetGo.method.in_((method, EVERY)))
    return bool(session.scalar(select(mine)))


def of_account(session: Session, account_id: int) -> Sequence[LetGo]:
    """Where an account was let go, by service."""
    return session.scalars(select(LetGo).where(LetGo.account_id == account_id).order_by(LetGo.method)).all()
