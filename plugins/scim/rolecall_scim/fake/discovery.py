"""What the pretended service says of itself (RFC 7643, sections 5 to 7)."""

from __future__ import annotations

from typing import Any

from rolecall_scim.fake.definitions import COMPLEX, MANY, SCHEMAS, TRUTH, Attribute
from rolecall_scim.fake.quirks import Quirks
from rolecall_scim.fake.state import ENTERPRISE, GROUP, LIST, USER, Row

CORE = "urn:ietf:params:scim:schemas:core:2.0:"


def config(base: str, quirks: Quirks) -> Row:
    """Return the answer of ``/ServiceProviderConfig``."""
    operations, size = quirks.bulk
    return {
        "schemas": [f"{CORE}ServiceProviderConfig"],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
        "patch": {"supported": quirks.patch or quirks.promises_patch},
        "bulk": {"supported": bool(operations), "maxOperations": operations, "maxPayloadSize": size},
        "filter": {"supported": quirks.filter, "maxResults": quirks.page},
        "changePassword": {"supported": True},
        "sort": {"supported": True},
        "etag": {"supported": quirks.etag},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "bearer_token",
                "description": "HTTP Bearer Token",
                "specUri": "https://datatracker.ietf.org/doc/html/rfc6750",
            }
        ],
    }


def listed(rows: list[Row]) -> Row:
    """Return a whole list in one answer."""
    return {"schemas": [LIST], "totalResults": len(rows), "startIndex": 1, "itemsPerPage": len(rows), "Resources": rows}


def resource_types(base: str) -> Row:
    """Return the answer of ``/ResourceTypes``."""
    user = _type(base, "User", "User Account", USER)
    user["schemaExtensions"] = [{"schema": ENTERPRISE, "required": False}]
    return listed([user, _type(base, "Group", "Group", GROUP)])


def _type(base: str, name: str, description: str, schema: str) -> Row:
    return {
        "schemas": [f"{CORE}ResourceType"],
        "id": name,
        "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{name}"},
        "name": name,
        "description": description,
        "endpoint": f"/{name}s",
        "schema": schema,
    }


def schemas(base: str) -> Row:
    """Return the answer of ``/Schemas``."""
    return listed(
        [
            {
                "schemas": [f"{CORE}Schema"],
                "id": urn,
                "name": urn.rpartition(":")[2],
                "attributes": [_attribute(each) for each in attributes],
                "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{urn}"},
            }
            for urn, attributes in SCHEMAS.items()
        ]
    )


def _attribute(known: Attribute) -> Row:
    kind: dict[str, Any] = {"type": TRUTH if known.kind == TRUTH else COMPLEX if known.parts else "string"}
    inner = [{"name": name, "type": "string", "multiValued": False} for name in known.parts]
    return {"name": known.name, "multiValued": known.kind == MANY, **kind, **({"subAttributes": inner} if inner else {})}
