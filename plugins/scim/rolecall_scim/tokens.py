"""The token of one service: the one in the settings, or one got by OAuth 2.0 client credentials (RFC 6749, section 4.4).

Owns the token of one provider object. Nothing of a secret or a token is in an error.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rolecall.errors import Misconfigured, ProviderError
from rolecall_scim.errors import BUSY, Denied, Garbled, Unreachable

if TYPE_CHECKING:
    from rolecall.sdk.http import Http

#: Seconds before its end at which a token is not used any more: a call takes up to thirty.
MARGIN = 60.0
#: Seconds that a token lasts whose end was not named.
USUAL = 300.0


class Tokens:
    """Gives the token for a call. Safe to use from several threads."""

    def __init__(self, http: Http, settings: Mapping[str, Any]) -> None:
        self._http = http
        self._settings = settings
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    @property
    def renewable(self) -> bool:
        """Whether a refused token can be exchanged for another."""
        return bool(self._settings.get("oauth_url"))

    @property
    def current(self) -> str:
        """The token that is in use; empty before the first."""
        return self._token or str(self._settings.get("token") or "").strip()

    def get(self, *, instead_of: str | None = None) -> str:
        """Return a token; ``instead_of`` is one that was refused.

        :raises Misconfigured: when there is none to be had.
        """
        if not self.renewable:
            token = str(self._settings.get("token") or "").strip()
            if not token:
                raise Misconfigured("The SCIM service needs a token.", hint="Enter a token, or a client id and secret, in the settings.")
            return token
        with self._lock:
            if not self._token or self._token == instead_of or time.monotonic() >= self._until:
                self._token, self._until = "", 0.0
                self._token, lasts = self._ask()
                self._until = time.monotonic() + max(lasts - MARGIN, lasts / 2)
            return self._token

    def _ask(self) -> tuple[str, float]:
        """Ask for a token; asking twice does no harm. Returns it and the seconds it lasts."""
        form = {"grant_type": "client_credentials"}
        if scope := str(self._settings.get("scope") or "").strip():
            form["scope"] = scope
        client = str(self._settings.get("client_id") or ""), str(self._settings.get("client_secret") or "")
        in_form = self._settings.get("client_auth") == "post"
        if in_form:
            form |= {"client_id": client[0], "client_secret": client[1]}
        response = self._http.post(
            str(self._settings["oauth_url"]),
            data=form,
            auth=None if in_form else client,
            headers={"Accept": "application/json"},
            idempotent=True,
        )
        if response.status in BUSY or response.status >= 500:
            raise Unreachable(f"The token address is not available just now (HTTP {response.status}).", retry_after=response.retry_after())
        try:
            body = response.json()
        except ProviderError:
            if response.status == 200:
                raise
            body = None
        if response.status != 200:
            raise Denied(
                f"The token address refused the client (HTTP {response.status}).",
                hint="Check the token address, the client id and secret, and the scope.",
            )
        token = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token.strip():
            raise Garbled("The token address gave an answer that cannot be used.")
        lasts = body.get("expires_in")
        usable = isinstance(lasts, int | float) and not isinstance(lasts, bool) and lasts > 0
        return token.strip(), min(float(lasts), 86_400.0) if usable else USUAL
