"""The WSGI application: sign-in, the API within its credits, faults, the journal and a page for people.

Thread-safe: one call at a time works on the state.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from joserfc.jwk import ECKey, RSAKey
from werkzeug.wrappers import Request, Response

from rolecall.testing.fakes import FakeService, Table, starred
from rolecall_brightspace.fake import courses, users
from rolecall_brightspace.fake.page import people
from rolecall_brightspace.fake.routes import Call, answer
from rolecall_brightspace.fake.sign_in import CLIENT, SignIn
from rolecall_brightspace.fake.state import ADMINISTRATOR, STUDENT, TEACHER, TEMPLATE, VISITOR, Row, State, ValenceError
from rolecall_brightspace.fake.users import new_user

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

#: The modules whose functions answer.
ANSWERING = (courses, users)
ALL_SCOPES = frozenset(
    {
        "users:userdata:read",
        "users:userdata:create",
        "users:userdata:update",
        "users:userdata:delete",
        "users:activation:update",
        "sessions:session:delete",
        "role:detail:read",
        "enrollment:orgunit:read",
        "enrollment:orgunit:create",
        "enrollment:orgunit:delete",
        "organizations:organization:read",
        "orgunits:course:read",
        "orgunits:course:create",
        "orgunits:course:update",
    }
)
#: The organisation role of each user type, so that nobody of a school waits for one.
ROLES = {
    "administrator": ADMINISTRATOR,
    "student": STUDENT,
    "teacher": TEACHER,
    "staff": TEACHER,
    "guardian": VISITOR,
    "partner": VISITOR,
    "alumni": VISITOR,
    "agent": VISITOR,
}
COST = 10
_PATH = re.compile(r"/d2l/api/lp/([0-9.]+)/(.*)")


class FakeBrightspace(FakeService):
    """One site.

    :param base_url: the address under which the application is reached.
    :param scopes: what the app was registered with; ``denied``: those whose permission the role of its service user lacks.
    :param algorithm: what the app signs with.
    :param credits: what the app has each minute; none: the site does not limit it, and says nothing.
    :param page_size: the most that a page of a list holds; ``repeats``: whether a row may come on two pages.
    :param lag: how many answers a UniqueIdentifier takes to follow a new user name.
    :param taken_status: the answer to a user name or a code that is taken.
    :param changes_roles: whether enrolling again changes the role.
    :param failure_name: the name of the status in a failure of a batch.
    """

    service = "Brightspace"

    def __init__(
        self,
        base_url: str,
        *,
        scopes: Iterable[str] = ALL_SCOPES,
        algorithm: str = "ES256",
        credits: int | None = 50_000,
        page_size: int = 100,
        repeats: bool = False,
        lag: int = 2,
        taken_status: int = 400,
        changes_roles: bool = True,
        failure_name: str = "StatusCode",
        versions: Iterable[str] = ("1.50", "1.57", "1.58"),
        clock: Callable[[], float] = time.monotonic,
        name: str = "Demo school",
    ) -> None:
        super().__init__(base_url, name=name)
        self.denied: frozenset[str] = frozenset()
        #: Names of fields that the role of the service user does not see.
        self.hidden: frozenset[str] = frozenset()
        #: Users who may not be enrolled by the app.
        self.protected: set[int] = set()
        self.page_size, self.repeats, self.lag = page_size, repeats, lag
        self.taken_status, self.changes_roles, self.failure_name = taken_status, changes_roles, failure_name
        self.versions = list(versions)
        self.credits = credits
        key = ECKey.generate_key("P-256") if algorithm.startswith("ES") else RSAKey.generate_key(2048)
        self.sign_in = SignIn(key=key, key_id="demo", algorithm=algorithm, scopes=frozenset(scopes))
        self.state = State()
        self._clock = clock
        self._minute, self._spent = 0, 0
        self._errors = 0

    @property
    def settings(self) -> Row:
        """What the plugin's settings must be to reach this site."""
        return {
            "base_url": self.base_url,
            "auth_url": self.token_address,
            "client_id": CLIENT,
            "private_key": self.sign_in.key.as_pem(private=True).decode(),
            "key_id": self.sign_in.key_id,
            "algorithm": self.sign_in.algorithm,
            "user_roles": [f"{user_type} = {role}" for user_type, role in ROLES.items()],
            "course_template": TEMPLATE,
        }

    @property
    def token_address(self) -> str:
        """Where tokens come from."""
        return f"{self.base_url}/core/connect/token"

    @property
    def users(self) -> dict[str, Row]:
        """The users by user name, each with the names of its roles and courses as ``groups``."""
        with self.lock:
            return {row["UserName"]: {**row, "groups": self._groups(number)} for number, row in self.state.users.items()}

    def add_user(self, role: int = STUDENT, **fields: Any) -> int:
        """Put a user into the site as if somebody had made it there by hand; returns its id."""
        with self.lock:
            return int(new_user(self.state, role, **fields)["UserId"])

    def error(self, status: int) -> str:
        """Return the body of an error, a text as sites send it too."""
        return "It failed."

    def tables(self) -> Iterable[Table]:
        """Return what the page shows."""
        return (people(self.users.values()),)

    def revoke_tokens(self) -> None:
        """Let no token given out so far be good for anything."""
        with self.lock:
            self.sign_in.tokens.clear()

    def respond(self, environ: WSGIEnvironment) -> WSGIApplication:
        """Answer one request."""
        request = Request(environ)
        if request.path == "/core/connect/token" and request.method == "POST":
            return _json(*self.sign_in.answer(request.form, self.token_address))
        if not request.path.startswith("/d2l/api/"):
            return Response("<!DOCTYPE html><title>Not found</title>", 404, {"Content-Type": "text/html"})
        scopes = self.sign_in.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if scopes is None:
            return _json(401, {"Errors": [{"Message": "Token expired."}]})
        return self._within_credits(request, scopes)

    def _within_credits(self, request: Request, scopes: frozenset[str]) -> Response:
        """Take the credits of a call; without any left it is answered by 429, which says how long to wait and nothing else."""
        if self.credits is None:
            return self._one(request, scopes)
        minute, second = divmod(self._clock(), 60)
        if minute != self._minute:
            self._minute, self._spent = int(minute), 0
        reset = str(60 - int(second))
        if self._spent + COST > self.credits:
            return Response("", 429, {"Retry-After": reset})
        self._spent += COST
        response = self._one(request, scopes)
        response.headers.update(
            {"X-Rate-Limit-Remaining": str(self.credits - self._spent), "X-Rate-Limit-Reset": reset, "X-Request-Cost": str(COST)}
        )
        return response

    def _one(self, request: Request, scopes: frozenset[str]) -> Response:
        if request.path == "/d2l/api/versions/":
            return _json(200, [{"ProductCode": "lp", "LatestVersion": self.versions[-1], "SupportedVersions": self.versions}])
        found = _PATH.fullmatch(request.path)
        if found is None or found[1] not in self.versions:
            return _json(404, "No such version.")
        body = json.loads(request.get_data() or b"null")
        instead = self.instead(request.method, found[2])
        headers: Mapping[str, str] = {}
        if instead is not None:
            status, content, headers = instead.status, instead.body, instead.headers
        else:
            call = Call(site=self, method=request.method, path=found[2], query=request.args, body=body, scopes=scopes)
            try:
                status, content = 200, answer(call)
            except ValenceError as error:
                status, content = error.status, self._error(error)
        self.note(method=request.method, path=found[2], query=dict(request.args), body=starred(body, {"PasswordData"}), status=status)
        return _json(status, content, headers)

    def _error(self, error: ValenceError) -> Any:
        """Return the body of an error in one of the three shapes that a site has, each in turn."""
        self._errors += 1
        shapes: tuple[Any, ...] = (
            error.message,
            {"Errors": [{"Message": error.message}]},
            {"type": "http://docs.valence.desire2learn.com/res/apiprop.html", "title": error.message, "status": error.status},
        )
        return shapes[self._errors % 3]

    def _groups(self, user: int) -> frozenset[str]:
        found = [(place, role) for (place, each), role in self.state.enrolments.items() if each == user]
        return frozenset(f"{self.state.units[place]['Name']}: {self.state.roles[role]}" for place, role in found)


def _json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    content = b"" if value is None else json.dumps(value)
    return Response(content, status, {"Content-Type": "application/json", **(headers or {})})
