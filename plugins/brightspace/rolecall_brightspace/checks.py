"""Tests a connection without changing anything: one line per scope, permission and role that is needed (R54).

A scope is what the app was given, a permission is what the role of its service user was given. A scope shows in the token; a permission
is tried on a user and a course that nobody has: *not allowed* (403) is certain, anything else only means that nothing was refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rolecall.errors import Misconfigured, ProviderError
from rolecall.sdk import CheckLine
from rolecall_brightspace import assertion, scopes, users
from rolecall_brightspace.client import Client, number_of, object_of, rows_of
from rolecall_brightspace.courses import code_of
from rolecall_brightspace.scopes import Scope
from rolecall_brightspace.settings import class_roles, organisation_roles

#: An id that no site has given out.
NOBODY = 2**31 - 1
LOOK = "rolecall-check"
GIVE_SCOPE = "Add {name} to the scopes of the app: Admin Tools → Manage Extensibility → OAuth 2.0."
GIVE_RIGHT = "Give the role of the service user this permission (Admin Tools → Roles and Permissions), and the app the scope {name}."

_NAMES = {"OrgDefinedId": None, "FirstName": "-", "MiddleName": None, "LastName": "-", "ExternalEmail": None, "UserName": "-"}
_COURSE = {"StartDate": None, "EndDate": None, "IsActive": False, "Description": {"Content": "", "Type": "Text"}, "CanSelfRegister": False}
#: A call of each kind that can do nothing. Creating cannot be tried: what is created is there.
HARMLESS: Mapping[Scope, Callable[[Client], Any]] = {
    scopes.READ: lambda client: users.having(client, "orgDefinedId", users.KEY, LOOK),
    scopes.UPDATE: lambda client: client.put(f"users/{NOBODY}", {**_NAMES, "Activation": {"IsActive": False}}),
    scopes.ACTIVATE: lambda client: client.put(f"users/{NOBODY}/activation", {"IsActive": False}),
    scopes.SIGN_OUT: lambda client: client.delete(f"sessions/{NOBODY}"),
    scopes.DELETE: lambda client: client.delete(f"users/{NOBODY}"),
    scopes.ENROLLED: lambda client: client.get(f"enrollments/orgUnits/{NOBODY}/users/{NOBODY}"),
    scopes.ENROL: lambda client: client.post("enrollments/", {"OrgUnitId": NOBODY, "UserId": NOBODY, "RoleId": NOBODY}),
    scopes.UNENROL: lambda client: client.delete(f"enrollments/orgUnits/{NOBODY}/users/{NOBODY}"),
    scopes.UNITS: lambda client: list(client.pages("orgstructure/", exactOrgUnitCode=code_of("check"))),
    scopes.COURSE: lambda client: client.get(f"courses/{NOBODY}"),
    scopes.CHANGE_COURSE: lambda client: client.put(f"courses/{NOBODY}", {**_COURSE, "Name": LOOK, "Code": LOOK}),
}


def lines(client: Client, settings: Mapping[str, Any]) -> Iterator[CheckLine]:
    """Yield the lines; where the app is refused there is nothing more to try."""
    try:
        keys = json.dumps(assertion.public_keys(settings))
    except Misconfigured as error:
        yield CheckLine(label="Private key", ok=False, detail=error.message, fix=error.hint)
        return
    yield CheckLine(label="Private key", ok=True, detail=f"The app's JWKS address has to show: {keys}")
    try:
        granted = client.tokens.granted()
    except ProviderError as error:
        fix = error.hint or "Check that this server may reach Brightspace's sign-in."
        yield CheckLine(label="Sign-in of the app", ok=False, detail=error.message, fix=fix)
        if error.code == "invalid_scope":
            yield from _alone(client, settings)
        return
    yield CheckLine(label="Sign-in of the app", ok=True)
    yield _version(client, str(settings["lp_version"]))
    for scope in scopes.needed(settings):
        yield _scope(client, scope, granted)
    yield from _roles(client, settings)
    yield from _without_role(settings)
    if settings.get("classes"):
        yield from _classes(client, settings)


def _alone(client: Client, settings: Mapping[str, Any]) -> Iterator[CheckLine]:
    """Ask for each scope by itself: where one is refused, a sign-in refuses all of them together and does not say which."""
    for scope in scopes.needed(settings):
        try:
            client.tokens.ask(scope.name)
        except ProviderError as error:
            yield CheckLine(label=_label(scope), ok=False, detail=error.message, fix=GIVE_SCOPE.format(name=scope.name))
        else:
            yield CheckLine(label=_label(scope), ok=True)


def _label(scope: Scope) -> str:
    return f"{scope.what_for} ({scope.name})"


def _version(client: Client, wanted: str) -> CheckLine:
    label = f"Version {wanted} of the learning platform's API"
    try:
        product = next((row for row in client.versions() if str(row.get("ProductCode")).lower() == "lp"), {})
    except ProviderError as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix="Check the address of the site in the settings.")
    known = product.get("SupportedVersions")
    if isinstance(known, list) and wanted in known:
        return CheckLine(label=label, ok=True)
    latest = str(product.get("LatestVersion") or "unknown")
    return CheckLine(
        label=label, ok=False, detail=f"The site's latest is {latest}.", fix="Choose one that the site supports, 1.57 or later."
    )


def _scope(client: Client, scope: Scope, granted: frozenset[str] | None) -> CheckLine:
    if granted is not None and not scopes.covers(granted, scope.name):
        detail = "The app was not given this scope."
        return CheckLine(label=_label(scope), ok=False, detail=detail, fix=GIVE_SCOPE.format(name=scope.name))
    attempt = HARMLESS.get(scope)
    if attempt is None:
        return CheckLine(
            label=_label(scope), ok=True, detail="" if granted is not None else "Not tried: it cannot be without creating something."
        )
    try:
        attempt(client)
    except Misconfigured as error:
        return CheckLine(label=_label(scope), ok=False, detail=error.message, fix=GIVE_RIGHT.format(name=scope.name))
    except ProviderError as error:
        if _passes(error):
            return CheckLine(label=_label(scope), ok=False, detail=error.message, fix="Try again later.")
    return CheckLine(label=_label(scope), ok=True)


def _passes(error: ProviderError) -> bool:
    """Tell whether an error says nothing of permissions: the service is not there just now, or what it said cannot be used."""
    return error.code in ("transient", "ambiguous", "bad-response")


def _roles(client: Client, settings: Mapping[str, Any]) -> Iterator[CheckLine]:
    wanted = {f"Organisation role of {kind}": number for kind, number in organisation_roles(settings).items()}
    if settings.get("classes"):
        wanted |= {f"Role in courses of {role}": number for role, number in class_roles(settings).items()}
    try:
        known = {number_of(row, "Identifier"): str(row.get("DisplayName") or "") for row in rows_of(client.get("roles/"))}
    except ProviderError as error:
        fix = GIVE_RIGHT.format(name=scopes.ROLES.name)
        yield CheckLine(label="Roles can be read", ok=False, detail=error.message, fix=fix)
        return
    for label, number in wanted.items():
        if number in known:
            yield CheckLine(label=label, ok=True, detail=f"{number}: {known[number]}")
        else:
            choice = ", ".join(f"{each} {name}" for each, name in sorted(known.items())) or "none that the app may see"
            yield CheckLine(label=label, ok=False, detail=f"There is no role {number}.", fix=f"The site has: {choice}.")


def _without_role(settings: Mapping[str, Any]) -> Iterator[CheckLine]:
    """Tell of which user types that are to be there nobody can be created."""
    for kind in settings.get("user_types") or ():
        if kind not in organisation_roles(settings):
            detail = "It has none, so these accounts wait instead of being created."
            fix = "Enter one under “Organisation roles”, or take this user type out of “For whom”."
            yield CheckLine(label=f"Organisation role of {kind}", ok=False, detail=detail, fix=fix, required=False)


def _classes(client: Client, settings: Mapping[str, Any]) -> Iterator[CheckLine]:
    for role in {"student", "teacher"} - class_roles(settings).keys():
        yield CheckLine(label=f"Role in courses of {role}", ok=False, fix="Enter it under “Roles in courses” in the settings.")
    if not settings.get("course_template"):
        yield CheckLine(label="Template of new courses", ok=False, fix="Enter the org unit id of a course template in the settings.")
    for label, name in (("Template of new courses", "course_template"), ("Semester of new courses", "semester")):
        if settings.get(name):
            yield _unit(client, label, int(settings[name]))


def _unit(client: Client, label: str, number: int) -> CheckLine:
    try:
        row = object_of(client.get(f"orgstructure/{number}"))
    except ProviderError as error:
        fix = "Enter the id of an org unit that exists and that the service user may see."
        return CheckLine(label=label, ok=False, detail=f"Org unit {number}: {error.message}", fix=fix)
    kind = row.get("Type")
    name = kind.get("Name") if isinstance(kind, dict) else ""
    return CheckLine(label=label, ok=True, detail=f"{row.get('Name') or number} ({name or 'org unit'})")
