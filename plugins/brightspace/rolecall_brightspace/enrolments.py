"""Keeps roles: somebody's in the organisation, which is an enrolment in its own org unit, and those of the members of a course.

Owns the enrolments. People whom others enrolled with a role that is none of ours are not seen and not touched.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from rolecall.errors import Misconfigured, NotFound, Permanent, ProviderError
from rolecall.sdk import Member
from rolecall_brightspace.client import Client, Row, known_number, number_of, object_of, rows_of
from rolecall_brightspace.errors import BUSY, Denied, Garbled, Unreachable

#: The most that one call may enrol.
BATCH = 1_000


def organisation_role(client: Client, organisation: int, user: int) -> int | None:
    """Return the role that somebody has in the organisation."""
    try:
        return number_of(object_of(client.get(f"enrollments/orgUnits/{organisation}/users/{user}")), "RoleId")
    except NotFound:
        return None


def organisation_roles(client: Client, organisation: int) -> dict[int, int]:
    """Return everybody's role in the organisation, by user id."""
    return dict(_enrolled(client, organisation))


def give_role(client: Client, organisation: int, user: int, role: int) -> None:
    """Give somebody another role in the organisation.

    That enrolling again changes the role is written nowhere, so the role is read again; where it did not change, a person has to.
    """
    client.post("enrollments/", _row(organisation, user, role), repeatable=True)
    if organisation_role(client, organisation, user) != role:
        raise Permanent(
            f"Brightspace did not change the organisation role of user {user} to {role}.",
            hint="Change it there by hand, or switch off “Keep the organisation role in step” in the integration's settings.",
        )


def members(client: Client, course: int, roles: Mapping[str, int]) -> frozenset[Member]:
    """Return who is in a course with one of our roles."""
    ours = {number: role for role, number in roles.items()}
    return frozenset(Member(str(user), ours[role]) for user, role in _enrolled(client, course) if role in ours)


def add(client: Client, course: int, people: Collection[Member], roles: Mapping[str, int]) -> None:
    """Enrol people. The answer names only failures, and not in a way that tells for sure whose: so it is looked who is missing.

    :raises NotFound: when the course is gone. :raises Permanent: over people who were refused.
    """
    rows = [_row(course, known_user(each), role_id(roles, each.role)) for each in people]
    failures: list[Row] = []
    for start in range(0, len(rows), BATCH):
        failures += rows_of(client.post("enrollments/batch/", rows[start : start + BATCH], repeatable=True))
    if failures and (missing := set(people) - members(client, course, roles)):
        raise _refused([_status(each) for each in failures], len(missing))


def remove(client: Client, course: int, people: Collection[Member]) -> None:
    """Take people out of a course; who is not in it is no error."""
    for each in people:
        try:
            client.delete(f"enrollments/orgUnits/{course}/users/{known_user(each)}")
        except NotFound:
            continue


def role_id(roles: Mapping[str, int], role: str) -> int:
    """Return the site's role for one of ours.

    :raises Misconfigured: when the settings name none.
    """
    if role not in roles:
        raise Misconfigured(
            f"No role in courses is set for a {role}.", hint="Enter it under “Roles in courses” in the integration's settings."
        )
    return roles[role]


def known_user(member: Member) -> int:
    """Return the user id of a member; what is no number never was a user there."""
    try:
        return known_number(member.external_id, "user")
    except NotFound as error:
        raise Permanent(error.message) from None


def _enrolled(client: Client, unit: int) -> list[tuple[int, int]]:
    found = []
    for row in client.pages(f"enrollments/orgUnits/{unit}/users/"):
        user, role = row.get("User"), row.get("Role")
        if not isinstance(user, dict) or not isinstance(role, dict):
            raise Garbled("Brightspace did not say who is enrolled.")
        if user.get("Identifier") is None:
            raise Denied(
                "Brightspace does not show the app who is enrolled.",
                hint="Let the role of the service user see user ids: Admin Tools → Roles and Permissions → User Information Privacy.",
            )
        found.append((number_of(user, "Identifier"), number_of(role, "Id")))
    return found


def _row(unit: int, user: int, role: int) -> dict[str, int]:
    return {"OrgUnitId": unit, "UserId": user, "RoleId": role}


def _status(failure: Mapping[str, Any]) -> int:
    """Return the status of one failure of a batch; the name it has is not the same on D2L's pages."""
    for name in ("StatusCode", "StatusError"):
        if isinstance(failure.get(name), int):
            return int(failure[name])
    return 0


def _refused(statuses: list[int], missing: int) -> ProviderError:
    """Return what came of a batch in which people are missing: what passes, what is a matter of settings, or that some are refused.

    One alone who may not be enrolled is somebody special; many at once are a missing permission.
    """
    if any(status in BUSY or status >= 500 for status in statuses):
        return Unreachable("Brightspace could not enrol everybody just now.")
    if missing > 1 and all(status in (401, 403) for status in statuses):
        return Denied(
            "Brightspace does not allow the app to enrol with these roles.", hint="Test the connection on the integration's page."
        )
    return Permanent(
        f"Brightspace refused to enrol {missing} of them (HTTP {', '.join(map(str, sorted(set(statuses))))}).",
        hint="Look whether their users are still there, and whether the service user may enrol this role.",
    )
