"""Turns what Canvas answers into the error that says how the sync goes on (R65).

Owns the table of statuses and kinds. One text decides something: Canvas tells *too many calls* from *not permitted*, both 403, by
nothing else. Every other text is shown to people only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, ProviderError, Transient

#: What asks for patience.
BUSY = frozenset({408, 425, 429, 503})
#: What the body of a 403 says when it means 429.
THROTTLED = b"rate limit exceeded"
#: How long to leave Canvas alone when it throttles and does not say how long: its bucket then has room for some calls again.
PAUSE = timedelta(seconds=10)


class Denied(Misconfigured):
    """The token was refused, or its user may not do this. ``bare``: Canvas said it in one sentence, as it does of a single thing."""

    bare = False


class Taken(Conflict):
    """A login, or a SIS id, is held by somebody else."""


class Refused(Permanent):
    """Canvas refused values of these attributes."""

    about: frozenset[str] = frozenset()


class ServerFault(Transient):
    """Canvas failed while it worked on a call."""


class Unreachable(Transient):
    """Canvas asks to wait, or is not there."""


class Garbled(Transient):
    """The answer to a question cannot be used; asking again costs nothing."""

    code = "bad-response"


class Unclear(Ambiguous):
    """The answer to a change cannot be used, so nobody knows what was done."""

    code = "bad-response"


def classify(status: int, content: bytes, *, wait: timedelta | None, repeatable: bool) -> ProviderError:
    """Return the error of an answer that is no success. ``repeatable``: sending it twice does no harm."""
    body = _parsed(content)
    told = list(dict.fromkeys(_messages(body)))
    said = " ".join("; ".join(told).split())[:300] or f"HTTP {status}"
    if status in BUSY or (status == 403 and THROTTLED in content[:1000].lower()):
        throttled = status in (403, 429)
        return Unreachable("Canvas asks to wait.", retry_after=wait or (PAUSE if throttled else None))
    if status in (401, 403):
        denied = Denied(f"Canvas refused the call: {said}", hint="Test the connection on the integration's page: it says what is missing.")
        denied.bare = isinstance(body, dict) and isinstance(body.get("message"), str) and not {"errors", "status"} & set(body)
        return denied
    if status >= 500:
        if repeatable:
            return ServerFault(f"Canvas failed while answering: {said}", retry_after=wait)
        return Ambiguous(f"Canvas failed in the middle of a change: {said}")
    if status == 404 and isinstance(body, dict):
        return NotFound(f"Canvas has nothing there: {said}")
    if status in (400, 409, 422) and isinstance(body, dict):
        if "taken" in _kinds(body):
            return Taken(f"Canvas has this login or SIS id already: {said}")
        refused = Refused(f"Canvas refused: {said}", hint="Correct it here; the change is then sent by itself.")
        refused.about = frozenset(str(entry.get("attribute")) for entry in _entries(body.get("errors")))
        return refused
    if 300 <= status < 500:
        return Misconfigured(
            f"There is no Canvas at this address (HTTP {status}).", hint="The address belongs into the settings as the browser shows it."
        )
    return (Garbled if repeatable else Unclear)(f"Canvas gave an answer that cannot be used (HTTP {status}).")


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _entries(value: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield what is said of single attributes, which Canvas nests by object and attribute, or only by attribute."""
    if depth > 4:
        return
    if isinstance(value, dict):
        if isinstance(value.get("message"), str) or isinstance(value.get("type"), str):
            yield value
            return
        for inner in value.values():
            yield from _entries(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _entries(inner, depth + 1)


def _messages(body: Any) -> Iterator[str]:
    if not isinstance(body, dict):
        return
    errors = body.get("errors")
    if isinstance(errors, str):
        yield errors
    for entry in _entries(errors):
        attribute = f"{entry['attribute']}: " if isinstance(entry.get("attribute"), str) else ""
        yield f"{attribute}{entry.get('message') or entry.get('type')}"
    if isinstance(body.get("message"), str):
        yield body["message"]


def _kinds(body: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(entry.get("type")) for entry in _entries(body.get("errors")))
