"""Addresses at which plugins answer other systems: who gets through, how problems are told, and what breaks alone (R60, R68, P-03)."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from marshmallow import Schema, fields

from rolecall import hookimpl
from rolecall.accounts import tokens
from rolecall.accounts.actors import operator
from rolecall.config import load
from rolecall.errors import Busy, Forbidden, Unknown
from rolecall.plugins.registry import Registry
from rolecall.sdk.endpoint import Endpoint, EndpointCall, EndpointProblem, EndpointReply, EndpointRoute, SignedCall
from rolecall.store.tables import RolePermission
from rolecall.testing.factories import give_role, make_account, make_period, make_role
from rolecall.work import changes
from rolecall.work.application import Application
from rolecall_webapp import create_app


class BellSettings(Schema):
    """Whether the bell can be rung from outside."""

    open = fields.Boolean(load_default=True, metadata={"label": "Let it ring"})
    pin = fields.String(load_default="", metadata={"secret": True})


def answer(call: EndpointCall) -> EndpointReply:
    """Tell what was asked, or fail as it was told to."""
    failures = {
        "/bug": ZeroDivisionError("secret"),
        "/exit": SystemExit(3),
        "/gone": Unknown("Nobody."),
        "/busy": Busy("Wait.", retry_after=7),
    }
    if call.path in failures:
        raise failures[call.path]
    if call.path == "/nonsense":
        return "ding"  # type: ignore[return-value]
    told = {
        "method": call.method, "path": call.path, "query": dict(call.query), "base": call.base_url, "body": call.body.decode(),
        "headers": sorted(call.headers), "settings": dict(call.settings),
    }  # fmt: skip
    return EndpointReply(status=200, body=json.dumps(told).encode(), headers={"ETag": '"1"', "Set-Cookie": "a=b"})


def word(problem: EndpointProblem) -> EndpointReply:
    """Problems in the bell's own words; it does not get over its own failure."""
    if problem.code == "not-found":
        raise ValueError("no word for it")
    return EndpointReply(status=problem.status, body=f"bell: {problem.message}".encode(), media="text/bell")


def plugin(**changed: object) -> ModuleType:
    """A plugin with a bell."""
    reading = [
        EndpointRoute(method="GET", path=path, permissions=("people:view",)) for path in ("", "/bells", "/bells/{id}", "/bug", "/exit")
    ]
    reading += [EndpointRoute(method="GET", path=path, permissions=("people:view",)) for path in ("/gone", "/busy", "/nonsense")]
    routes = (*reading, EndpointRoute(method="POST", path="/bells", permissions=("people:create", "people:edit")))
    declared = {
        "id": "bell", "label": "Rings the bell", "prefix": "/bell/v1", "routes": routes, "handler": answer, "refuse": word,
        "setting": "open", "body_bytes": 100,
    }  # fmt: skip
    module = ModuleType("rolecall_bell")
    module.LABEL = "Bell"  # type: ignore[attr-defined]
    module.register_endpoints = hookimpl(lambda: [Endpoint(**(declared | changed))])  # type: ignore[attr-defined, arg-type]
    module.plugin_settings = hookimpl(lambda: BellSettings)  # type: ignore[attr-defined]
    return module


@pytest.fixture
def core(database_url: str, tmp_path: Path) -> Iterator[Application]:
    """The parts of a process with the bell installed and enabled."""
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config, plugins={"bell": plugin()}) as application:
        with application.db.write() as session:
            make_period(session)
        yield application


@pytest.fixture
def application(core: Application) -> Flask:
    """The web application around it."""
    return create_app(core)


@pytest.fixture
def call(application: Flask, core: Application) -> Callable[..., object]:
    """A function that enables the bell and calls it with a token that has exactly these permissions."""

    def make(*permissions: str, **account: object):  # type: ignore[no-untyped-def]
        with core.db.write() as session:
            found = make_account(session, type="administrator", **account)
            role = make_role(session, f"Role {found.id}", user_type="administrator")
            session.add_all(RolePermission(role_id=role.id, permission=each) for each in permissions)
            give_role(session, found, role, make_period(session))
            token, _row = tokens.create(session, found.id, name="bell", now=datetime.now(UTC))
        enable(core, True)
        client = application.test_client()
        head = {"Authorization": f"Bearer {token}"}
        return lambda path="", method="GET", **more: client.open(
            f"/bell/v1{path}", method=method, headers=head | more.pop("headers", {}), **more
        )

    return make


def enable(core: Application, enabled: bool, **values: object) -> None:
    """Switch the bell on or off, with these settings."""
    changes.set_plugin(core, operator("test"), "bell", enabled=enabled, values=values)


