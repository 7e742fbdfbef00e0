"""Hands out what a run generated (new passwords), once and to its author only, within 24 hours."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.accounts.sealing import place
from rolecall.errors import Forbidden, Refused
from rolecall.store.engine import now
from rolecall.store.tables import Account, Run, RunItem
from rolecall.work.application import Application
from rolecall.work.runs.control import find_run

#: How long a generated secret waits for its author (D-07).
LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOut:
    """One secret with what is needed to give it to its owner."""

    n: int
    account_id: int
    username: str
    name: str
    secret: str


def count_secrets(session: Session, run_id: int) -> int:
    """How many secrets of a run wait to be fetched."""
    return len(session.scalars(select(RunItem.n).where(RunItem.run_id == run_id, RunItem.sealed_secret.is_not(None))).all())


def fetch_secrets(app: Application, actor: Actor, run_id: int) -> list[HandedOut]:
    """Open and wipe the secrets of a run.

    :raises Forbidden: when somebody else began the run.
    :raises Refused: when there are none, or they were fetched or have expired.
    """

    def unit(session: Session) -> list[HandedOut]:
        run = find_run(session, actor, run_id, lock=True)
        if run.actor != actor.name:
            raise Forbidden("Only the person who began the run can fetch what it generated.")
        wipe_expired(session, now(session))
        rows = session.execute(
            select(RunItem.n, RunItem.account_id, RunItem.sealed_secret, Account.username, Account.first_name, Account.last_name)
            .join(Account, Account.id == RunItem.account_id)
            .where(RunItem.run_id == run_id, RunItem.sealed_secret.is_not(None))
            .order_by(RunItem.n)
        ).all()
        if not rows:
            raise Refused("There is nothing to fetch: it was fetched already, or more than 24 hours have passed.", code="gone")
        handed = [
            HandedOut(
                n=row.n,
                account_id=row.account_id,
                username=row.username,
                name=f"{row.first_name} {row.last_name}".strip(),
                secret=app.keyring.open(row.sealed_secret, place("run_item", run_id, str(row.n))),
            )
            for row in rows
        ]
        session.execute(update(RunItem).where(RunItem.run_id == run_id).values(sealed_secret=None))
        audit.append(session, actor=actor, kind="run.secrets", payload={"run": run_id, "count": len(handed)}, run_id=run_id)
        return handed

    return app.db.attempt(unit)


def wipe_expired(session: Session, at: datetime) -> None:
    """Wipe secrets that nobody fetched in time."""
    old = select(Run.id).where(Run.finished_at < at - LIFETIME)
    session.execute(
        update(RunItem)
        .where(RunItem.sealed_secret.is_not(None), RunItem.run_id.in_(old))
        .values(sealed_secret=None)
        .execution_options(synchronize_session=False)
    )
