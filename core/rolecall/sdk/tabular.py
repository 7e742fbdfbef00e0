"""Reads a CSV file row by row, without ever holding it, and never lets a broken one pass for a good one.

Owns encodings, delimiters, quotation marks and size limits. Knows nothing of what the columns mean. Python's own reader swallows
the rows that follow an unclosed quotation mark; this one reports the row where the mark was opened.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Container, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, compress
from pathlib import Path
from types import TracebackType
from typing import IO

from rolecall.errors import Invalid

SAVE_AS = "Save the file as “CSV UTF-8” in your spreadsheet program and try again."

#: How the first bytes tell what a file is when it is no CSV. UTF-32 stands before UTF-16, whose mark it begins with.
_OTHER_KINDS = (
    (b"PK\x03\x04", "is a zip or Excel (.xlsx) file"),
    (b"PK\x05\x06", "is an empty zip file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Excel (.xls) file"),
    (b"%PDF", "is a PDF"),
    (b"\x1f\x8b", "is a compressed (gzip) file"),
    (codecs.BOM_UTF32_LE, "is written in UTF-32"),
    (codecs.BOM_UTF32_BE, "is written in UTF-32"),
    (codecs.BOM_UTF16_LE, "is written in UTF-16 (“Unicode text”)"),
    (codecs.BOM_UTF16_BE, "is written in UTF-16 (“Unicode text”)"),
)
#: How many bytes are looked at to tell it.
_HEAD = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLimits:
    """How much of a file is read at most; ``bytes`` counts what arrives, after unpacking."""

    bytes: int = 200_000_000
    rows: int = 1_000_000
    columns: int = 200
    characters: int = 4096


LIMITS = TableLimits()


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``number`` is what a spreadsheet shows beside it (the header is 1); ``values`` has the column names in lower case."""

    number: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read, and why. The rows around it can."""

    number: int
    message: str


class Table:
    """An open CSV file: its columns at once, then its rows, once and in order. To be used in a ``with`` statement.

    Rows without any text are passed over but counted, as a spreadsheet counts them. ``only`` names, in lower case, the columns that
    are handed on; what others contain, passwords say, goes no further.

    :raises Invalid: at opening or while reading, when nothing that follows can be trusted: another encoding, a binary file, an
        unclosed quotation mark, a limit. Whoever reads keeps nothing of the file then (R6).
    """

    #: The columns as the header writes them.
    columns: tuple[str, ...]
    delimiter: str

    def __init__(
        self, source: Path | IO[bytes], *, name: str = "", only: Container[str] | None = None, limits: TableLimits = LIMITS
    ) -> None:
        self.name = name or (source.name if isinstance(source, Path) else "The file")
        self._limits = limits
        self._only = only
        self._exit = ExitStack()
        try:
            stream = self._exit.enter_context(source.open("rb")) if isinstance(source, Path) else source
            self._lines = _Lines(stream, self.name, limits)
            self._read_header()
        except OSError as problem:
            self.close()
            raise Invalid(f"{self.name} cannot be opened: {problem.strerror or problem}.") from problem
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Table:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file if this table opened it; a stream is left to whoever opened it."""
        self._exit.close()

    def __iter__(self) -> Iterator[Row | BadRow]:
        wanted = [self._only is None or column.lower() in self._only for column in self.columns]
        keys = list(compress([column.lower() for column in self.columns], wanted))
        lines, last = self._lines, self._limits.rows + 1
        while True:
            lines.begin_row()
            cells = self._cells()
            if cells is None:
                return
            if lines.row > last:
                raise Invalid(f"{self.name} has more than {self._limits.rows:,} rows.", hint="Split it into several files.")
            if isinstance(cells, str):
                yield BadRow(lines.row, cells)
            elif "".join(cells).strip():
                problem = self._problem(cells)
                yield BadRow(lines.row, problem) if problem else Row(lines.row, dict(zip(keys, compress(cells, wanted), strict=True)))

    def _read_header(self) -> None:
        lines, limits = self._lines, self._limits
        first = next(lines, "")
        bare = re.sub(r'"[^"]*"', "", first)
        self.delimiter = ";" if bare.count(";") > bare.count(",") else ","
        self._reader = csv.reader(chain([first], lines), delimiter=self.delimiter, strict=True)
        cells = self._cells()
        if isinstance(cells, str):
            raise lines.error(cells)
        names = [cell.strip() for cell in cells or []]
        self._width = len(names)
        while names and not names[-1]:
            names.pop()
        lower = [name.lower() for name in names]
        if not names:
            raise lines.error("The first row must name the columns, and it is empty.")
        if lines.nul:
            raise lines.error("The header contains a NUL character: the file is damaged or not a text.", SAVE_AS)
        if "" in names:
            raise lines.error(f"Column {names.index('') + 1} has no name.", "Give it a name, or delete the column.")
        if len(names) > limits.columns:
            raise lines.error(f"There are more than {limits.columns} columns.", "Delete those that are not needed.")
        if len(names) == 1 and "\t" in names[0]:
            raise lines.error("The columns are separated by tabs.", "Save the file with commas or semicolons.")
        if any(len(name) > limits.characters for name in names):
            raise lines.error(f"A column's name is longer than {limits.characters:,} characters.")
        if twice := next((name for position, name in enumerate(lower) if name in lower[:position]), None):
            raise lines.error(f"The column {twice} is there twice.", "Rename or delete one of them.")
        self.columns = tuple(names)

    def _cells(self) -> list[str] | str | None:
        """Answer the next row's cells, or why this one row cannot be read, or none at the end."""
        lines = self._lines
        try:
            cells = next(self._reader, None)
        except csv.Error as problem:
            # Only where one line holds its quotation marks in pairs does the next line surely begin a new row.
            if lines.of_row != 1 or lines.odd_quotes:
                raise lines.error(_UNCLOSED, _CLOSE_IT) from problem
            if "field limit" in str(problem):
                return f"A cell is longer than {self._limits.characters:,} characters."
            return "There is text after a closing quotation mark. A quotation mark inside a cell is written twice."
        if cells is not None and lines.of_row > 1 and lines.swallowed(self.delimiter, len(cells)):
            raise lines.error(_UNCLOSED, _CLOSE_IT)
        return cells

    def _problem(self, cells: list[str]) -> str:
        if self._lines.nul:
            return "The row contains a NUL character, which no text has. Type the row again."
        if len(cells) != self._width:
            return (
                f"The row has {len(cells)} cells, the header has {self._width}. "
                f"A cell that itself contains “{self.delimiter}” belongs in quotation marks."
            )
        longest = self._limits.characters
        if max(map(len, cells)) > longest:
            at = next(position for position, cell in enumerate(cells) if len(cell) > longest)
            return f"Cell {at + 1} is longer than {longest:,} characters."
        if any(cells[len(self.columns) :]):
            return "There is text in a column that has no name."
        return ""


