"""Who may open what: every page, route and action by user type, role and account state equals what is declared (Z-01).

Made from the declarations themselves, so a new page is in it at once. One application for the whole matrix; whether a page may be opened
is asked of the frame, without drawing it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product

import pytest
from flask import Flask
from flask_wtf.csrf import CSRFError
from sqlalchemy.orm import Session

from rolecall.accounts import sessions, tokens
from rolecall.accounts.roles import AREA_PERMISSIONS
from rolecall.errors import Forbidden
from rolecall.sdk.words import USER_TYPES
from rolecall.store.tables import Account
from rolecall.testing.factories import make_account, make_clerk, make_period, set_plain
from rolecall.work.application import Application
from rolecall_webapp.api import OPERATIONS
from rolecall_webapp.api.operation import Operation
from rolecall_webapp.frame import PUBLIC, UNDECLARED, SignInFirst, permission_of

NOW = datetime.now(UTC)
STATES = {
    "active": {}, "inactive": {"active": False}, "deleted": {"deleted_at": NOW}, "must change password": {"must_change_password": True},
}  # fmt: skip
STEP = 7
#: Pages for everybody who is signed in: one's own account, password and runs, and dialogs that ask for the action's own permission.
FOR_EVERYBODY = {
    "login", "me", "me_profile", "me_second_factor", "me_sessions", "me_email", "me_identities", "external_login", "again_code", "strength",
    "runs", "slips", "actions", "trying", "acting",
}  # fmt: skip
#: What is sent and changes nothing but what the visitor sees: exports, checks, saved views, a role on trial.
SENT_TO_LOOK = {"accounts.export", "audit.export", "audit.verify", "views.save", "views.remove", "trying.start"}
IN_AN_ADDRESS = {
    "action_id": "account.deactivate",
    "name": "moodle",
    "plugin": "moodle",
    "people_list": "students",
    "handle": "abc",
    "token": "abc",
}


@dataclass(frozen=True)
class Way:
    """One address and method, and what it is declared to need: permissions that are all needed, none for whoever is signed in."""

    method: str
    path: str
    needed: frozenset[str] = frozenset()
    before_password: bool = False

    @property
    def is_for_programs(self) -> bool:
        """Whether it is opened by a token, and by no cookie."""
        return self.path.startswith("/api/") or self.path == "/metrics"


@dataclass(frozen=True)
class Visitor:
    """Somebody with a session and a token; ``held`` none is everything. ``in_at_all`` tells whether they can be signed in."""

    cookie: str
    token: str
    held: frozenset[str] | None
    in_at_all: bool = True
    must_change: bool = False


@dataclass
class Gate:
    """Asks the frame of one application, as one visitor after another."""

    flask: Flask
    core: Application
    answers: list[str] = field(default_factory=list)

    def visitor(
        self, held: frozenset[str] | None, make: Callable[[Session], Account], *, in_at_all: bool = True, must_change: bool = False
    ) -> Visitor:
        """Sign somebody in."""
        with self.core.db.write() as session:
            account_id = make(session).id
            web = sessions.create(session, account_id, address=None, agent=None, now=datetime.now(UTC))
            token, _ = tokens.create(session, account_id, name="matrix", now=datetime.now(UTC))
        serializer = self.flask.session_interface.get_signing_serializer(self.flask)  # type: ignore[attr-defined]
        return Visitor(serializer.dumps({"_user_id": web, "_fresh": True}), token, held, in_at_all, must_change)

    def ask(self, way: Way, visitor: Visitor | None) -> str:
        """Say how the frame answers: ``open``, ``forbidden``, ``sign in`` or ``password``."""
        headers = {}
        if visitor is not None:
            name = self.flask.config["SESSION_COOKIE_NAME"]
            headers = {"Authorization": f"Bearer {visitor.token}"} if way.is_for_programs else {"Cookie": f"{name}={visitor.cookie}"}
        with self.flask.test_request_context(way.path, method=way.method, headers=headers):
            try:
                answer = self.flask.preprocess_request()
            except Forbidden:
                return "forbidden"
            except SignInFirst:
                return "sign in"
            except CSRFError:
                # Looked at when the right was there.
                return "open"
        return "open" if answer is None else "password"


def expected(way: Way, visitor: Visitor) -> str:
    """What the declaration says."""
    api = way.is_for_programs
    if not visitor.in_at_all:
        return "sign in"
    if visitor.must_change and not way.before_password:
        return "forbidden" if api and way.needed else "open" if api else "password"
    return "open" if visitor.held is None or way.needed <= visitor.held else "forbidden"


@pytest.fixture
def gate(application: Flask, core: Application) -> Gate:
    return Gate(application, core)


@pytest.fixture
def ways(application: Flask) -> list[Way]:
    """Every protected address of the application."""
    return list(_ways(application))


def _ways(flask: Flask) -> Iterator[Way]:
    for rule in flask.url_map.iter_rules():
        view = flask.view_functions[rule.endpoint]
        needed = permission_of(view)
        if needed == PUBLIC or rule.endpoint.startswith("endpoints."):
            continue  # what a plugin's endpoint needs depends on its route, which the frame does not know
        path = re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda match: IN_AN_ADDRESS.get(match[1], "1"), rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            declared = frozenset() if needed is None else frozenset({needed})
            yield Way(method, path, declared, getattr(view, "rolecall_before_password", False))


def test_everything_is_declared(application: Flask) -> None:
    undeclared = {endpoint for endpoint, view in application.view_functions.items() if permission_of(view) == UNDECLARED}
    known = {*AREA_PERMISSIONS, *(f"act:{each}" for each in _actions(application)), PUBLIC}
    unknown = {
        endpoint: needed for endpoint, view in application.view_functions.items() if (needed := permission_of(view)) and needed not in known
    }

    assert undeclared == set()
    assert unknown == {}


def test_what_is_for_everybody_is_ones_own(application: Flask) -> None:
    open_to_all = {
        endpoint
        for endpoint, view in application.view_functions.items()
        if permission_of(view) is None and not endpoint.startswith(("api.", "endpoints."))
    }

    assert {endpoint.partition(".")[0] for endpoint in open_to_all} <= FOR_EVERYBODY
    # Of the API, routes with several permissions, one that depends on the address, or one that depends on whose run it is.
    assert [each.name for each in OPERATIONS if not each.public and not each.permissions and not each.others and each.tag != "me"] == []


def test_no_route_of_a_plugins_endpoint_is_for_everybody(core: Application) -> None:
    endpoints = [each for plugin in core.plugins.installed.values() for each in plugin.endpoints.values()]
    # What is signed has no token; that it is signed is proved with the endpoints.
    routes = [route for each in endpoints if each.signed is None for route in each.routes]

    assert routes
    assert [route for route in routes if not set(route.permissions) & set(AREA_PERMISSIONS)] == []


def test_what_is_sent_needs_more_than_to_look(application: Flask) -> None:
    weak = set()
    for rule in application.url_map.iter_rules():
        view = application.view_functions[rule.endpoint]
        operation: Operation | None = getattr(view, "rolecall_operation", None)
        needed = set(operation.permissions) if operation else {permission_of(view)}
        if rule.methods and rule.methods & {"POST", "PATCH", "PUT", "DELETE"} and any(each and each.endswith(":view") for each in needed):
            weak.add(rule.endpoint)

    # A plan of a sync, of a rollover or of a status is a look into what would be done.
    assert {each for each in weak - SENT_TO_LOOK if "plan" not in each and "preview" not in each} == set()


def test_the_openapi_document_tells_the_permissions_of_every_operation(client) -> None:
    paths = client.get("/api/v1/openapi.json").json["paths"]
    told = {
        (method.upper(), path): operation["x-permissions"] for path, by_method in paths.items() for method, operation in by_method.items()
    }

    for each in OPERATIONS:
        if "{action_id}" in each.path:
            assert told["POST", "/actions/account.delete"] == ["act:account.delete"]
        else:
            assert told[each.method, each.path] == list(each.permissions)


def test_every_page_by_user_type_role_and_state(gate: Gate, ways: list[Way]) -> None:
    everything = _everything(gate.flask)
    shapes: dict[str, tuple[frozenset[str] | None, tuple[str, ...], list[str] | None]] = {
        "no role": (frozenset(), (), None),
        "a role without permissions": (frozenset(), (), None),
        "everything": (everything, tuple(everything), None),
        "everything for students": (everything, tuple(everything), ["student"]),
        "owner": (None, (), None),
    }
    wrong = []
    combinations = list(product(USER_TYPES, shapes.items(), STATES.items()))
    for number, (user_type, (shape, (held, permissions, limited)), (state, values)) in enumerate(combinations):
        if shape == "owner" and (user_type, state) != ("administrator", "active"):
            continue
        facts = {**values, "type": user_type, "is_owner": shape == "owner"}
        make = _without_role(facts) if shape in ("no role", "owner") else _with_role(permissions, limited, facts)
        in_at_all = state not in ("inactive", "deleted") and shape != "no role"
        visitor = gate.visitor(held, make, in_at_all=in_at_all, must_change=state == "must change password")
        # A prime step, so that every address is asked for by every user type, role and state in turn; whoever is active asks for all.
        asked = ways if (user_type, state) == ("administrator", "active") else ways[number % STEP :: STEP]
        found = {way: gate.ask(way, visitor) for way in asked}
        wrong += [(user_type, shape, state, way.method, way.path, got) for way, got in found.items() if got != expected(way, visitor)]

    assert wrong == []


def test_every_page_with_only_its_permission_and_with_all_others(gate: Gate, ways: list[Way]) -> None:
    everything = _everything(gate.flask)
    wrong = []
    for needed in sorted({each for way in ways for each in way.needed}):
        for held in (frozenset({needed}), everything - {needed}):
            visitor = gate.visitor(held, _with_role(tuple(held), None, {}))
            found = {way: gate.ask(way, visitor) for way in ways}
            wrong += [(needed, len(held), way.method, way.path, got) for way, got in found.items() if got != expected(way, visitor)]

    assert wrong == []


def test_whoever_must_set_up_a_second_factor_reaches_only_that(gate: Gate, ways: list[Way]) -> None:
    with gate.core.db.write() as session:
        set_plain(session, "core", second_factor_administrator="required")
    owner = gate.visitor(None, _without_role({"type": "administrator", "is_owner": True}))

    reached = {way.path for way in ways if not way.is_for_programs and gate.ask(way, owner) == "open"}

    assert reached == {
        "/logout",
        "/again",
        "/again/1",
        "/password",
        "/password/check",
        "/me/password",
        "/sign-in-as/stop",
        "/me/second-factor",
        "/me/second-factor/begin",
        "/me/second-factor/app",
    }


def test_without_a_session_every_page_leads_to_the_sign_in(gate: Gate, ways: list[Way]) -> None:
    assert {gate.ask(way, None) for way in ways} == {"sign in"}


def test_every_action_by_role_and_state(gate: Gate) -> None:
    everything = _everything(gate.flask)
    with gate.core.db.write() as session:
        target = make_account(session, "Anna").id
    wrong = []
    states = [name for name in STATES if name not in ("inactive", "deleted")]
    for action, state in product(_actions(gate.flask), states):
        permission = f"act:{action}"
        for held in (frozenset(), frozenset({permission}), everything - {permission}):
            make = _with_role(tuple(held), None, STATES[state])
            visitor = gate.visitor(held, make, must_change=state == "must change password")
            allowed = permission in held and not visitor.must_change
            for face, status in (("web", _dialog(gate, visitor, action, target)), ("api", _dry_run(gate, visitor, action, target))):
                refused = status in (401, 403) or (face == "web" and visitor.must_change and status == 303)
                if refused == allowed:
                    wrong.append((action, state, len(held), face, status))

    assert wrong == []


def _dialog(gate: Gate, visitor: Visitor, action: str, target: int) -> int:
    client = gate.flask.test_client()
    client.set_cookie(gate.flask.config["SESSION_COOKIE_NAME"], visitor.cookie)
    return client.get(f"/act/{action}?ids={target}").status_code


def _dry_run(gate: Gate, visitor: Visitor, action: str, target: int) -> int:
    body = {"accounts": [target], "dry_run": True}
    headers = {"Authorization": f"Bearer {visitor.token}"}
    return gate.flask.test_client().post(f"/api/v1/actions/{action}", json=body, headers=headers).status_code


def _actions(flask: Flask) -> list[str]:
    core: Application = flask.extensions["rolecall"]
    with core.db.read() as session:
        return list(core.plugins.view(session).actions)


def _everything(flask: Flask) -> frozenset[str]:
    return frozenset({*AREA_PERMISSIONS, *(f"act:{each}" for each in _actions(flask))})


def _with_role(permissions: tuple[str, ...], limited: list[str] | None, facts: dict) -> Callable[[Session], Account]:  # type: ignore[type-arg]
    return lambda session: make_clerk(session, *permissions, limited_to=limited, **facts)


def _without_role(facts: dict) -> Callable[[Session], Account]:  # type: ignore[type-arg]
    def make(session: Session) -> Account:
        make_period(session)
        return make_account(session, **facts)

    return make
