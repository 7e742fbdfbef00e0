"""Takes a run back: a run with ``undoes``, over the accounts that still are as the run left them."""

from sqlalchemy import ColumnElement, func, insert, literal, select
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.errors import Refused
from rolecall.store import reach
from rolecall.store.engine import now
from rolecall.store.tables import Account, Run, RunItem
from rolecall.work.application import Application
from rolecall.work.runs.control import find_run
from rolecall.work.runs.plan import find_action
from rolecall.work.runs.start import begin, go_on, new_run


def why_no_undo(session: Session, app: Application, actor: Actor, run: Run) -> str | None:
    """Say why a run cannot be taken back, or none when it can."""
    action = app.plugins.view(session).actions.get(run.action)
    if run.kind != "action" or action is None or action.undo is None:
        return "What this run did cannot be taken back."
    if run.state in ("queued", "running"):
        return "The run is still under way; stop it first."
    if not actor.may(action.permission):
        return f"Your role does not allow “{action.label}”."
    done = select(RunItem.n).where(RunItem.run_id == run.id, RunItem.outcome == "done").limit(1)
    return None if session.scalar(done) is not None else "The run changed nothing."


def start_undo(app: Application, actor: Actor, run_id: int) -> int:
    """Begin the undo of a run and return the new run's id. Accounts changed since are skipped with that reason.

    :raises Refused: when the run cannot be taken back.
    """

    def freeze(session: Session) -> tuple[int, bool]:
        origin = find_run(session, actor, run_id)
        why = why_no_undo(session, app, actor, origin)
        if why:
            raise Refused(why)
        find_action(app.plugins.view(session), actor, origin.action)
        run = new_run(session, actor, kind="undo", action=origin.action, params=origin.params, undoes=origin.id)
        done = select(
            literal(run.id), func.row_number().over(order_by=RunItem.n), RunItem.person_id, RunItem.account_id, literal("waiting")
        ).where(RunItem.run_id == origin.id, RunItem.outcome == "done", *_reached(actor))
        session.execute(insert(RunItem).from_select(["run_id", "n", "person_id", "account_id", "outcome"], done))
        total = session.scalar(select(func.count()).select_from(RunItem).where(RunItem.run_id == run.id)) or 0
        begin(app, run, total, now(session))
        return run.id, run.state == "running"

    return go_on(app, *app.db.attempt(freeze))


def _reached(actor: Actor) -> list[ColumnElement[bool]]:
    """Of somebody else's run, only what the actor's rights reach is taken back (R58)."""
    return [] if actor.types is None else [RunItem.account_id.in_(select(Account.id).where(*reach.accounts(actor.types)))]
