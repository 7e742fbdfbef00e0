"""The frame around every view: deny by default, headers, errors, hosts."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rolecall_webapp.frame import PUBLIC, UNDECLARED, local_path, permission_of
from rolecall_webapp.headers import POLICY


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
        if permission in (PUBLIC, None) or "GET" not in (rule.methods or ()) or rule.rule.startswith("/api/"):
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
