"""The SCIM endpoint as core is told of it: its routes with their permissions, and problems as SCIM error documents (RFC 7644 §3.2, §3.12).

Knows nothing of the protocol's library, so that the plugin loads without it and says what is missing.
"""

from __future__ import annotations

import json

from rolecall import Endpoint, EndpointCall, EndpointProblem, EndpointReply, EndpointRoute

MEDIA = "application/scim+json"
PREFIX = "/scim/v2"
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_READ = ("people:view",)
_ADD = ("people:view", "people:create", "people:edit")
_CHANGE = ("people:view", "people:edit")


def _routes() -> tuple[EndpointRoute, ...]:
    reading = ["/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/{id}", "/Schemas", "/Schemas/{id}", "", "/Users", "/Users/{id}"]
    routes = [EndpointRoute(method="GET", path=path, permissions=_READ) for path in (*reading, "/Groups", "/Groups/{id}")]
    routes += [EndpointRoute(method="POST", path=f"{path}/.search", permissions=_READ) for path in ("", "/Users", "/Groups")]
    for path, add in (("/Users", _ADD), ("/Groups", _CHANGE)):
        routes.append(EndpointRoute(method="POST", path=path, permissions=add))
        routes += [EndpointRoute(method=method, path=f"{path}/{{id}}", permissions=_CHANGE) for method in ("PUT", "PATCH", "DELETE")]
    return tuple(routes)


def answer(call: EndpointCall) -> EndpointReply:
    """Answer a call by the protocol."""
    try:
        from rolecall_scim.inbound.server import serve
    except ImportError as error:
        if not (error.name or "").startswith(("scim2_", "pydantic", "lark")):
            raise
        return refuse(EndpointProblem(status=501, message="The SCIM server is not installed.", hint="Install rolecall[scim]."))
    return serve(call)


def refuse(problem: EndpointProblem) -> EndpointReply:
    """Word a problem as a SCIM error; ``scimType`` is for what the protocol itself finds."""
    document = {"schemas": [_ERROR], "status": str(problem.status), "detail": f"{problem.message} {problem.hint}".strip()}
    return EndpointReply(status=problem.status, body=json.dumps(document).encode(), media=MEDIA)


ENDPOINT = Endpoint(
    id="scim", label="Takes people in by SCIM", prefix=PREFIX, routes=_routes(), handler=answer, refuse=refuse, setting="inbound"
)
