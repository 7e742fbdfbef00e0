"""Reads the CSV of people: one person a row, any order of columns, an empty cell says nothing, a dash clears.

Owns what the columns mean. Knows no database: whether a status exists and whether a new person has a name is checked by the import.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

from rolecall.errors import Invalid
from rolecall.sdk.person_fields import language_tag, problem_of
from rolecall.sdk.roster import CLEAR, BadRecord, Clear, PersonRecord
from rolecall.sdk.spreadsheet import original_cell
from rolecall.sdk.tabular import BadRow, Row, Table
from rolecall.sdk.words import LISTS

COLUMNS = ("list", "code", "first_name", "last_name", "email", "phone", "language", "active", "status", "no_sync")


class PeopleFile:
    """An open CSV of people, to be used in a ``with`` statement; iterating reads it once (R6).

    ``notes`` are sentences about columns that are not ours. Broken files raise :class:`Invalid` as :class:`Table` says.
    """

    notes: tuple[str, ...]

    def __init__(self, source: Path | IO[bytes], default_list: str | None = None, *, name: str = "") -> None:
        if default_list is not None and default_list not in LISTS:
            raise Invalid(f"There is no list {default_list}.", hint=f"The lists are {', '.join(LISTS)}.")
        self._default_list = default_list
        self._table = Table(source, name=name)
        try:
            self.notes = self._check_columns()
        except Invalid:
            self._table.close()
            raise

    def __enter__(self) -> PeopleFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._table.close()

    def __iter__(self) -> Iterator[PersonRecord | BadRecord]:
        name = self._table.name
        for row in self._table:
            if isinstance(row, BadRow):
                yield BadRecord(row=row.number, file=name, message=row.message)
                continue
            try:
                yield self._record(row)
            except _CellError as problem:
                code = original_cell(row.values["code"]).strip()[:100]
                yield BadRecord(row=row.number, file=name, code=code, message=str(problem))

    def _check_columns(self) -> tuple[str, ...]:
        name, columns = self._table.name, self._table.columns
        present = {column.lower() for column in columns}
        if "code" not in present:
            raise Invalid(f"{name} has no column code.", hint=f"Its first row must name the columns: {', '.join(COLUMNS)}.")
        if "list" not in present and self._default_list is None:
            raise Invalid(f"{name} has no column list.", hint="Add it, or choose the list that the whole file is for.")
        return tuple(f"The column {column} is unknown and is not read." for column in columns if column.lower() not in COLUMNS)

    def _record(self, row: Row) -> PersonRecord:
        cells = {field: cell for field in COLUMNS if (cell := row.values.get(field, "").strip())}
        return PersonRecord(
            row=row.number,
            file=self._table.name,
            list=self._list(cells),
            code=_code(cells),
            first_name=_text("first_name", cells),
            last_name=_text("last_name", cells),
            email=_text("email", cells),
            phone=_text("phone", cells),
            language=_language(cells),
            active=_flag("active", cells),
            status=_status(cells),
            no_sync=_flag("no_sync", cells),
        )

    def _list(self, cells: dict[str, str]) -> str:
        named = cells.get("list", "").lower() or self._default_list
        if not named:
            raise _CellError("The list is empty.")
        if named not in LISTS:
            raise _CellError(f"There is no list {named}. The lists are {', '.join(LISTS)}.")
        return named


def read_people(source: Path | IO[bytes], default_list: str | None = None, *, name: str = "") -> PeopleFile:
    """Open the CSV of people in a path or a binary stream; ``default_list`` is for files and rows without a list.

    :raises Invalid: when the file is no CSV in UTF-8, or lacks ``code``, or lacks ``list`` and there is no default.
    """
    return PeopleFile(source, default_list, name=name)


class _CellError(Exception):
    """A cell that makes its row unusable; the text is for the person."""


def _code(cells: dict[str, str]) -> str:
    cell = cells.get("code", "")
    if cell in ("", "-"):
        raise _CellError("The code is empty: it is what a person is known by in the list.")
    return _checked("code", cell)


def _text(field: str, cells: dict[str, str]) -> str | Clear | None:
    cell = cells.get(field)
    if cell is None:
        return None
    return CLEAR if cell == "-" else _checked(field, cell)


def _language(cells: dict[str, str]) -> str | Clear | None:
    text = _text("language", cells)
    return language_tag(text) if isinstance(text, str) else text


def _status(cells: dict[str, str]) -> str | None:
    cell = cells.get("status")
    if cell == "-":
        raise _CellError("A status cannot be cleared: name another one.")
    return None if cell is None else _checked("status", cell)


def _flag(field: str, cells: dict[str, str]) -> bool | None:
    cell = cells.get(field)
    if cell is None:
        return None
    word = cell.lower()
    if word not in ("yes", "no"):
        raise _CellError(f"{cell} is neither yes nor no in the column {field}.")
    return word == "yes"


def _checked(field: str, cell: str) -> str:
    text = original_cell(cell)
    if problem := problem_of(field, text):
        raise _CellError(problem)
    return text
