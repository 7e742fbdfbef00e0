"""The keys of a deployment in its data directory: made once, followed by every process, and exchanged one for another.

Owns the files. Whoever holds the data directory holds the keys; which of them something is still sealed by, is for others to know.
"""

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.fernet import Fernet

#: The file of the keys that seal, the first one first, separated by commas.
ENCRYPTION_KEYS = "encryption_keys"


def new_key() -> str:
    """Make a key that seals."""
    return Fernet.generate_key().decode("ascii")


_MAKERS: dict[str, Callable[[], str]] = {"secret_key": lambda: secrets.token_urlsafe(48), ENCRYPTION_KEYS: new_key}


def generate(data: Path) -> list[Path]:
    """Put the missing keys into the data directory, readable by its owner alone, and return the files that were made.

    A key that exists is left as it is. The file appears with its content or not at all, also when two processes begin together.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return [file for name, make in _MAKERS.items() if _write(file := data / name, make())]


class KeyFile:
    """The file that the keys were read from: says when they are others, so that a running process need not be restarted for them."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._seen: tuple[int, int, int] | None = None

    def read(self) -> tuple[str, ...]:
        """The keys as they are now, the sealing one first."""
        return tuple(filter(None, (part.strip() for part in self.file.read_text("ascii").split(","))))

    def changed(self) -> tuple[str, ...] | None:
        """The keys if the file is another than at the last call, else none. A file that cannot be read counts as the same."""
        try:
            found = self.file.stat()
            mark = (found.st_ino, found.st_mtime_ns, found.st_size)
            if mark == self._seen:
                return None
            keys = self.read()
        except (OSError, UnicodeDecodeError):
            return None
        self._seen = mark
        return keys

    def replace(self, keys: Sequence[str]) -> None:
        """Put other keys in place of all: whoever reads at the same moment sees the old ones or the new ones."""
        draft = _draft(self.file, ",".join(keys))
        try:
            draft.replace(self.file)
        finally:
            draft.unlink(missing_ok=True)


def _write(file: Path, text: str) -> bool:
    if file.exists():
        return False
    draft = _draft(file, text)
    try:
        # A link, unlike a rename, refuses to replace what another process has just put there.
        os.link(draft, file)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _draft(file: Path, text: str) -> Path:
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        draft.unlink()
        raise
    return draft
