"""Text for a terminal: tables, JSON, and nothing in them that could steer the terminal."""

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rolecall.logs import escape
from rolecall.sdk.spreadsheet import csv_lines

#: A cell that is longer is cut in a table; documents and CSV have it whole.
WIDEST = 60


def plain(value: object) -> str:
    """One line of text with control characters made visible: names come from files and from strangers."""
    return escape(str(value), keep="").replace("\t", " ")


def json_text(document: Mapping[str, Any]) -> str:
    """A document as JSON that people can read; what could steer a terminal stays escaped."""
    text = json.dumps(document, ensure_ascii=False, indent=2, default=str)
    return "".join(_json_escaped(each) if _is_control(each) else each for each in text)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell; the last one as long as it is."""
    cut = [[*(_cut(cell) for cell in row[:-1]), row[-1]] for row in rows]
    widths = [max(_width(row[n]) for row in [list(headings), *cut]) for n in range(len(headings))]
    for row in [list(headings), *cut]:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row[:-1], widths, strict=False)]
        yield "  ".join([*cells, row[-1]]).rstrip()


def print_csv(rows: Iterable[Sequence[str | None]]) -> None:
    """Print rows as CSV that a spreadsheet program does not evaluate, as they come."""
    sys.stdout.writelines(csv_lines(rows))


def count(number: int, one: str, many: str = "") -> str:
    """``1 account``, ``2,000 accounts``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def _is_control(character: str) -> bool:
    return character != "\n" and escape(character) != character


def _json_escaped(character: str) -> str:
    return f"\\u{ord(character):04x}"
