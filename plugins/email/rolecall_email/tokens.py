"""Access tokens for XOAUTH2, by OAuth 2.0 client credentials; kept until shortly before they end."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from rolecall.errors import Misconfigured, Transient
from rolecall.sdk.http import Http

#: A token that ends sooner than this is not used any more.
_SPARE = 60.0


class Tokens:
    """The tokens of one mail server. Safe to use from several threads."""

    def __init__(self, settings: Mapping[str, Any], http: Http) -> None:
        self._settings, self._http = settings, http
        self._lock = threading.Lock()
        self._token, self._until = "", 0.0

    def get(self) -> str:
        """Return a token that works now.

        :raises Misconfigured: when the service refuses the client.
        :raises Transient: when it gives no token now.
        """
        with self._lock:
            if not self._token or time.monotonic() >= self._until:
                self._token, seconds = self._fetch()
                self._until = time.monotonic() + max(seconds - _SPARE, 0.0)
            return self._token

    def kept(self) -> str | None:
        """Return the token that was fetched before and has not ended; none when the next one will be a new one."""
        with self._lock:
            return self._token if self._token and time.monotonic() < self._until else None

    def forget(self, token: str) -> None:
        """Use a token no more that was refused before its time."""
        with self._lock:
            if self._token == token:
                self._token, self._until = "", 0.0

    def _fetch(self) -> tuple[str, float]:
        given = {name: str(self._settings[name]) for name in ("client_id", "client_secret", "scope") if self._settings[name]}
        reply = self._http.post(str(self._settings["oauth_url"]), data={"grant_type": "client_credentials", **given}, idempotent=True)
        if reply.status in (400, 401, 403):
            raise Misconfigured(
                f"The token address gives out no token (status {reply.status}).", hint="Check client id, client secret and scope."
            )
        if reply.status != 200:
            raise Transient(f"The token address gave no token (status {reply.status}).", retry_after=reply.retry_after())
        answer = reply.json()
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Transient("The token address answered without a token.")
        lasts = answer.get("expires_in")
        return token, float(lasts) if isinstance(lasts, int | float) else 0.0
