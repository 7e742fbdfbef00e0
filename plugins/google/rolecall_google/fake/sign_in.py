"""The sign-in of the pretended Workspace: tokens for a signed assertion, as domain-wide delegation gives them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from rolecall_google.fake.state import Row, State

AUDIENCE = "https://oauth2.googleapis.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ACCOUNT = "rolecall@demo-school.iam.gserviceaccount.com"
_BASE = "https://www.googleapis.com/auth/"


@cache
def _key() -> tuple[str, str]:
    """Return a private key and its public half in PEM, made once per process."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def key_file() -> str:
    """Return the key file of the service account, as Google Cloud gives it."""
    return json.dumps(
        {
            "type": "service_account",
            "client_email": ACCOUNT,
            "client_id": "100000000000000000001",
            "private_key_id": "1",
            "private_key": _key()[0],
        }
    )


class SignIn:
    """Gives tokens out, and knows which scopes each carries."""

    def __init__(self, granted: Iterable[str], lifetime: int) -> None:
        #: The scopes that delegation was given in the Admin console, without what stands before each.
        self.granted = frozenset(granted)
        self.lifetime = lifetime
        self._tokens: dict[str, frozenset[str]] = {}
        self._issued = 0

    def scopes(self, header: str) -> frozenset[str] | None:
        """Return the scopes of the token in an Authorization header, none for one that is good for nothing."""
        return self._tokens.get(header.removeprefix("Bearer "))

    def revoke(self) -> None:
        """Let no token given out so far be good for anything."""
        self._tokens.clear()

    def ask(self, form: Mapping[str, str], state: State) -> tuple[int, Row]:
        """Answer a request for a token."""
        if form.get("grant_type") != GRANT:
            return 400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"}
        try:
            decode: Any = jwt.decode  # google-auth publishes no types for it
            claims: Mapping[str, Any] = decode(form.get("assertion", ""), certs=_key()[1], audience=AUDIENCE)
        except ValueError:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        if claims.get("iss") != ACCOUNT or not 0 < claims["exp"] - claims["iat"] <= 3600 or abs(claims["iat"] - time.time()) > 300:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT."}
        user = state.by_key(str(claims.get("sub")))
        if user is None:
            return 400, {"error": "invalid_grant", "error_description": "Invalid email or User ID"}
        wanted = frozenset(each.removeprefix(_BASE) for each in str(claims.get("scope", "")).split())
        if not wanted or not wanted <= self.granted:
            said = "Client is unauthorized to retrieve access tokens using this method, or not authorized for any of the scopes requested."
            return 401, {"error": "unauthorized_client", "error_description": said}
        self._issued += 1
        token = f"ya29.fake-{self._issued}"
        self._tokens[token] = wanted
        return 200, {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"}
