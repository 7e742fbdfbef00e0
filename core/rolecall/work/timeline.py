"""What happened to one account, newest first: what runs did to it, and every other event of the audit that is about it.

Owns how the two are merged into one list with one cursor. Sign-ins have a list of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from rolecall.store.cursors import read_cursor, write_cursor
from rolecall.store.tables import AuditEntry, Run, RunItem
from rolecall.work.documents import Document, moment
from rolecall.work.runs.unit import DRAWN_IN

#: The two sources, in the order in which entries of the same instant are listed.
_EVENT, _RUN = "event", "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinePage:
    """Entries, the number of all of them, and the cursor of the next page (none on the last)."""

    items: Sequence[Document]
    total: int
    next: str | None


def timeline(session: Session, account_id: int, *, limit: int = 50, cursor: str | None = None) -> TimelinePage:
    """Return one page of what happened to an account.

    :raises Invalid: for a cursor that is not ours.
    """
    place = read_cursor(cursor, (datetime, str, int)) if cursor else None
    runs = select(RunItem, Run).join(Run, Run.id == RunItem.run_id).where(RunItem.account_id == account_id)
    # What the audit says of a run is told by the run's item already, where the account has one.
    untold = or_(AuditEntry.run_id.is_(None), AuditEntry.kind == DRAWN_IN)
    events = select(AuditEntry).where(AuditEntry.account_id == account_id, untold)
    total = sum(session.scalar(select(func.count()).select_from(each.subquery())) or 0 for each in (runs.with_only_columns(Run.id), events))
    if place:
        runs = runs.where(_before(place, _RUN, Run.created_at, Run.id))
        events = events.where(_before(place, _EVENT, AuditEntry.at, AuditEntry.seq))
    of_runs = session.execute(runs.order_by(Run.created_at.desc(), Run.id.desc()).limit(limit + 1))
    of_events = session.scalars(events.order_by(AuditEntry.at.desc(), AuditEntry.seq.desc()).limit(limit + 1))
    found = [(run.created_at, _RUN, run.id, _of_run(item, run)) for item, run in of_runs]
    found += [(entry.at, _EVENT, entry.seq, _of_event(entry)) for entry in of_events]
    found.sort(key=lambda each: each[:3], reverse=True)
    more = write_cursor(found[limit - 1][:3]) if len(found) > limit else None
    return TimelinePage(items=[each[3] for each in found[:limit]], total=total, next=more)


def _before(place: Sequence[Any], source: str, at: ColumnElement[Any] | Any, number: ColumnElement[Any] | Any) -> ColumnElement[bool]:
    """What comes after a place in the list, which is earlier in time, as a clause over one source."""
    when, where, which = place
    if source == where:
        return or_(at < when, and_(at == when, number < which))
    earlier: ColumnElement[bool] = at <= when if source < where else at < when
    return earlier


def _of_run(item: RunItem, run: Run) -> Document:
    return {
        "at": moment(run.created_at), "kind": run.action if run.kind != "undo" else f"undo:{run.action}", "actor": run.actor_label,
        "address": run.address, "run": run.id, "reason": run.reason, "outcome": item.outcome, "code": item.code, "message": item.message,
        "before": item.before, "after": item.after,
    }  # fmt: skip


def _of_event(entry: AuditEntry) -> Document:
    payload = entry.payload or {}
    before, after = payload.get("before"), payload.get("after")
    return {
        "at": moment(entry.at), "kind": entry.kind, "actor": entry.actor_label, "address": entry.address, "run": entry.run_id,
        "reason": None, "outcome": None, "code": None, "message": None,
        "before": before if isinstance(before, dict) else None, "after": after if isinstance(after, dict) else None,
    }  # fmt: skip
