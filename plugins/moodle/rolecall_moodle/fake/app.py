"""The WSGI application: transport, tokens, closed doors, faults, the journal and a page for people.

Thread-safe: one call at a time works on the state. What a call did is committed before its answer begins.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import escape
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request, Response

from rolecall.testing.fakes import FakeService, Table
from rolecall_moodle.fake import functions
from rolecall_moodle.fake.page import classes, people
from rolecall_moodle.fake.php import MoodleError, invalid_parameter, nested, xml, xml_error
from rolecall_moodle.fake.site import Caller, Site
from rolecall_moodle.fake.state import ALL_RIGHTS, State, Token, User, scramble

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

#: Called with a function's name and one of PHASES; it may wait, kill or raise.
OnRequest = Callable[[str, str], None]

PHASES = ("before_commit", "after_commit", "during_reply", "after_reply")

SERVICE = "rolecall"


def _quiet(name: str, phase: str) -> None:
    """Do nothing at any phase."""


class FakeMoodle(FakeService):
    """One site.

    :param base_url: the address under which the application is reached.
    :param token: the key of the robot user that may do everything.
    :param database: ``postgresql`` or ``mariadb``: whether look-ups mind the case of letters.
    :param debug: send ``debuginfo``, as sites under development do.
    :param max_input_vars: PHP's limit of form fields; the rest is dropped without a word.
    :param state_file: SQLite file in which the site survives its process.
    :param latency: seconds that each call takes.
    """

    service = "Moodle"

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "5f4dcc3b5aa765d61d8327deb882cf99",  # noqa: S107 - a fake's key is no secret
        rights: Iterable[str] = ALL_RIGHTS,
        site_name: str = "Demo school",
        release: str = "4.3 (Build: 20231009)",
        version: str = "2023100900",
        database: str = "postgresql",
        languages: Iterable[str] = ("en", "de", "el", "fr", "ru", "uk", "ar"),
        auths: Iterable[str] = ("manual", "email", "ldap", "oauth2", "oidc", "saml2", "nologin"),
        profile_fields: Iterable[str] = (),
        password_policy: bool = True,
        debug: bool = False,
        max_input_vars: int = 5000,
        state_file: str | None = None,
        latency: float = 0.0,
        on_request: OnRequest = _quiet,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(base_url, name=site_name)
        self.state = State(clock, file=state_file)
        self.site = Site(
            state=self.state,
            name=site_name,
            base_url=self.base_url,
            release=release,
            version=version,
            languages=frozenset(languages),
            auths=frozenset(auths),
            profile_fields=frozenset(profile_fields),
            password_policy=password_policy,
            case_sensitive=database != "mariadb",
        )
        self.debug = debug
        self.max_input_vars = max_input_vars
        self.latency = latency
        self.on_request = on_request
        #: False: the administrator switched web services (or the REST protocol) off.
        self.web_services = True
        #: ``cli`` or ``admin``: how the site was closed for maintenance.
        self.maintenance: str | None = None
        self._staff: set[int] = set()
        self._add_staff("guest", "Guest user", " ", "root@localhost")
        self._add_staff("admin", "Admin", "User", "admin@example.org")
        self._token = token
        self.add_token(token, "rolecall", rights=rights)

    @property
    def settings(self) -> dict[str, Any]:
        """What the plugin's settings must be to reach this site."""
        return {"base_url": self.base_url, "token": self._token}

    @property
    def users(self) -> dict[str, dict[str, Any]]:
        """The living users but the site's own, by user name, each with the ID numbers of its cohorts as ``groups``."""
        with self.lock:
            groups = self._groups()
            return {
                user["username"]: {**user, "groups": frozenset(groups.get(user["id"], ()))}
                for user in self.state.living()
                if user["id"] not in self._staff
            }

    @property
    def cohorts(self) -> dict[str, frozenset[str]]:
        """The user names in each cohort, by the cohort's ID number."""
        with self.lock:
            return {
                cohort["idnumber"]: frozenset(self.state.users[member]["username"] for member in cohort["members"])
                for cohort in self.state.cohorts.values()
            }

    @property
    def courses(self) -> dict[str, dict[str, Any]]:
        """The courses by ID number: their names, whether they are visible, and who is enrolled in which roles, by user name."""
        return {course["idnumber"]: course for course in self.course_list}

    @property
    def course_list(self) -> list[dict[str, Any]]:
        """The courses in the order in which they were made."""
        with self.lock:
            names = {number: user["username"] for number, user in self.state.users.items()}
            return [
                {
                    **{name: course[name] for name in ("id", "idnumber", "fullname", "shortname", "categoryid", "visible")},
                    "people": {names[int(who)]: tuple(roles) for who, roles in course["enrolled"].items()},
                    "groups": {group["name"]: frozenset(names[who] for who in group["members"]) for group in course["groups"]},
                }
                for course in self.state.courses.values()
            ]

    def add_course(self, **fields: Any) -> int:
        """Put a course into the site as if somebody had made it there by hand; returns its id."""
        with self.lock:
            number = self.state.number("course")
            facts = {"fullname": f"Course {number}", "shortname": f"course{number}", "idnumber": "", "categoryid": 1, "visible": 1}
            self.state.put_course({**facts, "summary": "", "enrolled": {}, "suspended": [], "groups": [], **fields, "id": number})
            self.state.commit()
            return number

    def tables(self) -> Iterable[Table]:
        """Return what the page shows."""
        return people(self.users.values()), classes(self.course_list)

    @property
    def mails(self) -> list[str]:
        """The addresses to which Moodle mailed a password it made up."""
        with self.lock:
            return list(self.state.mails)

    def add_token(self, token: str, username: str, **options: Any) -> int:
        """Make a robot user (unless it is there) and a key for it; options as for :class:`Token`. Returns the user's id."""
        with self.lock:
            number = self._add_staff(username, username, "Robot", f"{username}@example.org", auth="webservice")
            if "rights" in options:
                options["rights"] = frozenset(options["rights"])
            self.state.tokens[token] = Token(user=number, **options)
            return number

    def change_token(self, token: str, **options: Any) -> None:
        """Change what a key may do: ``rights``, ``functions``, ``expires``, ``address_allowed``."""
        with self.lock:
            for name, value in options.items():
                setattr(self.state.tokens[token], name, value)

    def revoke_token(self, token: str) -> None:
        """Delete a key."""
        with self.lock:
            self.state.tokens.pop(token, None)

    def add_user(self, **fields: Any) -> int:
        """Put a user into the site as if somebody had made it there by hand; returns its id."""
        with self.lock:
            fields["password"] = scramble(str(fields.get("password", "")))
            user = self.state.new_user(id=self.state.number("user"), **fields)
            self.state.put_user(user)
            self.state.commit()
            return int(user["id"])

    def _add_staff(self, username: str, firstname: str, lastname: str, email: str, auth: str = "manual") -> int:
        user = next(iter(self.state.like("username", username)), None)
        if user is None:
            user = self.state.new_user(
                id=self.state.number("user"), username=username, firstname=firstname, lastname=lastname, email=email, auth=auth
            )
            self.state.put_user(user)
            self.state.commit()
        self._staff.add(user["id"])
        return int(user["id"])

    def _groups(self) -> dict[int, list[str]]:
        groups: dict[int, list[str]] = {}
        for cohort in self.state.cohorts.values():
            for member in cohort["members"]:
                groups.setdefault(member, []).append(cohort["idnumber"])
        return groups

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        shown = self.shown(request.path)
        if shown is not None:
            return shown(environ, start_response)
        if request.path not in ("/webservice/rest/server.php", "/login/token.php"):
            return Response("Not found", 404)(environ, start_response)
        if self.latency:
            time.sleep(self.latency)
        fields = self._fields(request)
        form = nested(fields)
        name = str(form.get("wsfunction", "")) if request.path.endswith("server.php") else "login/token"
        self.on_request(name, "before_commit")
        with self.lock:
            self.site.base_url = self.base_url
            response = self._answer(name, form)
            self.state.commit()
            self._note(request, name, fields, response)
        self.on_request(name, "after_commit")
        return _Reply(response, lambda phase: self.on_request(name, phase)).start(start_response)

    def _fields(self, request: Request) -> list[tuple[str, str]]:
        """Return the form fields that PHP lets through: a body of another type is not looked at, too many are cut off."""
        posted = list(request.form.items(multi=True))[: self.max_input_vars]
        return [*list(request.args.items(multi=True))[: self.max_input_vars], *posted]

    def _note(self, request: Request, name: str, fields: Sequence[tuple[str, str]], response: Response) -> None:
        shown = [(key, "***" if _is_secret(key) else value) for key, value in fields]
        outcome = response.get_data(as_text=True)[:200]
        self.note(
            n=self._journal[-1]["n"] + 1 if self._journal else 1,
            at=self.state.clock(),
            method=request.method,
            path=request.path,
            function=name,
            fields=shown,
            status=response.status_code,
            outcome=outcome,
        )

    def _answer(self, name: str, form: dict[str, Any]) -> Response:
        if self.maintenance == "cli":
            text = f"<!DOCTYPE html>\n<title>{escape(self.site.name)} under maintenance</title>"
            return Response(text, 503, {"Retry-After": "300", "Content-Type": "text/html; charset=utf-8"})
        if not self.web_services:
            return Response("", 403, {"Content-Type": "text/html; charset=utf-8"})
        if name == "login/token":
            return self._log_in(form)
        as_json = form.pop("moodlewsrestformat", "xml") == "json"
        try:
            value = self._call(name, form)
        except MoodleError as error:
            answer = error.answer(debugging=self.debug)
            return _json(answer) if as_json else Response(xml_error(error), 200, {"Content-Type": "application/xml"})
        return _json(value) if as_json else Response(xml(value), 200, {"Content-Type": "application/xml; charset=utf-8"})

    def _call(self, name: str, form: dict[str, Any]) -> Any:
        caller = self._caller(str(form.pop("wstoken", "")))
        form.pop("wsfunction", None)
        if not name:
            raise invalid_parameter("Missing web service function name")
        known = name in functions.FUNCTIONS
        if not known and name not in functions.ELSEWHERE:
            message = "Can't find data record in database table external_functions."
            raise MoodleError("dml_missing_record_exception", "invalidrecord", message)
        granted = caller.token.functions
        if not known or (granted is not None and name not in granted) or not caller.may("webservice/rest:use"):
            raise _no_access()
        return functions.FUNCTIONS[name](self.site, caller, form)

    def _caller(self, key: str) -> Caller:
        if self.maintenance == "admin":
            message = "The site is undergoing maintenance and is currently not available"
            raise MoodleError("moodle_exception", "sitemaintenance", message)
        token = self.state.tokens.get(key)
        if token is None:
            raise MoodleError("moodle_exception", "invalidtoken", "Invalid token - token not found")
        if token.expires is not None and token.expires < self.state.clock():
            del self.state.tokens[key]
            raise _no_access()
        if not token.address_allowed:
            raise _no_access()
        user = self.state.users[token.user]
        if user["suspended"]:
            message = f"Refused web service access for suspended username: {user['username']}"
            raise MoodleError("moodle_exception", "wsaccessusersuspended", message)
        return Caller(user=user, token=token)

    def _log_in(self, form: dict[str, Any]) -> Response:
        """Give out a key for a user name and a password, to those who are listed as users of the service."""
        name, word = str(form.get("username", "")), str(form.get("password", ""))
        user: User | None = next(iter(self.state.like("username", name)), None)
        if form.get("service") != SERVICE:
            return _refuse("servicenotavailable", "Web service is not available. (It doesn't exist or might be disabled.)")
        if user is None or user["suspended"] or user["deleted"] or user["password"] != scramble(word):
            return _refuse("invalidlogin", "Invalid login, please try again")
        key = next((key for key, token in self.state.tokens.items() if token.user == user["id"]), None)
        if key is None:
            message = (
                "The user is not allowed for this service. First you need to allow this user on the "
                f"{SERVICE}'s allowed users administration page."
            )
            return _refuse("usernotallowed", message)
        return _json({"token": key, "privatetoken": None})


