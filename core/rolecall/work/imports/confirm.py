"""Turns a staged import into a queued run, once somebody has seen what it would do (R6)."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.errors import Held, Refused
from rolecall.store.engine import now
from rolecall.store.tables import RunItem
from rolecall.work.application import Application
from rolecall.work.runs.control import find_run
from rolecall.work.runs.start import begin, go_on


def confirm(app: Application, actor: Actor, run_id: int, *, allow_shrink: bool = False) -> int:
    """Run a staged import; small ones are finished when this returns. Confirming twice has one effect.

    :raises Held: when the brake holds it and ``allow_shrink`` was not said; it stays a draft.
    :raises Refused: when it is no import, or was never staged to its end.
    """

    def unit(session: Session) -> bool:
        run = find_run(session, actor, run_id, verb="edit", lock=True)
        if run.kind != "import":
            raise Refused(f"Run {run_id} is no import.")
        if run.state != "draft":
            if run.facts.get("confirmed"):
                return False
            raise Refused(f"Import {run_id} is {run.state}; it cannot be confirmed.", hint="Upload the file again.")
        if not run.facts.get("staged"):
            raise Refused(f"Import {run_id} was not read to its end.", hint="Upload the file again.")
        actor.require("people:create")
        actor.require("people:edit")
        held = run.facts.get("held") or []
        if held and not allow_shrink:
            raise Held(" ".join(held), hint="If the people have really left, confirm that explicitly.")
        run.facts = {**run.facts, "confirmed": True, "allow_shrink": bool(held)}
        # Whoever confirms is who imports: the rights of the batches are theirs.
        run.actor, run.actor_account_id, run.actor_label, run.address = actor.name, actor.account_id, actor.label, actor.address
        waiting = (
            session.scalar(select(func.count()).select_from(RunItem).where(RunItem.run_id == run_id, RunItem.outcome == "waiting")) or 0
        )
        begin(app, run, waiting, now(session))
        audit.append(session, actor=actor, kind="import.confirm", payload={"counts": run.facts["counts"], "held": held}, run_id=run_id)
        return run.state == "running"

    mine = app.db.attempt(unit)
    return go_on(app, run_id, mine)


def discard(app: Application, actor: Actor, run_id: int) -> None:
    """Give a staged import up; it stays in the history as stopped.

    :raises Refused: when it is no draft any more.
    """

    def unit(session: Session) -> None:
        run = find_run(session, actor, run_id, verb="edit", lock=True)
        if run.kind != "import" or run.state != "draft":
            raise Refused(f"Run {run_id} is not a staged import.")
        run.state, run.finished_at = "stopped", now(session)
        audit.append(session, actor=actor, kind="import.discard", payload={"run": run_id}, run_id=run_id)

    app.db.attempt(unit)
