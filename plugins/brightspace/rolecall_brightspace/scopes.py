"""The scopes that the app needs, with what each is for, and which of them these settings need (R54).

Owns the list, which is D2L's table of scopes; whether one was granted is for `checks` to find out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope."""

    name: str
    what_for: str


READ = Scope("users:userdata:read", "Find users")
CREATE = Scope("users:userdata:create", "Create users")
UPDATE = Scope("users:userdata:update", "Change users")
ACTIVATE = Scope("users:activation:update", "Suspend users and open them again")
SIGN_OUT = Scope("sessions:session:delete", "Sign out users who are suspended")
DELETE = Scope("users:userdata:delete", "Delete users")
ROLES = Scope("role:detail:read", "Look whether the roles exist")
ENROLLED = Scope("enrollment:orgunit:read", "See who has which role, and who is in a course")
ENROL = Scope("enrollment:orgunit:create", "Give organisation roles, and enrol in courses")
UNENROL = Scope("enrollment:orgunit:delete", "Take people out of courses")
UNITS = Scope("organizations:organization:read", "Find courses by their code")
COURSE = Scope("orgunits:course:read", "Read courses")
NEW_COURSE = Scope("orgunits:course:create", "Create courses")
CHANGE_COURSE = Scope("orgunits:course:update", "Change, close and open courses")


def needed(settings: Mapping[str, Any]) -> tuple[Scope, ...]:
    """Return what these settings need, each once."""
    found = [READ, CREATE, UPDATE, ACTIVATE, SIGN_OUT, ROLES]
    if "delete" in (settings.get("on_deletion"), settings.get("on_deactivation")):
        found.append(DELETE)
    if settings.get("keep_roles", True):
        found += [ENROLLED, ENROL]
    if settings.get("classes"):
        found += [ENROLLED, ENROL, UNENROL, UNITS, COURSE, NEW_COURSE, CHANGE_COURSE]
    return tuple(dict.fromkeys(found))


def asked_for(settings: Mapping[str, Any]) -> str:
    """Return the scopes as the token is asked for them."""
    own = " ".join(str(settings.get("scope") or "").replace(",", " ").split())
    return own or " ".join(scope.name for scope in needed(settings))


def covers(granted: frozenset[str], scope: str) -> bool:
    """Tell whether what was granted includes a scope, by name or by a pattern such as ``users:*:*`` or ``users:userdata:create,read``."""
    wanted = scope.split(":")
    return any(
        len(parts := each.split(":")) == len(wanted)
        and all(own == "*" or mine in own.split(",") for own, mine in zip(parts, wanted, strict=True))
        for each in granted
    )
