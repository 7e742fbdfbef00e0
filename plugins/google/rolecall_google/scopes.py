"""The scopes that the service account needs, and what each is for.

A token carries only what its API and the settings need: delegation refuses a token as a whole over one scope that was not granted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rolecall_google.settings import CLASSROOM, DIRECTORY, LICENSING, all_units, licence_rules

_BASE = "https://www.googleapis.com/auth/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One scope; without one that is not ``required`` only the test of the connection tells less."""

    name: str
    what_for: str
    required: bool = True

    @property
    def address(self) -> str:
        """The scope as Google writes it."""
        return _BASE + self.name


USERS = Scope(name="admin.directory.user", what_for="Find, create and change users")
GROUPS = Scope(name="admin.directory.group", what_for="Keep groups of roles")
LICENCES = Scope(name="apps.licensing", what_for="Assign licences")
COURSES = Scope(name="classroom.courses", what_for="Keep courses")
ROSTERS = Scope(name="classroom.rosters", what_for="Keep the members of courses")
DOMAINS = Scope(name="admin.directory.domain.readonly", what_for="Look whether the domains are verified", required=False)
UNITS = Scope(name="admin.directory.orgunit.readonly", what_for="Look whether the organisational units exist", required=False)


def of(api: str, settings: Mapping[str, Any]) -> Iterator[Scope]:
    """Yield what calls to one API need with these settings."""
    if api == LICENSING:
        yield LICENCES
    elif api == CLASSROOM:
        yield from (COURSES, ROSTERS)
    else:
        yield USERS
        if settings.get("groups", True):
            yield GROUPS


def working(settings: Mapping[str, Any]) -> Iterator[Scope]:
    """Yield all that the work needs with these settings."""
    yield from of(DIRECTORY, settings)
    if licence_rules(settings):
        yield from of(LICENSING, settings)
    if settings.get("classes"):
        yield from of(CLASSROOM, settings)


def looking(settings: Mapping[str, Any]) -> Iterator[Scope]:
    """Yield what only the test of the connection uses."""
    yield DOMAINS
    if all_units(settings):
        yield UNITS
