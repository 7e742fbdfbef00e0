"""The public keys by which an issuer signs, kept for a while and fetched again when one is unknown.

Owns which key may check which signature. Knows nothing of claims.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

#: Keys that were withdrawn are forgotten after this many seconds at the latest.
KEPT = 3600.0
#: Seconds between two fetches for a key that is not known: whoever makes up key ids must not make us call (F-13).
PAUSE = 60.0
#: What is asked of a key, by algorithm. The list is ours: what an issuer's metadata says about algorithms counts for nothing (F-07).
ALGORITHMS: Mapping[str, str] = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}
_SHORTEST_RSA = 2048
#: More keys than an issuer has at the turn of its keys.
_MOST = 100


class SigningKeys:
    """The keys of one issuer. Safe to use from several threads; ``fetch`` returns the key set as it is published."""

    def __init__(self, fetch: Callable[[], Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: list[Mapping[str, Any]] = []
        self._fetched_at: float | None = None

    def find(self, algorithm: str, key_id: str | None) -> RSAKey | ECKey | None:
        """Return the key that may check a signature; none when there is none, or without a key id more than one.

        :raises ProviderError: when the keys cannot be fetched.
        """
        with self._lock:
            age = None if self._fetched_at is None else self._clock() - self._fetched_at
            if age is None or age > KEPT:
                self._load()
                age = 0.0
            found = self._choose(algorithm, key_id)
            if found is None and age > PAUSE:
                self._load()
                found = self._choose(algorithm, key_id)
            return found

    def _load(self) -> None:
        document = self._fetch()
        listed = document.get("keys") if isinstance(document, dict) else None
        self._keys = [each for each in listed[:_MOST] if isinstance(each, dict)] if isinstance(listed, list) else []
        self._fetched_at = self._clock()

    def _choose(self, algorithm: str, key_id: str | None) -> RSAKey | ECKey | None:
        fitting = [each for each in self._keys if _fits(each, algorithm) and (key_id is None or each.get("kid") == key_id)]
        return _read(fitting[0], algorithm) if len(fitting) == 1 else None


def usable(key: Mapping[str, Any]) -> bool:
    """Tell whether a published key can check some signature that is taken here."""
    return any(_fits(key, algorithm) and _read(key, algorithm) is not None for algorithm in ALGORITHMS)


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    if key.get("kty") != ALGORITHMS[algorithm] or key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return False
    operations = key.get("key_ops")
    return operations is None or (isinstance(operations, list) and "verify" in operations)


def _read(key: Mapping[str, Any], algorithm: str) -> RSAKey | ECKey | None:
    """The public part of a key, or none where it is too weak or cannot be read."""
    try:
        if ALGORITHMS[algorithm] == "EC":
            curve = ECKey.import_key({name: str(key.get(name, "")) for name in ("kty", "crv", "x", "y")})
            return curve if key.get("crv") == "P-256" else None
        found = RSAKey.import_key({name: str(key.get(name, "")) for name in ("kty", "n", "e")})
        return found if found.public_key.key_size >= _SHORTEST_RSA else None
    except (JoseError, ValueError, TypeError, KeyError):
        return None
