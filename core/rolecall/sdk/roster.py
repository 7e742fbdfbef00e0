"""What a roster-source plugin implements: a reader of people, their relations, periods, and classes with their members.

Owns the record types. A source reads and yields; previews, brakes and writing are core's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar


class Clear:
    """The type of :data:`CLEAR`."""

    def __repr__(self) -> str:
        return "CLEAR"


#: In a record's field: empty the value that the existing person has (the CSV's ``-``). ``None`` leaves it as it is.
CLEAR = Clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """One person as the source tells it. ``row`` is the row of the file (the header is row 1) and ``file`` its name, for
    messages. ``None`` means the source does not say: an existing person keeps the value."""

    row: int
    file: str = ""
    list: str
    code: str
    first_name: str | Clear | None = None
    last_name: str | Clear | None = None
    email: str | Clear | None = None
    phone: str | Clear | None = None
    language: str | Clear | None = None
    active: bool | None = None
    status: str | None = None
    no_sync: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRecord:
    """A row that cannot be used: where it stands and what to do about it."""

    row: int
    file: str = ""
    code: str = ""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRecord:
    """An academic period as the source tells it."""

    code: str
    name: str
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationRecord:
    """``person`` (list, code) is ``kind`` (guardian, parent, relative ...) of ``child`` (list, code)."""

    person: tuple[str, str]
    child: tuple[str, str]
    kind: str
    row: int = 0
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRecord:
    """A class as the source tells it (R60a).

    ``period`` is the code of its period, none for the current one. ``None`` in ``name`` and ``active`` means the source does not
    say: an existing class keeps the value, a new one is called as its code and taught. ``active`` false ends it.
    """

    row: int
    file: str = ""
    code: str
    name: str | None = None
    period: str | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRecord:
    """``person`` (list, code) is in a class, as ``student``, ``teacher`` or ``assistant`` (R60a).

    ``period`` is that of the class, none for the current one. ``active`` false says that the person is no longer in it.
    """

    row: int
    file: str = ""
    class_code: str
    period: str | None = None
    person: tuple[str, str]
    role: str
    active: bool = True


class RosterSource:
    """Base class of roster sources, built as ``RosterSource(path)`` for one import; ``path`` is a folder, a zip or a file.

    :raises Invalid: (by any method) when the path is not what this source reads, with a sentence that says what is missing.
    """

    id: ClassVar[str]
    label: ClassVar[str]
    #: One sentence for the import page: which files it wants.
    help: ClassVar[str] = ""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_delta(self) -> bool:
        """Whether the files hold only what changed since another export, so that nobody who is missing from them has left."""
        return False

    def people(self) -> Iterator[PersonRecord | BadRecord]:
        """Yield every person, without holding them all in memory."""
        raise NotImplementedError(f"{type(self).__name__} must yield people.")

    def relations(self) -> Iterator[RelationRecord | BadRecord]:
        """Yield the guardians of students and the like; nothing by default."""
        return iter(())

    def periods(self) -> Iterator[PeriodRecord]:
        """Yield academic periods; nothing by default."""
        return iter(())

    def classes(self) -> Iterator[ClassRecord | BadRecord]:
        """Yield the classes, each once in its period; nothing by default."""
        return iter(())

    def memberships(self) -> Iterator[MembershipRecord | BadRecord]:
        """Yield who is in the classes, without holding them all in memory; nothing by default."""
        return iter(())

    def notes(self) -> Iterator[str]:
        """Yield sentences about what was left unread (unknown columns, unused files)."""
        return iter(())
