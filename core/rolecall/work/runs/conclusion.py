"""What a run does once and not per account: at its end, or first of all when it is taken back.

Owns where that is kept: in the run's facts, as what its undo needs, sentences, and filters of accounts to look at.
"""

from collections.abc import Mapping
from typing import Any

from rolecall.sdk.action import Action, ConcludeHandler, Conclusion, Ending
from rolecall.store.tables import Run
from rolecall.work.runs.context import RunContext
from rolecall.work.runs.documents import counts
from rolecall.work.runs.unit import Unit

#: Where a run keeps its conclusion among its facts.
KEY = "conclusion"


def conclude(unit: Unit) -> None:
    """Let the action conclude a run that ends in this transaction.

    :raises Refused: the run then fails with the reason and can be resumed; its last batch is not done.
    """
    action = unit.view.actions.get(unit.run.action)
    if action is not None and action.conclude is not None:
        _call(unit, action, action.conclude, _facts(unit.run))


def take_back(unit: Unit) -> None:
    """Let the action take back what it did when the run ended that this run undoes; before anything else, and once."""
    action = unit.view.actions.get(unit.run.action)
    if action is None or action.undo_conclusion is None or KEY in unit.run.facts:
        return
    origin = unit.session.get(Run, unit.run.undoes) if unit.run.undoes else None
    if origin is not None and KEY in origin.facts:
        _call(unit, action, action.undo_conclusion, _facts(origin))


def nothing(unit: Unit) -> None:
    """For kinds of runs that do everything item by item."""


def _call(unit: Unit, action: Action, handler: ConcludeHandler, facts: Mapping[str, Any]) -> None:
    context = RunContext(unit, unit.view.owner(action.id), {})
    unit.session.flush()
    ending = Ending(params=unit.params, counts=counts(unit.session, [unit.run.id])[unit.run.id], facts=facts)
    unit.run.facts = {**unit.run.facts, KEY: _document(handler(context, ending))}


def _facts(run: Run) -> Mapping[str, Any]:
    kept: Mapping[str, Any] = run.facts.get(KEY, {}).get("facts", {})
    return kept


def _document(conclusion: Conclusion) -> dict[str, Any]:
    return {
        "facts": dict(conclusion.facts),
        "notes": list(conclusion.notes),
        "look_at": [{"text": each.text, "filter": dict(each.filter)} for each in conclusion.look_at],
    }
