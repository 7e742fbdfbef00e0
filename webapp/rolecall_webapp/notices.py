"""What a page says about earlier requests: one line after something was done, and how the visitor's background runs go.

The lines wait in the cookie as flashes do. A run that was left in the background waits there by its number until it has ended.
"""

from collections.abc import Sequence
from typing import Any

from flask import current_app, flash, g, get_flashed_messages, session
from sqlalchemy import func, select

from rolecall.store.tables import Run
from rolecall.translation import translated
from rolecall.work import heartbeat, jobs
from rolecall.work.runs.documents import at_providers

_ACTIVE = ("queued", "running")


def say(text: str, look: str = "ok", **more: Any) -> None:
    """Show a line on the next page. ``href`` and ``link`` add a link, ``undo`` the number of a run that can be taken back."""
    _leave({"text": translated(text), "look": look, **more}, "notice")


def watch(run_id: int) -> None:
    """Tell whoever is signed in when this run has ended."""
    _leave(run_id, "run")


def await_providers(run_id: int) -> None:
    """Tell whoever is signed in when the accounts of this run are at their providers."""
    _leave(run_id, "providers")


def seen(run_id: int) -> None:
    """Do not tell of this run any more: its page was looked at after it had ended."""
    waiting = session.get("_flashes", [])
    session["_flashes"] = [each for each in waiting if tuple(each) != ("run", run_id)]


def said() -> list[dict[str, Any]]:
    """The lines to show now, each once: what was said, and the watched runs that have ended since."""
    waiting: list[Any] = get_flashed_messages(with_categories=True)
    lines: list[dict[str, Any]] = [message for category, message in waiting if category == "notice"]
    watched: Sequence[Any] = list(dict.fromkeys(message for category, message in waiting if category == "run"))
    lines += _at_providers([message for category, message in waiting if category == "providers"])
    if watched:
        runs = {run.id: run for run in g.db.scalars(select(Run).where(Run.id.in_(watched)))}
        for run_id in watched:
            if run_id not in runs:
                continue
            if runs[run_id].state in _ACTIVE:
                watch(run_id)
                continue
            lines.append(_ended(run_id, runs[run_id].state))
            if (action := g.view.actions.get(runs[run_id].action)) is not None and action.awaits_providers:
                await_providers(run_id)
    return lines


def running() -> int:
    """How many runs of whoever is signed in are under way."""
    mine = select(func.count()).select_from(Run).where(Run.actor == g.actor.name, Run.state.in_(_ACTIVE))
    return g.db.scalar(mine) or 0


def neglected() -> str:
    """Since when nothing is being worked off though something waits, for those who can have it mended; empty while all is well."""
    if g.get("account") is None or not g.actor.may("integrations:edit"):
        return ""
    found = jobs.neglected(current_app.extensions["rolecall"], g.db)
    return heartbeat.sentence(found) if found else ""


def _leave(message: Any, category: str) -> None:
    flash(message, category)  # anything that JSON can say


def _at_providers(run_ids: Sequence[int]) -> list[dict[str, Any]]:
    """A line for each of these runs whose accounts wait for no provider any more; the others go on being awaited."""
    lines = []
    for run_id, found in at_providers(g.db, list(dict.fromkeys(run_ids))).items():
        if found["waiting"]:
            await_providers(run_id)
        elif found["blocked"]:
            text = f"Run {run_id}: {found['blocked']:,} could not be done at a provider; the others are."
            lines.append({"text": text, "look": "bad", "run": run_id, "link": "See the run"})
        else:
            lines.append({"text": f"Run {run_id}: the providers have it all.", "look": "ok", "run": run_id, "link": "See the run"})
    return lines


def _ended(run_id: int, state: str) -> dict[str, Any]:
    words = {"done": "is done", "stopped": "was stopped", "failed": "has failed"}
    look = "ok" if state == "done" else "bad" if state == "failed" else "info"
    return {"text": f"Run {run_id} {words.get(state, state)}.", "look": look, "run": run_id, "link": "See what it did"}
