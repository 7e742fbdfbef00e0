"""Turns what Brightspace answers into the error that says how the sync goes on (R65).

Owns the table of statuses. Bodies of errors come in three shapes and are shown to people at most; they never decide anything.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from rolecall.errors import Ambiguous, Misconfigured, NotFound, Permanent, ProviderError, Transient

#: What asks for patience.
BUSY = frozenset({408, 425, 429, 503, 504})


class Denied(Misconfigured):
    """The app, its token, a scope or a permission of the service user was refused."""


class Refused(Permanent):
    """Brightspace refused a value; ``status`` is what it answered."""

    def __init__(self, message: str, *, hint: str = "", status: int = 400) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class Unreachable(Transient):
    """The service asks to wait, or is not there."""


class ServerFault(Transient):
    """The service failed while it worked on a call that may be sent again."""


class Garbled(Transient):
    """The answer to a question cannot be used; asking again costs nothing."""

    code = "bad-response"


class Unclear(Ambiguous):
    """The answer to a change cannot be used, so nobody knows what was done."""

    code = "bad-response"


def said(content: bytes) -> str:
    """Return the sentence of an error's body for a person: a text, a list of errors or a problem document; empty for anything else."""
    try:
        body: Any = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    if isinstance(body, dict) and isinstance(body.get("Errors"), list):
        body = next((each.get("Message") for each in body["Errors"] if isinstance(each, dict)), "")
    elif isinstance(body, dict):
        body = body.get("detail") or body.get("title")
    return " ".join(body.split())[:200] if isinstance(body, str) else ""


def classify(status: int, content: bytes, *, wait: timedelta | None, repeatable: bool) -> ProviderError:
    """Return the error of an answer that is no success; ``repeatable``: sending the call twice does no harm."""
    if status == 401:
        return Denied("Brightspace refused the app's token.", hint="Test the connection on the integration's page.")
    if status == 403:
        return Denied(
            "Brightspace does not allow the app this call (HTTP 403).",
            hint="Test the connection on the integration's page: it says which scope or permission is missing.",
        )
    if status in BUSY:
        return Unreachable(f"Brightspace asks to wait (HTTP {status}).", retry_after=wait)
    if status >= 500:
        if repeatable:
            return ServerFault(f"Brightspace failed while answering (HTTP {status}).", retry_after=wait)
        return Ambiguous(f"Brightspace failed in the middle of a change (HTTP {status}).")
    if status == 404:
        return NotFound("Brightspace has no such user or course.")
    if 400 <= status < 500:
        reason = said(content) or f"HTTP {status}"
        return Refused(f"Brightspace refused: {reason}", hint="Correct it here; the change is then sent by itself.", status=status)
    if 300 <= status < 400:
        return Misconfigured(
            f"There is no Brightspace API at this address (HTTP {status}).", hint="Check the address of the site in the settings."
        )
    return (Garbled if repeatable else Unclear)(f"Brightspace gave an answer that cannot be used (HTTP {status}).")


def is_taken(error: Refused) -> bool:
    """Tell whether a refusal may mean that a user name or a code is taken: which status says so is written nowhere, so it is looked up."""
    return error.status in (400, 409)