def test_a_call_arrives_with_what_it_said_and_without_the_token(call: Callable) -> None:
    ring = call("people:view")

    reply = ring("/bells/7?loud=yes", headers={"Cookie": "a=b", "X-Song": "ding"})

    assert reply.status_code == 200
    assert reply.json["path"] == "/bells/7"
    assert reply.json["query"] == {"loud": "yes"}
    assert reply.json["base"] == "http://127.0.0.1:8000/bell/v1"
    assert "x-song" in reply.json["headers"]
    assert not {"authorization", "cookie"} & set(reply.json["headers"])
    assert reply.json["settings"] == {"open": True, "pin": None}
    assert reply.headers["ETag"] == '"1"'
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize(
    ("permissions", "method", "path", "status"),
    [
        (("people:view",), "GET", "", 200),
        (("people:view",), "GET", "/", 200),
        (("people:view",), "HEAD", "/bells", 200),
        (("accounts:view",), "GET", "/bells", 403),
        ((), "GET", "/bells", 403),
        (("people:view", "people:create"), "POST", "/bells", 403),
        (("people:create", "people:edit"), "POST", "/bells", 200),
        (("people:view",), "DELETE", "/bells", 405),
        (("people:view",), "GET", "/elsewhere", 404),
        (("people:view",), "GET", "/bells/1/2", 404),
        (("people:view",), "GET", "/bells?a=1&a=2", 400),
        (("people:view",), "GET", "/bells?a=%00", 400),
    ],
)
def test_only_declared_routes_are_there_and_each_needs_its_permissions(
    call: Callable, permissions: tuple[str, ...], method: str, path: str, status: int
) -> None:
    reply = call(*permissions)(path, method)

    assert reply.status_code == status
    if status >= 400:
        assert reply.content_type == "text/bell"
        assert reply.text.startswith("bell: ")
    if status == 405:
        assert reply.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize("head", [{}, {"Authorization": "Bearer rct_nobodysnobodysnobodysnobodysnobodysnobodys"}])
def test_without_a_token_nobody_gets_through(application: Flask, call: Callable, head: dict[str, str]) -> None:
    call("people:view")

    reply = application.test_client().get("/bell/v1/bells", headers=head)

    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert reply.text.startswith("bell: ")


def test_a_cookie_counts_for_nothing(signed_in: Callable, call: Callable) -> None:
    call("people:view")

    assert signed_in("people:view").get("/bell/v1/bells").status_code == 401


def test_whoever_must_choose_a_password_first_may_do_nothing(call: Callable) -> None:
    assert call("people:view", must_change_password=True)("/bells").status_code == 403


@pytest.mark.parametrize("how", ["disabled", "setting off"])
def test_it_is_not_there_while_it_is_closed_whoever_asks(application: Flask, core: Application, call: Callable, how: str) -> None:
    ring = call("people:view")
    enable(core, how != "disabled", open=how != "setting off")

    with_token, without = ring("/bells"), application.test_client().get("/bell/v1/bells")

    assert with_token.status_code == without.status_code == 404
    assert with_token.content_type == "application/problem+json"


def test_bodies_are_bounded_and_taken_as_they_are(call: Callable) -> None:
    ring = call("people:create", "people:edit")

    assert ring("/bells", "POST", data="x" * 100).json["body"] == "x" * 100
    assert ring("/bells", "POST", data="x" * 101).status_code == 413
    assert ring("/bells", "POST", data="x", headers={"Content-Encoding": "gzip"}).status_code == 415


@pytest.mark.parametrize(("path", "status"), [("/bug", 500), ("/exit", 500), ("/nonsense", 500), ("/busy", 429)])
def test_what_breaks_breaks_for_that_call_alone(call: Callable, path: str, status: int) -> None:
    ring = call("people:view")

    broken, next_one = ring(path), ring("/bells")

    assert broken.status_code == status
    assert broken.content_type == "text/bell"
    assert "secret" not in broken.text
    assert next_one.status_code == 200
    if status == 429:
        assert broken.headers["Retry-After"] == "7"


def test_a_plugin_that_cannot_word_a_problem_has_it_told_in_ours(call: Callable) -> None:
    reply = call("people:view")("/gone")

    assert reply.status_code == 404
    assert reply.content_type == "application/problem+json"
    assert reply.json["detail"] == "Nobody."


def test_the_integrations_page_says_where_it_is_and_what_opens_it(core: Application, call: Callable, signed_in: Callable) -> None:
    call("people:view")
    browser = signed_in("integrations:view")

    opened = browser.get("/integrations/bell").text
    enable(core, True, open=False)
    closed = browser.get("/integrations/bell").text

    assert "rings the bell" in browser.get("/integrations").text
    assert "http://127.0.0.1:8000/bell/v1" in opened
    assert "people:create, people:edit, people:view" in opened
    assert "Closed. Enable the plugin, and “Let it ring” in its settings." in closed


