"""Proves who the app is: a short-lived statement, signed with the app's private key (RFC 7523, private_key_jwt).

Owns the key. Nothing here calls anybody; the public half is what the app's JWKS address has to show.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from rolecall.errors import Misconfigured

#: What the token endpoint is told the proof is.
KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: Seconds for which a proof is good: long enough for clocks that differ, too short to be of use to a thief.
LIFETIME = 300
#: Bits below which an RSA key is not used.
SMALLEST_RSA = 2048
#: The curve that each algorithm of elliptic curves is for.
CURVES = {"ES256": "secp256r1", "ES384": "secp384r1"}
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----")


def private_key(settings: Mapping[str, Any]) -> RSAKey | ECKey:
    """Return the app's key.

    :raises Misconfigured: when it cannot be read, is too short, or does not fit the algorithm.
    """
    algorithm = str(settings["algorithm"])
    try:
        key = load_pem_private_key(_in_lines(str(settings["private_key"])).encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Misconfigured(
            "The private key cannot be read.", hint="Enter the private one, not the public, in PEM and without a password on it."
        ) from None
    if isinstance(key, RSAPrivateKey) and algorithm.startswith(("RS", "PS")):
        if key.key_size < SMALLEST_RSA:
            raise Misconfigured("The private key is too short to be safe.", hint=f"Make one of at least {SMALLEST_RSA} bits.")
        return RSAKey.import_key(key)
    if isinstance(key, EllipticCurvePrivateKey) and CURVES.get(algorithm) == key.curve.name:
        return ECKey.import_key(key)
    raise Misconfigured(
        "The private key does not fit the algorithm.", hint="RS and PS need an RSA key, ES256 one on P-256 and ES384 one on P-384."
    )


def _in_lines(text: str) -> str:
    """Return a key in PEM with its lines, which a field of one line takes away when a key is pasted into it."""
    found = _PEM.search(text)
    if found is None:
        return text.strip()
    body = "".join(found[2].split())
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join((f"-----BEGIN {found[1]}-----", *lines, f"-----END {found[1]}-----"))


def public_keys(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the app's JWKS address has to show (RFC 7517)."""
    mine = private_key(settings).as_dict(private=False)
    return {"keys": [{**mine, "kid": str(settings["key_id"]), "use": "sig", "alg": str(settings["algorithm"])}]}


def signed(settings: Mapping[str, Any]) -> str:
    """Return a fresh proof, good for one token.

    :raises Misconfigured: when the key does not fit.
    """
    now = int(time.time())
    client = str(settings["client_id"])
    claims = {
        "iss": client,
        "sub": client,
        "aud": audience(settings),
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + LIFETIME,
    }
    algorithm = str(settings["algorithm"])
    return jwt.encode({"alg": algorithm, "kid": str(settings["key_id"])}, claims, private_key(settings), algorithms=[algorithm])


def audience(settings: Mapping[str, Any]) -> str:
    """Return whom the proof is for: RFC 7523 suggests the token address, D2L's pages do not say, so a site may set another."""
    return str(settings.get("audience") or settings["auth_url"])
