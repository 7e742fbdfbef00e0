"""The WSGI application: sign-in of the app, single calls and batches, faults, the journal and a page for people.

Thread-safe: one call at a time works on the state.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from werkzeug.wrappers import Request, Response

from rolecall.testing.fakes import FakeService, Table, starred
from rolecall_o365.fake import delta, groups, mail, users
from rolecall_o365.fake.page import people
from rolecall_o365.fake.routes import Call, answer
from rolecall_o365.fake.state import ALL_ROLES, GraphError, Row, State, new_user

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

#: The modules whose functions answer.
ANSWERING = (delta, groups, mail, users)
TENANT, CLIENT = "6e2f1a52-77a5-4b0b-9a0e-2f9f3c1f4c11", "0c3a8a7e-51f9-4d3a-8a39-5d1b2f6b9f10"
STUDENT_SKU, TEACHER_SKU = "314c4481-f395-4525-be8b-2ec4bb1e9d91", "94763226-9b3c-4e75-a931-5c89701abe66"


class FakeMicrosoft(FakeService):
    """One tenant.

    :param base_url: the address under which the application is reached.
    :param roles: the application permissions that the app was given.
    :param page_size: the most that a page of a list holds.
    :param lag: how many look-ups of a fresh user fail; ``team_lag``: how many attempts to make a team of a fresh class.
    :param bin_filter: ``honoured``, ``ignored`` or ``refused``: what becomes of a filter on the recycle bin.
    :param expired: the status by which a token of a delta that is too old is refused: 410, or another with its code.
    """

    service = "Microsoft 365"

    def __init__(
        self,
        base_url: str,
        *,
        client_secret: str = "fake~secret-0123456789abcdef",  # noqa: S107 - a fake's secret is none
        roles: Iterable[str] = ALL_ROLES,
        domains: Iterable[str] = ("school.example", "students.school.example"),
        page_size: int = 999,
        lag: int = 0,
        team_lag: int = 0,
        bin_filter: str = "honoured",
        repeats: bool = False,
        expired: int = 410,
        opaque_tokens: bool = False,
        name: str = "Demo school",
    ) -> None:
        super().__init__(base_url, name=name)
        self.roles = frozenset(roles)
        self.page_size = page_size
        self.lag = lag
        self.team_lag = team_lag
        self.bin_filter = bin_filter
        self.repeats = repeats
        self.expired = expired
        self.opaque_tokens = opaque_tokens
        self.state = State(domains={domain: {"isVerified": True, "isDefault": False} for domain in domains})
        self.state.mailboxes = {f"office@{domain}": [] for domain in domains}
        self.state.skus = {
            STUDENT_SKU: {"name": "STANDARDWOFFPACK_STUDENT", "seats": 1000},
            TEACHER_SKU: {"name": "STANDARDWOFFPACK_FACULTY", "seats": 100},
        }
        self._secret = client_secret
        self._tokens: set[str] = set()
        self._issued = 0

    @property
    def settings(self) -> Row:
        """What the plugin's settings must be to reach this tenant."""
        return {
            "tenant": TENANT,
            "client_id": CLIENT,
            "client_secret": self._secret,
            "login_url": f"{self.base_url}/login",
            "graph_url": f"{self.base_url}/v1.0",
            "domain": next(iter(self.state.domains)),
            "usage_location": "GR",
        }

    @property
    def users(self) -> dict[str, Row]:
        """The living users by sign-in name, each with the names of its groups as ``groups``."""
        with self.lock:
            found = {}
            for row in self.state.users.values():
                mine = frozenset(group["displayName"] for group in self.state.groups.values() if row["id"] in group["members"])
                found[row["userPrincipalName"]] = {**row, "groups": mine}
            return found

    def add_user(self, *, protected: bool = False, **fields: Any) -> str:
        """Put a user into the tenant as if somebody had made it there by hand; returns its id."""
        with self.lock:
            slots = fields.pop("onPremisesExtensionAttributes", {})
            user = new_user(**fields)
            user["onPremisesExtensionAttributes"] |= slots
            self.state.users[user["id"]] = user
            if protected:
                self.state.protected.add(user["id"])
            return str(user["id"])

    def error(self, status: int, *, code: str = "UnknownError", message: str = "It failed.") -> Row:
        """Return the body of an error of Graph."""
        return {"error": {"code": code, "message": message}}

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
        if request.path.startswith("/login/"):
            return self._log_in(request)
        if not request.path.startswith("/v1.0/"):
            return Response("Not found", 404)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self._tokens:
            return _json(401, {"error": {"code": "InvalidAuthenticationToken", "message": "Access token has expired or is not yet valid."}})
        content = request.get_data()
        body: Row = {"mime": content.decode()} if request.mimetype == "text/plain" else json.loads(content or b"{}")
        path = request.path.removeprefix("/v1.0")
        if path == "/$batch":
            instead = self.instead(request.method, path)
            if instead is not None:
                return _json(instead.status, instead.body, instead.headers)
            return _json(200, self._batch(body["requests"]))
        query = dict(parse_qsl(request.query_string.decode(), keep_blank_values=True))
        return _json(*self._one(request.method, path, query, dict(request.headers), body))

    def _batch(self, requests: list[Row]) -> Row:
        """Answer the parts of a batch, the last one first: their order promises nothing."""
        if len(requests) > 20:
            return {"error": {"code": "BadRequest", "message": "The batch holds too many requests."}}
        responses = []
        for each in requests:
            path, _, text = each["url"].partition("?")
            query = dict(parse_qsl(text, keep_blank_values=True))
            status, body, headers = self._one(each["method"], unquote(path), query, each.get("headers", {}), each.get("body", {}))
            responses.append({"id": each["id"], "status": status, "headers": dict(headers), **({"body": body} if body is not None else {})})
        return {"responses": responses[::-1]}

    def _one(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: Row
    ) -> tuple[int, Any, Mapping[str, str]]:
        instead = self.instead(method, path)
        sent: Mapping[str, str] = {}
        if instead is not None:
            status, content, sent = instead.status, instead.body, instead.headers
        else:
            lower = {name.lower(): value for name, value in headers.items()}
            call = Call(site=self, method=method, path=path, query=query, headers=lower, body=body)
            try:
                status, content = answer(call)
            except GraphError as error:
                status, content = error.status, error.body
        self.note(method=method, path=path, body=starred(body, {"passwordProfile", "mime"}), status=status)
        return status, content, sent

    def _log_in(self, request: Request) -> Response:
        """Answer Microsoft's sign-in: where its token endpoint is, and a token for the app's secret or certificate."""
        root = f"https://{self.base_url.partition('://')[2]}/login/{TENANT}"
        if not request.path.startswith(f"/login/{TENANT}/"):
            return _json(400, {"error": "invalid_tenant", "error_description": "AADSTS90002: Tenant not found."})
        if request.path.endswith("/v2.0/.well-known/openid-configuration"):
            endpoints = {"authorization_endpoint": f"{root}/oauth2/v2.0/authorize", "token_endpoint": f"{root}/oauth2/v2.0/token"}
            return _json(200, {"issuer": f"{root}/v2.0", **endpoints})
        form = request.form
        proved = form.get("client_secret") == self._secret or form.get("client_assertion", "").count(".") == 2
        if form.get("client_id") != CLIENT or not proved:
            return _json(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."})
        self._issued += 1
        claims = base64.urlsafe_b64encode(json.dumps({"roles": sorted(self.roles), "n": self._issued}).encode()).decode().rstrip("=")
        token = f"opaque-{self._issued}" if self.opaque_tokens else f"eyJhbGciOiJub25lIn0.{claims}.c2ln"
        self._tokens.add(token)
        return _json(200, {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token})


def _json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    content = b"" if value is None else json.dumps(value)
    return Response(content, status, {"Content-Type": "application/json", **(headers or {})})
