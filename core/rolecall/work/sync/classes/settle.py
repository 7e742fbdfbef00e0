"""Writes down what came of classes: one transaction, guarded by each link's fence, as for accounts.

What is known of a class at the provider is kept beside an error too: its id, once it has one, and who is in it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import WORKER
from rolecall.store.engine import now
from rolecall.store.tables import ClassLink
from rolecall.work.sync import rows, totals
from rolecall.work.sync.circuit import learn, note_stop, sentence
from rolecall.work.sync.classes import sent as sent_state
from rolecall.work.sync.classes.call import ClassOutcome
from rolecall.work.sync.outcome import experience
from rolecall.work.sync.rows import Frame, Known

_STATEMENT = rows.statement(cast(Table, ClassLink.__table__))


def settle(session: Session, frame: Frame, outcomes: Sequence[ClassOutcome]) -> int:
    """Write the outcomes down and return how many links were brought up to date or blocked."""
    moment = now(session)
    learned = experience(outcomes)
    down = frame.is_down(learned)
    known = rows.lock(session, outcomes)
    ours = rows.still_ours(outcomes, known)
    written = {outcome.link.id: _row(outcome, known[outcome.link.id], moment, frame, down=down) for outcome in ours}
    if written:
        session.connection().execute(_STATEMENT, list(written.values()))
    stopped = learn(session, frame.provider, learned, moment, begun=frame.begun)
    totals.add_changes(session, frame.provider, outcomes)
    final = [each for each in ours if not each.left and (each.error is None or written[each.link.id]["blocked"])]
    _record(session, frame.provider, [each for each in final if each.change is not None or each.error is not None])
    if stopped:
        note_stop(session, frame.provider)
    return len(final)


def _row(outcome: ClassOutcome, known: Known, moment: datetime, frame: Frame, *, down: bool) -> dict[str, Any]:
    row = rows.row(outcome, known, moment, frame, down=down)
    if outcome.change is None or not outcome.called:
        return row
    if outcome.error is not None and row["sent"] is None:
        return row  # it is gone there, and made again
    row["external_id"] = outcome.external_id
    if outcome.sent is not None:
        row["sent"] = sent_state.dump(outcome.sent)
    elif outcome.error is None:
        row["sent"] = None  # it never was there
    return row


def _record(session: Session, provider: str, outcomes: Sequence[ClassOutcome]) -> None:
    """Write one entry of the audit for what was done at the provider and what was given up; of members only how many."""
    if outcomes:
        audit.append(
            session, actor=WORKER, kind="sync.classes", payload={"provider": provider, "classes": [_line(each) for each in outcomes]}
        )


def _line(outcome: ClassOutcome) -> Mapping[str, Any]:
    change = outcome.change
    line: dict[str, Any] = {"class": outcome.link.class_id, "verb": str(change.verb) if change else "plan"}
    if change is not None:
        members = len(outcome.sent.members) if outcome.sent else None
        facts: dict[str, Any] = {
            "attributes": sorted(change.after) or None,
            "members": members,
            "external_id": outcome.external_id,
            "adopted": outcome.adopted or None,
        }
        line |= {name: value for name, value in facts.items() if value is not None}
    return line | {"blocked": sentence(outcome.error)} if outcome.error is not None else line
