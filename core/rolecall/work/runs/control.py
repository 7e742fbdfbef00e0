"""Stops and resumes runs."""

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.errors import Forbidden, Refused, Unknown
from rolecall.store import reach
from rolecall.store.engine import now
from rolecall.store.tables import Account, Run, RunItem
from rolecall.work.application import Application


def find_run(session: Session, actor: Actor, run_id: int, *, verb: str = "view", lock: bool = False) -> Run:
    """Return a run that the actor may see, which is its own or any with the permission for the area.

    :raises Unknown: when there is none.
    :raises Forbidden: when it is somebody else's.
    """
    statement = select(Run).where(Run.id == run_id)
    run = session.scalar(statement.with_for_update() if lock else statement)
    if run is None:
        raise Unknown(f"There is no run {run_id}.")
    if run.actor != actor.name:
        if not _is_seen(session, actor, run_id):
            raise Unknown(f"There is no run {run_id}.")
        if not actor.may(f"runs:{verb}"):
            raise Forbidden("This run is somebody else's.", hint=f"It needs the permission “runs:{verb}”.")
        if verb != "view" and _reaches_further(session, actor, run_id):
            raise Forbidden("This run is somebody else's, and also about accounts that your role does not reach.")
    return run


def _is_seen(session: Session, actor: Actor, run_id: int) -> bool:
    """Whether something of the run is within reach of the actor; the same that a narrowed session shows (R58)."""
    if actor.types is None:
        return True
    return session.scalar(_items(run_id).where(*reach.accounts(actor.types)).limit(1)) is not None


def _reaches_further(session: Session, actor: Actor, run_id: int) -> bool:
    """Whether a run is also about accounts or people that the actor's rights do not reach."""
    if actor.types is None:
        return False
    outside = select(RunItem.n).outerjoin(Account, Account.id == RunItem.account_id).where(RunItem.run_id == run_id)
    return session.scalar(outside.where(func.coalesce(Account.type, "").not_in(actor.types)).limit(1)) is not None


def _items(run_id: int) -> Select[int]:
    return select(RunItem.n).join(Account, Account.id == RunItem.account_id).where(RunItem.run_id == run_id)


def stop(app: Application, actor: Actor, run_id: int) -> None:
    """Stop a run after the batch it is in; what is done stays done, and it can be resumed.

    :raises Refused: when it has ended already.
    """

    def unit(session: Session) -> None:
        run = find_run(session, actor, run_id, verb="edit", lock=True)
        if run.state == "queued" and run.leased_until is None:
            run.state, run.finished_at = "stopped", now(session)
        elif run.state in ("queued", "running"):
            run.stop_requested = True
        else:
            raise Refused(f"Run {run_id} is {run.state}; only one that is queued or running can be stopped.")
        audit.append(session, actor=actor, kind="run.stop", payload={"run": run_id}, run_id=run_id)

    app.db.attempt(unit)


def resume(app: Application, actor: Actor, run_id: int, *, failed: bool = False) -> None:
    """Go on with a stopped or failed run; ``failed`` also tries its failed items again, of a finished run too.

    :raises Refused: when there is nothing to go on with.
    """

    def unit(session: Session) -> None:
        run = find_run(session, actor, run_id, verb="edit", lock=True)
        if run.state == "running" and run.stop_requested:
            # Asked to stop and not there yet: going on is what is wanted now.
            run.stop_requested = False
            audit.append(session, actor=actor, kind="run.resume", payload={"run": run_id, "failed": False}, run_id=run_id)
            return
        if run.state not in ("stopped", "failed", "done"):
            raise Refused(f"Run {run_id} is {run.state}; it goes on by itself.")
        if failed:
            session.execute(
                update(RunItem)
                .where(RunItem.run_id == run_id, RunItem.outcome == "failed")
                .values(outcome="waiting", code=None, message=None)
                .execution_options(synchronize_session=False)
            )
        waiting = session.scalar(select(RunItem.n).where(RunItem.run_id == run_id, RunItem.outcome == "waiting").limit(1))
        if waiting is None:
            raise Refused(f"Nothing is left to do in run {run_id}.", hint="Its failed items can be tried again.")
        if run.sealed_params is None and run.state == "done" and run.facts.get("had_secrets"):
            raise Refused("The secret parameters of this run are gone.", hint="Begin a new run for the failed accounts.")
        run.state, run.error, run.finished_at, run.leased_until, run.stop_requested = "queued", None, None, None, False
        audit.append(session, actor=actor, kind="run.resume", payload={"run": run_id, "failed": failed}, run_id=run_id)

    app.db.attempt(unit)
    app.nudge("advance", str(run_id), 0)
