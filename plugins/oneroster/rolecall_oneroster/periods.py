"""Academic periods out of sessions (OneRoster, School Data Sync v2.1) and out of the terms of sections (v1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from rolecall.sdk.roster import PeriodRecord
from rolecall.sdk.tabular import BadRow
from rolecall_oneroster.files import RosterFiles

#: What an office calls a period. Grading periods divide a term for marks, not for who is here.
_TYPES = ("schoolyear", "semester", "term")
SESSION_COLUMNS = ("sourcedid", "status", "title", "type", "startdate", "enddate")
TERM_COLUMNS = ("term sis id", "term name", "term startdate", "term enddate")

_ISO = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ].*)?")
_SLASHES = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")


def periods_of_sessions(files: RosterFiles) -> tuple[list[PeriodRecord], list[str]]:
    """Return the periods of academicSessions.csv, and sentences about the sessions that are left out."""
    periods: list[PeriodRecord] = []
    notes: list[str] = []
    others: dict[str, int] = {}
    with files.table("academicsessions.csv", only=SESSION_COLUMNS) as table:
        for row in table:
            if isinstance(row, BadRow):
                notes.append(f"{table.name}, row {row.number} is left out: {row.message}")
                continue
            values = {column: cell.strip() for column, cell in row.values.items()}
            kind = values.get("type", "")
            if values.get("status", "").lower() == "tobedeleted":
                continue
            if kind.lower() not in _TYPES:
                others[kind] = others.get(kind, 0) + 1
                continue
            title, starts, ends = values.get("title", ""), values.get("startdate", ""), values.get("enddate", "")
            period = _period(values.get("sourcedid", ""), title, date_of(starts), date_of(ends))
            if period:
                periods.append(period)
            else:
                notes.append(f"{table.name}, row {row.number} is left out: it needs a sourcedId and a startDate before its endDate.")
    notes += [f"academicSessions.csv: {count} of the type {kind or '(empty)'} are no periods." for kind, count in others.items()]
    return periods, notes


def periods_of_sections(files: RosterFiles) -> tuple[list[PeriodRecord], list[str]]:
    """Return the terms that Section.csv names, each once, and sentences about those that are left out."""
    terms: dict[str, tuple[int, str, str, str]] = {}
    with files.table("section.csv", only=TERM_COLUMNS) as table:
        for row in table:
            if isinstance(row, BadRow):
                continue
            code, name, starts, ends = (row.values.get(column, "").strip() for column in TERM_COLUMNS)
            if code or name:
                terms.setdefault(code or name, (row.number, name, starts, ends))
        file = table.name
    day_first, sure = _order_of_days(text for _, _, *texts in terms.values() for text in texts)
    periods, notes = [], []
    for code, (number, name, starts, ends) in terms.items():
        period = _period(code, name, date_of(starts, day_first=day_first), date_of(ends, day_first=day_first))
        if period:
            periods.append(period)
        else:
            notes.append(f"{file}, row {number}: the term {code} is left out: it needs a start date before its end date.")
    if periods and not sure:
        notes.append(f"{file}: the dates of the terms are read as month/day/year; nothing in them tells.")
    return periods, notes


def _period(code: str, name: str, starts: date | None, ends: date | None) -> PeriodRecord | None:
    if not code or starts is None or ends is None or starts > ends:
        return None
    return PeriodRecord(code=code, name=name or code, starts_on=starts, ends_on=ends)


def _order_of_days(texts: Iterable[str]) -> tuple[bool, bool]:
    """Tell whether days stand before months, and whether anything proves it: a number above 12, or dates in ISO form only."""
    pairs = [(int(match[1]), int(match[2])) for text in texts if (match := _SLASHES.fullmatch(text))]
    if any(first > 12 for first, _ in pairs):
        return True, True
    return False, not pairs or any(second > 12 for _, second in pairs)


def date_of(text: str, *, day_first: bool = False) -> date | None:
    """Return the day that a cell names, none where it names none."""
    if iso := _ISO.fullmatch(text):
        year, month, day = map(int, iso.groups())
    elif local := _SLASHES.fullmatch(text):
        first, second, year = map(int, local.groups())
        month, day = (second, first) if day_first else (first, second)
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None
