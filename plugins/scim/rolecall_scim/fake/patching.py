"""PATCH of the pretended service: adding, replacing and removing by path (RFC 7644, section 3.5.2)."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from rolecall_scim.fake import filters
from rolecall_scim.fake.definitions import COMPLEX, MANY, Attribute, attribute, checked, part, schema_of, truth
from rolecall_scim.fake.state import ENTERPRISE, Row, invalid

_PATH = re.compile(r"(?P<name>[A-Za-z$][\w$-]*)(?:\[(?P<filter>.*)\])?(?:\.(?P<part>[\w$-]+))?")


def patched(endpoint: str, row: Row, operations: list[Mapping[str, Any]], *, entra_only: bool = False, strict: bool = False) -> Row:
    """Return a resource after the operations: all of them, or none when one is refused.

    ``strict``: taking out what is not there is refused too.
    """
    row = copy.deepcopy(row)
    for each in operations:
        op, path, value = str(each.get("op")), each.get("path"), each.get("value")
        if op.lower() not in ("add", "replace", "remove"):
            raise invalid(f"{op} is no operation", "invalidSyntax")
        if entra_only and (op != op.capitalize() or isinstance(value, bool)):
            raise invalid("The operation is not understood", "invalidSyntax")
        if path is not None:
            _apply(endpoint, row, op.lower(), path, value, strict=strict)
        elif op.lower() == "remove":
            raise invalid("Nothing is named that could be removed", "noTarget")
        else:
            for name, inner in (value if isinstance(value, dict) else {}).items():
                _apply(endpoint, row, op.lower(), name, inner, strict=strict)
    return row


def _apply(endpoint: str, row: Row, op: str, path: str, value: Any, *, strict: bool) -> None:
    target, known, schema = row, None, None
    if path.lower().startswith(f"{ENTERPRISE.lower()}:"):
        schema, path = ENTERPRISE, path[len(ENTERPRISE) + 1 :]
        target = row.setdefault(ENTERPRISE, {})
    elif path.lower().startswith(f"{schema_of(endpoint).lower()}:"):
        path = path[len(schema_of(endpoint)) + 1 :]
    found = _PATH.fullmatch(path)
    known = attribute(endpoint, found["name"], schema) if found else None
    if found is None or known is None:
        raise invalid(f"'{path}' is not an attribute of the schema", "invalidPath")
    inner = part(known, found["part"]) if found["part"] else None
    if found["part"] and inner is None:
        raise invalid(f"'{path}' is not an attribute of the schema", "invalidPath")
    if known.kind == MANY:
        _many(target, known, op, found["filter"], inner, value, strict=strict)
    elif inner is not None:
        held = target.setdefault(known.name, {})
        _plain(held, inner, op, str(value))
    else:
        _plain(target, known.name, op, None if op == "remove" else checked(known, value))
    if known.kind == COMPLEX and not target.get(known.name):
        target.pop(known.name, None)
    if schema and not target:
        row.pop(ENTERPRISE, None)


def _plain(target: Row, name: str, op: str, value: Any) -> None:
    if op == "remove":
        target.pop(name, None)
    else:
        target[name] = value


def _many(target: Row, known: Attribute, op: str, condition: str | None, inner: str | None, value: Any, *, strict: bool) -> None:
    rows: list[Row] = target.get(known.name, [])
    if condition is None and inner is None:
        if op == "remove":
            rows = []
        else:
            given = checked(known, value)
            rows = given if op == "replace" else _added(rows, given)
    else:
        test = filters.parse(condition) if condition else (lambda row: True)
        hit = [each for each in rows if test(each)]
        if not hit and (op != "remove" or strict):
            raise invalid("No value matches the filter", "noTarget")
        if inner is None and op == "remove":
            rows = [each for each in rows if each not in hit]
        for each in hit:
            if inner is not None and op == "remove":
                each.pop(inner, None)
            elif inner is not None:
                each[inner] = truth(inner, value) if inner == "primary" else str(value)
            elif op == "replace":
                each.clear()
                each.update(checked(known, value)[0])
    if rows:
        target[known.name] = rows
    else:
        target.pop(known.name, None)


def _added(rows: list[Row], given: list[Row]) -> list[Row]:
    """Add values that are not there yet; a new primary one takes the place of the old."""
    fresh = [each for each in given if each not in rows and not any(each == {"value": row.get("value")} for row in rows)]
    if any(each.get("primary") for each in fresh):
        rows = [{**each, "primary": False} if each.get("primary") else each for each in rows]
    return [*rows, *fresh]
