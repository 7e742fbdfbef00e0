"""What a page says about earlier requests: one line after something was done, and how the visitor's background runs go.

The lines wait in the cookie as flashes do. A run that was left in the background waits there by its number until it has ended.
"""

from collections.abc import Sequence
from typing import Any

from flask import flash, g, get_flashed_messages, session
from sqlalchemy import func, select

from rolecall.store.tables import Run

_ACTIVE = ("queued", "running")


def say(text: str, look: str = "ok", **more: Any) -> None:
    """Show a line on the next page. ``href`` and ``link`` add a link, ``undo`` the number of a run that can be taken back."""
    _leave({"text": text, "look": look, **more}, "notice")


def watch(run_id: int) -> None:
    """Tell whoever is signed in when this run has ended."""
    _leave(run_id, "run")


def seen(run_id: int) -> None:
    """Do not tell of this run any more: its page was looked at after it had ended."""
    waiting = session.get("_flashes", [])
    session["_flashes"] = [each for each in waiting if tuple(each) != ("run", run_id)]


def said() -> list[dict[str, Any]]:
    """The lines to show now, each once: what was said, and the watched runs that have ended since."""
    waiting: list[Any] = get_flashed_messages(with_categories=True)
    lines: list[dict[str, Any]] = [message for category, message in waiting if category == "notice"]
    watched: Sequence[Any] = list(dict.fromkeys(message for category, message in waiting if category == "run"))
    if watched:
        states = dict(g.db.execute(select(Run.id, Run.state).where(Run.id.in_(watched))).all())
        for run_id in watched:
            if states.get(run_id) in _ACTIVE:
                watch(run_id)
            elif run_id in states:
                lines.append(_ended(run_id, states[run_id]))
    return lines


def running() -> int:
    """How many runs of whoever is signed in are under way."""
    mine = select(func.count()).select_from(Run).where(Run.actor == g.actor.name, Run.state.in_(_ACTIVE))
    return g.db.scalar(mine) or 0


def _leave(message: Any, category: str) -> None:
    flash(message, category)  # anything that JSON can say


def _ended(run_id: int, state: str) -> dict[str, Any]:
    words = {"done": "is done", "stopped": "was stopped", "failed": "has failed"}
    look = "ok" if state == "done" else "bad" if state == "failed" else "info"
    return {"text": f"Run {run_id} {words.get(state, state)}.", "look": look, "run": run_id, "link": "See what it did"}
