"""Answers calls by the protocol: the library's server over core's people and groups (RFC 7644)."""

import json

from scim2_models import PreconditionFailedException, SCIMException
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService

from rolecall import EndpointCall, EndpointReply
from rolecall_scim.inbound.endpoint import MEDIA
from rolecall_scim.inbound.models import PROVIDER
from rolecall_scim.inbound.quirks import plain_patch
from rolecall_scim.inbound.storage import HandedStorage

#: How often a change is made again that somebody else came in between, when the directory did not say which version it meant.
ATTEMPTS = 3
_SERVICE = ScimService(PROVIDER)


def serve(call: EndpointCall) -> EndpointReply:
    """Answer a call. Errors of the protocol are answered, everything else goes up."""
    request = ScimRequest(
        method=call.method,
        base_url=call.base_url,
        path=call.path or "/",
        query=call.query,
        headers=call.headers,
        body=plain_patch(call.body) if call.method == "PATCH" else call.body,
    )
    handler = ScimHandler(_SERVICE, HandedStorage(call))
    for left in reversed(range(ATTEMPTS)):
        try:
            return _reply(handler.handle(request))
        except PreconditionFailedException as error:
            if not left or "if-match" in call.headers or "if-none-match" in call.headers:
                return _reply(_SERVICE.error_response(error))
        except SCIMException as error:
            return _reply(_SERVICE.error_response(error))
    raise AssertionError("unreachable")  # pragma: no cover - the loop returns or raises


def _reply(response: ScimResponse) -> EndpointReply:
    body = b"" if response.body is None else json.dumps(response.body).encode()
    return EndpointReply(status=int(response.status), body=body, media=MEDIA, headers=response.headers)
