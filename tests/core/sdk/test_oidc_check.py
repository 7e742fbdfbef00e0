"""A test of signing in by OpenID Connect says in words what is wrong, before anybody stands in front of it (R54, F-15)."""

from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey

from rolecall.sdk.oidc import OidcLogin
from rolecall.sdk.provider import CheckLine
from rolecall.testing.issuer import Issuer
from rolecall.testing.wire import Wire

CALLBACK = "https://rolecall.example/login/school/callback"


class School(OidcLogin):
    id, label = "school", "School"

    @classmethod
    def issuer_of(cls, settings: Any) -> str:
        return str(settings["issuer"])


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def wire(issuer: Issuer) -> Iterator[Wire]:
    with Wire(issuer, deadline=1.0) as wire:
        issuer.url = wire.url
        yield wire


def check(wire: Wire, issuer: Issuer, **more: Any) -> dict[str, CheckLine]:
    settings = {"issuer": issuer.url, "client_id": "rolecall", "client_secret": issuer.clients["rolecall"], **more}
    return {line.label: line for line in School(settings, wire.http).check(CALLBACK)}


def test_what_works_is_said_line_by_line_and_no_code_is_left_that_is_good(wire: Wire, issuer: Issuer) -> None:
    lines = check(wire, issuer)

    assert [(label, line.ok) for label, line in lines.items()] == [
        ("The issuer", True), ("Its signing keys", True), ("Client id and secret", True), ("The address to come back to", True),
    ]  # fmt: skip
    assert issuer.url in lines["The issuer"].detail
    assert CALLBACK in lines["The address to come back to"].detail


def test_an_issuer_of_another_name_is_told_and_asked_nothing_more(wire: Wire, issuer: Issuer) -> None:
    issuer.metadata["issuer"] = f"{wire.url}/"

    lines = check(wire, issuer)

    assert [(label, line.ok) for label, line in lines.items()] == [("The issuer", False)]
    assert "a slash at the end included" in lines["The issuer"].fix
    assert [each.path for each in wire.journal] == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize("client", [{"client_id": "stranger"}, {"client_secret": "wrong"}], ids=str)
def test_a_client_that_the_issuer_does_not_take(wire: Wire, issuer: Issuer, client: dict) -> None:
    line = check(wire, issuer, **client)["Client id and secret"]

    assert (line.ok, line.required) == (False, True)
    assert "Enter the client id and secret" in line.fix


def test_an_issuer_that_takes_any_code_is_not_to_be_used(issuer: Issuer) -> None:
    with Wire(_Careless(issuer)) as careless:
        issuer.url = careless.url
        line = check(careless, issuer)["Client id and secret"]

    assert (line.ok, "never gave" in line.detail) == (False, True)


class _Careless:
    """An issuer whose token endpoint takes whatever comes."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"].endswith("/token"):
            start_response("200 OK", [("Content-Type", "application/json")])
            return [b'{"id_token": "x", "access_token": "y"}']
        return self.issuer(environ, start_response)


@pytest.mark.parametrize("keys", [{}, {"curve": ECKey.generate_key("P-521")}], ids=["none", "another curve"])
def test_keys_that_nothing_can_be_checked_with(wire: Wire, issuer: Issuer, keys: dict) -> None:
    issuer.keys = keys

    line = check(wire, issuer)["Its signing keys"]

    assert (line.ok, "none that can be used" in line.detail) == (False, True)


@pytest.mark.parametrize(
    ("told", "label", "required"),
    [
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "How it signs", True),
        ({"response_types_supported": ["id_token"]}, "The authorization code flow", True),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE", False),
        ({"claims_supported": ["sub", "email"]}, "When somebody proved who they are", False),
    ],
    ids=["algorithms", "flow", "pkce", "auth_time"],
)
def test_what_the_issuer_says_that_it_cannot_do(wire: Wire, issuer: Issuer, told: dict, label: str, required: bool) -> None:
    issuer.metadata |= told

    line = check(wire, issuer)[label]

    assert (line.ok, line.required) == (False, required)
    assert line.fix


def test_a_page_that_does_not_send_back_may_not_know_the_address(wire: Wire, issuer: Issuer) -> None:
    issuer.metadata["authorization_endpoint"] = f"{wire.url}/nowhere"

    line = check(wire, issuer)["The address to come back to"]

    assert (line.ok, line.required) == (False, False)
    assert CALLBACK in line.fix


def test_clocks_that_differ_are_told(wire: Wire, issuer: Issuer) -> None:
    told = {"Date": "Mon, 02 Mar 2020 12:00:00 GMT", "Content-Type": "application/json"}
    wire.fail(status=200, headers=told, match=lambda request: request.path == "/keys", body=b'{"keys": []}', next=None)

    assert "no answer is believed" in check(wire, issuer)["Clocks"].detail
