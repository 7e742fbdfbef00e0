"""Seals secrets at rest, each bound to the place it is kept in.

Owns the keyring. A sealed value copied into another row or column does not open there (R46, R56). Knows nothing of what it seals.
"""

import json
from collections.abc import Iterable, Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from rolecall.errors import ConfigurationError, RolecallError


class SealBroken(RolecallError):
    """A sealed value does not open: its key is gone, it was altered, or it was moved here from another place."""

    code = "seal-broken"


def place(table: str, row: object, column: str) -> str:
    """Name the place of a secret: ``account:12:sealed_password``."""
    return f"{table}:{row}:{column}"


class Keyring:
    """The keys of the deployment: the first one seals, all of them open."""

    __slots__ = ("_fernet",)

    def __init__(self, keys: Sequence[str]) -> None:
        """Take Fernet keys (32 bytes in URL-safe base64).

        :raises ConfigurationError: when there is none, or one is not a Fernet key; the key itself is not repeated in the text.
        """
        if not keys:
            raise ConfigurationError("There is no encryption key.", hint="Set ROLECALL_ENCRYPTION_KEYS, or let rolecall init make one.")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise ConfigurationError(
                "ROLECALL_ENCRYPTION_KEYS holds something that is not a key.", hint="A key is 32 bytes in URL-safe base64 (44 characters)."
            ) from None

    def seal(self, value: str, place: str) -> bytes:
        """Encrypt ``value`` for this place alone. Any text is taken, empty or with lone surrogates included."""
        return self._fernet.encrypt(json.dumps([place, value]).encode("ascii"))

    def seal_many(self, values: Iterable[tuple[str, str]]) -> list[bytes]:
        """Seal (value, place) pairs in their order."""
        return [self.seal(value, place) for value, place in values]

    def open(self, sealed: bytes, place: str) -> str:
        """Decrypt what was sealed for this place.

        :raises SealBroken: when no key fits, the value was altered, or it was sealed for another place.
        """
        try:
            where, value = json.loads(self._fernet.decrypt(sealed))
        except (InvalidToken, ValueError, TypeError):
            raise SealBroken(
                f"The secret kept at {place} cannot be read.",
                hint="Put back the encryption key it was sealed with, or set the secret again.",
            ) from None
        if where != place or not isinstance(value, str):
            raise SealBroken(f"The secret kept at {place} was sealed for another place.", hint="Set it again.")
        return value

    def rotate(self, sealed: bytes) -> bytes:
        """Seal again with the first key; place and value stay.

        :raises SealBroken: when no key fits.
        """
        try:
            return self._fernet.rotate(sealed)
        except (InvalidToken, TypeError):
            raise SealBroken("A secret cannot be sealed again: the key it was sealed with is missing.") from None
