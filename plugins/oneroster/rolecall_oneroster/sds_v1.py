"""Reads School Data Sync v1: Student.csv, Teacher.csv, the contacts in User.csv and Guardianrelationship.csv, terms and sections.

Contacts have no number of their own that must be filled, so a contact is known by SIS ID or else by e-mail address. A person of two
schools stands in two rows; rows that say the same are one person.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from rolecall.errors import Invalid
from rolecall.sdk.roster import BadRecord, ClassRecord, MembershipRecord, PeriodRecord, PersonRecord, RelationRecord
from rolecall.sdk.tabular import BadRow, Row
from rolecall_oneroster.files import RosterFiles
from rolecall_oneroster.people import notes_on_columns, person
from rolecall_oneroster.periods import TERM_COLUMNS, periods_of_sections
from rolecall_oneroster.roles import LIST_OF_CONTACT, list_of_contact
from rolecall_oneroster.sections import MEMBER_COLUMNS, MEMBERS, SECTION_COLUMNS, SECTIONS, SectionsReader

_PEOPLE = {"student.csv": "students", "teacher.csv": "teachers"}
_FIELDS: dict[str, str | tuple[str, ...]] = {"first_name": "first name", "last_name": "last name", "email": "secondary email"}
_COLUMNS = ("sis id", "first name", "last name", "secondary email", "status")
_CONTACT_FIELDS: dict[str, str | tuple[str, ...]] = {
    "first_name": "first name",
    "last_name": "last name",
    "email": "email",
    "phone": "phone",
}
_CONTACT_COLUMNS = ("sis id", "email", "first name", "last name", "phone")
_RELATION_COLUMNS = ("sis id", "email", "role")
_READ = {
    "student.csv": _COLUMNS,
    "teacher.csv": _COLUMNS,
    "user.csv": _CONTACT_COLUMNS,
    "guardianrelationship.csv": _RELATION_COLUMNS,
    SECTIONS: (*SECTION_COLUMNS, *TERM_COLUMNS),
    **dict.fromkeys(MEMBERS, MEMBER_COLUMNS),
}
#: The columns that rows are known by.
_REQUIRED = {"Student.csv": ["SIS ID"], "Teacher.csv": ["SIS ID"], "User.csv": ["Email"], "Guardianrelationship.csv": ["SIS ID", "Email"]}
_REQUIRED |= {"Section.csv": ["SIS ID"], **{name: ["Section SIS ID", "SIS ID"] for name in ("StudentEnrollment.csv", "TeacherRoster.csv")}}


class SdsV1Reader:
    """Reader of one roster in the first format of School Data Sync.

    :raises Invalid: when a file lacks the column that its rows are known by.
    """

    def __init__(self, files: RosterFiles) -> None:
        self._files = files
        for name, required in _REQUIRED.items():
            if name.lower() not in files:
                continue
            columns = [column.lower() for column in files.columns(name.lower())]
            if missing := [column for column in required if column.lower() not in columns]:
                raise Invalid(f"{name} has no column {' and no '.join(missing)}.", hint="Export the files again.")
        self._repeated = 0
        self._lost_relations = 0
        self._sections = SectionsReader(files)

    def people(self) -> Iterator[PersonRecord | BadRecord]:
        self._repeated = 0
        for name, list_ in _PEOPLE.items():
            if name in self._files:
                yield from self._people_of(name, list_)
        if "user.csv" in self._files:
            yield from self._contacts()

    def relations(self) -> Iterator[RelationRecord]:
        self._lost_relations = 0
        if "guardianrelationship.csv" not in self._files:
            return
        codes = self._codes_of_contacts
        for student, email, kind, number, file in self._relation_rows():
            code, list_ = codes.get(email), list_of_contact(self._kinds.get(email, ()))
            if code and list_ and student and kind in LIST_OF_CONTACT:
                yield RelationRecord(person=(list_, code), child=("students", student), kind=kind, row=number, file=file)
            else:
                self._lost_relations += 1

    def periods(self) -> Iterator[PeriodRecord]:
        return iter(self._terms[0])

    def classes(self) -> Iterator[ClassRecord | BadRecord]:
        return self._sections.classes()

    def memberships(self) -> Iterator[MembershipRecord | BadRecord]:
        return self._sections.memberships()

    def notes(self) -> Iterator[str]:
        yield "Read as School Data Sync v1."
        for name in self._files:
            if name.lower() in _READ:
                yield from notes_on_columns(name, self._files.columns(name.lower()), _READ[name.lower()])
        if unread := [name for name in self._files if name.lower() not in _READ]:
            yield f"Not read: {', '.join(unread)}."
        yield from self._terms[1]
        yield from self._sections.notes()
        if self._repeated:
            yield f"{self._repeated} rows repeat a person of another school and are read once."
        if self._lost_relations:
            yield f"{self._lost_relations} relations are left out: their contact is not in User.csv, or they are no kind of guardian."

    def _people_of(self, name: str, list_: str) -> Iterator[PersonRecord | BadRecord]:
        seen: dict[str, int] = {}
        with self._files.table(name, only=_COLUMNS) as table:
            for row in table:
                if isinstance(row, BadRow):
                    yield BadRecord(row=row.number, file=table.name, message=row.message)
                    continue
                code = row.values["sis id"].strip()
                said = hash(tuple(row.values.values()))
                if code and seen.get(code) == said:
                    self._repeated += 1
                    continue
                seen[code] = said
                yield self._person(row, table.name, code, list_)

    def _person(self, row: Row, file: str, code: str, list_: str) -> PersonRecord | BadRecord:
        if not code:
            return BadRecord(row=row.number, file=file, message="The SIS ID is empty: it is what a person is known by.")
        active = row.values.get("status", "").strip().lower() in ("", "active")
        return person(row.values, _FIELDS, row=row.number, file=file, code=code, list_=list_, active=active)

    def _contacts(self) -> Iterator[PersonRecord | BadRecord]:
        with self._files.table("user.csv", only=_CONTACT_COLUMNS) as table:
            for row in table:
                if isinstance(row, BadRow):
                    yield BadRecord(row=row.number, file=table.name, message=row.message)
                    continue
                email, code = _key(row), _code_of_contact(row)
                list_ = list_of_contact(self._kinds.get(email, ("other",)))
                if not code:
                    yield BadRecord(
                        row=row.number, file=table.name, message="A contact needs an e-mail address or a SIS ID to be known by."
                    )
                elif not list_:
                    yield BadRecord(
                        row=row.number,
                        file=table.name,
                        code=code[:100],
                        message="The contact is nobody's guardian in Guardianrelationship.csv.",
                    )
                else:
                    yield person(row.values, _CONTACT_FIELDS, row=row.number, file=table.name, code=code, list_=list_, active=True)

    @cached_property
    def _kinds(self) -> dict[str, frozenset[str]]:
        """What each contact, by e-mail address, is to students."""
        kinds: dict[str, frozenset[str]] = {}
        if "guardianrelationship.csv" in self._files:
            for _, email, kind, _, _ in self._relation_rows():
                kinds[email] = kinds.get(email, frozenset()) | {kind}
        return kinds

    @cached_property
    def _codes_of_contacts(self) -> dict[str, str]:
        if "user.csv" not in self._files:
            return {}
        with self._files.table("user.csv", only=_CONTACT_COLUMNS) as table:
            return {_key(row): _code_of_contact(row) for row in table if isinstance(row, Row) and _key(row)}

    def _relation_rows(self) -> Iterator[tuple[str, str, str, int, str]]:
        with self._files.table("guardianrelationship.csv", only=_RELATION_COLUMNS) as table:
            for row in table:
                if isinstance(row, BadRow):
                    raise Invalid(f"{table.name}, row {row.number}: {row.message}")
                kind = row.values.get("role", "").strip().lower() or "other"
                yield row.values["sis id"].strip(), _key(row), kind, row.number, table.name

    @cached_property
    def _terms(self) -> tuple[list[PeriodRecord], list[str]]:
        has_terms = "section.csv" in self._files and set(TERM_COLUMNS) <= set(map(str.lower, self._files.columns("section.csv")))
        return periods_of_sections(self._files) if has_terms else ([], [])


def _key(row: Row) -> str:
    return row.values["email"].strip().lower()


def _code_of_contact(row: Row) -> str:
    return row.values.get("sis id", "").strip() or _key(row)
