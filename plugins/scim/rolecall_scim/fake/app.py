"""The WSGI application: tokens, single calls and bulks, faults, the journal and a page for people.

Thread-safe: one call at a time works on the state.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from rolecall.testing.fakes import FakeService, Table, starred
from rolecall_scim.fake import discovery
from rolecall_scim.fake.page import people
from rolecall_scim.fake.quirks import Quirks
from rolecall_scim.fake.resources import Reply, Resources
from rolecall_scim.fake.state import Row, ScimError, State, invalid

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
ALL_RIGHTS = frozenset({"read", "write", "groups"})
#: What is sent, never shown in the journal.
SECRET = frozenset({"password"})


class FakeScim(FakeService):
    """One service.

    :param base_url: the address under which the application is reached; its SCIM addresses begin with ``/scim/v2``.
    :param token: the bearer token; ``client``: a client id and secret instead, for whom tokens are given out.
    :param rights: what the token may do: ``read``, ``write`` users, keep ``groups``.
    """

    service = "SCIM service"

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "fake-scim-token-0123456789",  # noqa: S107 - a fake's token is no secret
        client: tuple[str, str] | None = None,
        rights: Collection[str] = ALL_RIGHTS,
        quirks: Quirks | None = None,
        prefix: str = "/scim/v2",
        name: str = "Demo school",
    ) -> None:
        super().__init__(base_url, name=name)
        self.prefix = prefix
        self.rights = frozenset(rights)
        self.quirks = quirks or Quirks()
        self.state = State()
        self.resources = Resources(self.state, self.quirks)
        self.client = client
        self._token = token
        self._tokens: set[str] = set() if client else {token}
        self._issued = 0

    @property
    def settings(self) -> Row:
        """What the plugin's settings must be to reach this service."""
        base = {"base_url": f"{self.base_url}{self.prefix}"}
        if self.client is None:
            return base | {"token": self._token}
        return base | {"oauth_url": f"{self.base_url}/oauth/token", "client_id": self.client[0], "client_secret": self.client[1]}

    @property
    def users(self) -> dict[str, Row]:
        """The users by user name, each with the names of its groups as ``groups``."""
        with self.lock:
            found = {}
            for row in self.state.users.values():
                of = [each for each in self.state.groups.values() if any(row["id"] == one["value"] for one in each.get("members", []))]
                found[row["userName"]] = {**row, "groups": frozenset(each["displayName"] for each in of)}
            return found

    def add_user(self, userName: str, **fields: Any) -> str:  # noqa: N803 - the attribute's own name
        """Put a user into the service as if somebody had made it there by hand; returns its id."""
        with self.lock:
            return str(self.resources.create("/Users", {"userName": userName, "active": True, **fields}).body["id"])

    def change_user(self, number: str, **fields: Any) -> None:
        """Change a user as if somebody had done it there by hand."""
        with self.lock:
            row = self.state.users[number]
            version = self.state.version()
            self.state.users[number] = {**row, **fields, "meta": {**row["meta"], "version": version}}

    def error(self, status: int, *, detail: str = "It failed.", kind: str = "") -> Row:
        """Return the body of an error (RFC 7644, section 3.12)."""
        return ScimError(status, detail, kind).body

    def tables(self) -> Iterable[Table]:
        """Return what the page shows."""
        return (people(self.users.values()),)

    def revoke_tokens(self) -> None:
        """Let no token given out so far be good for anything."""
        with self.lock:
            self._tokens.clear()

    def respond(self, environ: WSGIEnvironment) -> WSGIApplication:
        """Answer one request."""
        request = Request(environ)
        self.resources.base = f"{self.base_url}{self.prefix}"
        if request.path == "/oauth/token":
            return self._give_token(request)
        if not request.path.startswith(f"{self.prefix}/"):
            return Response("Not found", 404)
        path = request.path.removeprefix(self.prefix)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self._tokens:
            return _sent(_refused(ScimError(401, "Authorization failure. The authorization header is invalid or missing")), request)
        try:
            body = json.loads(request.get_data() or b"null")
        except ValueError:
            return _sent(_refused(invalid("The body is no JSON", "invalidSyntax")), request)
        if path == "/Bulk" and request.method == "POST":
            instead = self._planned("POST", path)
            return _sent(instead or self._bulk(body, len(request.get_data())), request)
        return _sent(self._one(request.method, path, request.args.to_dict(), body, request.headers.get("If-Match")), request)

    def _one(self, method: str, path: str, query: Mapping[str, str], body: Any, version: str | None) -> Reply:
        reply = self._planned(method, path)
        if reply is None:
            try:
                reply = self._answer(method, path, query, body, version)
            except ScimError as error:
                reply = _refused(error)
        self.note(method=method, path=path, query=dict(query), body=starred(body, SECRET), status=reply.status)
        return reply

    def _answer(self, method: str, path: str, query: Mapping[str, str], body: Any, version: str | None) -> Reply:
        base = f"{self.base_url}{self.prefix}"
        described = {
            "/ServiceProviderConfig": lambda: discovery.config(base, self.quirks),
            "/ResourceTypes": lambda: discovery.resource_types(base),
            "/Schemas": lambda: discovery.schemas(base),
        }
        if path in described and method == "GET" and self.quirks.describes:
            return Reply(status=200, body=described[path]())
        _, endpoint, number = [*path.split("/", 2), ""][:3]
        if endpoint not in ("Users", "Groups"):
            raise ScimError(404, f"There is no {path}")
        if not self._may(method, endpoint, number):
            raise ScimError(403, "Operation is not permitted based on the supplied authorization")
        return self.resources.answer(method, f"/{endpoint}", number, query, body, version)

    def _may(self, method: str, endpoint: str, number: str) -> bool:
        needed = {"groups"} if endpoint == "Groups" else {"read"} if method == "GET" or number == ".search" else {"write"}
        return needed <= self.rights

    def _bulk(self, body: Any, size: int) -> Reply:
        most, largest = self.quirks.bulk
        if not most:
            return _refused(ScimError(501, "Bulk is not supported"))
        parts = body.get("Operations", []) if isinstance(body, dict) else []
        if len(parts) > most or size > largest:
            return _refused(ScimError(413, f"The bulk is larger than {most} operations or {largest} bytes", "tooMany"))
        answers: list[Row] = []
        accepted = body.get("failOnErrors") if isinstance(body, dict) else None
        for each in parts:
            failed = sum("response" in answer for answer in answers)
            if accepted is not None and failed and failed >= accepted:
                break
            reply = self._one(each["method"].upper(), each["path"], {}, each.get("data"), each.get("version"))
            part: Row = {"method": each["method"]}
            if "bulkId" in each and (each["method"] == "POST" or not self.quirks.sparing_bulk_ids):
                part["bulkId"] = each["bulkId"]
            if "ETag" in reply.headers:
                part["version"] = reply.headers["ETag"]
            if "Location" in reply.headers:
                part["location"] = reply.headers["Location"]
            if reply.status >= 400:
                part["response"] = reply.body
            answers.append({**part, "status": str(200 if each["method"] == "PATCH" and reply.status == 204 else reply.status)})
        return Reply(status=200, body={"schemas": [BULK], "Operations": answers})

    def _planned(self, method: str, path: str) -> Reply | None:
        instead = self.instead(method, path)
        return None if instead is None else Reply(status=instead.status, body=instead.body, headers=dict(instead.headers))

    def _give_token(self, request: Request) -> Response:
        """Give a token for client id and secret, in the header or in the form (RFC 6749)."""
        given, form = request.authorization, request.form
        client = (given.username, given.password) if given is not None else (form.get("client_id"), form.get("client_secret"))
        instead = self._planned("POST", "/oauth/token")
        if instead is not None:
            return Response(json.dumps(instead.body), instead.status, {"Content-Type": "application/json", **instead.headers})
        if self.client is None or client != self.client or form.get("grant_type") != "client_credentials":
            return Response(json.dumps({"error": "invalid_client"}), 401, {"Content-Type": "application/json"})
        self._issued += 1
        token = f"issued-{self._issued}"
        self._tokens.add(token)
        return Response(
            json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 3600}), 200, {"Content-Type": "application/json"}
        )


def _refused(error: ScimError) -> Reply:
    return Reply(status=error.status, body=error.body)


def _sent(reply: Reply, request: Request) -> Response:
    content = b"" if reply.body is None else json.dumps(reply.body)
    headers = {"Content-Type": "application/scim+json", "Location": request.base_url, **reply.headers}
    return Response(content, reply.status, headers)
