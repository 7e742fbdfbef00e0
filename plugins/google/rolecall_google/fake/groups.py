"""The calls about groups and their members."""

from __future__ import annotations

import secrets
from typing import Any

from rolecall_google.fake.routes import Call, listed, route
from rolecall_google.fake.state import GoogleError, Row, duplicate, invalid, not_found

SCOPE = "admin.directory.group"
BASE = "/admin/directory/v1/groups"


@route("GET", BASE, SCOPE, "groups.read")
def find(call: Call) -> Any:
    """List groups, all of the customer's or those that somebody is in."""
    if "userKey" in call.query:
        user = call.state.user(call.query["userKey"])
        rows = [row for row in call.state.groups.values() if user["id"] in call.state.members[row["id"]]]
    elif "customer" in call.query:
        rows = list(call.state.groups.values())
    else:
        raise GoogleError(400, "required", "Missing required field: domain or customer or userKey")
    return listed(call, "groups", rows, size="maxResults", default=200)


@route("GET", f"{BASE}/{{}}", SCOPE, "groups.read")
def read(call: Call, key: str) -> Any:
    """Read one group."""
    return 200, call.state.group(key)


@route("POST", BASE, SCOPE, "groups.create")
def create(call: Call) -> Any:
    """Create a group."""
    address = str(call.body.get("email") or "")
    if not call.state.domains.get(address.rpartition("@")[2].lower()):
        raise invalid("Invalid Input: groupKey")
    if any(char in str(call.body.get("name", "")) for char in "<>="):
        raise invalid("Invalid Input: name")
    if address.lower() in call.state.addresses():
        raise duplicate()
    group: Row = {**call.body, "id": f"0{secrets.token_hex(7)}", "kind": "admin#directory#group"}
    call.state.groups[group["id"]] = group
    call.state.members[group["id"]] = set()
    call.state.hidden[group["id"]] = call.site.group_lag
    return 200, group


@route("GET", f"{BASE}/{{}}/members", SCOPE, "groups.read")
def members(call: Call, key: str) -> Any:
    """List the members of a group."""
    users = sorted(call.state.members[call.state.group(key)["id"]])
    rows = [{"id": each, "role": "MEMBER", "type": "USER", "email": call.state.users[each]["primaryEmail"]} for each in users]
    return listed(call, "members", rows, size="maxResults", default=200)


@route("POST", f"{BASE}/{{}}/members", SCOPE, "groups.update")
def join(call: Call, key: str) -> Any:
    """Put somebody into a group."""
    group = call.state.group(key)
    user = call.state.by_key(str(call.body.get("id") or call.body.get("email")))
    if user is None:
        raise not_found("memberKey")
    if user["id"] in call.state.members[group["id"]]:
        raise duplicate("Member already exists.")
    call.state.members[group["id"]].add(user["id"])
    return 200, {"kind": "admin#directory#member", "id": user["id"], "role": "MEMBER"}


@route("DELETE", f"{BASE}/{{}}/members/{{}}", SCOPE, "groups.update")
def leave(call: Call, key: str, member: str) -> Any:
    """Take somebody out of a group."""
    group = call.state.group(key)
    user = call.state.by_key(member)
    if user is None or user["id"] not in call.state.members[group["id"]]:
        raise not_found("memberKey")
    call.state.members[group["id"]].remove(user["id"])
    return 204, None
