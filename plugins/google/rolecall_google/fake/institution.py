"""The calls about what an institution has: domains, organisational units and licences."""

from __future__ import annotations

from typing import Any

from rolecall_google.fake.routes import Call, listed, route
from rolecall_google.fake.state import GoogleError, Row, not_found

CUSTOMER = "/admin/directory/v1/customer/{}"
LICENCE = "/apps/licensing/v1/product/{}/sku/{}/user"
SCOPE = "apps.licensing"


@route("GET", f"{CUSTOMER}/domains", "admin.directory.domain.readonly", "domains")
def domains(call: Call, customer: str) -> Any:
    """List the domains."""
    rows = [{"domainName": name, "verified": verified} for name, verified in call.state.domains.items()]
    return 200, {"kind": "admin#directory#domains", "domains": rows}


@route("GET", f"{CUSTOMER}/orgunits", "admin.directory.orgunit.readonly", "units")
def units(call: Call, customer: str) -> Any:
    """List the organisational units below the top."""
    rows = [{"orgUnitPath": path, "name": path.rpartition("/")[2]} for path in sorted(call.state.units - {"/"})]
    return 200, {"kind": "admin#directory#orgUnits", **({"organizationUnits": rows} if rows else {})}


def _holders(call: Call, product: str, sku: str) -> set[str]:
    if f"{product}/{sku}" not in call.state.seats:
        raise GoogleError(400, "invalid", "Invalid SKU or product.")
    return call.state.licences.setdefault(f"{product}/{sku}", set())


def _assignment(product: str, sku: str, user: str) -> Row:
    return {"kind": "licensing#licenseAssignment", "productId": product, "skuId": sku, "userId": user}


def _known(call: Call, address: str) -> str:
    """The Licensing API takes primary addresses, not ids."""
    if not any(row["primaryEmail"].lower() == address.lower() for row in call.state.users.values()):
        raise GoogleError(400, "userNotFound", "User not found.")
    return address.lower()


def _take_seat(call: Call, product: str, sku: str) -> set[str]:
    holders = _holders(call, product, sku)
    if len(holders) >= call.state.seats[f"{product}/{sku}"]:
        raise GoogleError(412, "conditionNotMet", "There aren't enough available licenses for the specified product-SKU pair.")
    return holders


@route("GET", f"{LICENCE}s", SCOPE, "licences")
def assignments(call: Call, product: str, sku: str) -> Any:
    """List who holds a licence."""
    rows = [_assignment(product, sku, each) for each in sorted(_holders(call, product, sku))]
    return listed(call, "items", rows, size="maxResults", default=100)


@route("GET", f"{LICENCE}/{{}}", SCOPE, "licences")
def held(call: Call, product: str, sku: str, user: str) -> Any:
    """Tell whether somebody holds a licence."""
    if user.lower() not in _holders(call, product, sku):
        raise not_found("License assignment")
    return 200, _assignment(product, sku, user)


@route("POST", LICENCE, SCOPE, "licences")
def assign(call: Call, product: str, sku: str) -> Any:
    """Give a licence."""
    address = _known(call, str(call.body.get("userId")))
    if address in _holders(call, product, sku):
        raise GoogleError(409, "duplicate", "User already has a license for the specified product and SKU")
    _take_seat(call, product, sku).add(address)
    return 200, _assignment(product, sku, address)


@route("PUT", f"{LICENCE}/{{}}", SCOPE, "licences")
def exchange(call: Call, product: str, sku: str, user: str) -> Any:
    """Exchange a licence for another of the same product."""
    if user.lower() not in _holders(call, product, sku):
        raise not_found("License assignment")
    new = str(call.body["skuId"])
    _take_seat(call, product, new).add(_known(call, user))
    _holders(call, product, sku).discard(user.lower())
    return 200, _assignment(product, new, user)


@route("DELETE", f"{LICENCE}/{{}}", SCOPE, "licences")
def withdraw(call: Call, product: str, sku: str, user: str) -> Any:
    """Take a licence away."""
    if user.lower() not in _holders(call, product, sku):
        raise not_found("License assignment")
    _holders(call, product, sku).discard(user.lower())
    return 200, {}
