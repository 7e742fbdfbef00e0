"""Tests a connection without changing anything: a line per scope, right, domain, organisational unit and licence that is needed (R54).

A scope is tried by asking for a token that carries it alone: delegation refuses the whole token over one scope. A right of the
administrator is tried by reading, and by a change of somebody whom nobody is.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from rolecall.errors import Misconfigured, NotFound, Permanent, ProviderError, Transient
from rolecall.sdk import CheckLine
from rolecall_google import scopes
from rolecall_google.client import USERS, Google, Part, rows_of, segment, with_query
from rolecall_google.groups import GROUPS
from rolecall_google.licences import PRODUCTS
from rolecall_google.scopes import Scope
from rolecall_google.settings import CLASSROOM, DIRECTORY, LICENSING, all_domains, all_units
from rolecall_google.users import is_administrator
from rolecall_google.workspace import Workspace

GRANT = "Admin console → Security → API controls → Domain-wide delegation: add {scope} to the scopes of the service account's client id."
ROLE = "Give the administrator to act as a role that allows it: Admin console → Account → Admin roles → {role}."


def lines(workspace: Workspace) -> Iterator[CheckLine]:
    """Yield the lines; where the service account is refused there is nothing more to try."""
    settings = workspace.settings
    granted: set[Scope] = set()
    for scope in (*scopes.working(settings), *scopes.looking(settings)):
        line = _granted(workspace.google, scope)
        yield line
        if line.ok:
            granted.add(scope)
    if scopes.USERS in granted:
        yield from _users(workspace)
    if scopes.GROUPS in granted and workspace.keeps_groups:
        yield from _groups(workspace)
    if scopes.LICENCES in granted:
        yield from _licences(workspace)
    if {scopes.COURSES, scopes.ROSTERS} <= granted:
        yield from _classes(workspace)
    if scopes.DOMAINS in granted:
        yield from _domains(workspace)
    if scopes.UNITS in granted:
        yield from _units(workspace)


def _granted(google: Google, scope: Scope) -> CheckLine:
    label = f"{scope.what_for} ({scope.name})"
    try:
        google.tokens.get([scope])
    except Transient as error:
        return CheckLine(
            label=label, ok=False, detail=error.message, fix="Check that this server may reach Google's sign-in.", required=scope.required
        )
    except ProviderError as error:
        fix = error.hint if "unauthorized_client" not in error.message else GRANT.format(scope=scope.address)
        return CheckLine(label=label, ok=False, detail=error.message, fix=fix, required=scope.required)
    return CheckLine(label=label, ok=True, required=scope.required)


def _tried(google: Google, scope: Scope, label: str, part: Part, role: str) -> CheckLine:
    """Make a call that can do nothing, with a token of its scope alone; only a refusal of the right is a failure."""
    try:
        google.with_scopes(scope).call(part)
    except (NotFound, Permanent):
        pass
    except Misconfigured as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix=ROLE.format(role=role))
    except ProviderError as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix="Try again later.")
    return CheckLine(label=label, ok=True)


def _users(workspace: Workspace) -> Iterator[CheckLine]:
    google, admin = workspace.google.with_scopes(scopes.USERS), str(workspace.settings["admin"])
    label = "The administrator to act as"
    try:
        row = google.read(f"{USERS}/{segment(admin)}")
    except ProviderError as error:
        yield CheckLine(label=label, ok=False, detail=error.message, fix=f"Correct the address, or make {admin} an administrator.")
    else:
        closed = row.get("suspended") is True
        ok = is_administrator(row) and not closed
        detail = "" if row.get("isAdmin") is not True else "A super administrator: a role of its own with fewer rights is enough."
        fix = "" if ok else f"{admin} is suspended." if closed else f"Give {admin} an administrator's role, as the guide says."
        yield CheckLine(label=label, ok=ok, detail=detail, fix=fix)
    listing = with_query(USERS, customer=workspace.customer, maxResults=1, query="externalId='rolecall'")
    yield _tried(google, scopes.USERS, "Users can be found by our key", Part(method="GET", path=listing), "Users → Read")
    nobody = f"{USERS}/{_nobody(workspace)}"
    change = Part(method="PUT", path=nobody, body={})
    yield _tried(google, scopes.USERS, "Users can be changed", change, "Users → Update")
    yield _tried(google, scopes.USERS, "Users can be deleted", Part(method="DELETE", path=nobody), "Users → Delete")


def _groups(workspace: Workspace) -> Iterator[CheckLine]:
    google = workspace.google
    listing = Part(method="GET", path=with_query(GROUPS, customer=workspace.customer, maxResults=1))
    yield _tried(google, scopes.GROUPS, "Groups can be read", listing, "Groups → Read")
    nobody = _nobody(workspace)
    member = Part(method="DELETE", path=f"{GROUPS}/{nobody}/members/{nobody}")
    yield _tried(google, scopes.GROUPS, "Members of groups can be changed", member, "Groups → Update")


def _licences(workspace: Workspace) -> Iterator[CheckLine]:
    google = workspace.google.with_scopes(scopes.LICENCES)
    for licence in sorted(workspace.licences.managed):
        product, _, sku = licence.partition("/")
        path = f"{PRODUCTS}/{segment(product)}/sku/{segment(sku)}/users"
        fix = "Correct the licence in the settings, and give the administrator to act as the right License Management."
        yield _read(google, f"Licence {licence}", with_query(path, customerId=workspace.customer, maxResults=1), "items", LICENSING, fix)


def _classes(workspace: Workspace) -> Iterator[CheckLine]:
    google = workspace.google
    fix = "Switch Classroom on for the administrator to act as: Admin console → Apps → Google Workspace → Classroom."
    listing = with_query("/v1/courses", pageSize=1)
    yield _read(google.with_scopes(scopes.COURSES), "Courses can be read", listing, "courses", CLASSROOM, fix)
    member = Part(method="DELETE", path=f"/v1/courses/d:{secrets.token_hex(8)}/students/{_nobody(workspace)}", api=CLASSROOM)
    yield _tried(google, scopes.ROSTERS, "Members of courses can be changed", member, "Services → Google Classroom")


def _nobody(workspace: Workspace) -> str:
    """Return an address of the institution's that no user and no group has."""
    return f"rolecall-nobody-{secrets.token_hex(8)}@{workspace.settings['domain']}"


