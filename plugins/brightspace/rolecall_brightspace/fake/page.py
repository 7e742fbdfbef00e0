"""What people see of the pretended site: for the demonstration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rolecall.testing.fakes import Table


def people(users: Iterable[Mapping[str, Any]]) -> Table:
    """Return the list of users."""
    columns = ("User name", "Name", "State", "Org Defined ID", "Roles and courses")
    return Table(title="Users", columns=columns, rows=[_user(row) for row in users])


def _user(user: Mapping[str, Any]) -> tuple[bool, tuple[object, ...]]:
    is_open = bool(user["Activation"]["IsActive"])
    name = f"{user['FirstName']} {user['LastName']}"
    state, groups = "active" if is_open else "closed", ", ".join(sorted(user["groups"]))
    return is_open, (user["UserName"], name, state, user["OrgDefinedId"] or "", groups)
