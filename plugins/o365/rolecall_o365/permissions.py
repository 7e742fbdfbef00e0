"""The application permissions that the plugin needs, the least first, with what each is for.

Used by the check of the connection and to tell a missing permission from a user who is protected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rolecall_o365.settings import licence_rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What one kind of call needs: ``names`` that each suffice, the least first."""

    names: tuple[str, ...]
    what_for: str

    def held(self, roles: frozenset[str]) -> bool:
        """Tell whether a token with these roles may do it."""
        return not roles.isdisjoint(self.names)


READ = Permission(names=("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"), what_for="Find users")
WRITE = Permission(names=("User.ReadWrite.All", "Directory.ReadWrite.All"), what_for="Create and change users")
ENABLE = Permission(names=("User.EnableDisableAccount.All", "User.ReadWrite.All", "Directory.ReadWrite.All"), what_for="Suspend users")
REVOKE = Permission(names=("User.RevokeSessions.All",), what_for="Sign out users who are suspended")
DELETE = Permission(names=("User.DeleteRestore.All", "User.ReadWrite.All"), what_for="Delete and restore users")
LICENSE = Permission(names=("LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"), what_for="Assign licences")
GROUP = Permission(names=("Group.Create", "Group.ReadWrite.All", "Directory.ReadWrite.All"), what_for="Make groups of roles")
MEMBER = Permission(
    names=("GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"), what_for="Keep the members of groups"
)
CLASS = Permission(names=("EduRoster.ReadWrite.All",), what_for="Keep classes")
TEAM = Permission(names=("Team.Create", "Group.ReadWrite.All"), what_for="Make teams of classes")
ARCHIVE = Permission(names=("TeamSettings.ReadWrite.All", "Group.ReadWrite.All"), what_for="Archive teams")


def needed(settings: Mapping[str, Any]) -> Iterator[Permission]:
    """Yield what these settings need."""
    yield from (READ, WRITE, ENABLE, REVOKE, DELETE)
    if licence_rules(settings):
        yield LICENSE
    if settings.get("groups", True):
        yield from (GROUP, MEMBER)
    if settings.get("classes"):
        yield CLASS
        yield MEMBER
        if settings.get("teams", True):
            yield from (TEAM, ARCHIVE)
