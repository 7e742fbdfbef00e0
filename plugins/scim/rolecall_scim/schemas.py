"""What a service says of its users: the attributes that their resource type has (RFC 7643, sections 6 and 7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rolecall_scim.client import Client
from rolecall_scim.errors import Garbled, field_of
from rolecall_scim.users import USER


def known_attributes(client: Client) -> frozenset[str]:
    """Return the paths of the attributes of users, in lower case, as a PATCH names them.

    :raises ProviderError: when the service does not say.
    """
    wanted = {USER.lower(), *(each.lower() for each in _extensions(client))}
    known: set[str] = set()
    for schema in client.page("/Schemas").rows:
        urn = str(field_of(schema, "id") or "")
        if urn.lower() in wanted:
            known.update(_paths(schema, "" if urn.lower() == USER.lower() else f"{urn}:"))
    if not known:
        raise Garbled("The SCIM service does not list the attributes of users.")
    # Common to all resources (RFC 7643, section 3.1), so that no schema lists it.
    return frozenset({each.lower() for each in known} | {"externalid"})


def _extensions(client: Client) -> Iterator[str]:
    """Yield the extensions of the resource type of users."""
    for kind in client.page("/ResourceTypes").rows:
        if str(field_of(kind, "schema") or "").lower() == USER.lower():
            extensions = field_of(kind, "schemaExtensions")
            for each in extensions if isinstance(extensions, list) else []:
                yield str(field_of(each, "schema") or "")


def _paths(schema: Any, prefix: str) -> Iterator[str]:
    for attribute in _rows(field_of(schema, "attributes")):
        name = str(field_of(attribute, "name") or "")
        yield prefix + name
        for inner in _rows(field_of(attribute, "subAttributes")):
            yield f"{prefix}{name}.{field_of(inner, 'name')}"


def _rows(value: Any) -> list[Any]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
