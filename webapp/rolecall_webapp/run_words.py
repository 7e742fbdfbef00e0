"""How runs are called: titles, states, outcomes. The words are the registry's and the outside contract's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rolecall.plugins.registry import View
from rolecall.work.runs.documents import changes_in_words
from rolecall_webapp.parts import State

OUTCOME_LOOKS = {"waiting": "wait", "done": "ok", "skipped": "off", "failed": "bad"}
STATE_LOOKS = {"draft": "info", "queued": "wait", "running": "wait", "done": "ok", "stopped": "off", "failed": "bad"}
#: Runs that are no registered action.
_OWN = {"people.import": "Import people", "accounts.open": "Open accounts", "statuses.edit": "Student status changed"}


def run_title(view: View, kind: str, action_id: str) -> str:
    """What a run is called: its action's label, even one of a plugin that is disabled now is named by its id."""
    action = view.actions.get(action_id)
    label = action.label if action else _OWN.get(action_id, action_id)
    return f"Undo: {label}" if kind == "undo" else label


def run_state(state: str) -> State:
    """A run's state as a word with its icon."""
    return State(word=state, look=STATE_LOOKS.get(state, "info"))


def changes_text(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    """What changed, in one line; what was not there before is only named."""
    changes = changes_in_words(before, after)
    return "; ".join(f"{name}: {now}" if was == "–" else f"{name}: {was} → {now}" for name, was, now in changes)


def took(seconds: float) -> str:
    """A length of time in words."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def seconds_between(start: datetime | None, end: datetime) -> float:
    """How long something has been under way."""
    return 0.0 if start is None else max(0.0, (end - start).total_seconds())
