"""Turns what a SCIM service answers into the error that says how the sync goes on (R65).

Owns the table of statuses and ``scimType``s. The text of an answer is shown to people and never decides anything.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, ProviderError, Transient

ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"

#: What asks for patience.
BUSY = frozenset({408, 425, 429, 503, 504, 509})


class Denied(Misconfigured):
    """The token was refused, or may not do this."""


class Elsewhere(Misconfigured):
    """What answers at this address is no SCIM service."""


class Taken(Conflict):
    """A user name, an external id or another unique value is held by another resource."""


class Refused(Permanent):
    """The service refused a value; ``kind`` is its ``scimType``, empty where it names none."""

    def __init__(self, message: str, *, hint: str = "", kind: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class Unsupported(Permanent):
    """The service does not do this kind of call at all."""


class TooLarge(Permanent):
    """The request holds more than the service takes at once."""


class Outdated(Transient):
    """The resource was changed by somebody else since it was read."""


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


def field_of(row: Any, name: str) -> Any:
    """Return an attribute of a JSON object; attribute names are compared without case (RFC 7643, section 2.1)."""
    if not isinstance(row, dict):
        return None
    if name in row:
        return row[name]
    lower = name.lower()
    return next((value for key, value in row.items() if key.lower() == lower), None)


def is_error(body: Any) -> bool:
    """Tell whether a body is an error as SCIM writes one (RFC 7644, section 3.12)."""
    schemas = field_of(body, "schemas")
    return isinstance(schemas, list) and any(str(each).lower() == ERROR_SCHEMA.lower() for each in schemas)


def number_of(status: Any) -> int | None:
    """Return a status, which SCIM writes as text and some services as a number; none for anything else."""
    if isinstance(status, bool):
        return None
    text = str(status).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) == 3 else None


def classify(status: int, body: Any, *, wait: timedelta | None = None, repeatable: bool) -> ProviderError:
    """Return the error of an answer that is no success. ``repeatable``: sending it twice does no harm."""
    kind = str(field_of(body, "scimType") or "") if is_error(body) else ""
    detail = " ".join(str(field_of(body, "detail") or "").split())[:300] if is_error(body) else ""
    said = detail or f"HTTP {status}"
    if status == 401:
        return Denied(f"The SCIM service refused the token: {said}", hint="Enter a valid token in the integration's settings.")
    if status == 403:
        return Denied(f"The SCIM service refused the call: {said}", hint="Give the token the right to read and change users and groups.")
    if status in BUSY:
        return Unreachable(f"The SCIM service asks to wait: {said}", retry_after=wait)
    if status in (405, 501):
        return Unsupported(f"The SCIM service does not do this: {said}")
    if status >= 500:
        if repeatable:
            return ServerFault(f"The SCIM service failed while answering: {said}", retry_after=wait)
        return Ambiguous(f"The SCIM service failed in the middle of a change: {said}")
    return _refusal(status, kind, said) or (Garbled if repeatable else Unclear)(
        f"The SCIM service gave an answer that cannot be used (HTTP {status})."
    )


def scrubbed(error: ProviderError, *secrets: object) -> ProviderError:
    """Return an error whose text holds none of the secrets: services quote what they refuse."""
    for secret in secrets:
        if isinstance(secret, str) and secret and secret in error.message:
            error.message = error.message.replace(secret, "***")
            error.args = (error.message,)
    return error


def _refusal(status: int, kind: str, said: str) -> ProviderError | None:
    """Return the error of an answer that refuses the request itself; none for a status that means nothing here."""
    if kind == "uniqueness" or status == 409:
        return Taken(
            f"The SCIM service has this user name or another unique value already: {said}",
            hint="Change the user name here, or that user there, and retry.",
        )
    if status in (404, 410):
        return NotFound(f"The SCIM service has no such resource: {said}")
    if status == 412:
        return Outdated("The resource was changed at the SCIM service in this very moment.")
    if status == 413:
        return TooLarge(f"The SCIM service takes less at once: {said}")
    if 300 <= status < 400:
        return Elsewhere(f"The SCIM service has moved (HTTP {status}).", hint="Correct the address in the integration's settings.")
    if 400 <= status < 500:
        word = f" ({kind})" if kind else ""
        return Refused(
            f"The SCIM service refused the request: {said}{word}", hint="Correct it here; the change is then sent by itself.", kind=kind
        )
    return None
