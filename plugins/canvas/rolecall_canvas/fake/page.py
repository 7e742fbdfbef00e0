"""What people see of the pretended Canvas: for the demonstration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rolecall.testing.fakes import Table


def people(users: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the list of logins."""
    rows = [
        (user["state"] == "active", (user["id"], login, user["name"], user["email"] or "", user["sis_user_id"] or "", user["state"]))
        for login, user in users.items()
    ]
    return Table(title="Users", columns=("Id", "Login", "Name", "E-mail", "SIS id", "State"), rows=rows)


def classes(courses: Iterable[Mapping[str, Any]]) -> Table:
    """Return the list of courses."""
    rows = [
        (row["workflow_state"] == "available", (row["id"], row["name"], row["course_code"] or "", row["workflow_state"], row["people"]))
        for row in courses
    ]
    return Table(title="Courses", columns=("Id", "Name", "Code", "State", "People"), rows=rows)
