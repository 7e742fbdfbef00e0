"""Turns what Graph answers into the error that says how the sync goes on (R65).

Owns the table of statuses and codes. The text of an answer is shown to people and never decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, ProviderError, TokenExpired, Transient

#: What asks for patience.
BUSY = frozenset({408, 425, 429, 503, 504, 509})


#: Codes that say that a token of a delta is of no use any more, in small letters.
EXPIRED = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})


class Denied(Misconfigured):
    """The token or one of its permissions was refused."""


class Taken(Conflict):
    """A name, an address or a group's nickname is held by another object."""


class Expired(TokenExpired):
    """Graph no longer knows what changed since a token: it is seven days old, or the tenant was moved."""


class Refused(Permanent):
    """Graph refused a value."""


class ServerFault(Transient):
    """The service failed while it worked on a call, perhaps over one of its objects."""


class Unreachable(Transient):
    """The service asks to wait, or is not there."""


class Garbled(Transient):
    """The answer to a question cannot be used; asking again costs nothing."""

    code = "bad-response"


class Unclear(Ambiguous):
    """The answer to a change cannot be used, so nobody knows what was done."""

    code = "bad-response"


def problem(body: Any) -> tuple[str, str, tuple[str, ...]]:
    """Return code, message and codes of the details of an error body; empty where it is none."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", "", ()
    details = error.get("details")
    codes = tuple(str(each.get("code")) for each in details if isinstance(each, dict)) if isinstance(details, list) else ()
    message = " ".join(str(error.get("message") or "").split())
    return str(error.get("code") or ""), message[:300], codes


def classify(status: int, body: Any, *, wait: timedelta | None, repeatable: bool, permitted: bool = False) -> ProviderError:
    """Return the error of an answer that is no success.

    ``repeatable``: sending it twice does no harm. ``permitted``: the token holds the permission, so a refusal concerns this object alone.
    """
    code, message, details = problem(body)
    said = message or f"HTTP {status}"
    if status in (401, 403):
        return _denied(status, said, protected=permitted and bool(code))
    if status == 410 or code.lower() in EXPIRED:
        return Expired(f"Microsoft 365 cannot tell what changed since then: {said}")
    if status in BUSY:
        return Unreachable(f"Microsoft 365 asks to wait: {said}", retry_after=wait)
    if status >= 500:
        if repeatable:
            return ServerFault(f"Microsoft 365 failed while answering: {said}", retry_after=wait)
        return Ambiguous(f"Microsoft 365 failed in the middle of a change: {said}")
    if "ObjectConflict" in details or status == 409:
        return Taken(f"Microsoft 365 has this name or address already: {said}")
    if status == 404 and code:
        return NotFound(f"Microsoft 365 has no such object: {said}")
    if status in (412, 423):
        return ServerFault(f"Microsoft 365 is still at work on this object: {said}", retry_after=None)
    if 400 <= status < 500 and code:
        return Refused(f"Microsoft 365 refused: {said} ({code}).", hint="Correct it here; the change is then sent by itself.")
    if 400 <= status < 500 or 300 <= status < 400:
        return Misconfigured(
            f"There is no Microsoft Graph at this address (HTTP {status}).", hint="Check the cloud and the addresses in the settings."
        )
    return (Garbled if repeatable else Unclear)(f"Microsoft 365 gave an answer that cannot be used (HTTP {status}).")


def _denied(status: int, said: str, *, protected: bool) -> ProviderError:
    if status == 401:
        return Denied(f"Microsoft 365 refused the token: {said}", hint="Test the connection on the integration's page.")
    if protected:
        return Refused(
            f"Microsoft 365 protects this user or group, although the app may make such changes: {said}",
            hint="Users with an administrator's role are protected from apps. Take the role away, or change the user there by hand.",
        )
    return Denied(
        f"Microsoft 365 refused the call: {said}",
        hint="Test the connection on the integration's page: it says which permission is missing.",
    )


def seconds(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long a part of a batch was asked to wait; a fraction of a second counts."""
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        wait = float(value)
    except ValueError:
        return None
    return timedelta(seconds=min(max(wait, 0.0), 86_400.0)) if wait == wait else None


def settled(error: ProviderError) -> ProviderError:
    """Return the error of something that was made a moment ago and is not seen everywhere yet as one that passes."""
    fresh = isinstance(error, NotFound) or (isinstance(error, Refused) and "Not a valid reference update" in error.message)
    return Transient("Microsoft 365 does not show everywhere yet what was made a moment ago.") if fresh else error
