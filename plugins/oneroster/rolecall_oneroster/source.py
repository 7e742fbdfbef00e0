"""The roster source: tells the format from the files, and hands on to its reader."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from rolecall import BadRecord, ClassRecord, MembershipRecord, PeriodRecord, PersonRecord, RelationRecord, RosterSource
from rolecall.errors import Invalid
from rolecall_oneroster.files import RosterFiles
from rolecall_oneroster.sds_v1 import SdsV1Reader
from rolecall_oneroster.users import UsersReader

_V1 = ("student.csv", "teacher.csv", "user.csv")


class OneRosterSource(RosterSource):
    """People of all lists, their guardians, academic periods and classes, from OneRoster and School Data Sync files (R6, R60a)."""

    id = "oneroster"
    label = "OneRoster and School Data Sync"
    help = "A folder or zip with the CSV files of OneRoster 1.1 or 1.2, or of Microsoft School Data Sync v1, v2 or v2.1."

    @property
    def is_delta(self) -> bool:
        """Tell whether manifest.csv says that users.csv, classes.csv or enrollments.csv holds changes only."""
        return isinstance(self._reader, UsersReader) and self._reader.is_delta

    def people(self) -> Iterator[PersonRecord | BadRecord]:
        return self._reader.people()

    def relations(self) -> Iterator[RelationRecord]:
        return self._reader.relations()

    def periods(self) -> Iterator[PeriodRecord]:
        return self._reader.periods()

    def classes(self) -> Iterator[ClassRecord | BadRecord]:
        return self._reader.classes()

    def memberships(self) -> Iterator[MembershipRecord | BadRecord]:
        return self._reader.memberships()

    def notes(self) -> Iterator[str]:
        """Yield what was left unread; what relations leave out is known once they have been read."""
        return self._reader.notes()

    @cached_property
    def _reader(self) -> UsersReader | SdsV1Reader:
        files = RosterFiles(self.path)
        if "users.csv" in files:
            return UsersReader(files)
        if any(name in files for name in _V1):
            return SdsV1Reader(files)
        there = ", ".join(sorted(files)) or "no CSV file at all"
        raise Invalid(
            f"{self.path.name} has neither users.csv (OneRoster, School Data Sync v2) nor Student.csv, Teacher.csv or User.csv "
            f"(School Data Sync v1). It has {there}.",
            hint="Give the folder or the zip with all the files of one export.",
        )
