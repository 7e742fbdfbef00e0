"""An OpenID Connect issuer in memory that also forges: a WSGI application to be put on a wire, and the hand that walks through it.

Owns the other side's rules: PKCE is demanded, a code works once, for one client and one address. Knows nothing of Rolecall.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

#: (claims, header) -> the token that is handed out in place of an honest one.
Forge = Callable[[dict[str, Any], dict[str, Any]], str]


@dataclass(slots=True, kw_only=True)
class _Code:
    client_id: str
    redirect_uri: str
    nonce: str | None
    challenge: str
    person: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Issuer:
    """One issuer. Set ``url`` to where the wire has put it, and ``person`` to whoever sits in front of the browser."""

    url: str = ""
    clients: dict[str, str] = field(default_factory=lambda: {"rolecall": "s3cret of the client"})
    #: Claims about whoever signs in; those that are none are left out.
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "sub-anna", "email": "anna@school.example", "email_verified": True})
    #: Claims of the ID token that differ from honest ones; none leaves one out.
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    forge: Forge | None = None
    algorithm: str = "RS256"
    keys: dict[str, RSAKey | ECKey] = field(default_factory=lambda: {"key-1": RSAKey.generate_key(2048)})
    #: The ids of the keys that are published; none publishes all.
    published: list[str] | None = None
    names_itself: bool = True
    _codes: dict[str, _Code] = field(default_factory=dict)

    def walk(self, url: str) -> dict[str, str]:
        """Do what a browser would with somebody who agrees: return what comes back to the callback."""
        asked = dict(parse_qsl(urlsplit(url).query))
        code = secrets.token_urlsafe(12)
        assert asked["response_type"] == "code", "only the authorization code flow is spoken here"
        assert asked.get("code_challenge_method") == "S256", "PKCE with S256 is demanded"
        assert "openid" in asked["scope"].split()
        self._codes[code] = _Code(
            client_id=asked["client_id"], redirect_uri=asked["redirect_uri"], nonce=asked.get("nonce"), challenge=asked["code_challenge"],
            person=dict(self.person),
        )  # fmt: skip
        back = {"code": code, "state": asked["state"]}
        return {**back, "iss": self.url} if self.names_itself else back

    def sign(self, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None, key: RSAKey | ECKey | None = None) -> str:
        """Sign a token with a key of this issuer, or another one."""
        key_id = next(iter(self.keys))
        whole = {"alg": self.algorithm, "kid": key_id, "typ": "JWT", **self.header, **(header or {})}
        whole = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(whole, dict(claims), key or self.keys[key_id], algorithms=[str(whole["alg"])])

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        if path.endswith("/.well-known/openid-configuration"):
            status, answer = 200, self.described()
        elif path.endswith("/keys"):
            status, answer = 200, self._published()
        elif path.endswith("/token") and method == "POST":
            status, answer = self._token(dict(parse_qsl(body)), environ.get("HTTP_AUTHORIZATION", ""))
        elif path.endswith("/userinfo"):
            status, answer = 200, self.userinfo if self.userinfo is not None else self.person
        elif path.endswith("/authorize"):
            query = environ["QUERY_STRING"]
            back = dict(parse_qsl(query))["redirect_uri"]
            start_response("303 See Other", [("Location", f"{back}?{urlencode(self.walk(f'?{query}'))}")])
            return [b""]
        else:
            status, answer = 404, {}
        start_response(f"{status} X", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    def described(self) -> dict[str, Any]:
        """What it says of itself."""
        base = self.url.rstrip("/")
        told = {
            "issuer": self.url,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/keys",
            "userinfo_endpoint": f"{base}/userinfo",
            "id_token_signing_alg_values_supported": [self.algorithm, "none"],
            "authorization_response_iss_parameter_supported": self.names_itself,
            **self.metadata,
        }
        return {name: value for name, value in told.items() if value is not None}

    def _published(self) -> dict[str, Any]:
        shown = self.keys if self.published is None else {each: self.keys[each] for each in self.published}
        return {"keys": [{**key.as_dict(private=False), "kid": key_id, "use": "sig"} for key_id, key in shown.items()]}

    def _token(self, form: Mapping[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization.startswith("Basic "):
            client_id, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
            client_id, secret = unquote_plus(client_id), unquote_plus(secret)
        if self.clients.get(client_id) != secret:
            return 401, {"error": "invalid_client"}
        code = self._codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            code is None
            or (code.client_id, code.redirect_uri) != (client_id, form.get("redirect_uri"))
            or code.challenge != base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        access_token = secrets.token_urlsafe(16)
        claims = {
            "iss": self.url, "aud": client_id, "iat": now, "exp": now + 300, "nonce": code.nonce, "auth_time": now, **code.person,
            **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.forge(claims, {"alg": self.algorithm, "kid": next(iter(self.keys))}) if self.forge else self.sign(claims)
        return 200, {"access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": token}
