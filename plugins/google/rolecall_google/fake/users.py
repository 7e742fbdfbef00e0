"""The calls about users: find, create, change, delete, undelete."""

from __future__ import annotations

import re
from typing import Any

from rolecall_google.fake.routes import Call, listed, route
from rolecall_google.fake.state import GoogleError, Row, duplicate, invalid, new_id, new_user, not_found

LOCAL = re.compile(r"[A-Za-z0-9'._-]{1,64}")
#: Lists in a user: written whole, and cleared by none only.
LISTS = ("externalIds", "organizations", "phones", "languages")
WRITABLE = frozenset({"primaryEmail", "name", "password", "changePasswordAtNextLogin", "suspended", "archived", "orgUnitPath", *LISTS})
SCOPE = "admin.directory.user"
BASE = "/admin/directory/v1/users"


@route("GET", BASE, SCOPE, "users.read")
def find(call: Call) -> Any:
    """List users, living or deleted, all or those with an external id."""
    gone = call.query.get("showDeleted") == "true"
    rows = list((call.state.deleted if gone else call.state.users).values())
    if "query" in call.query and not (gone and call.site.deleted_search == "ignored"):
        found = re.fullmatch(r"externalId='(.*)'", call.query["query"])
        if not found or (gone and call.site.deleted_search == "refused"):
            raise invalid("Invalid Input: query")
        value = found[1].replace("\\'", "'")
        rows = [row for row in rows if any(each.get("value") == value for each in row.get("externalIds") or ())]
        rows = [row for row in rows if gone or call.state.seen(row["id"])]
    return listed(call, "users", rows, size="maxResults", default=100)


@route("GET", f"{BASE}/{{}}", SCOPE, "users.read")
def read(call: Call, key: str) -> Any:
    """Read one user, by id, address or alias."""
    return 200, call.state.user(key)


@route("POST", BASE, SCOPE, "users.create")
def create(call: Call) -> Any:
    """Create a user."""
    for name in ("primaryEmail", "name", "password"):
        if not call.body.get(name):
            raise GoogleError(400, "required", f"Missing required field: {name}")
    if len(call.state.users) >= call.site.user_seats:
        raise GoogleError(412, "limitExceeded", "Domain user limit reached.")
    user = new_user()
    _write(call, user, call.body)
    call.state.users[user["id"]] = user
    call.state.hidden[user["id"]] = call.site.lag
    if call.site.create_lag:
        error = GoogleError(412, "conditionNotMet", "User creation is not complete.")
        call.state.busy[user["id"]] = call.site.create_lag, error
    return 200, user


@route("PUT", f"{BASE}/{{}}", SCOPE, "users.update")
def change(call: Call, key: str) -> Any:
    """Change the fields that are given."""
    user = call.state.user(key)
    if user["id"] in call.state.protected:
        raise GoogleError(403, "forbidden", "Not Authorized to access this resource/api")
    left, error = call.state.busy.get(user["id"], (0, None))
    if left and error is not None:
        call.state.busy[user["id"]] = left - 1, error
        raise error
    _write(call, user, call.body)
    return 200, user


def _write(call: Call, user: Row, body: Row) -> None:
    """Check everything, then write it."""
    unknown = set(body) - WRITABLE
    if unknown:
        raise invalid(f"Invalid Input: {', '.join(sorted(unknown))}")
    name = {**user["name"], **body.get("name", {})}
    for part in ("givenName", "familyName"):
        if not name[part] or len(name[part]) > 60:
            raise invalid(f"Invalid Given/Family Name: {part}")
    if "password" in body and not 8 <= len(body["password"]) <= 100:
        raise invalid("Invalid Password")
    if body.get("orgUnitPath", "/") not in call.state.units:
        raise invalid("Invalid Input: INVALID_OU_ID")
    _check_state(call, user, body)
    address = str(body.get("primaryEmail", user["primaryEmail"]))
    if address != user["primaryEmail"]:
        _rename(call, user, address)
    user |= {each: value for each, value in body.items() if each not in ("name", "password", "primaryEmail", *LISTS)}
    user["name"] = name | {"fullName": f"{name['givenName']} {name['familyName']}"}
    for each in LISTS:
        if body.get(each):
            user[each] = body[each]
        elif each in body and body[each] is None:
            user.pop(each, None)
    if body.get("suspended"):
        user.setdefault("suspensionReason", "ADMIN")
    elif "suspended" in body:
        user.pop("suspensionReason", None)


def _check_state(call: Call, user: Row, body: Row) -> None:
    if body.get("suspended") is False and user.get("suspensionReason", "ADMIN") != "ADMIN":
        raise GoogleError(403, "adminCannotUnsuspend", "Cannot restore a user suspended for abuse.")
    archived = sum(row["archived"] for row in call.state.users.values())
    if body.get("archived") and not user["archived"] and archived >= call.site.archive_seats:
        raise GoogleError(412, "insufficientArchivedUserLicenses", "Insufficient archived user licenses.")


def _rename(call: Call, user: Row, address: str) -> None:
    local, _, domain = address.rpartition("@")
    if not LOCAL.fullmatch(local) or ".." in local:
        raise invalid("Invalid Input: primary_user_email")
    if not call.state.domains.get(domain.lower()):
        raise GoogleError(404, "notFound", "Domain not found.")
    if address.lower() in call.state.addresses(but=user["id"]):
        raise duplicate()
    old = user["primaryEmail"].lower()
    user["aliases"] = [each for each in (*user["aliases"], *([old] if old else ())) if each != address.lower()]
    user["primaryEmail"] = address
    for holders in call.state.licences.values():
        if old in holders:
            holders.symmetric_difference_update({old, address.lower()})
    if old and call.site.rename_lag:
        call.state.busy[user["id"]] = call.site.rename_lag, duplicate()


@route("DELETE", f"{BASE}/{{}}", SCOPE, "users.delete")
def delete(call: Call, key: str) -> Any:
    """Delete a user, who stays restorable and keeps the address for 20 days."""
    user = call.state.user(key)
    del call.state.users[user["id"]]
    call.state.remove_user(user)
    call.state.deleted[user["id"]] = user | {"deletionTime": "2026-11-30T08:00:00.000Z"}
    return 204, None


@route("POST", f"{BASE}/{{}}/undelete", SCOPE, "users.update")
def undelete(call: Call, number: str) -> Any:
    """Bring a user back, by id only."""
    user = call.state.deleted.get(number)
    if user is None:
        raise not_found("userKey")
    if call.body["orgUnitPath"] not in call.state.units:
        raise invalid("Invalid Ou Id")
    del call.state.deleted[number]
    if user["primaryEmail"].lower() in call.state.addresses():
        call.state.deleted[number] = user
        raise duplicate()
    back = {name: value for name, value in user.items() if name != "deletionTime"}
    call.state.users[number] = back | {"orgUnitPath": call.body["orgUnitPath"]}
    return 204, None


def add(call_state: Any, **fields: Any) -> str:
    """Put a user there as if somebody had made it by hand; returns its id."""
    user = new_user(**{"name": {"givenName": "Some", "familyName": "Body"}, **fields})
    user["id"] = fields.get("id") or new_id()
    call_state.users[user["id"]] = user
    return str(user["id"])
