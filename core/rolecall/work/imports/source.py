"""What an import reads: the CSV of people or a roster source, with people, relations, periods and notes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from rolecall.errors import Invalid, RolecallError, Unknown
from rolecall.plugins.registry import View
from rolecall.sdk.roster import BadRecord, PeriodRecord, PersonRecord, RelationRecord
from rolecall.work.imports.csv_people import read_people


class Source(Protocol):
    """Anything that can be imported. The iterators are walked once."""

    @property
    def label(self) -> str: ...

    @property
    def is_delta(self) -> bool: ...

    def people(self) -> Iterator[PersonRecord | BadRecord]: ...

    def relations(self) -> Iterator[RelationRecord]: ...

    def periods(self) -> Iterator[PeriodRecord]: ...

    def notes(self) -> Iterator[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvSource:
    """The CSV of people; it has neither relations nor periods."""

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

    def relations(self) -> Iterator[RelationRecord]:
        """None in this format."""
        return iter(())

    def periods(self) -> Iterator[PeriodRecord]:
        """None in this format."""
        return iter(())

    def notes(self) -> Iterator[str]:
        """Columns that were not read."""
        with read_people(self.path, self.default_list, name=self.label) as file:
            yield from file.notes


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
