"""Hands out what a run generated (new passwords), once and to its author only, within 24 hours.

Owns that nothing is wiped before it has been made into what is handed out, and that of two who ask at once only one gets it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.accounts.sealing import place
from rolecall.errors import Forbidden, Refused
from rolecall.store.bulk import among
from rolecall.store.engine import now
from rolecall.store.tables import Account, Run, RunItem
from rolecall.work.application import Application
from rolecall.work.runs.control import find_run

T = TypeVar("T")

#: How long a generated secret waits for its author (D-07).
LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOut:
    """One secret with what is needed to give it to its owner. It is empty where only the account's slip is handed out."""

    n: int
    account_id: int
    username: str
    name: str
    secret: str


def count_secrets(session: Session, run_id: int) -> int:
    """How many secrets of a run wait to be fetched."""
    waiting = select(func.count()).select_from(RunItem).where(RunItem.run_id == run_id, RunItem.sealed_secret.is_not(None))
    return session.scalar(waiting) or 0


def fetch_secrets(app: Application, actor: Actor, run_id: int) -> list[HandedOut]:
    """Open and wipe the secrets of a run.

    :raises Forbidden: when somebody else began the run, or its author may no longer do what it does.
    :raises Refused: when there are none, or they were fetched or have expired.
    """
    return hand_out(app, actor, run_id, list)


def hand_out(app: Application, actor: Actor, run_id: int, make: Callable[[Sequence[HandedOut]], T], *, form: str = "list") -> T:
    """Open the secrets of a run, let ``make`` turn them into what is handed out, wipe them, and answer what was made.

    ``form`` says in the audit what it was made into.

    ``make`` is called outside of any transaction and may take its time. Whatever it raises leaves the secrets where they are. Of two
    who made theirs at the same moment the second is refused, so what ``make`` did must not count before this has answered.

    :raises Forbidden: as :func:`fetch_secrets`.
    :raises Refused: as :func:`fetch_secrets`.
    """
    with app.db.read() as session:
        handed = _open(app, session, actor, run_id)
    made = make(handed)
    app.db.attempt(lambda session: _wipe(session, actor, run_id, [each.n for each in handed], form))
    return made


def wipe_expired(session: Session, at: datetime) -> None:
    """Wipe secrets that nobody fetched in time."""
    old = select(Run.id).where(Run.finished_at < at - LIFETIME)
    session.execute(
        update(RunItem)
        .where(RunItem.sealed_secret.is_not(None), RunItem.run_id.in_(old))
        .values(sealed_secret=None)
        .execution_options(synchronize_session=False)
    )


def _open(app: Application, session: Session, actor: Actor, run_id: int) -> list[HandedOut]:
    run = _own_run(session, actor, run_id)
    if run.finished_at is not None and run.finished_at < now(session) - LIFETIME:
        raise _gone()
    rows = session.execute(
        select(RunItem.n, RunItem.account_id, RunItem.sealed_secret, Account.username, Account.first_name, Account.last_name)
        .join(Account, Account.id == RunItem.account_id)
        .where(RunItem.run_id == run_id, RunItem.sealed_secret.is_not(None))
        .order_by(RunItem.n)
    ).all()
    if not rows:
        raise _gone()
    return [
        HandedOut(
            n=row.n,
            account_id=row.account_id,
            username=row.username,
            name=f"{row.first_name} {row.last_name}".strip(),
            secret=app.keyring.open(row.sealed_secret, place("run_item", run_id, str(row.n))),
        )
        for row in rows
    ]


def _wipe(session: Session, actor: Actor, run_id: int, numbers: Sequence[int], form: str) -> None:
    """Wipe exactly what was opened, and write down that it was handed out."""
    _own_run(session, actor, run_id, lock=True)
    opened = (RunItem.run_id == run_id, RunItem.n.in_(among(session, numbers)), RunItem.sealed_secret.is_not(None))
    statement = update(RunItem).where(*opened).values(sealed_secret=None).execution_options(synchronize_session=False)
    if cast(CursorResult[Any], session.execute(statement)).rowcount != len(numbers):
        raise _gone()
    wipe_expired(session, now(session))
    payload = {"run": run_id, "count": len(numbers), "form": form}
    audit.append(session, actor=actor, kind="run.secrets", payload=payload, run_id=run_id)


def _own_run(session: Session, actor: Actor, run_id: int, *, lock: bool = False) -> Run:
    run = find_run(session, actor, run_id, lock=lock)
    if run.actor != actor.name:
        raise Forbidden("Only the person who began the run can fetch what it generated.")
    actor.require(f"act:{run.action}")
    return run


def _gone() -> Refused:
    message = "There is nothing to fetch: it was fetched already, or more than 24 hours have passed."
    return Refused(message, hint="“Print user information” hands out first-time passwords that are still kept.", code="gone")
