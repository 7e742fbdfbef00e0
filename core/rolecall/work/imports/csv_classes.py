"""Reads the CSV of classes: one member a row, or a class alone; and the CSV of relations. Any order of columns.

Owns what the columns mean. Knows no database: whether there is such a class or person is checked by the import.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rolecall.errors import Invalid
from rolecall.sdk.roster import BadRecord, ClassRecord, MembershipRecord, PeriodRecord, PersonRecord, RelationRecord
from rolecall.sdk.spreadsheet import original_cell
from rolecall.sdk.tabular import BadRow, Row, Table
from rolecall.sdk.words import CLASS_ROLES, LISTS

CLASS_COLUMNS = ("class_code", "class_name", "period", "active", "person_list", "person_code", "role")
RELATION_COLUMNS = ("list", "code", "child_list", "child_code", "kind")
#: Whose list it is where a row does not say so.
_LIST_OF_ROLE = {"student": "students", "teacher": "teachers", "assistant": "teachers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _CsvFile:
    """What both files have in common: no people and no periods of their own."""

    path: Path
    label: str

    @property
    def is_delta(self) -> bool:
        """A file is what its declaration says."""
        return False

    def people(self) -> Iterator[PersonRecord | BadRecord]:
        """None in this format."""
        return iter(())

    def relations(self) -> Iterator[RelationRecord | BadRecord]:
        """None in this format."""
        return iter(())

    def periods(self) -> Iterator[PeriodRecord]:
        """None in this format."""
        return iter(())

    def classes(self) -> Iterator[ClassRecord | BadRecord]:
        """None in this format."""
        return iter(())

    def memberships(self) -> Iterator[MembershipRecord | BadRecord]:
        """None in this format."""
        return iter(())

    def _rows(self, needed: tuple[str, ...], known: tuple[str, ...]) -> Iterator[Row | BadRow]:
        """Rows with their cells trimmed and as they were before a spreadsheet program was kept from evaluating them."""
        with Table(self.path, name=self.label, only=known) as table:
            present = {column.lower() for column in table.columns}
            if missing := [column for column in needed if column not in present]:
                raise Invalid(
                    f"{self.label} has no column {' and no '.join(missing)}.",
                    hint=f"Its first row must name the columns: {', '.join(known)}.",
                )
            for row in table:
                if isinstance(row, BadRow):
                    yield row
                else:
                    yield Row(row.number, {name: original_cell(cell.strip()) for name, cell in row.values.items()})

    def _unknown_columns(self, known: tuple[str, ...]) -> Iterator[str]:
        with Table(self.path, name=self.label) as table:
            yield from (f"The column {column} is unknown and is not read." for column in table.columns if column.lower() not in known)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvClasses(_CsvFile):
    """The CSV of classes and their members (R60a). It is read twice: once for the classes, once for who is in them."""

    def classes(self) -> Iterator[ClassRecord | BadRecord]:
        """Yield each class at its first row, and the rows that say something else of it."""
        said: dict[tuple[str, str], tuple[str, str, int]] = {}
        for row in self._rows(("class_code",), CLASS_COLUMNS):
            if isinstance(row, BadRow):
                yield BadRecord(row=row.number, file=self.label, message=row.message)
                continue
            code, name, period, active = (row.values.get(column, "") for column in CLASS_COLUMNS[:4])
            if not code:
                yield BadRecord(
                    row=row.number, file=self.label, message="The code of the class is empty: it is what the class is known by."
                )
                continue
            key = (code.casefold(), period.casefold())
            if key in said:
                first_name, first_active, number = said[key]
                if (name and name != first_name) or (active and active.lower() != first_active):
                    message = f"Row {number} says something else of the class {code}. Write name and active once, or the same everywhere."
                    yield BadRecord(row=row.number, file=self.label, code=code[:100], message=message)
                continue
            said[key] = (name, active.lower(), row.number)
            if active.lower() not in ("", "yes", "no"):
                message = f"{active[:40]} is neither yes nor no in the column active."
                yield BadRecord(row=row.number, file=self.label, code=code[:100], message=message)
                continue
            flag = {"yes": True, "no": False}.get(active.lower())
            yield ClassRecord(row=row.number, file=self.label, code=code, name=name or None, period=period or None, active=flag)

    def memberships(self) -> Iterator[MembershipRecord | BadRecord]:
        """Yield who is in them; rows without a person are about the class alone."""
        for row in self._rows(("class_code",), CLASS_COLUMNS):
            # What cannot be read was told with the classes.
            if isinstance(row, BadRow) or not row.values.get("class_code"):
                continue
            people_list, code, role = (row.values.get(column, "") for column in CLASS_COLUMNS[4:])
            if not code and not people_list and not role:
                continue
            role = role.lower() or "student"
            people_list = people_list.lower() or _LIST_OF_ROLE.get(role, "")
            if problem := _nobody(people_list, code, role):
                yield BadRecord(row=row.number, file=self.label, code=code[:100], message=problem)
                continue
            yield MembershipRecord(
                row=row.number, file=self.label, class_code=row.values["class_code"], period=row.values.get("period") or None,
                person=(people_list, code), role=role,
            )  # fmt: skip

    def notes(self) -> Iterator[str]:
        """Columns that were not read."""
        return self._unknown_columns(CLASS_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvRelations(_CsvFile):
    """The CSV of who is guardian of whom (R60a)."""

    def relations(self) -> Iterator[RelationRecord | BadRecord]:
        """Yield the relations."""
        for row in self._rows(("code", "child_code"), RELATION_COLUMNS):
            if isinstance(row, BadRow):
                yield BadRecord(row=row.number, file=self.label, message=row.message)
                continue
            values = row.values
            yield RelationRecord(
                row=row.number,
                file=self.label,
                person=(values.get("list", "").lower() or "guardians", values["code"]),
                child=(values.get("child_list", "").lower() or "students", values["child_code"]),
                kind=values.get("kind", "").lower() or "guardian",
            )

    def notes(self) -> Iterator[str]:
        """Columns that were not read."""
        return self._unknown_columns(RELATION_COLUMNS)


def _nobody(people_list: str, code: str, role: str) -> str | None:
    """Say why a row names nobody, or none where it does; what becomes of a wrong role is for the import, which knows who it is."""
    if people_list not in LISTS:
        if not people_list:
            return f"There is no role {role[:40]} in a class. The roles are {', '.join(CLASS_ROLES)}."
        return f"There is no list {people_list[:40]}. The lists are {', '.join(LISTS)}."
    return None if code else "The code of the person is empty."
