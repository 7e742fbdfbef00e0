"""Judges an OpenID Connect ID token: who signed it, for whom, when, and in answer to what.

Owns every check of OpenID Connect Core 3.1.3.7, in our own words and from our own list of algorithms. Knows nothing of how it came.
"""

import base64
import hashlib
import json
import math
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from rolecall.errors import NotProved
from rolecall.sdk.signing_keys import ALGORITHMS, SigningKeys
from rolecall.translation import gettext as _

#: Seconds by which two clocks may differ.
LEEWAY = 60.0
#: A longer text is no token of a school's.
_LONGEST = 100_000
_LONGEST_SUBJECT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token must say. ``since`` is when, in seconds since 1970, its owner must have proved who they are, none whenever.

    ``dated`` tells that the issuer says when that was; where it does not, what it says is believed only if it says something.
    """

    issuers: Collection[str]
    client_id: str
    nonce: str
    access_token: str
    since: float | None = None
    dated: bool = True


def read(token: object, keys: SigningKeys, expected: Expected) -> Mapping[str, Any]:
    """Return the claims of a token that is in order in every respect.

    :raises NotProved: on the first thing that is not, which the detail names.
    :raises ProviderError: when the keys cannot be fetched.
    """
    if not isinstance(token, str) or not token.isascii() or token.count(".") != 2 or len(token) > _LONGEST:
        raise refused("there is no ID token, or it is none of ours")
    algorithm, key_id = _header(token)
    key = keys.find(algorithm, key_id)
    if key is None:
        raise refused("the issuer has no such key")
    try:
        registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        claims = jwt.decode(token, key, algorithms=[algorithm], registry=registry).claims
    except (JoseError, ValueError, RecursionError) as error:
        raise refused(f"the signature or the content is wrong ({type(error).__name__})") from None
    _check(claims, expected)
    return claims


def refused(detail: str) -> NotProved:
    """What is raised for an answer that cannot be believed; the person need not know which part of it."""
    return NotProved(
        _("The answer of the sign-in service cannot be believed, so nobody was signed in."),
        hint=_("Try again. If it happens again, tell the office."),
        detail=detail,
    )


def _header(token: str) -> tuple[str, str | None]:
    """The algorithm and the key id that a token names, where both are possible."""
    part = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        raise refused("the header cannot be read") from None
    if not isinstance(header, dict):
        raise refused("the header is none")
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise refused("the algorithm is not one of ours")
    if "crit" in header or "b64" in header:
        raise refused("the header demands something unknown")
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise refused("it is another kind of token")
    if key_id is not None and not isinstance(key_id, str):
        raise refused("the key id is no text")
    return algorithm, key_id


def _check(claims: Mapping[str, Any], expected: Expected) -> None:
    now = time.time()
    if not isinstance(claims.get("iss"), str) or claims["iss"] not in expected.issuers:
        raise refused("the issuer is another")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or "\0" in subject:
        raise refused("there is no subject")
    _check_audience(claims, expected.client_id)
    if _seconds(claims, "exp") <= now - LEEWAY:
        raise refused("it has expired")
    if _seconds(claims, "iat") > now + LEEWAY:
        raise refused("it was issued in the future")
    if "nbf" in claims and _seconds(claims, "nbf") > now + LEEWAY:
        raise refused("it is not valid yet")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not secrets.compare_digest(nonce.encode("utf-8", "replace"), expected.nonce.encode()):
        raise refused("it answers another attempt")
    if "at_hash" in claims and claims["at_hash"] != _half_hash(expected.access_token):
        raise refused("it belongs to another access token")
    if expected.since is not None:
        _check_proof(claims, expected.since, dated=expected.dated)


def _check_proof(claims: Mapping[str, Any], since: float, *, dated: bool) -> None:
    """Whether somebody proved who they are after they were asked to, as far as the issuer tells."""
    if "auth_time" not in claims:
        if not dated:
            return
        raise NotProved(
            "The service does not say when you proved who you are, so this cannot go on.",
            hint="Tell the office: “auth_time” must be among what the service tells Rolecall.",
            detail="auth_time is missing",
        )
    if _seconds(claims, "auth_time") < since - LEEWAY:
        raise NotProved(
            "You did not prove again who you are: the service let you pass with what it still knew.",
            hint="Sign out there, and try again.",
            detail="auth_time is too old",
        )


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named) or client_id not in named:
        raise refused("it is meant for somebody else")
    if ("azp" in claims or len(named) > 1) and claims.get("azp") != client_id:
        raise refused("it was given to somebody else")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    """A moment that a token names. Not a number and infinity would pass any comparison that is turned the wrong way."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused(f"{name} is missing or no number")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise refused(f"{name} is no moment")
    return seconds


def _half_hash(access_token: str) -> str:
    digest = hashlib.sha256(access_token.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
