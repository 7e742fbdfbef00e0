"""What people see of the pretended tenant: for the demonstration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rolecall.testing.fakes import Table


def people(users: Iterable[Mapping[str, Any]]) -> Table:
    """Return the list of users."""
    rows = [
        (user["userPrincipalName"], user["displayName"], _state(user), len(user["assignedLicenses"]), ", ".join(sorted(user["groups"])))
        for user in users
    ]
    return Table(
        title="Users", columns=("Sign-in name", "Name", "State", "Licences", "Groups"), rows=[(row[2] == "active", row) for row in rows]
    )


def _state(user: Mapping[str, Any]) -> str:
    return "active" if user["accountEnabled"] else "closed"
