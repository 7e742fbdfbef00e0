"""The frame around every view: deny by default, headers, errors, hosts."""

from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from flask import Flask, request
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from rolecall.config import load
from rolecall.errors import Busy, Held, Invalid, Stale
from rolecall.work.application import Application
from rolecall_webapp import create_app
from rolecall_webapp.frame import PUBLIC, UNDECLARED, local_path, needs, permission_of, public
from rolecall_webapp.headers import POLICY

KEY = Fernet.generate_key().decode()


def test_every_view_says_who_may_open_it(application: Flask) -> None:
    undeclared = [name for name, view in application.view_functions.items() if permission_of(view) == UNDECLARED]

    assert undeclared == []


def test_a_view_that_says_nothing_is_refused_to_everybody(application: Flask, signed_in: Callable) -> None:
    application.add_url_rule("/forgotten", "forgotten", lambda: "secret")

    answer = signed_in(owner=True).get("/forgotten")

    assert answer.status_code == 403
    assert "secret" not in answer.text


def test_every_page_needs_its_permission(application: Flask, client: FlaskClient, signed_in: Callable) -> None:
    nobody = signed_in()
    for rule in application.url_map.iter_rules():
        permission = permission_of(application.view_functions[rule.endpoint])
        if permission in (PUBLIC, None) or "GET" not in (rule.methods or ()) or rule.rule.startswith(("/api/", "/metrics")):
            continue
        path = rule.rule
        for argument in rule.arguments:
            path = path.replace(next(part for part in path.split("/") if argument in part), "1")

        assert client.get(path).status_code in (302, 303), rule
        assert nobody.get(path).status_code == 403, rule


@pytest.mark.parametrize("path", ["/login", "/nothing-here", "/healthz", "/static/app.css"])
def test_every_answer_has_the_headers(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        pass

    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_an_unknown_host_is_refused(client: FlaskClient) -> None:
    assert client.get("/login", headers={"Host": "evil.example"}).status_code == 400


def test_a_page_that_does_not_exist_is_said_in_the_frame(signed_in: Callable) -> None:
    answer = signed_in("accounts:view").get("/nothing-here")

    assert answer.status_code == 404
    assert "Sign out" in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "//evil",
        "/\\evil",
        "\t//evil",
        "https:evil",
        "https://evil",
        "javascript:alert(1)",
        "/a\r\nb",
        "",
        None,
        "evil",
        "http:///evil",
        "/" + "a" * 5000,
    ],
)
def test_only_a_path_of_ours_is_gone_back_to(target: str | None) -> None:
    assert local_path(target) == "/"


def test_a_path_of_ours_is_kept_with_its_query() -> None:
    assert local_path("/accounts?type=student&q=a%20b") == "/accounts?type=student&q=a%20b"


def test_a_form_without_its_token_changes_nothing(signed_in: Callable) -> None:
    browser = signed_in("accounts:view")

    answer = browser.client.post("/logout")

    assert answer.status_code == 400
    assert browser.get("/password").status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ZeroDivisionError("secret /etc/passwd"), 500, "logged under the number"),
        (OperationalError("SELECT secret", {}, Exception("no such file")), 503, "cannot be reached"),
        (Busy("Too many attempts.", retry_after=7), 429, "Too many attempts."),
        (Stale("Somebody was faster."), 409, "Somebody was faster."),
        (Invalid("Wrong.", fields={"name": ["Too short."]}), 422, "Too short."),
        (Held("The brake holds it."), 409, "The brake holds it."),
    ],
)
def test_what_goes_wrong_is_a_page_without_a_secret(
    application: Flask, signed_in: Callable, error: Exception, status: int, said: str
) -> None:
    def fail() -> str:
        raise error

    application.add_url_rule("/fails", "fails", public(fail) if status >= 500 else needs(None)(fail))

    answer = signed_in().get("/fails")

    assert answer.status_code == status
    assert said in answer.text
    assert "secret" not in answer.text
    assert answer.headers["Content-Security-Policy"] == POLICY
    if status == 429:
        assert answer.headers["Retry-After"] == "7"
    if status == 500:
        assert answer.headers["X-Request-Id"] in answer.text


def test_a_form_that_is_too_large_is_refused(signed_in: Callable) -> None:
    assert signed_in("accounts:view").post("/views", {"name": "x" * 6_000_000}).status_code == 413


def test_the_method_that_a_page_does_not_take_is_said(signed_in: Callable) -> None:
    answer = signed_in("accounts:view").client.delete("/accounts")

    assert answer.status_code == 405
    assert "does not take that kind of request" in answer.text


def test_over_https_the_cookie_and_the_transport_are_strict(core: Application) -> None:
    config = load({}, base_url="https://accounts.example.org", secret_key="s" * 40, database_url=str(core.db.url), encryption_keys=KEY)
    with Application(config) as application:
        client = create_app(application).test_client()
        answer = client.get("/login", base_url="https://accounts.example.org")
        foreign = client.get("/login", base_url="https://127.0.0.1")

    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-rolecall=")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    assert foreign.status_code == 400


def test_an_address_of_a_proxy_is_believed_only_where_one_is_configured(core: Application) -> None:
    config = load({}, trusted_proxies="1", secret_key="s" * 40, database_url=str(core.db.url), encryption_keys=KEY)
    forwarded = {"X-Forwarded-For": "203.0.113.9"}

    def whence(app: Application) -> str:
        flask = create_app(app)
        flask.add_url_rule("/whence", "whence", public(lambda: request.remote_addr or ""))
        return flask.test_client().get("/whence", headers=forwarded).text

    with Application(config) as behind_a_proxy:
        assert whence(behind_a_proxy) == "203.0.113.9"
    assert whence(core) == "127.0.0.1"
