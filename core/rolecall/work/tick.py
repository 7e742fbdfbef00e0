"""What time alone makes due: what ended is removed, secrets nobody fetched are wiped, what was given up is tried.

Idempotent and cheap, so it may run at any moment and any number of times. Knows nothing of who calls it how often.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import CursorResult, and_, func, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import messages, provider_passwords, sessions, throttle, tokens
from rolecall.store.engine import now
from rolecall.store.tables import ClassLink, Link, Run, RunItem
from rolecall.work import class_links, external_sign_in, slots
from rolecall.work.sync import backoff, overdue, samples

if TYPE_CHECKING:
    from rolecall.work.application import Application

#: How often it is worth doing, over all processes together.
EVERY = timedelta(seconds=60)
#: How long a run's author may fetch what it made, such as new passwords.
SECRETS_KEPT = timedelta(hours=24)
#: Whoever keeps something that ends says what is removed when.
_HOUSEKEEPING = (sessions.housekeeping, tokens.housekeeping, throttle.housekeeping, external_sign_in.housekeeping, messages.housekeeping)

_OPTIONS = {"synchronize_session": False}


def tick(app: "Application", *, force: bool = False) -> int:
    """Do what time has made due and return how many rows that were; at most once a minute over all processes unless forced."""
    with app.db.write() as session:
        # The place is not given back: it is free again when the next tick is due.
        if slots.take(session, "tick", length=EVERY) is None and not force:
            return 0
    return app.db.attempt(lambda session: _tick(session, now(session)))


def _tick(session: Session, moment: datetime) -> int:
    ended = select(Run.id).where(func.coalesce(Run.finished_at, Run.created_at) < moment - SECRETS_KEPT)
    unclaimed = RunItem.sealed_secret.is_not(None) & RunItem.run_id.in_(ended)
    # One more attempt: the number of those before is kept, so it is given up again at once.
    again = [
        update(table).where(
            and_(table.synced < table.wanted, table.blocked, table.not_before <= moment, table.changed_at > moment - backoff.DAILY_UNTIL)
        )
        for table in (Link, ClassLink)
    ]
    samples.sample(session, moment)
    return (
        sum(
            _run(session, statement)
            for statement in (
                *(removal(moment) for removal in _HOUSEKEEPING),
                update(RunItem).where(unclaimed).values(sealed_secret=None),
                *(statement.values(blocked=False) for statement in again),
            )
        )
        + overdue.put_behind(session)
        + provider_passwords.wipe_old(session, moment)
        + class_links.align(session)
    )


def _run(session: Session, statement: Any) -> int:
    return cast(CursorResult[Any], session.execute(statement, execution_options=_OPTIONS)).rowcount
