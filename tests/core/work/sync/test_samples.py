"""Samples of what waits: one in ten minutes, kept for as long as a plot needs them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from rolecall.store.tables import SyncSample
from rolecall.testing.providers import MemoryProvider
from rolecall.testing.school import School
from rolecall.work.sync import samples, totals
from rolecall.work.sync.samples import History, Span
from rolecall.work.tick import tick

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def take(school: School, moment: datetime, *, done: int = 0, failed: int = 0) -> None:
    """A sample at this moment, after so many changes more."""
    with school.app.db.write() as session:
        numbers = {("memory", totals.CHANGE, "done"): done, ("memory", totals.CHANGE, "transient"): failed}
        totals._add(session, {key: number for key, number in numbers.items() if number})
        samples.sample(session, moment)


def look(school: School, moment: datetime, span: Span = Span.DAY) -> History:
    with school.app.db.read() as session:
        return samples.history(session, "memory", span, moment)


def count(school: School) -> int:
    with school.app.db.read() as session:
        return session.scalar(select(func.count()).select_from(SyncSample)) or 0


def test_time_takes_a_sample_of_every_enabled_provider(school: School, provider: type[MemoryProvider]) -> None:
    school.sync(*school.students(3))

    tick(school.app, force=True)

    with school.app.db.read() as session:
        (only,) = session.scalars(select(SyncSample))
    assert (only.provider, only.pending, only.blocked, only.held, only.done) == ("memory", 3, 0, 0, 0)


def test_ten_minutes_have_one_sample_however_often_it_is_asked_for(school: School) -> None:
    for minutes in (0, 1, 9, 10, 11, 25):
        take(school, NOON + minutes * MINUTE)

    assert [each.at - NOON for each in look(school, NOON + HOUR).points] == [0 * MINUTE, 10 * MINUTE, 20 * MINUTE]


def test_what_lies_between_two_samples_belongs_to_the_hour_that_it_ends_in(school: School) -> None:
    take(school, NOON, done=100)
    take(school, NOON + 30 * MINUTE, done=3, failed=1)
    take(school, NOON + HOUR, done=2)
    take(school, NOON + HOUR + 10 * MINUTE, done=7)

    pieces = {each.at: (each.done, each.failed) for each in look(school, NOON + HOUR + 15 * MINUTE).pieces}

    assert len(pieces) == 24
    assert (pieces[NOON], pieces[NOON + HOUR]) == ((5, 1), (7, 0))
    assert sum(done for done, _ in pieces.values()) == 12, "what was before the first sample lies in no hour"


def test_old_samples_are_dropped_and_one_an_hour_is_kept_for_a_month(school: School) -> None:
    for minutes in range(0, 180, 10):
        take(school, NOON + minutes * MINUTE)
    assert count(school) == 18

    take(school, NOON + 3 * DAY)
    assert count(school) == 4

    take(school, NOON + 40 * DAY)
    assert count(school) == 1


def test_a_month_is_told_by_days(school: School) -> None:
    for day in range(3):
        take(school, NOON + day * DAY, done=10, failed=day)
    found = look(school, NOON + 2 * DAY + MINUTE, Span.MONTH)

    told = [(each.at.date().isoformat(), each.done, each.failed) for each in found.pieces if each.done or each.failed]
    assert told == [("2026-03-03", 10, 1), ("2026-03-04", 10, 2)]
    assert (len(found.pieces), found.ends - found.begins) == (30, 30 * DAY)


@pytest.mark.parametrize("span", list(Span))
def test_without_samples_there_is_a_history_of_nothing(school: School, span: Span) -> None:
    found = look(school, NOON, span)

    assert found.points == []
    assert {(each.done, each.failed) for each in found.pieces} == {(0, 0)}
