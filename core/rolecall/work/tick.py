"""What time alone makes due: ended sessions, secrets nobody fetched, and what was given up too early.

Idempotent and cheap, so it may run at any moment and any number of times. Knows nothing of who calls it how often.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import CursorResult, and_, delete, func, select, update
from sqlalchemy.orm import Session

from rolecall.store.engine import now
from rolecall.store.tables import Link, OneTimeToken, Run, RunItem, Throttle, WebSession
from rolecall.work import slots
from rolecall.work.sync import backoff

if TYPE_CHECKING:
    from rolecall.work.application import Application

#: How often it is worth doing, over all processes together.
EVERY = timedelta(seconds=60)
#: How long a run's author may fetch what it made, such as new passwords.
SECRETS_KEPT = timedelta(hours=24)
#: Links that ended are kept so long, so that "this link was used" can still be said.
TOKENS_KEPT = timedelta(days=7)

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
    given_up = and_(Link.synced < Link.wanted, Link.blocked, Link.not_before <= moment, Link.changed_at > moment - backoff.DAILY_UNTIL)
    return sum(
        _run(session, statement)
        for statement in (
            delete(WebSession).where(WebSession.expires_at < moment),
            delete(OneTimeToken).where(OneTimeToken.expires_at < moment - TOKENS_KEPT),
            delete(Throttle).where(Throttle.window_ends_at < moment),
            update(RunItem).where(unclaimed).values(sealed_secret=None),
            update(Link).where(given_up).values(blocked=False),
        )
    )


def _run(session: Session, statement: Any) -> int:
    return cast(CursorResult[Any], session.execute(statement, execution_options=_OPTIONS)).rowcount
