"""Users of the pretended site: the look-up with its three shapes, whole records, activation and sessions."""

from __future__ import annotations

from typing import Any

from rolecall_brightspace.fake.routes import Call, paged, route, texts
from rolecall_brightspace.fake.state import ORGANISATION, Row, State, ValenceError

#: The fewest characters of a password.
SHORTEST_PASSWORD = 8
_REPLACED = ("OrgDefinedId", "FirstName", "MiddleName", "LastName", "ExternalEmail", "UserName", "Pronouns")


def new_user(state: State, role: int, **fields: Any) -> Row:
    """Put a user into the site, with the defaults of one."""
    number = next(state.numbers)
    row: Row = {
        "OrgId": ORGANISATION,
        "UserId": number,
        "FirstName": "",
        "MiddleName": None,
        "LastName": "",
        "UserName": "",
        "ExternalEmail": None,
        "OrgDefinedId": None,
        "Activation": {"IsActive": True},
        "LastAccessedDate": None,
        "Pronouns": None,
        **fields,
    }
    row["UniqueIdentifier"] = row["UserName"]
    state.users[number] = row
    state.enrolments[ORGANISATION, number] = role
    return row


def shown(call: Call, row: Row) -> Row:
    """Return what the site shows of a user: without what the service user's role hides, and with a UniqueIdentifier that may lag."""
    state, number = call.state, row["UserId"]
    left = state.behind.get(number, 0)
    if left:
        state.behind[number] = left - 1
    else:
        row["UniqueIdentifier"] = row["UserName"]
    display = f"{row['FirstName']} {row['LastName']}"
    return {name: value for name, value in {**row, "DisplayName": display}.items() if name not in call.site.hidden}


@route("GET", "users/", "users:userdata:read")
def find(call: Call) -> Any:
    """Answer the look-up: one object or 404 for a user name, an array for an Org Defined ID or an e-mail, else a page of everybody."""
    users = list(call.state.users.values())
    if "userName" in call.query:
        wanted = call.query["userName"].casefold()
        row = next((row for row in users if row["UserName"].casefold() == wanted), None)
        if row is None:
            raise ValenceError(404, "The user does not exist.")
        return shown(call, row)
    for parameter, name in (("orgDefinedId", "OrgDefinedId"), ("externalEmail", "ExternalEmail")):
        if parameter in call.query:
            wanted = call.query[parameter].casefold()
            return [shown(call, row) for row in users if str(row[name] or "").casefold() == wanted]
    return paged(call, [shown(call, row) for row in users])


@route("POST", "users/", "users:userdata:create")
def create(call: Call) -> Row:
    """Create a user with a role in the organisation."""
    body = call.body
    texts(body, "UserName", "FirstName", "LastName")
    _free(call, body["UserName"], but=0)
    if body["RoleId"] not in call.state.roles:
        raise ValenceError(400, "The role does not exist.")
    password = (body.get("PasswordData") or {}).get("Password")
    if password is not None and len(password) < SHORTEST_PASSWORD:
        raise ValenceError(400, "The password is too short.")
    fields = {name: body.get(name) for name in _REPLACED}
    row = new_user(call.state, body["RoleId"], **fields, Activation={"IsActive": body["IsActive"]})
    if password is not None:
        call.state.passwords[row["UserId"]] = password
    return shown(call, row)


@route("GET", "users/{}", "users:userdata:read")
def read(call: Call, number: str) -> Row:
    """Show one user."""
    return shown(call, call.state.user(number))


@route("PUT", "users/{}", "users:userdata:update")
def replace(call: Call, number: str) -> Row:
    """Replace every field of a user: one that is left out is emptied."""
    row = call.state.user(number)
    texts(call.body, "UserName", "FirstName", "LastName")
    _free(call, call.body["UserName"], but=row["UserId"])
    if call.body["UserName"] != row["UserName"] and call.site.lag:
        call.state.behind[row["UserId"]] = call.site.lag
    row.update({name: call.body.get(name) for name in _REPLACED})
    row["Activation"] = {"IsActive": call.body["Activation"]["IsActive"]}
    return shown(call, row)


@route("DELETE", "users/{}", "users:userdata:delete")
def delete(call: Call, number: str) -> None:
    """Delete a user for good."""
    call.state.remove_user(call.state.user(number)["UserId"])


@route("PUT", "users/{}/activation", "users:activation:update")
def activate(call: Call, number: str) -> Row:
    """Open or close a user."""
    row = call.state.user(number)
    row["Activation"] = {"IsActive": call.body["IsActive"]}
    return dict(row["Activation"])


@route("DELETE", "sessions/{}", "sessions:session:delete")
def sign_out(call: Call, number: str) -> None:
    """End the sessions of a user."""
    call.state.signed_out.append(call.state.user(number)["UserId"])


def _free(call: Call, name: str, *, but: int) -> None:
    if any(row["UserName"].casefold() == name.casefold() and row["UserId"] != but for row in call.state.users.values()):
        raise ValenceError(call.site.taken_status, "The user name is in use.")
