"""The files of a roster, in a folder or in a zip that is never unpacked to disk.

Owns where files lie and what a hostile zip could do: a huge directory, a bomb, a password. Knows nothing of their contents.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from rolecall.errors import Invalid
from rolecall.sdk.tabular import Table

#: Bytes of a zip's directory: thousands of entries, where a roster has a dozen. Python reads it whole, before any other limit.
_DIRECTORY = 1_000_000
#: The end record of a zip, with the longest comment that may follow it.
_END = 22 + 65_535
#: What reading a damaged or unusual zip raises: bad structure, bad data, a password, an unknown compression, a sudden end.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError)


class RosterFiles:
    """The CSV files of a folder or zip by their names in lower case.

    :raises Invalid: when there is no such path, it is neither, or its CSV files do not lie together.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._zipped = path.is_file()
        names = self._names_in_zip() if self._zipped else self._names_in_folder()
        self._names: dict[str, str] = {}
        for name in names:
            short = PurePosixPath(name).name
            if short.lower() in self._names:
                raise Invalid(f"{path.name} has two files called {short}.", hint="Leave only the one that is meant.")
            self._names[short.lower()] = name

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """Yield the names as they are written, without folders."""
        return (PurePosixPath(name).name for name in self._names.values())

    @contextmanager
    def table(self, name: str, only: Container[str] | None = None) -> Iterator[Table]:
        """Open one file (its name in lower case) as a table."""
        member = self._names[name]
        short = PurePosixPath(member).name
        if not self._zipped:
            with Table(self._path / member, name=short, only=only) as table:
                yield table
            return
        try:
            # A member is read as a stream and the table counts what comes out: a bomb ends at the same limit as a large file.
            with zipfile.ZipFile(self._path) as archive, archive.open(member) as stream, Table(stream, name=short, only=only) as table:
                yield table
        except _ZIP_ERRORS as problem:
            raise Invalid(
                f"{short} in {self._path.name} cannot be unpacked: it is damaged, or protected by a password.",
                hint="Pack the files again with an ordinary zip program, without a password.",
            ) from problem

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the columns of one file as its header writes them."""
        with self.table(name) as table:
            return table.columns

    def _names_in_folder(self) -> list[str]:
        if not self._path.is_dir():
            raise Invalid(f"There is no folder or zip file {self._path}.")
        return sorted(child.name for child in self._path.iterdir() if child.suffix.lower() == ".csv" and child.is_file())

    def _names_in_zip(self) -> list[str]:
        name = self._path.name
        with self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - _END))
            end = file.read()
        at = end.rfind(b"PK\x05\x06")
        if at < 0 or len(end) < at + 16:
            raise Invalid(f"{name} is neither a folder nor a zip file.", hint="Give the folder or the zip that holds all the files.")
        if int.from_bytes(end[at + 12 : at + 16], "little") > _DIRECTORY:
            raise Invalid(f"{name} holds far too many files for a roster.", hint="Pack only the CSV files.")
        try:
            with zipfile.ZipFile(self._path) as archive:
                names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        except _ZIP_ERRORS as problem:
            raise Invalid(f"{name} is a damaged zip file.", hint="Pack the files again, or fetch the file again.") from problem
        ours = [PurePosixPath(name) for name in names if name.lower().endswith(".csv") and not name.startswith("__MACOSX/")]
        if len({path.parent for path in ours}) > 1:
            raise Invalid(f"{name} has CSV files in several folders.", hint="Pack the files of one roster only.")
        return [str(path) for path in ours]
