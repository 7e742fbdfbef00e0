"""Goes on with a run: lease, batches, end. Killed at any moment, the next worker goes on where the last commit was.

Owns the lease of a run. A batch is one transaction; what a batch does is the business of its kind.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from rolecall.errors import Refused
from rolecall.store.engine import now
from rolecall.store.tables import Run
from rolecall.work.application import Application
from rolecall.work.memory import uncollected
from rolecall.work.runs.batch import work_batch

log = structlog.get_logger(__name__)

_ACTIVE = ("queued", "running")

#: Seconds between two batches on SQLite. Its write lock is not fair: without a gap whoever waits for it, to stop this very run
#: perhaps, finds it taken again each time it looks (3,000 openings once ended before a stop got in).
GAP = 0.03


def due(session: Session) -> list[int]:
    """Ids of the runs that somebody should go on with: queued, or left by a process that is gone."""
    return list(session.scalars(select(Run.id).where(_is_due(now(session))).order_by(Run.id)))


def advance(app: Application, run_id: int, *, stop: Callable[[], bool] = lambda: False) -> bool:
    """Lease a run and work until it ends, is stopped, or the lease is lost. Returns whether it was ours.

    Repeating it is harmless: a run that is not due is left alone. When ``stop`` says so, the run is let go between two batches.
    """
    with app.db.write() as session:
        at = now(session)
        lease = at + timedelta(seconds=app.config.lease_seconds)
        claimed = session.execute(
            update(Run)
            .where(Run.id == run_id, _is_due(at))
            .values(state="running", fence=Run.fence + 1, leased_until=lease, started_at=func.coalesce(Run.started_at, at))
            .returning(Run.fence)
        ).scalar_one_or_none()
    if claimed is None:
        return False
    _work(app, run_id, claimed, stop)
    return True


def advance_now(app: Application, run_id: int) -> None:
    """Work a run off that this process began and holds with fence 1."""
    _work(app, run_id, 1)


def _work(app: Application, run_id: int, fence: int, stop: Callable[[], bool] = lambda: False) -> None:
    try:
        more = True
        while more:
            with uncollected():
                more = work_batch(app, run_id, fence)
            if more and stop():
                _let_go(app, run_id, fence)
                return
            if more and app.db.is_sqlite:
                time.sleep(GAP)
    except Refused as error:
        _fail(app, run_id, fence, str(error))
    except Exception as error:
        log.exception("run failed", run=run_id)
        _fail(app, run_id, fence, f"It stopped on an unexpected error ({type(error).__name__}). Resume it, or tell the operator.")
        if app.config.strict:
            raise


def _let_go(app: Application, run_id: int, fence: int) -> None:
    with app.db.write() as session:
        session.execute(update(Run).where(Run.id == run_id, Run.fence == fence, Run.state == "running").values(leased_until=None))


def _fail(app: Application, run_id: int, fence: int, why: str) -> None:
    with app.db.write() as session:
        session.execute(
            update(Run)
            .where(Run.id == run_id, Run.fence == fence, Run.state == "running")
            .values(state="failed", error=why, leased_until=None, finished_at=now(session))
        )


def _is_due(at: datetime) -> ColumnElement[bool]:
    return Run.state.in_(_ACTIVE) & or_(Run.leased_until.is_(None), Run.leased_until < at)
