"""How much waited at each provider over time: a sample every ten minutes, and what lies between two of them.

Owns how long samples are kept, so the table stays small: some 1,030 rows for each provider, whatever happens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import pairwise

from sqlalchemy import delete, func, not_, or_, select
from sqlalchemy.orm import Session

from rolecall.store.bulk import insert_into
from rolecall.store.tables import PluginState, SyncSample
from rolecall.work.sync import totals
from rolecall.work.sync.backlog import Backlog, backlogs

EVERY = timedelta(minutes=10)
#: All samples are kept for the plot of a day, and one an hour for that of a month.
KEPT = timedelta(days=2)
HOURLY_KEPT = timedelta(days=31)


class Span(Enum):
    """How far a history reaches back, and how long the pieces are in which it counts what was done."""

    DAY = ("day", timedelta(days=1), timedelta(hours=1))
    MONTH = ("month", timedelta(days=30), timedelta(days=1))

    def __init__(self, word: str, length: timedelta, piece: timedelta) -> None:
        self.word = word
        self.length = length
        self.piece = piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """How much waited at a moment."""

    at: datetime
    pending: int
    blocked: int
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What was done in a piece of time that begins ``at``, and how many attempts failed."""

    at: datetime
    done: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The last day or month at a provider. Where nobody worked there is no point, and a piece with nothing in it."""

    begins: datetime
    ends: datetime
    piece: timedelta
    points: Sequence[Point]
    pieces: Sequence[Piece]


def sample(session: Session, moment: datetime) -> None:
    """Write down how much waits now, once in ten minutes, and drop what is too old."""
    at = _floor(moment, EVERY)
    newest = session.scalar(select(func.max(SyncSample.at)))
    if newest is not None and newest >= at:
        return
    waits, counted = backlogs(session), totals.read(session)
    enabled = session.scalars(select(PluginState.plugin).where(PluginState.enabled, PluginState.is_provider))
    rows = []
    for provider in sorted({*enabled, *waits}):
        found = waits.get(provider, Backlog())
        done, failed = totals.done_and_failed(counted.get(provider, {}).get(totals.CHANGE, {}))
        rows.append({
            "provider": provider, "at": at, "hourly": at == _floor(at, Span.DAY.piece), "pending": found.pending, "blocked": found.blocked,
            "held": found.held, "done": done, "failed": failed,
        })  # fmt: skip
    if rows:
        session.execute(insert_into(session, SyncSample).values(rows).on_conflict_do_nothing())
    old = or_(SyncSample.at < moment - HOURLY_KEPT, (SyncSample.at < moment - KEPT) & not_(SyncSample.hourly))
    session.execute(delete(SyncSample).where(old), execution_options={"synchronize_session": False})


def history(session: Session, provider: str, span: Span, moment: datetime) -> History:
    """Return the last day or month at a provider, ending now."""
    ends = _floor(moment, span.piece) + span.piece
    begins = ends - span.length
    statement = select(SyncSample).where(SyncSample.provider == provider, SyncSample.at >= begins - span.piece, SyncSample.at <= moment)
    if span is Span.MONTH:
        statement = statement.where(SyncSample.hourly)
    rows = session.scalars(statement.order_by(SyncSample.at)).all()
    count = int(span.length / span.piece)
    done, failed = [0] * count, [0] * count
    for before, after in pairwise(rows):
        # A sample at the full hour closes the hour before it.
        place = int((after.at - timedelta(microseconds=1) - begins) / span.piece)
        if after.at > begins and 0 <= place < count:
            done[place] += max(0, after.done - before.done)
            failed[place] += max(0, after.failed - before.failed)
    return History(
        begins=begins,
        ends=ends,
        piece=span.piece,
        points=[Point(at=row.at, pending=row.pending, blocked=row.blocked, held=row.held) for row in rows if row.at >= begins],
        pieces=[Piece(at=begins + n * span.piece, done=done[n], failed=failed[n]) for n in range(count)],
    )


def _floor(moment: datetime, step: timedelta) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return day + (moment - day) // step * step
