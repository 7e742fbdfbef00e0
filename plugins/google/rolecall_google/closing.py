"""How a user is suspended and opened again, and whom Rolecall leaves alone: whom Google suspended, whom somebody closed, administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rolecall.errors import Permanent
from rolecall_google.client import Part
from rolecall_google.users import primary_of, suspended_by_google


def part(path: str, row: Mapping[str, Any], *, enable: bool) -> Part:
    """Return the call that opens or closes a user; an archived one is taken out of the archive with it."""
    body: dict[str, Any] = {"suspended": not enable}
    if enable and row.get("archived") is True:
        body["archived"] = False
    return Part(method="PUT", path=path, body=body, repeatable=True)


def why_not(row: Mapping[str, Any]) -> Permanent | None:
    """Return the error of a user who must not be opened, because Google suspended it itself, or none."""
    reason = suspended_by_google(row)
    if reason is None:
        return None
    return Permanent(
        f"Google suspended this user itself ({reason[:60]}), so it is not opened from here.",
        hint="Look in the Admin console why, restore the user there, and retry.",
    )


def closed_by_hand(row: Mapping[str, Any]) -> Permanent:
    """Return the error for a suspended user without our key: taking it over would open what somebody closed on purpose."""
    return Permanent(
        f"Google Workspace has a suspended user with this address ({primary_of(row)}), which Rolecall did not suspend.",
        hint="If it is this person's, restore the user in the Admin console and retry; else give the account here another user name.",
    )


def protected(error: Exception | None) -> Permanent:
    """Return the error for a user with an administrator's role whom the administrator we act as may not change."""
    said = getattr(error, "message", "")
    return Permanent(
        f"This user is an administrator of Google Workspace, whom Rolecall may not change: {said}",
        hint="Take the role away there, or change the user there by hand.",
    )
