"""Small plots: what waited over time, and what was done. Drawn here as paths; the table behind them has the same figures in words.

Owns the geometry. Knows no colour, which is for the style sheet, and no provider.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from rolecall.work.sync.samples import EVERY, History, Point, Span
from rolecall_webapp.wording import clock

#: The drawing's own units; it is stretched to whatever room there is.
WIDTH, HEIGHT = 240.0, 60.0
#: Of the room of one bar, what stays free beside it.
_FREE = 0.25
#: Without a sample for so many times the usual distance the line is broken: nobody was there to count.
_GAP = 2.5
_MARKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A drawing with its scale. ``summary`` is what is read in its place; ``paths`` are classes with what is drawn in them.

    Where there is nothing to draw there are no paths, and the summary is shown.
    """

    shape: ClassVar[str] = "plot"
    title: str
    summary: str
    paths: Sequence[tuple[str, str]] = ()
    top: str = ""
    marks: Sequence[str] = ()
    #: Classes of the paths with what they stand for.
    legend: Sequence[tuple[str, str]] = ()


def pending(history: History, span: Span) -> Plot:
    """How much waited, as a line above its area."""
    most = max((each.pending for each in history.points), default=0)
    top = _round_up(most)
    line, area = [], []
    for part in _unbroken(history.points, span):
        places = [(_x(history, each.at), _y(each.pending, top)) for each in part]
        along = " ".join(f"L{x:.1f} {y:.1f}" for x, y in places[1:])
        begin = f"M{places[0][0]:.1f} {places[0][1]:.1f} {along}".strip()
        # A point alone is a short stroke, so that it is seen.
        line.append(begin if len(places) > 1 else f"{begin} h1")
        area.append(f"{begin} V{HEIGHT:.1f} H{places[0][0]:.1f} Z")
    if not most:
        what = "Nothing waited" if history.points else "Nobody counted yet"
        return Plot(title="Pending", summary=f"{what}, {_over(span)}.")
    summary = f"Pending, {_over(span)}: now {history.points[-1].pending:,}, at most {most:,}."
    return Plot(
        title="Pending", summary=summary, paths=[("area", " ".join(area)), ("line", " ".join(line))], top=f"{top:,}",
        marks=_marks(history, span),
    )  # fmt: skip


def done(history: History, span: Span) -> Plot:
    """What was done in each piece of time, upwards, and what failed, downwards."""
    most = max((each.done for each in history.pieces), default=0)
    worst = max((each.failed for each in history.pieces), default=0)
    piece = "hour" if span is Span.DAY else "day"
    title = f"Done and failed per {piece}"
    if not most and not worst:
        return Plot(title=title, summary=_nothing_done(history, span))
    top = _round_up(most)
    depth = _round_up(worst) if worst else 0
    unit = HEIGHT / (top + depth)
    base, room = top * unit, WIDTH / len(history.pieces)
    bars: dict[str, list[str]] = {"done": [], "failed": []}
    for place, each in enumerate(history.pieces):
        x = place * room + room * _FREE / 2
        for name, number, direction in (("done", each.done, -1), ("failed", each.failed, 1)):
            if number:
                # One of many thousands is still there to be seen.
                length = max(1.0, number * unit) * direction
                bars[name].append(f"M{x:.1f} {base:.1f} v{length:.1f} h{room * (1 - _FREE):.1f} v{-length:.1f} Z")
    summary = (
        f"Done and failed per {piece}, {_over(span)}: {sum(each.done for each in history.pieces):,} changes done, "
        f"{sum(each.failed for each in history.pieces):,} attempts failed."
    )
    return Plot(
        title=title,
        summary=summary,
        paths=[("base", f"M0 {base:.1f} H{WIDTH:.1f}"), *((name, " ".join(each)) for name, each in bars.items())],
        top=f"{top:,}",
        marks=_marks(history, span),
        legend=[("done", "done"), ("failed", "failed, below the line")],
    )


def _nothing_done(history: History, span: Span) -> str:
    """What is known where there is nothing to draw: what was done is told by the difference of two counts."""
    if not history.points:
        return f"Nobody counted yet, {_over(span)}."
    if len(history.points) == 1:
        apart = "ten minutes" if span is Span.DAY else "an hour"
        return f"No figures yet: they take two counts, which are {apart} apart."
    return f"Nothing was done, {_over(span)}."


def rows(history: History, span: Span) -> list[tuple[str, int | None, int, int]]:
    """The same in figures, newest first: the time, what waited at its end (none where nobody counted), done, failed."""
    shape = "%-d %b %H:%M" if span is Span.DAY else "%-d %b"
    found = []
    for each in history.pieces:
        within = [point.pending for point in history.points if each.at <= point.at < each.at + history.piece]
        found.append((clock(each.at, shape), within[-1] if within else None, each.done, each.failed))
    return found[::-1]


def _unbroken(points: Sequence[Point], span: Span) -> list[list[Point]]:
    apart = (EVERY if span is Span.DAY else Span.DAY.piece) * _GAP
    parts: list[list[Point]] = []
    for each in points:
        if parts and each.at - parts[-1][-1].at <= apart:
            parts[-1].append(each)
        else:
            parts.append([each])
    return parts


def _x(history: History, at: datetime) -> float:
    return WIDTH * ((at - history.begins) / (history.ends - history.begins))


def _y(number: int, top: int) -> float:
    return HEIGHT * (1 - number / top)


def _round_up(number: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50 and so on."""
    size = 1
    while True:
        for step in (1, 2, 5):
            if step * size >= number:
                return step * size
        size *= 10


def _marks(history: History, span: Span) -> list[str]:
    shape = "%H:%M" if span is Span.DAY else "%-d %b"
    step = (history.ends - history.begins) / _MARKS
    return [clock(history.begins + place * step, shape) for place in range(_MARKS + 1)]


def _over(span: Span) -> str:
    return "the last 24 hours" if span is Span.DAY else "the last 30 days"
