"""The calls about users: find, create, change, delete, restore, licences, sessions."""

from __future__ import annotations

import re
from typing import Any

from rolecall_o365.fake.routes import Call, listed, route, selected
from rolecall_o365.fake.state import GraphError, Row, bad, conflict, new_id, new_user, not_found

LOCAL = re.compile(r"[A-Za-z0-9'._!#^~-]{1,64}")
WRITABLE = frozenset(
    {
        "accountEnabled", "displayName", "givenName", "surname", "mailNickname", "userPrincipalName", "usageLocation", "jobTitle",
        "department", "companyName", "officeLocation", "mobilePhone", "employeeId", "employeeType", "preferredLanguage", "otherMails",
        "passwordProfile", "onPremisesExtensionAttributes",
    }
)  # fmt: skip
READ = ("User.Read.All", "User.ReadWrite.All")
WRITE = ("User.ReadWrite.All",)
DEFAULT = "id,displayName,givenName,surname,jobTitle,mail,mobilePhone,officeLocation,preferredLanguage,userPrincipalName"


def _matches(call: Call, filter_text: str) -> Any:
    """Return the test that a filter asks for."""
    advanced = call.headers.get("consistencylevel") == "eventual" and call.query.get("$count") == "true"
    found = re.fullmatch(r"onPremisesExtensionAttributes/(extensionAttribute\d+) eq '(.*)'", filter_text)
    if found:
        if not advanced:
            raise GraphError(400, "Request_UnsupportedQuery", "The required parameters might be missing: $count and ConsistencyLevel.")
        slot, value = found[1], found[2].replace("''", "'")
        return lambda row: row["onPremisesExtensionAttributes"].get(slot) == value
    found = re.fullmatch(r"proxyAddresses/any\(p:p eq 'smtp:(.*)'\)", filter_text)
    if found:
        address = found[1].replace("''", "'").lower()
        return lambda row: address in [each.partition(":")[2].lower() for each in row["proxyAddresses"]]
    raise GraphError(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified.")


@route("GET", "/users", READ)
def find(call: Call) -> Any:
    """List users, all or those of a filter."""
    rows = list(call.state.users.values())
    if "$filter" in call.query:
        test = _matches(call, call.query["$filter"])
        rows = [row for row in rows if test(row) and call.state.seen(row["id"])]
    return listed(call, [selected(call, row, DEFAULT) for row in rows])


@route("GET", "/users/{}", READ)
def read(call: Call, key: str) -> Any:
    """Read one user."""
    return 200, selected(call, call.state.user(key), DEFAULT)


@route("POST", "/users", WRITE)
def create(call: Call) -> Any:
    """Create a user."""
    body = call.body
    for name in ("accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName"):
        if body.get(name) in (None, ""):
            raise bad(f"A value is required for property '{name}' of resource 'User'.")
    user = new_user()
    _write(call, user, body)
    user["id"] = new_id()
    call.state.users[user["id"]] = user
    call.state.hidden[user["id"]] = call.site.lag
    return 201, selected(call, user, DEFAULT)


@route("PATCH", "/users/{}", ("User.ReadWrite.All", "User.EnableDisableAccount.All"))
def change(call: Call, key: str) -> Any:
    """Change the fields that are given."""
    if set(call.body) != {"accountEnabled"} and "User.ReadWrite.All" not in call.site.roles:
        raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    user = call.state.user(key)
    if user["id"] in call.state.protected:
        raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    if user["onPremisesSyncEnabled"] and set(call.body) != {"accountEnabled"}:
        raise bad("Unable to update the specified properties for on-premises mastered Directory Sync objects.")
    _write(call, user, call.body)
    return 204, None


def _write(call: Call, user: Row, body: Row) -> None:
    unknown = set(body) - WRITABLE
    if unknown:
        raise bad(f"One or more property values specified are invalid: {', '.join(sorted(unknown))}.")
    if not str(body.get("displayName", "x") or ""):
        raise bad("Invalid value specified for property 'displayName' of resource 'User'.")
    profile = body.get("passwordProfile")
    if profile is not None:
        password = str(profile.get("password") or "")
        classes = sum(bool(re.search(pattern, password)) for pattern in (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]"))
        if not 8 <= len(password) <= 256 or classes < 3 or not password.isascii():
            raise bad("The specified password does not comply with password complexity requirements. Please provide a different password.")
    if "userPrincipalName" in body:
        _rename(call, user, str(body["userPrincipalName"]))
    for name, value in body.items():
        if name == "onPremisesExtensionAttributes":
            user[name] = user[name] | value
        elif name not in ("passwordProfile", "userPrincipalName"):
            user[name] = value


def _rename(call: Call, user: Row, upn: str) -> None:
    local, _, domain = upn.rpartition("@")
    if not LOCAL.fullmatch(local) or local.endswith("."):
        raise bad("Property userPrincipalName is invalid.")
    if not call.state.domains.get(domain.lower(), {}).get("isVerified"):
        raise bad("The domain portion of the userPrincipalName property is invalid. Use a verified domain.")
    if upn.lower() in call.state.addresses(but=user["id"]):
        raise conflict("userPrincipalName")
    user["userPrincipalName"] = upn


@route("DELETE", "/users/{}", ("User.DeleteRestore.All", "User.ReadWrite.All"))
def delete(call: Call, key: str) -> Any:
    """Put a user into the recycle bin, where the sign-in name begins with the id."""
    user = call.state.user(key)
    number = user["id"]
    del call.state.users[number]
    call.state.remove_user(number)
    call.state.deleted[number] = user | {"userPrincipalName": number.replace("-", "") + user["userPrincipalName"]}
    return 204, None


@route("GET", "/directory/deletedItems/microsoft.graph.user", READ)
def recycle_bin(call: Call) -> Any:
    """List the recycle bin."""
    rows = list(call.state.deleted.values())
    if "$filter" in call.query:
        if call.site.bin_filter == "refused":
            raise GraphError(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified.")
        test = _matches(call, call.query["$filter"])
        rows = rows if call.site.bin_filter == "ignored" else [row for row in rows if test(row)]
    return listed(call, [selected(call, row, DEFAULT) for row in rows])


@route("POST", "/directory/deletedItems/{}/restore", ("User.DeleteRestore.All", "User.ReadWrite.All"))
def restore(call: Call, number: str) -> Any:
    """Bring a user back."""
    user = call.state.deleted.get(number)
    if user is None:
        raise not_found(number)
    upn = user["userPrincipalName"].removeprefix(number.replace("-", ""))
    if upn.lower() in call.state.addresses():
        raise conflict("userPrincipalName")
    del call.state.deleted[number]
    call.state.users[number] = user | {"userPrincipalName": upn}
    return 200, {"@odata.type": "#microsoft.graph.user", "id": number}


@route("POST", "/users/{}/revokeSignInSessions", ("User.RevokeSessions.All",))
def revoke(call: Call, key: str) -> Any:
    """End all sessions of a user."""
    call.state.signed_out.append(call.state.user(key)["id"])
    return 200, {"value": True}


@route("POST", "/users/{}/assignLicense", ("LicenseAssignment.ReadWrite.All", "User.ReadWrite.All"))
def assign(call: Call, key: str) -> Any:
    """Give and take licences, all or none."""
    user = call.state.user(key)
    if not user["usageLocation"]:
        raise bad("License assignment cannot be done for user with invalid usage location.")
    have = {each["skuId"] for each in user["assignedLicenses"]}
    for each in call.body["addLicenses"]:
        sku = call.state.skus.get(each["skuId"])
        if sku is None:
            raise bad(f"License {each['skuId']} does not correspond to a valid company License.")
        if each["skuId"] not in have and call.state.consumed(each["skuId"]) >= sku["seats"]:
            raise bad(f"Subscription with SKU {each['skuId']} does not have any available licenses.")
    direct = {state["skuId"] for state in user["licenseAssignmentStates"] if not state.get("assignedByGroup")}
    for number in call.body["removeLicenses"]:
        if number not in direct:
            raise bad("User license is inherited from a group membership and it cannot be removed directly from the user.")
    have = (have | {each["skuId"] for each in call.body["addLicenses"]}) - set(call.body["removeLicenses"])
    states = [state for state in user["licenseAssignmentStates"] if state.get("assignedByGroup")]
    user["licenseAssignmentStates"] = states + [
        {"skuId": number, "assignedByGroup": None, "state": "Active", "error": "None"}
        for number in sorted(have)
        if number not in {state["skuId"] for state in states}
    ]
    user["assignedLicenses"] = [{"skuId": number, "disabledPlans": []} for number in sorted(have)]
    if have and not user["mail"]:
        user["mail"] = user["userPrincipalName"]
        user["proxyAddresses"] = [f"SMTP:{user['userPrincipalName']}"]
    return 200, selected(call, user, DEFAULT)


@route("GET", "/subscribedSkus", ("LicenseAssignment.ReadWrite.All", "Organization.Read.All"))
def skus(call: Call) -> Any:
    """List the licences of the tenant."""
    rows = [
        {
            "id": f"tenant_{number}",
            "skuId": number,
            "skuPartNumber": sku["name"],
            "capabilityStatus": "Enabled",
            "appliesTo": "User",
            "consumedUnits": call.state.consumed(number),
            "prepaidUnits": {"enabled": sku["seats"], "suspended": 0, "warning": 0, "lockedOut": 0},
        }
        for number, sku in call.state.skus.items()
    ]
    return 200, {"value": rows}


@route("GET", "/domains", ("Domain.Read.All",))
def domains(call: Call) -> Any:
    """List the domains of the tenant."""
    return 200, {"value": [{"id": name, "authenticationType": "Managed", **row} for name, row in call.state.domains.items()]}
