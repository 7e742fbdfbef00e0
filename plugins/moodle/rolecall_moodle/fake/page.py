"""What people see of the pretended site: for the demonstration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rolecall.testing.fakes import Table


def people(users: Iterable[Mapping[str, Any]]) -> Table:
    """Return the list of users."""
    columns = ("Id", "User name", "Name", "E-mail", "ID number", "State", "Cohorts")
    return Table(title="Users", columns=columns, rows=[_user(row) for row in users])


def classes(courses: Iterable[Mapping[str, Any]]) -> Table:
    """Return the list of courses."""
    rows = [(bool(each["visible"]), (each["fullname"], each["shortname"], len(each["people"]))) for each in courses]
    return Table(title="Courses", columns=("Name", "Short name", "People"), rows=rows)


def _user(user: Mapping[str, Any]) -> tuple[bool, tuple[object, ...]]:
    state, cohorts = "suspended" if user["suspended"] else "active", ", ".join(sorted(user["groups"]))
    name = f"{user['firstname']} {user['lastname']}"
    return state == "active", (user["id"], user["username"], name, user["email"], user["idnumber"], state, cohorts)
