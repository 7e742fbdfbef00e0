"""Tests a connection without changing anything: one line per permission, domain and licence that is needed (R54).

A permission shows in the app's token. Where a tenant's tokens do not show theirs, each kind of call is tried on a user, group or class
that nobody has: Graph says *not allowed* before it says *not found*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rolecall.errors import Misconfigured, NotFound, Permanent, ProviderError
from rolecall.sdk import CheckLine
from rolecall_o365 import permissions
from rolecall_o365.client import Part, rows_of
from rolecall_o365.permissions import Permission
from rolecall_o365.settings import all_domains, licence_rules
from rolecall_o365.tenant import Tenant

#: An object id that nothing has.
NOBODY = "00000000-0000-0000-0000-000000000000"
GRANT = "In the app's registration: API permissions → Add → Microsoft Graph → Application permissions → {name}, then grant admin consent."

#: A call of each kind that can do nothing.
HARMLESS: Mapping[Permission, Part] = {
    permissions.READ: Part(method="GET", path=f"/users/{NOBODY}"),
    permissions.WRITE: Part(method="PATCH", path=f"/users/{NOBODY}", body={"usageLocation": "US"}),
    permissions.ENABLE: Part(method="PATCH", path=f"/users/{NOBODY}", body={"accountEnabled": False}),
    permissions.REVOKE: Part(method="POST", path=f"/users/{NOBODY}/revokeSignInSessions"),
    permissions.DELETE: Part(method="DELETE", path=f"/users/{NOBODY}"),
    permissions.LICENSE: Part(method="POST", path=f"/users/{NOBODY}/assignLicense", body={"addLicenses": [], "removeLicenses": []}),
    permissions.GROUP: Part(
        method="POST", path="/groups", body={"displayName": "", "mailEnabled": False, "mailNickname": "@", "securityEnabled": True}
    ),
    permissions.MEMBER: Part(method="DELETE", path=f"/groups/{NOBODY}/members/{NOBODY}/$ref"),
    permissions.CLASS: Part(method="PATCH", path=f"/education/classes/{NOBODY}", body={"classCode": "0"}),
    permissions.TEAM: Part(method="PUT", path=f"/groups/{NOBODY}/team", body={}),
    permissions.ARCHIVE: Part(method="POST", path=f"/teams/{NOBODY}/unarchive"),
}


def lines(tenant: Tenant) -> Iterator[CheckLine]:
    """Yield the lines; where the app is refused there is nothing more to try."""
    try:
        roles = tenant.graph.tokens.roles()
    except ProviderError as error:
        fix = error.hint or "Check that this server may reach Microsoft's sign-in."
        yield CheckLine(label="Sign-in of the app", ok=False, detail=error.message, fix=fix)
        return
    yield CheckLine(label="Sign-in of the app", ok=True)
    for permission in dict.fromkeys(permissions.needed(tenant.settings)):
        yield _held(permission, roles) if roles is not None else _tried(tenant, permission)
    yield from _users(tenant)
    yield from _domains(tenant)
    yield from _licences(tenant)
    if tenant.settings.get("classes"):
        yield _read(
            tenant, "Classes can be read (education tenant)", "/education/classes", "Classes need a tenant of Microsoft 365 Education."
        )


def _label(permission: Permission) -> str:
    return f"{permission.what_for} ({permission.names[0]})"


def _held(permission: Permission, roles: frozenset[str]) -> CheckLine:
    ok = permission.held(roles)
    by = next((name for name in permission.names if name in roles), "")
    detail = f"By {by}." if ok and by != permission.names[0] else ""
    return CheckLine(label=_label(permission), ok=ok, detail=detail, fix="" if ok else GRANT.format(name=permission.names[0]))


def _tried(tenant: Tenant, permission: Permission) -> CheckLine:
    try:
        tenant.graph.call(HARMLESS[permission])
    except (NotFound, Permanent):
        pass
    except Misconfigured as error:
        return CheckLine(label=_label(permission), ok=False, detail=error.message, fix=GRANT.format(name=permission.names[0]))
    except ProviderError as error:
        return CheckLine(label=_label(permission), ok=False, detail=error.message, fix="Try again later.")
    return CheckLine(label=_label(permission), ok=True)


def _users(tenant: Tenant) -> Iterator[CheckLine]:
    yield _read(tenant, "Users can be read", "/users", GRANT.format(name=permissions.READ.names[0]))
    try:
        rows_of(tenant.graph.read("/users", eventual=True, filter=f"onPremisesExtensionAttributes/{tenant.slot} eq 'rolecall'", count=True))
    except ProviderError as error:
        fix = "Choose another field for our key in the settings."
        yield CheckLine(label="Users can be found by our key", ok=False, detail=error.message, fix=fix)
    else:
        yield CheckLine(label="Users can be found by our key", ok=True, detail=f"In {tenant.slot}.")


def _read(tenant: Tenant, label: str, path: str, fix: str) -> CheckLine:
    try:
        rows_of(tenant.graph.read(path, top=1))
    except ProviderError as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix=fix)
    return CheckLine(label=label, ok=True)


def _domains(tenant: Tenant) -> Iterator[CheckLine]:
    """Look whether users can be made in each domain. The app need not be allowed to see domains."""
    try:
        known = {str(row.get("id")).lower(): row for row in rows_of(tenant.graph.read("/domains"))}
    except ProviderError as error:
        fix = GRANT.format(name="Domain.Read.All")
        yield CheckLine(label="Domains can be looked at", ok=False, detail=error.message, fix=fix, required=False)
        return
    for domain in all_domains(tenant.settings):
        row: Mapping[str, Any] = known.get(domain, {})
        fix = ""
        if row.get("isVerified") is not True:
            fix = "Add and verify the domain in the Microsoft 365 admin center, or choose another in the settings."
        elif row.get("authenticationType") == "Federated":
            fix = "People of this domain sign in at another service, which also makes its users. Choose a managed domain."
        yield CheckLine(label=f"Domain {domain}", ok=not fix, fix=fix)


def _licences(tenant: Tenant) -> Iterator[CheckLine]:
    if not licence_rules(tenant.settings):
        return
    try:
        rows = list(tenant.graph.pages("/subscribedSkus"))
    except ProviderError as error:
        fix = GRANT.format(name=permissions.LICENSE.names[0])
        yield CheckLine(label="Licences can be looked at", ok=False, detail=error.message, fix=fix)
        return
    for sku in sorted(tenant.licences.managed):
        row = next((row for row in rows if sku in (str(row.get("skuPartNumber")).upper(), str(row.get("skuId")).upper())), None)
        if row is None:
            names = ", ".join(sorted(str(row.get("skuPartNumber")) for row in rows)) or "none"
            yield CheckLine(label=f"Licence {sku}", ok=False, fix=f"The tenant has: {names}.")
            continue
        prepaid = row.get("prepaidUnits")
        seats = int((prepaid.get("enabled") if isinstance(prepaid, dict) else 0) or 0)
        free = max(seats - int(row.get("consumedUnits") or 0), 0)
        fix = "" if free else "Buy more seats, or take the licence from people who have left."
        yield CheckLine(label=f"Licence {sku}", ok=bool(free), detail=f"{free} of {seats} seats are free.", fix=fix, required=False)