def _read(google: Google, label: str, path: str, rows: str, api: str, fix: str) -> CheckLine:
    try:
        rows_of(google.call(Part(method="GET", path=path, api=api)), rows, api=api)
    except ProviderError as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix=fix)
    return CheckLine(label=label, ok=True)


def _domains(workspace: Workspace) -> Iterator[CheckLine]:
    """Look whether users can be made in each domain. Without the right to see domains nothing is said of them."""
    path = f"/admin/directory/v1/customer/{segment(workspace.customer)}/domains"
    try:
        rows = rows_of(workspace.google.with_scopes(scopes.DOMAINS).read(path, api=DIRECTORY), "domains")
    except ProviderError as error:
        fix = ROLE.format(role="Domain settings")
        yield CheckLine(label="Domains can be looked at", ok=False, detail=error.message, fix=fix, required=False)
        return
    verified: dict[str, Any] = {str(row.get("domainName")).lower(): row.get("verified") for row in rows}
    for domain in all_domains(workspace.settings):
        ok = verified.get(domain) is True
        fix = "" if ok else "Add and verify the domain in the Admin console, or choose another in the settings."
        yield CheckLine(label=f"Domain {domain}", ok=ok, fix=fix)


def _units(workspace: Workspace) -> Iterator[CheckLine]:
    path = f"/admin/directory/v1/customer/{segment(workspace.customer)}/orgunits"
    try:
        rows = rows_of(workspace.google.with_scopes(scopes.UNITS).read(path, type="all"), "organizationUnits")
    except ProviderError as error:
        fix = ROLE.format(role="Organizational units → Read")
        yield CheckLine(label="Organisational units can be looked at", ok=False, detail=error.message, fix=fix, required=False)
        return
    known = {row.get("orgUnitPath") for row in rows}
    for unit in all_units(workspace.settings):
        ok = unit in known
        fix = "" if ok else "Make it in the Admin console, or correct it in the settings; capital letters count."
        yield CheckLine(label=f"Organisational unit {unit}", ok=ok, fix=fix)