def test_an_address_of_the_application_is_not_given_away(database_url: str, tmp_path: Path) -> None:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config, plugins={"people": plugin(id="people", prefix="/people/v1")}) as application:
        flask = create_app(application)

    assert application.plugins.installed["people"].fault is None
    assert not [rule for rule in flask.url_map.iter_rules() if rule.rule.startswith("/people/v1")]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"prefix": "/api/v1"}, "prefix"),
        ({"prefix": "/bell/V1"}, "prefix"),
        ({"label": " "}, "label"),
        ({"routes": ()}, "no routes"),
        ({"routes": (EndpointRoute(method="TRACE", path="/a", permissions=("people:view",)),)}, "not usable"),
        ({"routes": (EndpointRoute(method="GET", path="/{A}", permissions=("people:view",)),)}, "not usable"),
        ({"routes": (EndpointRoute(method="GET", path="/a", permissions=()),)}, "permissions"),
        ({"routes": (EndpointRoute(method="GET", path="/a", permissions=("people:steal",)),)}, "permissions"),
        ({"setting": "shut"}, "setting"),
        ({"id": "other"}, "begin with"),
    ],
)
def test_an_endpoint_that_is_declared_wrongly_leaves_its_plugin_out(changed: dict[str, object], said: str) -> None:
    found = Registry(extra={"bell": plugin(**changed)}).installed["bell"]

    assert said in (found.fault or "")
    assert found.endpoints == {}


def test_two_endpoints_have_two_prefixes() -> None:
    module = plugin()
    one, two = (module.register_endpoints()[0] for _ in range(2))
    module.register_endpoints = hookimpl(lambda: [one, replace(two, id="bell_two")])  # type: ignore[attr-defined]

    found = Registry(extra={"bell": module}).installed["bell"]

    assert "same prefix" in (found.fault or "")


def hear(call: SignedCall) -> EndpointReply:
    """Believe who knows the pin, and tell what was heard."""
    if call.headers.get("x-pin") != call.settings["pin"]:
        raise Forbidden("Not signed.")
    known = [call.receipts.arrived(call.body.decode() or "x"), call.receipts.lost("y" * 300, "Too long."), call.receipts.lost("", "None.")]
    told = {"url": call.url, "path": call.path, "query": call.query, "known": known, "headers": sorted(call.headers)}
    return EndpointReply(status=200, body=json.dumps(told).encode())


def signed(**changed: object) -> ModuleType:
    """A bell that is rung by who signs."""
    routes = (EndpointRoute(method="POST", path="/ring", permissions=()),)
    return plugin(**{"routes": routes, "handler": None, "signed": hear, **changed})


def test_a_signed_call_needs_no_token_and_gets_the_configured_address_and_the_secrets(database_url: str, tmp_path: Path) -> None:
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config, plugins={"bell": signed()}) as core:
        client = create_app(core).test_client()
        assert client.post("/bell/v1/ring").status_code == 404, "it is not enabled"
        enable(core, True, pin="1234")

        reply = client.post("/bell/v1/ring?a=1&a=2", data="m1", headers={"X-Pin": "1234", "Cookie": "a=b", "Authorization": "Bearer x"})

        assert reply.status_code == 200
        assert reply.json["url"] == "http://127.0.0.1:8000/bell/v1/ring?a=1&a=2"
        assert reply.json["known"] == [False, False, False]
        assert not {"authorization", "cookie"} & set(reply.json["headers"])
        refused = client.post("/bell/v1/ring", headers={"X-Pin": "9"})
        assert (refused.status_code, refused.text) == (403, "bell: Not signed.")
        assert client.post("/bell/v1/ring", data="x" * 101, headers={"X-Pin": "1234"}).status_code == 413
        assert client.get("/bell/v1/ring").status_code == 405
        assert client.post("/bell/v1/elsewhere", headers={"X-Pin": "1234"}).status_code == 404
        enable(core, True, open=False)
        assert client.post("/bell/v1/ring", headers={"X-Pin": "1234"}).status_code == 404


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"handler": answer}, "either a handler or"),
        ({"signed": None}, "either a handler or"),
        ({"routes": (EndpointRoute(method="POST", path="/ring", permissions=("people:view",)),)}, "cannot need permissions"),
    ],
)
def test_a_signed_endpoint_that_is_declared_wrongly_leaves_its_plugin_out(changed: dict[str, object], said: str) -> None:
    found = Registry(extra={"bell": signed(**changed)}).installed["bell"]

    assert said in (found.fault or "")
