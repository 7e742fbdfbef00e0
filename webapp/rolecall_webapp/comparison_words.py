"""How lines of a comparison are worded: what they say, the remote account in few words, and what was changed there."""

from typing import Any

from rolecall.store.tables import Match
from rolecall.work.sync.comparison.documents import shown
from rolecall.work.sync.comparison.reading import VERDICTS
from rolecall_webapp.parts import State
from rolecall_webapp.sync import changed

__all__ = ["LOOKS", "VERDICTS", "drift_text", "remote_text", "standing", "value_text"]

LOOKS = {"conflict": "bad", "adoptable": "wait", "matched": "ok", "here": "info", "there": "info", "drifted": "wait"}


def standing(match: Match) -> State:
    """What a line says, in a word."""
    if match.drift:
        return State(word="Changed there", look="wait")
    return State(word=VERDICTS[match.verdict], look=LOOKS[match.verdict])


def remote_text(match: Match) -> tuple[str, str]:
    """The remote account by its first names, with its id and whether it is suspended."""
    names = [value for value in match.remote.values() if isinstance(value, str) and value]
    note = " · ".join([str(match.external_id), *(["suspended"] if match.suspended else [])])
    return ", ".join(list(dict.fromkeys(names))[:3]) or str(match.external_id), note


def drift_text(match: Match) -> str:
    """What was changed there, field by field."""
    return "; ".join(_field(name, shown(each["sent"]), shown(each["there"])) for name, each in sorted((match.drift or {}).items()))


def value_text(value: Any) -> str:
    """A value of a remote account."""
    value = shown(value)
    if isinstance(value, list):
        return ", ".join(value) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value in (None, "") else str(value)


def _field(name: str, before: Any, after: Any) -> str:
    if isinstance(before, list) and isinstance(after, list):
        before, after = sorted(set(before) - set(after)), sorted(set(after) - set(before))
    return changed(name, before, after)
