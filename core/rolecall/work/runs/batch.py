"""One batch of a run in one transaction, in this order: the kind's work, links, list rows, item outcomes, audit.

Owns the frame that every kind of run shares, so that no action can forget history, sync or audit. A batch that raises is rolled
back and halved down to single items: one bad account is one failed line.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.errors import Refused, RolecallError
from rolecall.store import listing
from rolecall.store.engine import is_given_up, now
from rolecall.store.tables import Run, RunItem
from rolecall.work import brakes, class_links, links
from rolecall.work.application import Application
from rolecall.work.runs.actors import actor_of
from rolecall.work.runs.forms import open_params
from rolecall.work.runs.kinds import KINDS
from rolecall.work.runs.outcomes import write_outcomes
from rolecall.work.runs.unit import DRAWN_IN, Effects, Item, Outcome, Process, Unit

log = structlog.get_logger(__name__)

#: The kinds of runs that are somebody's wish about the accounts chosen; what an import of one line closes is a rule's doing.
_WISHES = ("action", "undo")


def work_batch(app: Application, run_id: int, fence: int) -> bool:
    """Work the next batch off and renew the lease. Returns whether there may be more; false also when the lease was lost."""
    more, wake = app.db.attempt(lambda session: _batch(app, session, run_id, fence))
    for provider in wake:
        app.nudge("drain", provider, 0)
    return more


def _batch(app: Application, session: Session, run_id: int, fence: int) -> tuple[bool, frozenset[str]]:
    run = session.scalar(select(Run).where(Run.id == run_id, Run.fence == fence, Run.state == "running").with_for_update())
    if run is None:
        return False, frozenset()
    at = now(session)
    if run.stop_requested:
        run.state, run.leased_until, run.finished_at, run.stop_requested = "stopped", None, at, False
        return False, frozenset()
    view = app.plugins.view(session)
    kind = KINDS[run.kind]
    waiting = session.execute(
        select(RunItem.n, RunItem.person_id, RunItem.account_id)
        .where(RunItem.run_id == run_id, RunItem.outcome == "waiting")
        .order_by(RunItem.n)
        .limit(kind.batch(view, run))
    ).all()
    actor = actor_of(session, run)
    items = [Item(n=row.n, person_id=row.person_id, account_id=row.account_id) for row in waiting]
    params = {**run.params, **open_params(app.keyring, run.id, run.sealed_params)}
    unit = Unit(app=app, session=session, view=view, run=run, actor=actor, items=items, now=at, params=params)
    if not waiting:
        kind.end(unit)
        _finish(run, at)
        return False, frozenset()
    kind.check(view, run, actor)
    kind.begin(unit)
    effects = _halving(unit, kind.process)
    if effects.behind:
        asked = run.kind in _WISHES and _closes_one(effects.outcomes) and brakes.is_about_one(session, run.id)
        links.behind(session, sorted(effects.behind), run_id=run.id, asked=asked)
    if effects.classes:
        class_links.behind(session, sorted(effects.classes))
    if effects.renamed:
        listing.refresh(session, sorted(effects.renamed))
    if effects.touched - effects.renamed:
        listing.refresh_flags(session, effects.touched - effects.renamed)
    digests = write_outcomes(app, session, run, items, effects.outcomes)
    run.leased_until = at + timedelta(seconds=app.config.lease_seconds)
    if len(waiting) < kind.batch(view, run):
        kind.end(unit)
        _finish(run, at)
    audit.append(
        session,
        actor=actor,
        kind=f"run.{run.kind}",
        payload={"action": run.action, "params": run.params, "reason": run.reason, "items": digests},
        run_id=run.id,
        account_id=effects.outcomes[0].account_id if len(effects.outcomes) == 1 else None,
        at=at,
    )
    for account_id, (before, after) in effects.drawn_in.items():
        payload = {"action": run.action, "before": before, "after": after}
        audit.append(session, actor=actor, kind=DRAWN_IN, payload=payload, run_id=run.id, account_id=account_id, at=at)
    return run.state == "running", frozenset(view.providers) if effects.behind or effects.classes else frozenset()


def _finish(run: Run, at: datetime) -> None:
    run.state, run.leased_until, run.finished_at, run.sealed_params = "done", None, at, None


def _closes_one(outcomes: Sequence[Outcome]) -> bool:
    """Whether this was to close the only account that it was about: a new name of a closed one asks for nothing at a provider (R62)."""
    after = outcomes[0].after or {} if len(outcomes) == 1 else {}
    return after.get("active") is False or after.get("deleted") is True


def _halving(unit: Unit, process: Process) -> Effects:
    savepoint = unit.session.begin_nested()
    try:
        effects = process(unit)
        unit.session.flush()
    except Exception as error:
        if is_given_up(error):
            raise
        savepoint.rollback()
        unit.session.expire_all()
        return _divide(unit, process, error)
    savepoint.commit()
    return effects


def _divide(unit: Unit, process: Process, error: Exception) -> Effects:
    if len(unit.items) == 1:
        return Effects(outcomes=[_failed(unit.items[0], unit, error)])
    middle = len(unit.items) // 2
    halves = [_halving(_part(unit, items), process) for items in (unit.items[:middle], unit.items[middle:])]
    return Effects(
        outcomes=[*halves[0].outcomes, *halves[1].outcomes],
        touched=halves[0].touched | halves[1].touched,
        renamed=halves[0].renamed | halves[1].renamed,
        behind=halves[0].behind | halves[1].behind,
        classes=halves[0].classes | halves[1].classes,
        drawn_in={**halves[0].drawn_in, **halves[1].drawn_in},
    )


def _part(unit: Unit, items: Sequence[Item]) -> Unit:
    return Unit(
        app=unit.app, session=unit.session, view=unit.view, run=unit.run, actor=unit.actor, items=items, now=unit.now, params=unit.params
    )


def _failed(item: Item, unit: Unit, error: Exception) -> Outcome:
    outcome = "skipped" if isinstance(error, Refused) else "failed"
    if isinstance(error, RolecallError):
        code, message = error.code, str(error)
    else:
        log.error("item failed", run=unit.run.id, item=item.n, exc_info=error)
        code, message = "error", f"An unexpected error ({type(error).__name__}) stopped it; the log has the details."
    return Outcome(n=item.n, outcome=outcome, code=code, message=message, account_id=item.account_id, person_id=item.person_id)
