"""What the pretended service holds, and the errors it answers with."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

Row = dict[str, Any]


class ScimError(Exception):
    """An answer that is an error, in SCIM's shape."""

    def __init__(self, status: int, detail: str, kind: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.body: Row = {"schemas": [ERROR], "status": str(status)} | ({"scimType": kind} if kind else {}) | {"detail": detail}


def not_found(kind: str, number: str) -> ScimError:
    """The error for an id that nothing has."""
    return ScimError(404, f"{kind} '{number}' not found")


def invalid(detail: str, kind: str = "invalidValue") -> ScimError:
    """The error for a value that is refused."""
    return ScimError(400, detail, kind)


def taken() -> ScimError:
    """The error for a value that something else has."""
    return ScimError(409, "One or more of the attribute values are already in use or are reserved", "uniqueness")


@dataclass(slots=True)
class State:
    """The tables. Not thread-safe by itself: the application holds a lock around each call."""

    users: dict[str, Row] = field(default_factory=dict)
    groups: dict[str, Row] = field(default_factory=dict)
    #: The first-time passwords, by user id.
    passwords: dict[str, str] = field(default_factory=dict)
    _versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def table(self, endpoint: str) -> dict[str, Row]:
        """Return the resources of an endpoint."""
        return self.users if endpoint == "/Users" else self.groups

    def version(self) -> str:
        """Return the next version; it is used up even when what it was for is refused."""
        return f'W/"{next(self._versions)}"'

    def holder(self, name: str, *, but: str = "") -> Row | None:
        """Return who has a user name, in any case, unless it is this one."""
        return next((row for row in self.users.values() if row["id"] != but and row["userName"].lower() == name.lower()), None)


def new_id() -> str:
    """Return an id."""
    return uuid.uuid4().hex
