"""Writes CSV that a spreadsheet program cannot take for formulas, in a way that our reader undoes exactly.

Owns the one rule of escaping; `tabular` reads files, this writes them. A cell that begins like a formula, after any apostrophes or
blanks, gets one more apostrophe in front. The same pattern tells the reader which apostrophe was added, so nothing else is touched.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

#: What a spreadsheet takes for the beginning of a formula or a command, with the full-width forms that some convert (CWE-1236).
_DANGEROUS = "=+\\-@\t\r\n\0＝＋－＠"
#: Blanks count as nothing: some programs trim them before they look.
_FORMULA = re.compile(f"['\\s]*[{_DANGEROUS}]")
_ESCAPED = re.compile(f"'['\\s]*[{_DANGEROUS}]")


def safe_cell(text: str) -> str:
    """Return ``text`` as a cell that no spreadsheet program evaluates; :func:`original_cell` gives ``text`` back."""
    return f"'{text}" if _FORMULA.match(text) else text


def original_cell(cell: str) -> str:
    """Return the text that :func:`safe_cell` made ``cell`` from; any other text comes back as it is."""
    return cell[1:] if cell.startswith("'") and _ESCAPED.match(cell) else cell


class _Echo:
    """A file whose ``write`` hands the line back, so that rows are written as they are asked for."""

    def write(self, line: str, /) -> str:
        return line


def csv_lines(rows: Iterable[Sequence[str | None]], *, raw: bool = False) -> Iterator[str]:
    """Yield the lines of a CSV file, each with its line end; ``None`` is an empty cell.

    The first line begins with the mark by which spreadsheet programs know UTF-8. ``raw`` leaves formulas as they are: only for a
    program that reads the file, after the person was told.
    """
    writer = csv.writer(_Echo())
    mark = "\ufeff"
    for row in rows:
        cells = ["" if text is None else text for text in row]
        yield mark + writer.writerow(cells if raw else [safe_cell(text) for text in cells])
        mark = ""
