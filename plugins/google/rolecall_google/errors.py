"""Turns what Google answers into the error that says how the sync goes on (R65).

Owns the table of statuses and reasons: the Directory and Licensing APIs name a reason, Classroom a status. Where only the words of an
answer tell two cases apart, one function here reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, ProviderError, Transient

#: What asks for patience.
BUSY = frozenset({408, 425, 429, 503, 504})
#: The same, said by a reason: mostly with 403.
THROTTLED = frozenset(
    {"quotaExceeded", "rateLimitExceeded", "sharingRateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded", "RESOURCE_EXHAUSTED"}
)
#: Google's own faults, whatever the status says.
FAULTS = frozenset({"backendError", "badGateway", "gatewayTimeout", "internalError", "serviceNotAvailable", "transient", "UNAVAILABLE"})
#: Something of the same object is still going on.
AT_WORK = frozenset({"conflict", "aborted", "ABORTED"})
#: What stays refused until somebody buys, frees or decides something there.
REFUSED: Mapping[str, str] = {
    "limitExceeded": "No user licence is free. Buy more, or free some, then retry.",
    "insufficientArchivedUserLicenses": "No Archived User licence is free: the user is suspended, but not archived. Buy more, or switch "
    "archiving off.",
    "adminCannotUnsuspend": "Google suspended this user itself. Look in the Admin console why, and restore the user there.",
}
_TEST = "Test the connection on the integration's page: it says which scope or right is missing."


class Denied(Misconfigured):
    """The token, one of its scopes or the administrator's role was refused."""


class Taken(Conflict):
    """An address or a course's alias is held already."""


class Refused(Permanent):
    """Google refused a value."""


class Settling(Transient):
    """Google is still at work on this object, or does not show it everywhere yet."""


class ServerFault(Transient):
    """The service failed while it worked on a call."""


class Unreachable(Transient):
    """The service asks to wait, or is not there."""


class Garbled(Transient):
    """The answer to a question cannot be used; asking again costs nothing."""

    code = "bad-response"


class Unclear(Ambiguous):
    """The answer to a change cannot be used, so nobody knows what was done."""

    code = "bad-response"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What an error body says; empty where it is none."""

    reason: str = ""
    message: str = ""


def problem(body: Any) -> Problem:
    """Return the reason (Directory, Licensing) or status (Classroom) of an error body, and its words."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return Problem()
    found = error.get("errors")
    first = found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}
    reason = first.get("reason") or error.get("status") or ""
    message = " ".join(str(error.get("message") or first.get("message") or "").split())
    return Problem(reason=str(reason)[:80], message=message[:300])


def is_system_error(said: Problem) -> bool:
    """Tell the one ``invalid`` that passes by itself from all the others: nothing but its words does."""
    return said.reason == "invalid" and "system error has occurred" in said.message.lower()


def classify(status: int, body: Any, *, wait: timedelta | None, repeatable: bool) -> ProviderError:
    """Return the error of an answer that is no success. ``repeatable``: sending it twice does no harm."""
    found = problem(body)
    reason, said = found.reason, found.message or f"HTTP {status}"
    if status == 401:
        return Denied(f"Google refused the token: {said}", hint="Test the connection on the integration's page.")
    if reason in THROTTLED or status in BUSY:
        return Unreachable(f"Google asks to wait: {said}", retry_after=wait)
    if status >= 500 or reason in FAULTS or is_system_error(found):
        if repeatable:
            return ServerFault(f"Google failed while answering: {said}", retry_after=wait)
        return Ambiguous(f"Google failed in the middle of a change: {said}")
    if 400 <= status < 500 and reason in REFUSED:
        return Refused(f"Google refused: {said} ({reason}).", hint=REFUSED[reason])
    if status == 403:
        return Denied(f"Google refused the call: {said}", hint=_TEST)
    if status == 412 or (status == 409 and reason in AT_WORK):
        return Settling(f"Google is still at work on this: {said}")
    if status == 409:
        return Taken(f"Google has this already: {said}")
    if status == 404 and reason:
        return NotFound(f"Google has no such thing: {said}")
    if 400 <= status < 500 and reason:
        return Refused(f"Google refused: {said} ({reason}).", hint="Correct it here, or the domain or unit in the settings; then retry.")
    if 300 <= status < 500:
        return Misconfigured(f"There is no Google API at this address (HTTP {status}).", hint="Check the addresses in the settings.")
    return (Garbled if repeatable else Unclear)(f"Google gave an answer that cannot be used (HTTP {status}).")


def seconds(value: str | None) -> timedelta | None:
    """Return how long a part of a batch was asked to wait."""
    try:
        wait = float(value or "")
    except ValueError:
        return None
    return timedelta(seconds=min(max(wait, 0.0), 86_400.0)) if wait == wait else None


def settled(error: ProviderError) -> ProviderError:
    """Return the error of something that was made or renamed a moment ago and is not seen everywhere yet as one that passes."""
    if isinstance(error, NotFound | Taken):
        return Settling("Google does not show everywhere yet what was made or renamed a moment ago.")
    return error
