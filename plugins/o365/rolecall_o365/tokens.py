"""Gets tokens for the app with msal, over the guarded transport, so that its deadline and its list of addresses hold here too.

Owns the token of one provider object. Nothing of a secret or a token is in an error.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rolecall.errors import Misconfigured, PluginRejected, ProviderError
from rolecall_o365.errors import BUSY, Denied, Garbled, Unreachable
from rolecall_o365.settings import addresses

if TYPE_CHECKING:
    from rolecall.sdk.http import Http

try:
    import msal
except ImportError as missing:
    raise PluginRejected("Microsoft 365 needs the library msal, which is not installed.", hint="Install rolecall[o365].") from missing

#: Answers of the token endpoint that pass by themselves.
PASSING = frozenset({"temporarily_unavailable", "server_error"})

_PEM = re.compile(r"(-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \2-----)", re.DOTALL)
_HINT = "Check the tenant id, the client id, and that the secret or certificate has not expired."


class Reply:
    """An answer in the shape msal reads."""

    def __init__(self, status_code: int, text: str, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.text = text
        self.headers = headers


class Door:
    """The HTTP client that msal is given.

    msal knows only https; whether plain http may be used is for the transport to decide, so its addresses are put back here.
    """

    def __init__(self, http: Http, login: str) -> None:
        self._http = http
        self._login = login
        #: The sign-in's address as msal knows it.
        self.known_as = "https://" + login.partition("://")[2]

    def get(self, url: str, *, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None, **_: Any) -> Reply:
        """Ask."""
        return self._reply(self._http.get(self._address(url), params=params, headers=headers))

    def post(
        self,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> Reply:
        """Send a form; asking for a token twice does no harm."""
        form = {name: value.decode() if isinstance(value, bytes) else value for name, value in (data or {}).items()}
        return self._reply(self._http.post(self._address(url), params=params, data=form, headers=headers, idempotent=True))

    def close(self) -> None:
        """The transport is not ours to close."""

    def _address(self, url: str) -> str:
        if url.startswith(f"{self.known_as}/"):
            return self._login + url.removeprefix(self.known_as)
        if url.startswith(f"{self._login}/"):
            return url
        raise Misconfigured(
            "Microsoft's sign-in named an address outside of itself; nothing was sent there.", hint="Choose the cloud of your tenant."
        )

    def _reply(self, response: Any) -> Reply:
        if response.status in BUSY or response.status >= 500:
            raise Unreachable(
                f"Microsoft's sign-in is not available just now (HTTP {response.status}).", retry_after=response.retry_after()
            )
        try:
            body = response.json()
        except ProviderError:
            if 200 <= response.status < 300:
                raise
            body = None
        if not isinstance(body, dict):
            if 200 <= response.status < 300:
                raise Garbled("Microsoft's sign-in gave an answer that cannot be used.")
            raise Denied(f"Microsoft's sign-in refused the app (HTTP {response.status}).", hint=_HINT)
        return Reply(response.status, json.dumps(body), dict(response.headers))


class Tokens:
    """The token of the app, fetched when it is needed and before it expires."""

    def __init__(self, http: Http, settings: Mapping[str, Any]) -> None:
        login, _ = addresses(settings)
        graph = addresses(settings)[1]
        self._door = Door(http, login)
        self._settings = settings
        self._scope = f"{graph.partition('://')[0]}://{graph.partition('://')[2].partition('/')[0]}/.default"
        self._lock = threading.Lock()
        self._app: Any = None

    def get(self, *, instead_of: str | None = None) -> str:
        """Return a token; ``instead_of`` is one that was refused, and is given back by nobody again.

        :raises Misconfigured: when the app is refused.
        """
        with self._lock:
            try:
                token = self._ask()
                if token == instead_of:
                    self._app = None
                    token = self._ask()
            except BaseException:
                self._app = None  # msal remembers refusals for a while; what was mended meanwhile must count at once
                raise
            return token

    def roles(self) -> frozenset[str] | None:
        """Return the permissions that the token carries; none when it does not show them."""
        parts = self.get().split(".")
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except (IndexError, ValueError, binascii.Error):
            return None
        roles = claims.get("roles", []) if isinstance(claims, dict) else None
        return frozenset(map(str, roles)) if isinstance(roles, list) else None

    def _ask(self) -> str:
        try:
            if self._app is None:
                self._app = self._build()
            answer = self._app.acquire_token_for_client(scopes=[self._scope])
        except ProviderError:
            raise
        except (KeyError, AttributeError):
            raise Garbled("Microsoft's sign-in gave an answer that cannot be used.") from None
        except (ValueError, TypeError, RuntimeError, msal.exceptions.MsalError):
            raise Denied("Microsoft's sign-in does not know this tenant, or the certificate cannot be read.", hint=_HINT) from None
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if isinstance(token, str) and token.isascii() and token.isprintable() and token.strip():
            return token
        error = str((answer or {}).get("error") or "")
        if error in PASSING:
            raise Unreachable("Microsoft's sign-in is not available just now.")
        if not error:
            raise Garbled("Microsoft's sign-in gave an answer that cannot be used.")
        raise Denied(f"Microsoft's sign-in refused the app ({error[:60]}).", hint=_HINT)

    def _build(self) -> Any:
        tenant = str(self._settings["tenant"])
        return msal.ConfidentialClientApplication(
            str(self._settings["client_id"]),
            client_credential=self._credential(),
            authority=f"{self._door.known_as}/{tenant}",
            instance_discovery=False,
            http_client=self._door,
        )

    def _credential(self) -> Any:
        certificate = str(self._settings.get("certificate") or "").strip()
        if certificate:
            blocks = {kind: block for block, kind in _PEM.findall(certificate)}
            key = next((block for kind, block in blocks.items() if kind.endswith("PRIVATE KEY")), "")
            return {"private_key": key, "public_certificate": blocks.get("CERTIFICATE", "")}
        secret = str(self._settings.get("client_secret") or "").strip()
        if not secret:
            raise Misconfigured("Microsoft 365 needs a client secret or a certificate.", hint="Enter one of the two in the settings.")
        return secret
