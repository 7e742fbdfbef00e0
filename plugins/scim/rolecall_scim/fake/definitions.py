"""Which attributes the resources of the pretended service have, and which values they take (RFC 7643, sections 4 and 8.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rolecall_scim.fake.state import ENTERPRISE, GROUP, USER, Row, invalid

TEXT, TRUTH, COMPLEX, MANY = "string", "boolean", "complex", "many"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its name as the service writes it, its kind, and what is in it."""

    name: str
    kind: str = TEXT
    parts: tuple[str, ...] = ()
    exact: bool = False


#: What every resource has and no client writes.
READ_ONLY = frozenset({"schemas", "id", "meta", "groups"})
_VALUE = ("value", "display", "type", "primary")
_USER = (
    Attribute("userName"),
    Attribute("name", COMPLEX, ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")),
    *(
        Attribute(name)
        for name in ("displayName", "nickName", "profileUrl", "title", "userType", "preferredLanguage", "locale", "timezone")
    ),
    Attribute("active", TRUTH),
    Attribute("password", exact=True),
    Attribute("emails", MANY, _VALUE),
    Attribute("phoneNumbers", MANY, _VALUE),
)
_GROUP = (Attribute("displayName"), Attribute("members", MANY, ("value", "$ref", "type", "display")))
_ENTERPRISE = tuple(Attribute(name) for name in ("employeeNumber", "costCenter", "organization", "division", "department"))
_COMMON = (Attribute("externalId", exact=True),)

SCHEMAS: Mapping[str, tuple[Attribute, ...]] = {USER: _USER, GROUP: _GROUP, ENTERPRISE: _ENTERPRISE}


def schema_of(endpoint: str) -> str:
    """Return the schema of an endpoint's resources."""
    return USER if endpoint == "/Users" else GROUP


def attribute(endpoint: str, name: str, schema: str | None = None) -> Attribute | None:
    """Return an attribute by its name in any case, of the core schema or of an extension; none if there is none."""
    known = SCHEMAS[schema] if schema else (*SCHEMAS[schema_of(endpoint)], *_COMMON)
    return next((each for each in known if each.name.lower() == name.lower()), None)


def part(owner: Attribute, name: str) -> str | None:
    """Return the part of an attribute by its name in any case; none if there is none."""
    return next((each for each in owner.parts if each.lower() == name.lower()), None)


def cleaned(endpoint: str, body: Mapping[str, Any]) -> Row:
    """Return a resource as it is kept: names as the service writes them, values checked."""
    row: Row = {}
    for key, value in body.items():
        if key.lower() == ENTERPRISE.lower() and endpoint == "/Users":
            inner = {}
            for name, text in (value if isinstance(value, dict) else {}).items():
                known = attribute(endpoint, name, ENTERPRISE)
                if known is not None and text is not None:
                    inner[known.name] = checked(known, text)
            if inner:
                row[ENTERPRISE] = inner
            continue
        known = attribute(endpoint, key)
        if known is None and key.lower() not in READ_ONLY:
            raise invalid(f"Extra inputs are not permitted: {key}", "invalidSyntax")
        if known is not None and value not in (None, []):
            row[known.name] = checked(known, value)
    required = "userName" if endpoint == "/Users" else "displayName"
    if not row.get(required):
        raise invalid(f"Field '{required}' is required but value is missing, null or empty")
    return row


def checked(known: Attribute, value: Any) -> Any:
    """Return a value as it is kept, or refuse it."""
    if known.kind == TRUTH:
        return truth(known.name, value)
    if known.kind == TEXT:
        if not isinstance(value, str):
            raise invalid(f"Input should be a valid string: {known.name}")
        return value
    if known.kind == COMPLEX:
        return _parts(known, value)
    rows = value if isinstance(value, list) else [value]
    return [_parts(known, each) for each in rows]


def truth(name: str, value: Any) -> bool:
    """Read a truth value, text too."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise invalid(f"Input should be a valid boolean, unable to interpret input: {name}")


def _parts(known: Attribute, value: Any) -> Row:
    if not isinstance(value, dict):
        raise invalid(f"Input should be a valid dictionary: {known.name}")
    row: Row = {}
    for key, inner in value.items():
        name = part(known, key)
        if name is not None and inner is not None:
            row[name] = truth(name, inner) if name == "primary" else str(inner)
    return row
