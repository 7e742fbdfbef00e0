"""Classes and who is in them of School Data Sync v1: Section.csv, StudentEnrollment.csv and TeacherRoster.csv."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from rolecall.sdk.roster import BadRecord, ClassRecord, MembershipRecord
from rolecall.sdk.tabular import BadRow, Row
from rolecall_oneroster.files import RosterFiles

SECTIONS = "section.csv"
SECTION_COLUMNS = ("sis id", "section name", "term sis id", "term name", "status")
MEMBER_COLUMNS = ("section sis id", "sis id")
#: The files of members, with the role in the class and the list.
MEMBERS = {"teacherroster.csv": ("teacher", "teachers"), "studentenrollment.csv": ("student", "students")}


class SectionsReader:
    """Reads the sections of a roster; a section is in the term that it names, by its SIS ID or else its name."""

    def __init__(self, files: RosterFiles) -> None:
        self._files = files
        self._repeated = 0

    def classes(self) -> Iterator[ClassRecord | BadRecord]:
        """Yield each section once."""
        seen: set[str] = set()
        if SECTIONS not in self._files:
            return
        with self._files.table(SECTIONS, only=SECTION_COLUMNS) as table:
            for row in table:
                if isinstance(row, BadRow):
                    yield BadRecord(row=row.number, file=table.name, message=row.message)
                    continue
                code = row.values["sis id"].strip()
                if not code or code in seen:
                    message = "The SIS ID is in an earlier row already." if code else "The SIS ID is empty: the class is known by it."
                    yield BadRecord(row=row.number, file=table.name, code=code[:100], message=message)
                    continue
                seen.add(code)
                name, active = row.values.get("section name", "").strip(), row.values.get("status", "").strip().lower() in ("", "active")
                yield ClassRecord(row=row.number, file=table.name, code=code, name=name or None, period=_term(row), active=active)

    def memberships(self) -> Iterator[MembershipRecord | BadRecord]:
        """Yield the teachers, then the students."""
        self._repeated = 0
        seen: set[int] = set()
        for name, (role, people_list) in MEMBERS.items():
            if name not in self._files:
                continue
            with self._files.table(name, only=MEMBER_COLUMNS) as table:
                for row in table:
                    if isinstance(row, BadRow):
                        yield BadRecord(row=row.number, file=table.name, message=row.message)
                        continue
                    section, code = (row.values[column].strip() for column in MEMBER_COLUMNS)
                    if not section or not code:
                        yield BadRecord(row=row.number, file=table.name, code=code[:100], message="The row names no section or nobody.")
                        continue
                    key = hash((section, people_list, code))
                    if key in seen:
                        self._repeated += 1
                        continue
                    seen.add(key)
                    yield MembershipRecord(
                        row=row.number, file=table.name, class_code=section, period=self._terms.get(section), person=(people_list, code),
                        role=role,
                    )  # fmt: skip

    def notes(self) -> Iterator[str]:
        """Yield sentences about what was left out; complete once everything has been read."""
        if self._repeated:
            yield f"{self._repeated:,} rows repeat somebody in a section and are read once."

    @cached_property
    def _terms(self) -> dict[str, str]:
        """The term of each section that names one."""
        if SECTIONS not in self._files:
            return {}
        with self._files.table(SECTIONS, only=SECTION_COLUMNS) as table:
            named = ((row.values["sis id"].strip(), _term(row)) for row in table if isinstance(row, Row))
            return {code: term for code, term in named if term}


def _term(row: Row) -> str | None:
    return row.values.get("term sis id", "").strip() or row.values.get("term name", "").strip() or None
