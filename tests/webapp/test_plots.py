"""Plots are drawn to a scale that one can read, and say what they show."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, g

from rolecall.work.sync.samples import History, Piece, Point, Span
from rolecall_webapp import plots

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _asked(application: Flask):
    with application.test_request_context("/"), application.extensions["rolecall"].db.read() as session:
        g.db, g.view = session, None
        yield
        g.pop("db")


def history(points: list[tuple[float, int]], done: dict[int, tuple[int, int]] | None = None) -> History:
    """A day that begins at noon, with these numbers at hours after it."""
    found = [Point(at=NOON + hours * HOUR, pending=number, blocked=0, held=0) for hours, number in points]
    pieces = [Piece(at=NOON + n * HOUR, done=(done or {}).get(n, (0, 0))[0], failed=(done or {}).get(n, (0, 0))[1]) for n in range(24)]
    return History(begins=NOON, ends=NOON + 24 * HOUR, piece=HOUR, points=found, pieces=pieces)


def test_what_waited_is_a_line_from_left_to_right_below_the_mark() -> None:
    plot = plots.pending(history([(0, 0), (0.25, 150), (0.5, 200)]), Span.DAY)

    assert dict(plot.paths)["line"] == "M0.0 60.0 L2.5 15.0 L5.0 0.0"
    assert (plot.top, plot.summary) == ("200", "Pending, the last 24 hours: now 200, at most 200.")
    assert list(plot.marks) == ["12:00", "18:00", "00:00", "06:00", "12:00"]


def test_where_nobody_counted_the_line_is_broken() -> None:
    plot = plots.pending(history([(0, 1), (6, 1), (6.25, 2)]), Span.DAY)

    assert dict(plot.paths)["line"].count("M") == 2


def test_what_failed_hangs_below_what_was_done() -> None:
    plot = plots.done(history([], {0: (50, 10), 23: (1, 0)}), Span.DAY)

    bars = dict(plot.paths)
    assert bars["failed"] == "M1.2 50.0 v10.0 h7.5 v-10.0 Z"
    assert bars["done"].count("M") == 2
    assert "51 changes done, 10 attempts failed" in plot.summary


def test_where_there_is_nothing_to_draw_a_sentence_says_so() -> None:
    assert (plots.pending(history([]), Span.DAY).paths, plots.pending(history([]), Span.DAY).summary) == (
        (),
        "Nobody counted yet, the last 24 hours.",
    )
    assert plots.pending(history([(1, 0)]), Span.MONTH).summary == "Nothing waited, the last 30 days."


@pytest.mark.parametrize(
    ("counts", "span", "said"),
    [
        ([], Span.DAY, "Nobody counted yet, the last 24 hours."),
        ([(1, 0)], Span.DAY, "No figures yet: they take two counts, which are ten minutes apart."),
        ([(1, 0)], Span.MONTH, "No figures yet: they take two counts, which are an hour apart."),
        ([(1, 0), (2, 0)], Span.DAY, "Nothing was done, the last 24 hours."),
    ],
)
def test_that_nothing_was_done_is_said_once_it_is_known(counts: list, span: Span, said: str) -> None:
    plot = plots.done(history(counts), span)

    assert (plot.paths, plot.summary) == ((), said)


@pytest.mark.parametrize(("number", "top"), [(1, "1"), (2, "2"), (3, "5"), (7, "10"), (11, "20"), (240, "500"), (100_000, "100,000")])
def test_the_scale_ends_at_a_round_number(number: int, top: str) -> None:
    assert plots.pending(history([(1, number)]), Span.DAY).top == top


def test_the_figures_are_told_newest_first() -> None:
    rows = plots.rows(history([(0.2, 5), (0.8, 7)], {0: (3, 1)}), Span.DAY)

    assert rows[-1] == ("2 Mar 12:00", 7, 3, 1)
    assert rows[0] == ("3 Mar 11:00", None, 0, 0)
