"""What the pretended Workspace holds, and the errors it answers with, in Google's words."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]

#: Scopes that the service account may be given, without what stands before each.
ALL_SCOPES = frozenset(
    {
        "admin.directory.user", "admin.directory.group", "admin.directory.domain.readonly", "admin.directory.orgunit.readonly",
        "apps.licensing", "classroom.courses", "classroom.rosters",
    }
)  # fmt: skip
#: Rights that the role of the administrator may have.
ALL_RIGHTS = frozenset(
    {
        "users.read", "users.create", "users.update", "users.delete", "groups.read", "groups.create", "groups.update", "licences",
        "domains", "units", "courses", "rosters",
    }
)  # fmt: skip


class GoogleError(Exception):
    """An answer of Google's that is an error: the Directory and Licensing APIs name a reason, Classroom a status in capitals."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        error: Row = {"code": status, "message": message}
        if reason.isupper():
            error["status"] = reason
        else:
            error["errors"] = [{"domain": "global", "reason": reason, "message": message}]
        self.body = {"error": error}


def not_found(what: str) -> GoogleError:
    """The Directory API's error for a key that nothing has."""
    return GoogleError(404, "notFound", f"Resource Not Found: {what}")


def invalid(message: str) -> GoogleError:
    """The Directory API's error for a value that is refused."""
    return GoogleError(400, "invalid", message)


def duplicate(message: str = "Entity already exists.") -> GoogleError:
    """The error for an address that something has."""
    return GoogleError(409, "duplicate", message)


@dataclass(slots=True)
class State:
    """The tables. Not thread-safe by itself: the application holds a lock around each call."""

    users: dict[str, Row] = field(default_factory=dict)
    deleted: dict[str, Row] = field(default_factory=dict)
    groups: dict[str, Row] = field(default_factory=dict)
    #: Ids of the members of each group.
    members: dict[str, set[str]] = field(default_factory=dict)
    domains: dict[str, bool] = field(default_factory=dict)
    units: set[str] = field(default_factory=lambda: {"/"})
    #: Addresses of those who hold a licence, by product/SKU; and how many may.
    licences: dict[str, set[str]] = field(default_factory=dict)
    seats: dict[str, int] = field(default_factory=dict)
    courses: dict[str, Row] = field(default_factory=dict)
    #: Course id by alias.
    aliases: dict[str, str] = field(default_factory=dict)
    teachers: dict[str, list[str]] = field(default_factory=dict)
    students: dict[str, list[str]] = field(default_factory=dict)
    #: Addresses of personal Google accounts.
    unmanaged: set[str] = field(default_factory=set)
    #: How many look-ups of a fresh user still fail, and how many changes of a renamed or a fresh one.
    hidden: dict[str, int] = field(default_factory=dict)
    busy: dict[str, tuple[int, GoogleError]] = field(default_factory=dict)
    #: Administrators whom the administrator acted for may not change.
    protected: set[str] = field(default_factory=set)

    def seen(self, number: str) -> bool:
        """Tell whether a fresh object is seen already; each time it is not, it becomes more likely."""
        left = self.hidden.get(number, 0)
        if left:
            self.hidden[number] = left - 1
        return not left

    def by_key(self, key: str) -> Row | None:
        """Return a living user by id, primary address or alias, seen or not."""
        return self.users.get(key) or next(
            (row for row in self.users.values() if key.lower() in (row["primaryEmail"].lower(), *row["aliases"])), None
        )

    def user(self, key: str) -> Row:
        """Return a living user by id, primary address or alias."""
        row = self.by_key(key)
        if row is None or not self.seen(row["id"]):
            raise not_found("userKey")
        return row

    def group(self, key: str) -> Row:
        """Return a group by id or address."""
        row = self.groups.get(key) or next((row for row in self.groups.values() if row["email"].lower() == key.lower()), None)
        if row is None or not self.seen(row["id"]):
            raise not_found("groupKey")
        return row

    def course(self, key: str) -> Row:
        """Return a course by id or alias."""
        row = self.courses.get(self.aliases.get(key, key))
        if row is None:
            raise GoogleError(404, "NOT_FOUND", "Requested entity was not found.")
        return row

    def addresses(self, *, but: str = "") -> Iterator[str]:
        """Yield every address that is taken, in lower case, but those of one user."""
        for row in self.users.values():
            if row["id"] != but:
                yield row["primaryEmail"].lower()
                yield from row["aliases"]
        yield from (row["primaryEmail"].lower() for row in self.deleted.values())
        yield from (row["email"].lower() for row in self.groups.values())
        yield from self.unmanaged

    def remove_user(self, row: Row) -> None:
        """Take a user out of every group, course and licence."""
        for people in (*self.members.values(), *self.licences.values()):
            people.difference_update({row["id"], row["primaryEmail"].lower()})
        for names in (*self.teachers.values(), *self.students.values()):
            if row["id"] in names:
                names.remove(row["id"])


def new_id() -> str:
    """Return a user's or a course's id: digits."""
    return str(10**20 + secrets.randbelow(9 * 10**20))


def new_user(**fields: Any) -> Row:
    """Return a user with the defaults of a Workspace."""
    return {
        "kind": "admin#directory#user", "id": new_id(), "primaryEmail": "", "name": {"givenName": "", "familyName": ""}, "aliases": [],
        "isAdmin": False, "isDelegatedAdmin": False, "suspended": False, "archived": False, "orgUnitPath": "/", "isMailboxSetup": False,
        "changePasswordAtNextLogin": False, "creationTime": "2026-09-01T08:00:00.000Z",
        "languages": [{"languageCode": "en", "preference": "preferred"}], **fields,
    }  # fmt: skip
