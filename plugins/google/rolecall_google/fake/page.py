"""What people see of the pretended Workspace: for the demonstration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rolecall.testing.fakes import Table


def people(users: Iterable[Mapping[str, Any]]) -> Table:
    """Return the list of users."""
    columns = ("Address", "Name", "State", "Unit", "Licences", "Groups")
    return Table(title="Users", columns=columns, rows=[_user(row) for row in users])


def classes(courses: Iterable[Mapping[str, Any]]) -> Table:
    """Return the list of courses."""
    columns = ("Course", "Section", "State", "Teachers", "Students")
    return Table(title="Courses", columns=columns, rows=[_course(row) for row in courses])


def _user(user: Mapping[str, Any]) -> tuple[bool, tuple[object, ...]]:
    state = "archived" if user["archived"] else "suspended" if user["suspended"] else "active"
    licences, groups = ", ".join(sorted(user["licences"])), ", ".join(sorted(user["groups"]))
    return state == "active", (user["primaryEmail"], user["name"].get("fullName", ""), state, user["orgUnitPath"], licences, groups)


def _course(course: Mapping[str, Any]) -> tuple[bool, tuple[object, ...]]:
    state = str(course["courseState"]).lower()
    return state == "active", (course["name"], course.get("section", ""), state, course["teachers"], course["students"])
