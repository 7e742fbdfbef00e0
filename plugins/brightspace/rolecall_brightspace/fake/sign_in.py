"""The pretended sign-in: a token for an app that proves by its key who it is, as RFC 7523 says.

Owns the registered public key, the proofs that were used and the tokens that were given out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLIENT = "6c0638b1-65bf-4018-9a29-6c65d05acffc"
#: The longest that a proof may be good for, in seconds.
LONGEST_PROOF = 600
_CLAIMS = jwt.JWTClaimsRegistry(
    leeway=30,
    iss={"essential": True, "value": CLIENT},
    sub={"essential": True, "value": CLIENT},
    aud={"essential": True},
    exp={"essential": True},
    iat={"essential": True},
    jti={"essential": True},
)


@dataclass(slots=True)
class SignIn:
    """The sign-in of one app. ``scopes``: what it was registered with; ``narrows``: whether one that it lacks is left out or refused."""

    key: RSAKey | ECKey
    key_id: str
    algorithm: str
    scopes: frozenset[str]
    narrows: bool = False
    shows_scopes: bool = True
    lifetime: int = 3600
    proofs: set[str] = field(default_factory=set)
    tokens: dict[str, frozenset[str]] = field(default_factory=dict)
    issued: int = 0
    clock: Callable[[], float] = time.time

    @property
    def jwks(self) -> dict[str, Any]:
        """What the app's JWKS address shows."""
        return {"keys": [{**self.key.as_dict(private=False), "kid": self.key_id, "alg": self.algorithm, "use": "sig"}]}

    def answer(self, form: Mapping[str, str], address: str) -> tuple[int, dict[str, Any]]:
        """Answer a request for a token that came to ``address``."""
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        if form.get("client_assertion_type") != KIND or not self._proved(form.get("client_assertion", ""), address):
            return 400, {"error": "invalid_client"}
        wanted = frozenset(form.get("scope", "").split())
        if not wanted or (wanted - self.scopes and not self.narrows):
            return 400, {"error": "invalid_scope"}
        self.issued += 1
        token = f"token-{self.issued}"
        self.tokens[token] = wanted & self.scopes
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}
        return 200, answer | ({"scope": " ".join(sorted(self.tokens[token]))} if self.shows_scopes else {})

    def _proved(self, proof: str, address: str) -> bool:
        """Tell whether a proof is signed with the registered key, for us, for now, and was not used before."""
        try:
            token = jwt.decode(proof, KeySet.import_key_set(self.jwks), algorithms=[self.algorithm])  # type: ignore[arg-type] # a plain dict is one
            _CLAIMS.validate(token.claims)
        except (JoseError, ValueError):
            return False
        claims = token.claims
        good = claims["aud"] == address and claims["exp"] - claims["iat"] <= LONGEST_PROOF and claims["jti"] not in self.proofs
        self.proofs.add(claims["jti"])
        return good
