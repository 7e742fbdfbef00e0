"""The WSGI application: sign-in of the service account, single calls and batches, faults, the journal and a page for people.

Thread-safe: one call at a time works on the state.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from werkzeug.wrappers import Request, Response

from rolecall.testing.fakes import FakeService, Table, starred
from rolecall_google.fake import courses, groups, institution, users
from rolecall_google.fake.page import classes, people
from rolecall_google.fake.routes import Call, answer
from rolecall_google.fake.sign_in import SignIn, key_file
from rolecall_google.fake.state import ALL_RIGHTS, ALL_SCOPES, GoogleError, Row, State

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

#: The modules whose functions answer.
ANSWERING = (courses, groups, institution, users)
STUDENT_LICENCE, TEACHER_LICENCE, OTHER_LICENCE = "101031/1010310008", "101031/1010310009", "101037/1010370001"
APIS = ("/admin/directory/v1/", "/apps/licensing/v1/", "/v1/")
#: What no journal shows.
SECRETS = frozenset({"password"})


class FakeGoogle(FakeService):
    """One Workspace.

    :param base_url: the address under which the application is reached.
    :param scopes: the scopes that domain-wide delegation was given; ``rights``: those of the administrator's role.
    :param page_size: the most that a page of a list holds; ``repeats``: whether an object may come on two pages.
    :param lag: how many look-ups of a fresh user fail; ``create_lag``: how many changes of one, ``rename_lag``: of a renamed one;
        ``group_lag``: how many look-ups of a fresh group.
    :param deleted_search: ``honoured``, ``ignored`` or ``refused``: what becomes of a search among deleted users.
    :param user_seats: how many users the institution pays for; ``archive_seats``: how many of them archived.
    """

    service = "Google Workspace"

    def __init__(
        self,
        base_url: str,
        *,
        scopes: Iterable[str] = ALL_SCOPES,
        rights: Iterable[str] = ALL_RIGHTS,
        domains: Iterable[str] = ("school.example", "students.school.example"),
        units: Iterable[str] = ("/Students", "/Staff"),
        page_size: int = 500,
        repeats: bool = False,
        lag: int = 0,
        create_lag: int = 0,
        rename_lag: int = 0,
        group_lag: int = 0,
        deleted_search: str = "honoured",
        user_seats: int = 100_000,
        archive_seats: int = 100,
        lifetime: int = 3600,
        name: str = "Demo school",
    ) -> None:
        super().__init__(base_url, name=name)
        self.rights = frozenset(rights)
        self.sign_in = SignIn(scopes, lifetime)
        self.page_size, self.repeats = page_size, repeats
        self.lag, self.create_lag, self.rename_lag, self.group_lag = lag, create_lag, rename_lag, group_lag
        self.deleted_search = deleted_search
        self.user_seats, self.archive_seats = user_seats, archive_seats
        self.state = State(domains=dict.fromkeys(domains, True), units={"/", *units})
        self.state.seats = {STUDENT_LICENCE: 1000, TEACHER_LICENCE: 1000, OTHER_LICENCE: 100}
        self.admin = f"admin@{next(iter(self.state.domains))}"
        self.add_user(primaryEmail=self.admin, name={"givenName": "Rolecall", "familyName": "Admin"}, isDelegatedAdmin=True)

    @property
    def settings(self) -> Row:
        """What the plugin's settings must be to reach this Workspace."""
        return {
            "service_account": key_file(),
            "admin": self.admin,
            "login_url": f"{self.base_url}/token",
            "directory_url": self.base_url,
            "licensing_url": self.base_url,
            "classroom_url": self.base_url,
            "domain": next(iter(self.state.domains)),
        }

    @property
    def users(self) -> dict[str, Row]:
        """The living users by address but for the administrator, each with its groups' names, its licences and its courses' names."""
        with self.lock:
            state = self.state
            found = {}
            for row in state.users.values():
                mine = frozenset(group["name"] for number, group in state.groups.items() if row["id"] in state.members[number])
                held = frozenset(licence for licence, holders in state.licences.items() if row["primaryEmail"].lower() in holders)
                if row["primaryEmail"] != self.admin:
                    found[row["primaryEmail"]] = {**row, "groups": mine, "licences": held}
            return found

    @property
    def courses(self) -> dict[str, Row]:
        """The courses by id, each with the number of its teachers and students."""
        with self.lock:
            state = self.state
            return {
                number: {**row, "teachers": len(state.teachers[number]), "students": len(state.students[number])}
                for number, row in state.courses.items()
            }

    def add_user(self, *, protected: bool = False, **fields: Any) -> str:
        """Put a user into the Workspace as if somebody had made it there by hand; returns its id."""
        number = users.add(self.state, **fields)
        if protected:
            self.state.protected.add(number)
        return number

    def error(self, status: int, *, reason: str = "unknown", message: str = "It failed.") -> Row:
        """Return the body of an error of Google's."""
        return GoogleError(status, reason, message).body

    def tables(self) -> Iterable[Table]:
        """Return what the page shows."""
        return people(self.users.values()), classes(self.courses.values())

    def respond(self, environ: WSGIEnvironment) -> WSGIApplication:
        """Answer one request."""
        request = Request(environ)
        if request.path == "/token":
            return _json(*self.sign_in.ask(request.form, self.state))
        if request.path != "/batch" and not request.path.startswith(APIS):
            return Response("Not found", 404)
        scopes = self.sign_in.scopes(request.headers.get("Authorization", ""))
        if scopes is None:
            return _json(401, GoogleError(401, "authError", "Invalid Credentials").body)
        if request.path == "/batch":
            return self._batch(request, scopes)
        query = dict(parse_qsl(request.query_string.decode(), keep_blank_values=True))
        return _json(*self._one(request.method, request.path, query, request.get_data(), scopes))

    def _batch(self, request: Request, scopes: frozenset[str]) -> Response:
        """Answer the parts of a batch, the last one first: their order promises nothing."""
        head = f"Content-Type: {request.headers.get('Content-Type', '')}\r\n\r\n"
        message = BytesParser().parsebytes(head.encode() + request.get_data())
        calls = [(str(each["Content-ID"]), each.get_payload(decode=True)) for each in message.walk() if not each.is_multipart()]
        if not message.is_multipart() or len(calls) > 1000:
            return _json(400, GoogleError(400, "badRequest", "Failed to parse batch request, or too many parts.").body)
        parts = []
        for number, payload in calls:
            top, _, content = bytes(payload if isinstance(payload, bytes) else b"").partition(b"\r\n\r\n")
            method, url, _ = top.partition(b"\r\n")[0].decode().split(" ")
            path, _, text = url.partition("?")
            query = dict(parse_qsl(text, keep_blank_values=True))
            status, body, headers = self._one(method, unquote(path), query, content.strip(), scopes)
            parts.append(_part(number.strip("<>"), status, body, headers))
        whole = b"".join(b"--batch_fake\r\n" + part for part in reversed(parts)) + b"--batch_fake--\r\n"
        return Response(whole, 200, {"Content-Type": "multipart/mixed; boundary=batch_fake"})

    def _one(
        self, method: str, path: str, query: Mapping[str, str], content: bytes, scopes: frozenset[str]
    ) -> tuple[int, Any, Mapping[str, str]]:
        body = json.loads(content or b"{}")
        instead = self.instead(method, path)
        headers: Mapping[str, str] = {}
        if instead is not None:
            status, answered, headers = instead.status, instead.body, instead.headers
        else:
            try:
                status, answered = answer(Call(site=self, method=method, path=path, query=query, body=body, scopes=scopes))
            except GoogleError as error:
                status, answered = error.status, error.body
        self.note(method=method, path=path, query=dict(query), body=starred(body, SECRETS), status=status)
        return status, answered, headers


def _part(number: str, status: int, body: Any, headers: Mapping[str, str]) -> bytes:
    lines = ["Content-Type: application/http", f"Content-ID: <response-{number}>", "", f"HTTP/1.1 {status} Answer"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += ["Content-Type: application/json; charset=UTF-8", "", "" if body is None else json.dumps(body, ensure_ascii=False), ""]
    return "\r\n".join(lines).encode()


def _json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    content = b"" if value is None else json.dumps(value)
    return Response(content, status, {"Content-Type": "application/json", **(headers or {})})
