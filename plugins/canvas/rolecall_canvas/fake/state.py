"""What the pretended Canvas holds: users, logins, courses, enrolments and SIS imports, with the rules that its database keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

Row = dict[str, Any]

ALL_PERMISSIONS = frozenset(
    {
        "read_roster",
        "manage_user_logins",
        "read_sis",
        "manage_sis",
        "import_sis",
        "manage_courses_add",
        "manage_courses_admin",
        "manage_courses_publish",
        "manage_courses_conclude",
        "add_student_to_course",
        "add_teacher_to_course",
        "add_ta_to_course",
        "remove_student_from_course",
        "remove_teacher_from_course",
        "remove_ta_from_course",
    }
)

#: Ids begin here: a real one has more than two digits.
FIRST_ID = 1001
LONGEST_LOGIN, LONGEST_NAME = 100, 255
CREATED = "2026-09-01T08:00:00Z"


class CanvasError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


def not_found() -> CanvasError:
    """The error for what is not there."""
    return CanvasError(404, {"errors": [{"message": "The specified resource does not exist."}]})


def unauthorized() -> CanvasError:
    """The error for what the token's user may not do."""
    return CanvasError(401, {"status": "unauthorized", "errors": [{"message": "user not authorized to perform that action"}]})


def invalid(attribute: str, kind: str, message: str, *, of: str = "") -> CanvasError:
    """The error for a value that is refused; ``of`` is the object that Canvas nests it in when it makes a user."""
    errors: Row = {attribute: [{"attribute": attribute, "type": kind, "message": message}]}
    if of:
        errors = {"user": {}, "pseudonym": {}, "observee": {}, "pairing_code": {}, "recaptcha": None} | {of: errors}
    return CanvasError(400, {"errors": errors})


@dataclass(slots=True)
class State:
    """The tables. Not thread-safe by itself: the application holds a lock around each call."""

    users: dict[int, Row] = field(default_factory=dict)
    logins: dict[int, Row] = field(default_factory=dict)
    courses: dict[int, Row] = field(default_factory=dict)
    enrolments: dict[int, Row] = field(default_factory=dict)
    imports: dict[int, Row] = field(default_factory=dict)
    #: Users above the token's, to whom it may do nothing.
    protected: set[int] = field(default_factory=set)
    #: Addresses that Canvas would have mailed.
    mailed: list[str] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=lambda: count(FIRST_ID))

    def new_id(self) -> int:
        """Return an id that nothing has."""
        return next(self._ids)

    def living(self, number: int) -> Row:
        """Return a user who was not deleted."""
        row = self.users.get(number)
        if row is None or row["workflow_state"] == "deleted":
            raise not_found()
        return row

    def logins_of(self, number: int) -> list[Row]:
        """Return the living logins of a user."""
        return [row for row in self.logins.values() if row["user_id"] == number and row["workflow_state"] != "deleted"]

    def by_sis(self, sis_user_id: str) -> Row | None:
        """Return the login with a SIS id, living or deleted: the id stays taken."""
        return next((row for row in self.logins.values() if row["sis_user_id"] == sis_user_id), None)

    def by_login(self, unique_id: str) -> Row | None:
        """Return the living login of this name, in any letters."""
        wanted = unique_id.lower()
        living = (row for row in self.logins.values() if row["workflow_state"] != "deleted")
        return next((row for row in living if row["unique_id"].lower() == wanted), None)

    def check_login(self, unique_id: str, sis_user_id: str | None, *, but: int = 0, of: str = "") -> None:
        """Raise where a login of this name or SIS id cannot be stored; ``but`` is the login it is about."""
        if not unique_id or len(unique_id) > LONGEST_LOGIN:
            raise invalid("unique_id", "too_long" if unique_id else "blank", "is not a usable login", of=of)
        other = self.by_login(unique_id)
        if other is not None and other["id"] != but:
            raise invalid("unique_id", "taken", "ID already in use for this account and authentication provider", of=of)
        other = self.by_sis(sis_user_id) if sis_user_id else None
        if other is not None and other["id"] != but:
            raise invalid("sis_user_id", "taken", f'SIS ID "{sis_user_id}" is already in use', of=of)

    def add_user(self, *, created_at: str = CREATED, **fields: Any) -> Row:
        """Put a user into the table."""
        user: Row = {"id": self.new_id(), "short_name": fields.get("name"), "sortable_name": None, "email": None}
        user |= {"workflow_state": "registered", "created_at": created_at} | fields
        self.users[user["id"]] = user
        return user

    def add_login(self, user: int, unique_id: str, sis_user_id: str | None = None, **fields: Any) -> Row:
        """Give a user a login."""
        login: Row = {"id": self.new_id(), "user_id": user, "unique_id": unique_id, "sis_user_id": sis_user_id, "integration_id": None}
        login |= {"authentication_provider_id": None, "workflow_state": "active", "password": None} | fields
        self.logins[login["id"]] = login
        return login

    def delete_user(self, number: int) -> None:
        """Delete a user with its logins and enrolments; all of it stays in the tables."""
        self.living(number)["workflow_state"] = "deleted"
        for row in (*self.logins.values(), *self.enrolments.values()):
            if row["user_id"] == number:
                row["workflow_state"] = "deleted"

    def restore_user(self, number: int) -> Row:
        """Bring a deleted user back with its logins; its enrolments stay deleted."""
        user = self.users[number]
        user["workflow_state"] = "registered"
        for row in self.logins.values():
            if row["user_id"] == number:
                row["workflow_state"] = "active"
        return user

    def course(self, number: int) -> Row:
        """Return a course that was not deleted."""
        row = self.courses.get(number)
        if row is None or row["workflow_state"] == "deleted":
            raise not_found()
        return row
