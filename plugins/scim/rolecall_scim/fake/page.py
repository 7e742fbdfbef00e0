"""What people see of the pretended service: for the demonstration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rolecall.testing.fakes import Table


def people(users: Iterable[Mapping[str, Any]]) -> Table:
    """Return the list of users."""
    columns = ("User name", "Name", "E-mail", "State", "Groups")
    return Table(title="Users", columns=columns, rows=[_user(row) for row in users])


def _user(user: Mapping[str, Any]) -> tuple[bool, tuple[object, ...]]:
    is_open = bool(user.get("active", True))
    mail = next((each["value"] for each in user.get("emails", [])), "")
    state, groups = "active" if is_open else "closed", ", ".join(sorted(user["groups"]))
    return is_open, (user["userName"], user.get("displayName", ""), mail, state, groups)
