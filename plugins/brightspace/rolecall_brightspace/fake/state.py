"""What the pretended site holds: users, roles, org units, courses and enrolments."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]

#: The organisation's own org unit, and what courses are made of.
ORGANISATION, TEMPLATE, SEMESTER = 6606, 6700, 6701
ADMINISTRATOR, TEACHER, STUDENT, ASSISTANT, VISITOR = 103, 109, 110, 112, 117
_NAMES = {
    ADMINISTRATOR: "Administrator",
    TEACHER: "Instructor",
    STUDENT: "Learner",
    ASSISTANT: "Teaching assistant",
    VISITOR: "Visitor",
}


class ValenceError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def unit(number: int, name: str, code: str, kind: str) -> Row:
    """Return an org unit as the org structure shows it."""
    types = {"Organization": 1, "Course Offering": 3, "Course Template": 2, "Semester": 5}
    return {
        "Identifier": str(number),
        "Name": name,
        "Code": code,
        "Path": f"/content/{number}/",
        "Type": {"Id": types[kind], "Code": kind, "Name": kind},
    }


@dataclass(slots=True)
class State:
    """The tables. Not thread-safe by itself: the application holds a lock around each call."""

    users: dict[int, Row] = field(default_factory=dict)
    roles: dict[int, str] = field(default_factory=_NAMES.copy)
    units: dict[int, Row] = field(
        default_factory=lambda: {
            ORGANISATION: unit(ORGANISATION, "Demo school", "demo", "Organization"),
            TEMPLATE: unit(TEMPLATE, "Classes", "classes", "Course Template"),
            SEMESTER: unit(SEMESTER, "2026", "2026", "Semester"),
        }
    )
    courses: dict[int, Row] = field(default_factory=dict)
    #: Roles by org unit and user.
    enrolments: dict[tuple[int, int], int] = field(default_factory=dict)
    #: What users sign in with; never shown.
    passwords: dict[int, str] = field(default_factory=dict)
    #: Who was signed out, in order.
    signed_out: list[int] = field(default_factory=list)
    #: Whose UniqueIdentifier still is the old user name, and how many answers it takes to follow.
    behind: dict[int, int] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(7001))

    def user(self, number: str) -> Row:
        """Return a user by id."""
        row = self.users.get(int(number)) if number.isdigit() else None
        if row is None:
            raise ValenceError(404, "The user does not exist.")
        return row

    def unit(self, number: int) -> Row:
        """Return an org unit by id."""
        if number not in self.units:
            raise ValenceError(404, "The org unit does not exist.")
        return self.units[number]

    def course(self, number: str) -> Row:
        """Return a course offering by id."""
        row = self.courses.get(int(number)) if number.isdigit() else None
        if row is None:
            raise ValenceError(404, "The course offering does not exist.")
        return row

    def remove_user(self, number: int) -> None:
        """Delete a user with every enrolment."""
        del self.users[number]
        self.enrolments = {key: role for key, role in self.enrolments.items() if key[1] != number}
