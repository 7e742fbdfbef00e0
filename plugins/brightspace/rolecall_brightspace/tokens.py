"""Gets the app's token for its service user: client credentials with private_key_jwt, over the guarded transport.

Owns the token until shortly before it expires. There is no refresh token in this flow, so nothing has to be kept.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rolecall.errors import ProviderError
from rolecall_brightspace import assertion, scopes
from rolecall_brightspace.errors import BUSY, Denied, Garbled, Unreachable

if TYPE_CHECKING:
    from rolecall.sdk.http import Http

#: Seconds before its end at which a token is exchanged: longer than a call may take.
EARLY = 60.0
#: A word by which an authorisation server says what is wrong (RFC 6749); anything else is not shown.
_WORD = re.compile(r"[a-z_]{3,40}")
_HINT = (
    "Check the client id and the scopes of the app at Brightspace, and that its JWKS address shows the public half of this key "
    "under the same key id."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token, until when it may be used, and the scopes it names; none where it names none."""

    text: str
    until: float
    granted: frozenset[str] | None


class Tokens:
    """The token of the app, safe for several threads."""

    def __init__(self, http: Http, settings: Mapping[str, Any], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None

    def get(self, *, instead_of: str | None = None) -> str:
        """Return a token; ``instead_of`` is one that was refused, and is not given out again.

        :raises Misconfigured: when the app is refused.
        """
        with self._lock:
            token = self._token
            if token is None or token.text == instead_of or token.until <= self._clock():
                token = self._token = self.ask(scopes.asked_for(self._settings))
            return token.text

    def granted(self) -> frozenset[str] | None:
        """Return the scopes that the token holds; none when it does not show them."""
        self.get()
        with self._lock:
            return self._token.granted if self._token else None

    def ask(self, scope: str) -> Token:
        """Ask for a token with these scopes, which is kept by nobody.

        :raises Denied: when the app, its proof or a scope is refused; ``code`` is the word of the answer.
        """
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_assertion_type": assertion.KIND,
            "client_assertion": assertion.signed(self._settings),
        }
        response = self._http.post(str(self._settings["auth_url"]), data=form, headers={"Accept": "application/json"}, idempotent=True)
        if response.status in BUSY or response.status >= 500:
            raise Unreachable(
                f"Brightspace's sign-in is not available just now (HTTP {response.status}).", retry_after=response.retry_after()
            )
        if response.status != 200:
            word = _word(response)
            error = Denied(f"Brightspace's sign-in refused the app ({word or f'HTTP {response.status}'}).", hint=_HINT)
            error.code = word or error.code
            raise error
        body = response.json()
        text = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(text, str) or not text.isascii() or not text.isprintable() or not text or " " in text:
            raise Garbled("Brightspace's sign-in gave an answer that cannot be used.")
        lifetime = body.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, int) and not isinstance(lifetime, bool) else 0.0
        return Token(text=text, until=self._clock() + seconds - EARLY, granted=_scopes(body.get("scope")) or _scopes(_claim(text)))


def _word(response: Any) -> str:
    try:
        body = response.json()
    except ProviderError:
        return ""
    word = body.get("error") if isinstance(body, dict) else None
    return word if isinstance(word, str) and _WORD.fullmatch(word) else ""


def _scopes(value: Any) -> frozenset[str] | None:
    words = value.split() if isinstance(value, str) else value
    return frozenset(map(str, words)) or None if isinstance(words, list) else None


def _claim(text: str) -> Any:
    """Return the scopes in a token that is a JWT; it is Brightspace's to check, so its signature is not looked at."""
    parts = text.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError, binascii.Error, RecursionError):
        return None
    return claims.get("scope") if isinstance(claims, dict) else None
