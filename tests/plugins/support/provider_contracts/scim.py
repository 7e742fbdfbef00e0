"""SCIM's contract in front of a service: every request is read by the models of scim2-models, the parts of a bulk like any other."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import unquote
from wsgiref.types import StartResponse, WSGIEnvironment

from pydantic import ValidationError
from scim2_models import Context, EnterpriseUser, Group, PatchOp, ScimProvider, SearchRequest, User
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.testserver.application import BEARER_TOKEN_SCHEME, BearerTokenApplication
from scim2_server.utils import load_default_resource_types, load_default_schemas, load_default_service_provider_config

from provider_contracts.checking import checked

KINDS: Mapping[str, Any] = {"Users": User[EnterpriseUser], "Groups": Group}
DESCRIBING = frozenset({"ServiceProviderConfig", "ResourceTypes", "Schemas"})
#: What every service must refuse: how it is tried whether users may be created.
NAMELESS = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "active": False}


class ScimContract:
    """The addresses below a base, and the bodies that RFC 7643 and RFC 7644 allow there."""

    def __init__(self, base: str) -> None:
        self._base = base

    def covers(self, path: str) -> bool:
        """Tell whether a path is SCIM's."""
        return path.startswith(f"{self._base}/")

    def check(self, method: str, path: str, query: Sequence[tuple[str, str]], content_type: str, body: bytes) -> None:
        """Compare a call with the contract.

        :raises AssertionError: when it is not in there.
        """
        content = json.loads(body) if body else None
        assert content is None or content_type == "application/scim+json", content_type
        if path == f"{self._base}/Bulk":
            assert content is not None
            assert content["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]
            assert len({part["bulkId"] for part in content["Operations"]}) == len(content["Operations"])
            for part in content["Operations"]:
                assert set(part) <= {"method", "path", "bulkId", "version", "data"}, part
                self._one(part["method"], unquote(part["path"]), {}, part.get("data"))
            return
        self._one(method, path.removeprefix(self._base), dict(query), content)

    def _one(self, method: str, path: str, query: Mapping[str, str], content: Any) -> None:
        _, endpoint, number = [*path.split("/", 2), ""][:3]
        if endpoint in DESCRIBING:
            assert (method, number, content) == ("GET", "", None), path
            return
        assert endpoint in KINDS, path
        kind = KINDS[endpoint]
        try:
            if method == "GET":
                assert content is None
                numbers = {name: int(value) for name, value in query.items() if name in ("startIndex", "count")}
                lists = {name: value.split(",") for name, value in query.items() if name == "excludedAttributes"}
                SearchRequest[kind].model_validate({**query, **numbers, **lists}, scim_ctx=Context.SEARCH_REQUEST)
            elif method == "POST" and not number:
                if content != NAMELESS:
                    kind.model_validate(content, scim_ctx=Context.RESOURCE_CREATION_REQUEST)
            elif method == "PUT" and number:
                kind.model_validate(content, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
            elif method == "PATCH" and number:
                PatchOp[kind].model_validate(content, scim_ctx=Context.RESOURCE_PATCH_REQUEST)
            else:
                assert (method, bool(number), content) == ("DELETE", True, None), f"{method} {path}"
        except ValidationError as error:
            raise AssertionError(f"{method} {path}: {error}") from error


class Service(Protocol):
    """A fake with what a plugin's settings must be to reach it."""

    @property
    def settings(self) -> dict[str, Any]: ...

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any: ...


class CheckedScim:
    """A service that answers only what the contract has."""

    def __init__(self, service: Service, base: str = "/scim/v2") -> None:
        self.service = service
        self._app = checked(service, ScimContract(base), free=("/oauth/", "/_journal"))

    @property
    def settings(self) -> dict[str, Any]:
        """What the plugin's settings must be to reach the service."""
        return self.service.settings

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        """Check, then answer."""
        return self._app(environ, start_response)


class RealServer:
    """The scim2-server of PyPI as its command starts it: in memory, with a bearer token. ``abilities`` replace what it says of itself."""

    TOKEN = "real-token-0123456789"

    def __init__(self, url: str, **abilities: Any) -> None:
        described = load_default_service_provider_config()
        described.authentication_schemes = [*(described.authentication_schemes or []), BEARER_TOKEN_SCHEME]
        for name, value in abilities.items():
            setattr(described, name, value)
        provider = ScimProvider.from_discovery(load_default_schemas().values(), load_default_resource_types().values(), config=described)
        self.storage = InMemoryStorage()
        self._app = BearerTokenApplication(
            self.storage, provider, service=ScimService(provider, secret="x" * 32), bearer_tokens=[self.TOKEN]
        )
        self.settings = {"base_url": f"{url}/v2", "token": self.TOKEN}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        """Answer one request."""
        return self._app(environ, start_response)
