"""Which period a class is in that names one academic session or several. Knows nothing of classes.

What is taught in two terms is one course of the year that holds both, and marks periods are no periods: so it is the shortest period
that begins no later and ends no earlier than all of the sessions together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property

from rolecall.sdk.tabular import BadRow
from rolecall_oneroster.files import RosterFiles
from rolecall_oneroster.periods import SESSION_COLUMNS, date_of, periods_of_sessions

_FILE = "academicsessions.csv"


class Sessions:
    """The sessions of a roster by their sourcedId."""

    def __init__(self, files: RosterFiles) -> None:
        self._files = files

    def period_of(self, sessions: Sequence[str]) -> tuple[str | None, bool]:
        """Return the code of the period, none where no session is named; and whether it holds all of the sessions.

        Sessions that the files do not have keep their own code: the period may be in Rolecall already.
        """
        if not sessions:
            return None, True
        if len(sessions) == 1 and sessions[0] in self._periods:
            return sessions[0], True
        known = [self._dates[each] for each in sessions if each in self._dates]
        if not known:
            return sessions[0], len(sessions) == 1
        starts, ends = min(each[0] for each in known), max(each[1] for each in known)
        holding = [(last - first, code) for code, (first, last) in self._periods.items() if first <= starts and ends <= last]
        if holding:
            return min(holding)[1], True
        first = min((self._dates[each], each) for each in sessions if each in self._dates)
        return first[1], False

    @cached_property
    def _periods(self) -> dict[str, tuple[date, date]]:
        if _FILE not in self._files:
            return {}
        return {each.code: (each.starts_on, each.ends_on) for each in periods_of_sessions(self._files)[0]}

    @cached_property
    def _dates(self) -> dict[str, tuple[date, date]]:
        """When every session is that can be read, whatever its type."""
        found: dict[str, tuple[date, date]] = {}
        if _FILE in self._files:
            with self._files.table(_FILE, only=SESSION_COLUMNS) as table:
                for row in table:
                    if isinstance(row, BadRow):
                        continue
                    code, starts, ends = (row.values.get(column, "").strip() for column in ("sourcedid", "startdate", "enddate"))
                    first, last = date_of(starts), date_of(ends)
                    if code and first and last:
                        found[code] = (first, last)
        return found
