"""Gets tokens by domain-wide delegation with google-auth, over the guarded transport, whose deadline and list of addresses hold here too.

Owns the tokens of one provider object. Nothing of a key or a token is in an error.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rolecall.errors import Misconfigured, PluginRejected, ProviderError
from rolecall_google.errors import BUSY, Denied, Garbled, Unreachable
from rolecall_google.scopes import Scope
from rolecall_google.settings import LOGIN, address, key_of

if TYPE_CHECKING:
    from rolecall.sdk.http import Http

try:
    from google.auth import exceptions
    from google.oauth2 import service_account
except ImportError as missing:
    raise PluginRejected(
        "Google Workspace needs the library google-auth, which is not installed.", hint="Install rolecall[google]."
    ) from missing

#: Answers of the token endpoint that pass by themselves; google-auth would sleep over them.
PASSING = frozenset({"temporarily_unavailable", "server_error", "internal_failure"})
#: A token is exchanged so many seconds before its end, so that none ends on its way.
EARLY = 120
#: What the refusals of the token endpoint mean, and what mends them.
_HINTS = {
    "unauthorized_client": "In the Admin console, Security → API controls → Domain-wide delegation, authorise the service account's client "
    "id for exactly the scopes of the guide.",
    "invalid_grant": "Check that the administrator's address is right, that the key was not deleted, and this server's clock.",
}
_HINT = "Check the key of the service account and the administrator's address in the settings."


class Reply:
    """An answer in the shape google-auth reads."""

    def __init__(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        self.status = status
        self.data = data
        self.headers = headers


class Door:
    """The transport that google-auth is given: it leads to the token endpoint and nowhere else."""

    def __init__(self, http: Http, url: str) -> None:
        self._http = http
        self._url = url

    def __call__(
        self, url: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> Reply:
        """Send a form; asking for a token twice does no harm."""
        if url != self._url:
            raise Misconfigured("The sign-in named an address outside of itself; nothing was sent there.")
        response = self._http.request(method, url, data=body, headers=headers, idempotent=True)
        if response.status in BUSY or response.status >= 500:
            raise Unreachable(f"Google's sign-in is not available just now (HTTP {response.status}).", retry_after=response.retry_after())
        content = _object(response)
        if 200 <= response.status < 300:
            if content is None:
                raise Garbled("Google's sign-in gave an answer that cannot be used.")
        elif content is None:
            raise Denied(f"Google's sign-in refused the service account (HTTP {response.status}).", hint=_HINT)
        elif str(content.get("error")) in PASSING:
            raise Unreachable("Google's sign-in is not available just now.")
        return Reply(response.status, json.dumps(content).encode(), response.headers)


def _object(response: Any) -> dict[str, Any] | None:
    """Return the JSON object of an answer, none where it is something else."""
    try:
        found = response.json()
    except ProviderError:
        return None
    return found if isinstance(found, dict) else None


class Tokens:
    """The tokens of the service account, fetched when they are needed and before they expire."""

    def __init__(self, http: Http, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._url = address(settings, LOGIN)
        self._door = Door(http, self._url)
        self._lock = threading.Lock()
        #: (token, moment on the monotonic clock until which it is used) by scopes.
        self._held: dict[tuple[str, ...], tuple[str, float]] = {}

    def get(self, scopes: Iterable[Scope], *, instead_of: str | None = None) -> str:
        """Return a token for exactly these scopes; ``instead_of`` is one that was refused, and is given back by nobody again.

        :raises Misconfigured: when the service account, a scope or the administrator is refused.
        """
        wanted = tuple(scope.address for scope in scopes)
        with self._lock:
            token, until = self._held.get(wanted, ("", 0.0))
            if not token or token == instead_of or time.monotonic() >= until:
                self._held.pop(wanted, None)
                token, lifetime = self._ask(wanted)
                self._held[wanted] = token, time.monotonic() + max(lifetime - EARLY, 0)
            return token

    def _ask(self, scopes: tuple[str, ...]) -> tuple[str, float]:
        key = key_of(str(self._settings.get("service_account") or ""))
        if key is None:
            raise Misconfigured("The key of the service account cannot be read.", hint="Paste the whole JSON file in the settings.")
        make: Any = service_account.Credentials.from_service_account_info  # google-auth publishes no types for it
        try:
            credentials = make({**key, "token_uri": self._url}, scopes=scopes, subject=str(self._settings["admin"]))
        except (exceptions.GoogleAuthError, ValueError, TypeError):
            raise Denied("The key of the service account cannot be used to sign.", hint=_HINT) from None
        token, lifetime = self._exchange(credentials)
        if not (isinstance(token, str) and token.isascii() and token.isprintable() and token.strip() == token and token):
            raise Garbled("Google's sign-in gave an answer that cannot be used.")
        return token, lifetime

    def _exchange(self, credentials: Any) -> tuple[Any, float]:
        begun = time.time()
        try:
            credentials.refresh(self._door)
        except exceptions.RefreshError as error:
            raise _refusal(error) from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise Garbled("Google's sign-in gave an answer that cannot be used.") from None
        # google-auth tells the end as a naive moment in UTC, none where Google named no lifetime.
        expiry = credentials.expiry
        return credentials.token, (expiry - type(expiry)(1970, 1, 1)).total_seconds() - begun if expiry else 0.0


def _refusal(error: Any) -> ProviderError:
    """Return the error of a refused token; google-auth hands the answer on as the second argument."""
    said = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
    reason = said.get("error")
    if not isinstance(reason, str) or not reason:
        return Garbled("Google's sign-in gave an answer that cannot be used.")
    return Denied(f"Google's sign-in refused the service account ({reason[:60]}).", hint=_HINTS.get(reason, _HINT))
