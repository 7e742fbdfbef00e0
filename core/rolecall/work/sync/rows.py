"""What writing an outcome down is for links of accounts and of classes alike: locking, the fence, and what a failure leaves behind.

Owns the columns that every claimed link has. Knows nothing of what was called.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from sqlalchemy import Row, Table, Update, bindparam, select, update
from sqlalchemy.orm import Session

from rolecall.work.sync.circuit import THRESHOLD, Admission, Experience, sentence
from rolecall.work.sync.outcome import LinkOutcome, judge

Known = Row[*tuple[Any, ...]]

_COMMON = ("external_id", "synced", "sent", "attempts", "not_before", "error_class", "error", "blocked", "settled_at")
#: What a change that was made meanwhile may have reset.
_KEPT = ("synced", "attempts", "not_before", "error_class", "error", "settled_at")

AnyOutcome = TypeVar("AnyOutcome", bound=LinkOutcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What all outcomes of a claim have in common: the provider, how it was admitted, when, and its settling time."""

    provider: str
    admission: Admission
    begun: datetime
    settling: timedelta

    def is_down(self, learned: Experience) -> bool:
        """Whether the provider itself seems to be what fails, after what these outcomes taught."""
        return not learned.succeeded and (self.admission.probe or self.admission.failures + learned.failures >= THRESHOLD)


def statement(table: Table, *more: str) -> Update:
    """Build the update of one link that still has its fence; ``more`` are columns that only this kind of link has."""
    written = (*_COMMON, *more)
    return (
        update(table)
        .where(table.c.id == bindparam("b_id"), table.c.fence == bindparam("b_fence"))
        .values(leased_until=None, **{name: bindparam(name, type_=table.c[name].type) for name in written})
    )


def lock(session: Session, outcomes: Sequence[LinkOutcome]) -> dict[int, Known]:
    """Lock the links of these outcomes in the order of their ids, and return what a change made meanwhile may have reset in them."""
    if not outcomes:
        return {}
    table = cast(Table, outcomes[0].link.table.__table__)
    columns = (table.c.id, table.c.fence, table.c.wanted, *(table.c[name] for name in _KEPT))
    ids = [outcome.link.id for outcome in outcomes]
    rows = session.connection().execute(select(*columns).where(table.c.id.in_(ids)).order_by(table.c.id).with_for_update())
    return {row.id: row for row in rows}


def still_ours(outcomes: Iterable[AnyOutcome], known: Mapping[int, Known]) -> list[AnyOutcome]:
    """Return the outcomes of links that no newer worker owns."""
    return [outcome for outcome in outcomes if outcome.link.id in known and known[outcome.link.id].fence == outcome.link.fence]


def row(outcome: LinkOutcome, known: Known, moment: datetime, frame: Frame, *, down: bool) -> dict[str, Any]:
    """Return what the link becomes, but for what the provider holds now: that is the caller's to add after a success."""
    link = outcome.link
    kept = {
        "b_id": link.id,
        "b_fence": link.fence,
        "external_id": link.external_id,
        "sent": link.sent,
        "blocked": False,
        **{name: getattr(known, name) for name in _KEPT},
    }
    if outcome.left:
        return kept
    if outcome.error is None:
        return kept | {"synced": link.wanted, "attempts": 0, "error_class": None, "error": None, "settled_at": moment}
    return kept | _failure(outcome, known, moment, frame, down=down)


def _failure(outcome: LinkOutcome, known: Known, moment: datetime, frame: Frame, *, down: bool) -> dict[str, Any]:
    verdict = judge(outcome, moment, settling=frame.settling, probe=frame.admission.probe, down=down)
    failed: dict[str, Any] = {"error_class": outcome.error_class, "error": sentence(outcome.error) if outcome.error else None}
    if verdict.forget_remote:
        failed |= {"external_id": None, "sent": None}
    if known.wanted == outcome.link.wanted:
        return failed | {"attempts": verdict.attempts, "not_before": verdict.not_before, "blocked": verdict.blocked}
    # A change made meanwhile may be the very cure: it is tried at once, except where nothing could be found yet.
    if outcome.error_class == "ambiguous":
        return failed | {"not_before": max(known.not_before or moment, moment + frame.settling)}
    return failed