class _Reply:
    """An answer in two halves, so that a test can end things in the middle of it."""

    def __init__(self, response: Response, notify: Callable[[str], None]) -> None:
        self.body = response.get_data()
        self.status = response.status
        self.headers = Headers(response.headers)
        self.notify = notify

    def start(self, start_response: StartResponse) -> Iterable[bytes]:
        """Send the head and return what is left to send."""
        self.headers["Content-Length"] = str(len(self.body))
        start_response(self.status, self.headers.to_wsgi_list())
        return self

    def __iter__(self) -> Iterator[bytes]:
        middle = len(self.body) // 2
        yield self.body[:middle]
        self.notify("during_reply")
        yield self.body[middle:]

    def close(self) -> None:
        """Called by the server when the last byte was handed on."""
        self.notify("after_reply")


def _is_secret(key: str) -> bool:
    return key in ("wstoken", "password") or key.endswith("[password]")


def _no_access() -> MoodleError:
    return MoodleError("webservice_access_exception", "accessexception", "Access control exception")


def _refuse(code: str, message: str) -> Response:
    return _json({"error": message, "errorcode": code, "stacktrace": None, "debuginfo": None, "reproductionlink": None})


def _json(value: Any) -> Response:
    return Response(json.dumps(value), 200, {"Content-Type": "application/json"})
