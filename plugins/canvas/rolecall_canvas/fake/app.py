"""The WSGI application: the token, faults, throttling, the journal and a page for people.

Thread-safe: one call at a time works on the state.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

from werkzeug.wrappers import Request, Response

from rolecall.testing.fakes import FakeService, Table, starred
from rolecall_canvas.fake import courses, imports, users
from rolecall_canvas.fake.page import classes, people
from rolecall_canvas.fake.routes import Call, answer
from rolecall_canvas.fake.state import ALL_PERMISSIONS, CanvasError, Row, State, not_found

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

#: The modules whose functions answer.
ANSWERING = (courses, imports, users)
#: The number of the root account, and of an account below it.
ROOT, BELOW = "1", "7"
#: Fields that no journal shows.
SECRET = ("pseudonym[password]", "login[password]")
FULL = 700.0
THROTTLED = b"403 Forbidden (Rate Limit Exceeded)\n"


class FakeCanvas(FakeService):
    """One Canvas.

    :param base_url: the address under which the application is reached.
    :param permissions: what the token's user may do.
    :param page_size: the most that a page of a list holds; ``repeats``: the first row of a page was on the one before, too.
    :param import_looks: how many looks at a SIS import still find it at work; ``import_outcome``: the state in which it ends undone.
    :param reactivates: whether a deleted user comes back when it is made again; otherwise its SIS id is only taken.
    :param keeps_old_names: whether a user who comes back has the names and the login of before.
    :param wants_terms: whether new users who are checked strictly must have accepted the terms.
    :param hides_the_gone: whether calls about deleted users are answered *not permitted* rather than *not found*.
    """

    service = "Canvas"

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "1~fake0123456789abcdefghij",  # noqa: S107 - a fake's token is none
        permissions: Iterable[str] = ALL_PERMISSIONS,
        page_size: int = 100,
        repeats: bool = False,
        import_looks: int = 0,
        import_outcome: str = "",
        reactivates: bool = True,
        hides_the_gone: bool = False,
        keeps_old_names: bool = False,
        wants_terms: bool = False,
        name: str = "Demo school",
    ) -> None:
        super().__init__(base_url, name=name)
        self.account = int(ROOT)
        self.permissions = frozenset(permissions)
        self.page_size = page_size
        self.repeats = repeats
        self.import_looks = import_looks
        self.import_outcome = import_outcome
        self.reactivates = reactivates
        self.hides_the_gone = hides_the_gone
        self.keeps_old_names = keeps_old_names
        self.wants_terms = wants_terms
        #: What answers say is left of the bucket.
        self.remaining = FULL
        self.state = State()
        self._token = token
        self._moment = datetime(2026, 9, 1, 8, tzinfo=UTC)

    @property
    def settings(self) -> Row:
        """What the plugin's settings must be to reach this Canvas."""
        return {"base_url": self.base_url, "token": self._token}

    @property
    def users(self) -> dict[str, Row]:
        """The living logins by name, each with its user's names, and ``state``: active or suspended."""
        with self.lock:
            found = {}
            for login in self.state.logins.values():
                user = self.state.users[login["user_id"]]
                if login["workflow_state"] != "deleted":
                    found[login["unique_id"]] = {**user, "sis_user_id": login["sis_user_id"], "state": login["workflow_state"]}
            return found

    @property
    def courses(self) -> list[Row]:
        """The courses, each with the number of its active ``people``."""
        with self.lock:
            active = [row["course_id"] for row in self.state.enrolments.values() if row["workflow_state"] == "active"]
            return [{**row, "people": active.count(row["id"])} for row in self.state.courses.values() if row["workflow_state"] != "deleted"]

    def now(self) -> str:
        """Return the next second of a clock that every question moves on."""
        self._moment += timedelta(seconds=1)
        return self._moment.isoformat().replace("+00:00", "Z")

    def add_user(self, unique_id: str, *, sis_user_id: str | None = None, **fields: Any) -> str:
        """Put a user with a login into Canvas as if somebody had made it there by hand; returns the user's id."""
        with self.lock:
            user = self.state.add_user(**{"name": unique_id, **fields})
            self.state.add_login(user["id"], unique_id, sis_user_id)
            return str(user["id"])

    def finish_imports(self) -> None:
        """Let every SIS import come to its end."""
        with self.lock:
            for row in self.state.imports.values():
                if row["ended_at"] is None:
                    imports.finish(self.state, row, now=self.now())

    def check_account(self, account: str, *, root: bool = False) -> None:
        """Raise where there is no account of this number, or none that has logins and imports."""
        if account not in ("self", ROOT) and (root or account != BELOW):
            raise not_found()

    def error(self, status: int) -> Row:
        """Return the body of an error of Canvas."""
        return {"errors": [{"message": "It failed."}]}

    def tables(self) -> Iterable[Table]:
        """Return what the page shows."""
        return people(self.users), classes(self.courses)

    def throttle(self, status: int = 403, *, next: int | None = 1, headers: Mapping[str, str] | None = None) -> None:
        """Refuse calls because there were too many: Canvas says so in plain text."""
        self.fail(status, body=THROTTLED, headers={"X-Rate-Limit-Remaining": "0.0", **(headers or {})}, next=next)

    def respond(self, environ: WSGIEnvironment) -> WSGIApplication:
        """Answer one request."""
        request = Request(environ)
        if not request.path.startswith("/api/v1/"):
            return Response("Not found", 404)
        path = request.path.removeprefix("/api/v1")
        content, form = request.get_data(cache=True), dict(request.form)
        instead = self.instead(request.method, path)
        if instead is not None:
            sent = instead.body if isinstance(instead.body, bytes) else json.dumps(instead.body).encode()
            response = Response(sent, instead.status, dict(instead.headers))
        else:
            response = self._answer(request, path, content, form)
        query = parse_qsl(request.query_string.decode(), keep_blank_values=True)
        self.note(method=request.method, path=path, query=query, form=starred(form, SECRET), status=response.status_code)
        return response

    def _answer(self, request: Request, path: str, content: bytes, form: dict[str, str]) -> Response:
        if request.headers.get("Authorization") != f"Bearer {self._token}":
            return self._json(401, {"errors": [{"message": "Invalid access token."}]})
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(request.query_string.decode(), keep_blank_values=True):
            query.setdefault(name, []).append(value)
        call = Call(site=self, method=request.method, path=path, query=query, form=form, content=content)
        try:
            response = self._json(200, answer(call))
        except CanvasError as error:
            return self._json(error.status, error.body)
        if call.next_page is not None:
            pairs = [(name, value) for name, values in query.items() if name != "page" for value in values] + [("page", call.next_page)]
            first = f"{self.base_url}/api/v1{quote(path)}"
            response.headers["Link"] = f'<{first}>; rel="first", <{first}?{urlencode(pairs)}>; rel="next"'
        return response

    def _json(self, status: int, value: Any) -> Response:
        headers = {"Content-Type": "application/json", "X-Request-Cost": "0.05", "X-Rate-Limit-Remaining": str(self.remaining)}
        return Response(json.dumps(value), status, headers)
