"""What an import reads: a CSV of ours or a roster source, with people, relations, periods, classes, their members and notes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from rolecall.errors import Invalid, RolecallError, Unknown
from rolecall.plugins.registry import View
from rolecall.sdk.roster import BadRecord, ClassRecord, MembershipRecord, PeriodRecord, PersonRecord, RelationRecord
from rolecall.sdk.tabular import Table
from rolecall.work.imports.csv_classes import CsvClasses, CsvRelations
from rolecall.work.imports.csv_people import read_people


class Source(Protocol):
    """Anything that can be imported. The iterators are walked once."""

    @property
    def label(self) -> str: ...

    @property
    def is_delta(self) -> bool: ...

    def people(self) -> Iterator[PersonRecord | BadRecord]: ...

    def relations(self) -> Iterator[RelationRecord | BadRecord]: ...

    def periods(self) -> Iterator[PeriodRecord]: ...

    def classes(self) -> Iterator[ClassRecord | BadRecord]: ...

    def memberships(self) -> Iterator[MembershipRecord | BadRecord]: ...

    def notes(self) -> Iterator[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvSource:
    """The CSV of people; it has neither relations nor periods nor classes."""

    path: Path
    label: str
    default_list: str | None = None

    @property
    def is_delta(self) -> bool:
        """A file of people is what its declaration says."""
        return False

    def people(self) -> Iterator[PersonRecord | BadRecord]:
        """Walk the file."""
        with read_people(self.path, self.default_list, name=self.label) as file:
            yield from file

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

    def notes(self) -> Iterator[str]:
        """Columns that were not read."""
        with read_people(self.path, self.default_list, name=self.label) as file:
            yield from file.notes


def csv_source(path: Path, label: str, default_list: str | None = None) -> Source:
    """Return the reader of a CSV of people, of classes or of relations, as its header tells.

    What cannot be opened is a CSV of people, whose reader says what is wrong with it.
    """
    try:
        with Table(path, name=label) as table:
            columns = {column.lower() for column in table.columns}
    except Invalid:
        columns = set()
    if "class_code" in columns:
        return CsvClasses(path=path, label=label)
    if "child_code" in columns:
        return CsvRelations(path=path, label=label)
    return CsvSource(path=path, label=label, default_list=default_list)


@contextmanager
def plugin_source(view: View, source_id: str, path: Path) -> Iterator[Source]:
    """Build a roster source of an enabled plugin; whatever it raises becomes a sentence that names it.

    :raises Unknown: when no enabled plugin has this source.
    """
    kind = view.sources.get(source_id)
    if kind is None:
        raise Unknown(f"There is no roster source called {source_id}.", hint="Enable its plugin, or look at the integrations page.")
    try:
        yield kind(path)
    except (RolecallError, SQLAlchemyError):
        raise
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}.") from error
    except Exception as error:
        raise Invalid(f"{kind.label} could not read {path.name} ({type(error).__name__}: {error}). Nothing was imported.") from error
