"""What a user is in SCIM: which attribute stands where, how a resource is read, and how a new one is written (RFC 7643, section 4).

Owns the table of attributes. Knows nothing of calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rolecall.errors import Conflict
from rolecall.sdk import Attributes, Remote, Secret
from rolecall.sdk.mapping import MappedAttribute, Mode
from rolecall_scim.client import id_of
from rolecall_scim.errors import field_of
from rolecall_scim.service import is_false, is_true

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

#: What an institution may map, with what holds until it does.
MAPPING = (
    MappedAttribute(name="userName", label="User name", template="{username}", required=True, help="Unique there, in any case."),
    MappedAttribute(name="givenName", label="First name", template="{first_name}"),
    MappedAttribute(name="familyName", label="Last name", template="{last_name}"),
    MappedAttribute(name="displayName", label="Display name", template="{first_name} {last_name}"),
    MappedAttribute(name="emails", label="E-mail", template="{email}"),
    MappedAttribute(name="phoneNumbers", label="Mobile phone", template="{phone}", mode=Mode.IGNORE),
    MappedAttribute(name="nickName", label="Nickname", template="{profile_first_name}", mode=Mode.IGNORE),
    MappedAttribute(name="title", label="Title", template="{role}", mode=Mode.IGNORE),
    MappedAttribute(name="userType", label="User type", template="{type}", mode=Mode.IGNORE),
    MappedAttribute(name="preferredLanguage", label="Language", template="{language}", mode=Mode.IGNORE),
    MappedAttribute(name="employeeNumber", label="Employee number", template="{code}", mode=Mode.IGNORE),
    MappedAttribute(name="department", label="Department", template="{type}", mode=Mode.IGNORE),
    MappedAttribute(name="organization", label="Organization", template="", mode=Mode.IGNORE),
)
#: Attributes with one value: the steps from the resource to it.
PLAIN: Mapping[str, tuple[str, ...]] = {
    "userName": ("userName",),
    "givenName": ("name", "givenName"),
    "familyName": ("name", "familyName"),
    "displayName": ("displayName",),
    "nickName": ("nickName",),
    "title": ("title",),
    "userType": ("userType",),
    "preferredLanguage": ("preferredLanguage",),
    "externalId": ("externalId",),
    "employeeNumber": (ENTERPRISE, "employeeNumber"),
    "department": (ENTERPRISE, "department"),
    "organization": (ENTERPRISE, "organization"),
}
#: Attributes with many values, of which one is ours: the type that marks it.
MANY: Mapping[str, str] = {"emails": "work", "phoneNumbers": "mobile"}
#: Compared without case: what is sent and what is read is written small, so that nothing seems to differ that does not.
FOLDED = frozenset({"userName", "emails"})


def path_of(name: str) -> str:
    """Return where an attribute stands, as a PATCH or a filter names it (RFC 7644, section 3.5.2)."""
    steps = PLAIN.get(name, (name,))
    return (":" if steps[0] == ENTERPRISE else ".").join(steps)


def folded(name: str, value: str | None) -> str | None:
    """Return a value as it is compared."""
    return value.lower() if value is not None and name in FOLDED else value


def ours(row: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return the value of an attribute with many that is ours to write: the one of our type, else the primary one."""
    values = field_of(row, name)
    rows = [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []
    typed = (each for each in rows if str(field_of(each, "type") or "").lower() == MANY[name])
    primary = (each for each in rows if is_true(field_of(each, "primary")))
    return next(typed, None) or next(primary, None)


def value_of(row: Mapping[str, Any], name: str) -> str | None:
    """Return what a resource holds of an attribute; none where there is nothing, or something that is no text."""
    found: Any = row
    if name in MANY:
        found = field_of(ours(row, name), "value")
    else:
        for step in PLAIN[name]:
            found = field_of(found, step)
    return folded(name, found) if isinstance(found, str) and found else None


def remote_of(row: Mapping[str, Any], slot: str | None) -> Remote:
    """Turn one user of an answer into the value core knows; groups are read elsewhere."""
    attributes = {name: value_of(row, name) for name in (*PLAIN, *MANY)}
    key = attributes[slot] if slot is not None else None
    return Remote(external_id=id_of(row), key=key, attributes=attributes, suspended=is_false(field_of(row, "active")))


def creation(wanted: Attributes, password: Secret | None, *, active: str | bool = True) -> dict[str, Any]:
    """Return the body of a new user; what has no value is left out."""
    body: dict[str, Any] = {"schemas": [USER], "active": active}
    for name, value in wanted.items():
        if value is not None:
            put(body, name, str(value))
    if password is not None:
        body["password"] = password.reveal()
    return body


def put(body: dict[str, Any], name: str, value: str | None) -> None:
    """Write an attribute into a resource in place, whatever the case of the names in it; none takes it out."""
    if name in MANY:
        _put_many(body, name, value)
    elif name in PLAIN:
        _put_plain(body, PLAIN[name], value)


def _put_plain(body: dict[str, Any], steps: Sequence[str], value: str | None) -> None:
    target = body
    for step in steps[:-1]:
        inner = field_of(target, step)
        if not isinstance(inner, dict):
            if value is None:
                return
            inner = {}
        inner = dict(inner)
        target[_key(target, step)] = inner
        target = inner
    if value is None:
        target.pop(_key(target, steps[-1]), None)
        return
    target[_key(target, steps[-1])] = value
    if steps[0] == ENTERPRISE:
        schemas = field_of(body, "schemas")
        known = [str(each) for each in schemas] if isinstance(schemas, list) else [USER]
        if ENTERPRISE.lower() not in [each.lower() for each in known]:
            body[_key(body, "schemas")] = [*known, ENTERPRISE]


def _put_many(body: dict[str, Any], name: str, value: str | None) -> None:
    rows = field_of(body, name)
    values = [dict(each) for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []
    held = ours(body, name)
    kept = [each for each in values if each != held]
    if value is not None:
        kept.append({**held, _key(dict(held), "value"): value} if held is not None else entry(name, value))
    if kept or rows is not None:
        body[_key(body, name)] = kept


def entry(name: str, value: str) -> dict[str, Any]:
    """Return a new value of an attribute with many; ours is the primary address."""
    return {"value": value, "type": MANY[name]} | ({"primary": True} if name == "emails" else {})


def _key(row: Mapping[str, Any], name: str) -> str:
    """Return how a resource itself writes the name of an attribute; our way where it does not have it."""
    return next((key for key in row if key.lower() == name.lower()), name)


def taken(remote: Remote) -> Conflict:
    """Return the error for a user who carries somebody else's key."""
    return Conflict(
        f"The SCIM service already has a user with this user name who belongs to somebody else "
        f"(user {remote.external_id}, key {remote.key}).",
        hint="Change the user name here, or clear the key of that user there, and retry.",
    )
