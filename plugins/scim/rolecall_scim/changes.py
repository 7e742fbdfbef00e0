"""How a user is changed: as the operations of a PATCH, or as the whole resource for a PUT (RFC 7644, sections 3.5.1 and 3.5.2).

Owns the writing. What is not ours, other addresses of the person or attributes of other schemas, is left as it is either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rolecall.sdk import Attributes
from rolecall_scim.errors import field_of
from rolecall_scim.users import MANY, PLAIN, entry, ours, path_of, put

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
#: What the service decides alone, and what is never read back: neither belongs into a PUT.
READ_ONLY = frozenset({"id", "meta", "groups", "password"})


def needs_reading(changes: Attributes) -> bool:
    """Tell whether what the user holds decides how a PATCH is written: one of many values is replaced only where it is."""
    return any(name in MANY for name in changes)


def patch(operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the body of a PATCH."""
    return {"schemas": [PATCH_SCHEMA], "Operations": list(operations)}


def operation(op: str, path: str, value: Any = None, *, entra: bool) -> dict[str, Any]:
    """Return one operation. ``entra``: as Microsoft Entra writes it, with a capital letter and truth values as text."""
    made: dict[str, Any] = {"op": op.capitalize() if entra else op, "path": path}
    if value is not None:
        made["value"] = str(value) if entra and isinstance(value, bool) else value
    return made


def operations(changes: Attributes, row: Mapping[str, Any], *, entra: bool) -> list[dict[str, Any]]:
    """Return the operations that bring these attributes about; ``row`` is the user as it is, empty where :func:`needs_reading` says no."""
    made = []
    for name, value in changes.items():
        text = None if value is None else str(value)
        if name in MANY:
            made += _many(name, text, row, entra=entra)
        elif name in PLAIN:
            made.append(operation("remove" if text is None else "replace", path_of(name), text, entra=entra))
    return made


def _many(name: str, value: str | None, row: Mapping[str, Any], *, entra: bool) -> list[dict[str, Any]]:
    held = ours(row, name)
    if held is None:
        return [] if value is None else [operation("add", name, [entry(name, value)], entra=entra)]
    mark = f'type eq "{MANY[name]}"' if str(field_of(held, "type") or "").lower() == MANY[name] else "primary eq true"
    if value is None:
        return [operation("remove", f"{name}[{mark}]", entra=entra)]
    return [operation("replace", f"{name}[{mark}].value", value, entra=entra)]


def activation(active: bool, *, entra: bool) -> list[dict[str, Any]]:
    """Return the operation that opens or closes a user."""
    return [operation("replace", "active", active, entra=entra)]


def replaced(row: Mapping[str, Any], changes: Attributes, active: str | bool | None) -> dict[str, Any]:
    """Return the whole user as it should be, for a PUT."""
    body = {name: value for name, value in row.items() if name.lower() not in READ_ONLY}
    for name, value in changes.items():
        put(body, name, None if value is None else str(value))
    if active is not None:
        key = next((name for name in body if name.lower() == "active"), "active")
        body[key] = active
    return body
