"""Makes the keys of a deployment, once. Whoever holds the data directory holds them; they are never replaced here."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet

_MAKERS: dict[str, Callable[[], str]] = {
    "secret_key": lambda: secrets.token_urlsafe(48),
    "encryption_keys": lambda: Fernet.generate_key().decode("ascii"),
}


def generate(data: Path) -> list[Path]:
    """Put the missing keys into the data directory, readable by its owner alone, and return the files that were made.

    A key that exists is left as it is. The file appears with its content or not at all, also when two processes begin together.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return [file for name, make in _MAKERS.items() if _write(file := data / name, make())]


def _write(file: Path, text: str) -> bool:
    if file.exists():
        return False
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        # A link, unlike a rename, refuses to replace what another process has just put there.
        os.link(draft, file)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True
