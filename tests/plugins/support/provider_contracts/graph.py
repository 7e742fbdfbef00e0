"""Microsoft Graph's contract in front of a pretended tenant: the parts of a batch are calls like any other."""

import io
import json
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote
from wsgiref.types import StartResponse, WSGIEnvironment

from provider_contracts.checking import checked
from provider_contracts.openapi import OpenApiContract

CONTRACT = OpenApiContract("msgraph-v1.0.subset.openapi.json", base="/v1.0")
#: Paths that are not Graph's: the sign-in, the journal and the page.
FREE = ("/login/", "/_journal")


class Tenant(Protocol):
    """A fake with what a plugin's settings must be to reach it."""

    @property
    def settings(self) -> dict[str, Any]: ...

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any: ...


class CheckedGraph:
    """A tenant that answers only what the contract has."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self._app = checked(tenant, CONTRACT, free=FREE)

    @property
    def settings(self) -> dict[str, Any]:
        """What the plugin's settings must be to reach the tenant."""
        return self.tenant.settings

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        """Check a batch's parts, then answer."""
        if environ["PATH_INFO"] == "/v1.0/$batch":
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            for part in json.loads(body)["requests"]:
                check_part(part)
        return self._app(environ, start_response)


def check_part(part: Mapping[str, Any]) -> None:
    """Compare one part of a batch with the contract."""
    path, _, query = part["url"].partition("?")
    content = json.dumps(part["body"]).encode() if "body" in part else b""
    kind = part.get("headers", {}).get("Content-Type", "")
    CONTRACT.check(part["method"], "/v1.0" + unquote(path), parse_qsl(query, keep_blank_values=True), kind, content)
