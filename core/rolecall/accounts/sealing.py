"""Seals secrets at rest, each bound to the place it is kept in.

Owns the keyring. A sealed value copied into another row or column does not open there (R46, R56). Knows nothing of what it seals.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from rolecall.errors import ConfigurationError, RolecallError

log = structlog.get_logger(__name__)


class SealBroken(RolecallError):
    """A sealed value does not open: its key is gone, it was altered, or it was moved here from another place."""

    code = "seal-broken"


def place(table: str, row: object, column: str) -> str:
    """Name the place of a secret: ``account:12:sealed_password``."""
    return f"{table}:{row}:{column}"


class Keyring:
    """The keys of the deployment: the first one seals, all of them open."""

    __slots__ = ("_keys", "_refresh")

    def __init__(self, keys: Sequence[str], *, refresh: Callable[[], Sequence[str] | None] | None = None) -> None:
        """Take Fernet keys (32 bytes in URL-safe base64).

        ``refresh`` answers other keys when there are any by now: it is asked before each sealing, and where a value does not open.

        :raises ConfigurationError: when there is none, or one is not a Fernet key; the key itself is not repeated in the text.
        """
        if not keys:
            raise ConfigurationError("There is no encryption key.", hint="Set ROLECALL_ENCRYPTION_KEYS, or let rolecall init make one.")
        self._keys = _Keys(keys)
        self._refresh = refresh

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """What tells the keys apart without being one, in their order."""
        return self._current().fingerprints

    def seal(self, value: str, place: str) -> bytes:
        """Encrypt ``value`` for this place alone. Any text is taken, empty or with lone surrogates included."""
        return self._current().all.encrypt(json.dumps([place, value]).encode("ascii"))

    def seal_many(self, values: Iterable[tuple[str, str]]) -> list[bytes]:
        """Seal (value, place) pairs in their order."""
        return [self.seal(value, place) for value, place in values]

    def open(self, sealed: bytes, place: str) -> str:
        """Decrypt what was sealed for this place.

        :raises SealBroken: when no key fits, the value was altered, or it was sealed for another place.
        """
        try:
            where, value = json.loads(self._decrypt(sealed))
        except (InvalidToken, ValueError, TypeError):
            raise SealBroken(
                f"The secret kept at {place} cannot be read.",
                hint="Put back the encryption key it was sealed with, or set the secret again.",
            ) from None
        if where != place or not isinstance(value, str):
            raise SealBroken(f"The secret kept at {place} was sealed for another place.", hint="Set it again.")
        return value

    def sealed_by(self, sealed: bytes) -> str | None:
        """The fingerprint of the key that opens a value; none when none of them does."""
        keys = self._current()
        for fingerprint, each in zip(keys.fingerprints, keys.each, strict=True):
            try:
                each.decrypt(sealed)
            except (InvalidToken, TypeError):
                continue
            return fingerprint
        return None

    def rotate(self, sealed: bytes) -> bytes:
        """Seal again with the first key; place and value stay.

        :raises SealBroken: when no key fits.
        """
        try:
            return self._current().all.rotate(sealed)
        except (InvalidToken, TypeError):
            raise SealBroken("A secret cannot be sealed again: the key it was sealed with is missing.") from None

    def _decrypt(self, sealed: bytes) -> bytes:
        known = self._keys
        try:
            return known.all.decrypt(sealed)
        except InvalidToken:
            if (found := self._current()) is known:
                raise
            return found.all.decrypt(sealed)

    def _current(self) -> "_Keys":
        found = self._refresh() if self._refresh is not None else None
        if found:
            try:
                self._keys = _Keys(found)
            except ConfigurationError:
                # Whoever edited the keys by hand made a mistake; what worked until now goes on working.
                log.error("the new encryption keys are unusable and left aside")
        return self._keys


class _Keys:
    """Keys that have been read: all together, each alone, and what they are called."""

    __slots__ = ("all", "each", "fingerprints")

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self.each = tuple(Fernet(key) for key in keys)
        except ValueError:
            raise ConfigurationError(
                "ROLECALL_ENCRYPTION_KEYS holds something that is not a key.", hint="A key is 32 bytes in URL-safe base64 (44 characters)."
            ) from None
        self.all = MultiFernet(self.each)
        self.fingerprints = tuple(fingerprint(key) for key in keys)


def fingerprint(key: str) -> str:
    """Eight hexadecimal digits that tell a key from others; nobody gets from them to the key."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]