_UNCLOSED = "A quotation mark is opened in this row and not closed at the end of its cell: where the row ends cannot be told."
_CLOSE_IT = "Close it or remove it; a quotation mark inside a cell is written twice."


class _Lines:
    """The physical lines of a stream as text, and what the row that is being put together from them has shown so far."""

    def __init__(self, stream: IO[bytes], name: str, limits: TableLimits) -> None:
        self.name = name
        self._bytes = _Bytes(stream, self, limits.bytes)
        self._text = io.TextIOWrapper(self._bytes, encoding="utf-8-sig", newline="")
        # Every character of a cell may be a doubled quotation mark.
        self._longest = limits.columns * (2 * limits.characters + 3)
        self.row = 0
        self.begin_row()

    def begin_row(self) -> None:
        self.row += 1
        self.of_row = 0
        self.odd_quotes = False
        self.nul = False
        self._held: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(self._longest)
        except UnicodeDecodeError as problem:
            raise self._wrong_encoding(problem) from problem
        if not line:
            raise StopIteration
        if len(line) == self._longest:
            raise self.error(f"The row goes on for more than {self._longest:,} characters.", SAVE_AS)
        self.of_row += 1
        self._held.append(line)
        if '"' in line and line.count('"') % 2:
            self.odd_quotes = not self.odd_quotes
        if "\0" in line:
            self.nul = True
        return line

    def swallowed(self, delimiter: str, width: int) -> bool:
        """Tell whether a row of several lines looks like several rows: each line alone has the delimiters of a whole one.

        That is what a forgotten mark in one row and a stray one in a later row make. Two columns are too few to tell.
        """
        return width > 2 and len(self._held) > 1 and all(line.count(delimiter) >= width - 1 for line in self._held)

    def error(self, sentence: str, hint: str = "") -> Invalid:
        return Invalid(f"{self.name}, row {self.row}: {sentence}", hint=hint)

    def _wrong_encoding(self, problem: UnicodeDecodeError) -> Invalid:
        # The bytes of the failed piece go ahead of the row in hand: the line breaks in between are rows, but for cells with breaks.
        before = problem.object[: problem.start]
        self.row += before.count(b"\n") or before.count(b"\r")
        position = self._bytes.arrived - len(problem.object) + problem.start + 1
        byte = problem.object[problem.start]
        return self.error(f"The text is not written in UTF-8 (byte 0x{byte:02X} at position {position:,} of the file).", SAVE_AS)


class _Bytes(io.BufferedIOBase):
    """The bytes of a stream, counted, after a look at the first ones. Closing it does not close the stream."""

    def __init__(self, stream: IO[bytes], lines: _Lines, most: int) -> None:
        self._stream, self._lines, self._most = stream, lines, most
        self.name = lines.name
        self.arrived = 0
        self._head = _beginning(stream)
        if not self._head:
            raise Invalid(f"{self.name} is empty.", hint="Its first row must name the columns.")
        kind = next((kind for mark, kind in _OTHER_KINDS if self._head.startswith(mark)), "")
        if not kind and self._head.count(0) > len(self._head) // 4:
            kind = "is written in UTF-16 or is no text at all"
        if kind:
            raise Invalid(f"{self.name} {kind}, not CSV in UTF-8.", hint=SAVE_AS)

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1, /) -> bytes:
        piece, self._head = (self._head, b"") if self._head else (self._stream.read(size), b"")
        self.arrived += len(piece)
        if self.arrived > self._most:
            raise self._lines.error(f"The file is larger than {self._most // 1_000_000:,} MB.", "Split it into several files.")
        return piece


def _beginning(stream: IO[bytes]) -> bytes:
    """Read the first bytes, however small the pieces are in which the stream hands them out."""
    head = b""
    while len(head) < _HEAD and (piece := stream.read(_HEAD - len(head))):
        head += piece
    return head
