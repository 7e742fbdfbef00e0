"""The pretended issuer lets people choose who they are, and is honest about it to whoever asks as OpenID Connect says."""

import json
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from rolecall.sdk.http import Response
from rolecall.sdk.login import Departure
from rolecall.testing.wire import Wire
from rolecall_oidc import OidcSettings
from rolecall_oidc.fake import FakeIssuer, create_app
from rolecall_oidc.login import AnyIssuerLogin

CALLBACK = "http://127.0.0.1:8000/login/oidc/callback"
PUPIL = {"code": "S0002", "first_name": "Μαρία", "last_name": "<b>Ψαρρά", "email": "s0002@home.example", "note": "Students"}


@pytest.fixture
def fake() -> FakeIssuer:
    fake = create_app("http://127.0.0.1")
    fake.meet([PUPIL])
    return fake


@pytest.fixture
def wire(fake: FakeIssuer) -> Iterator[Wire]:
    with Wire(fake) as wire:
        fake.base_url = wire.url
        yield wire


@pytest.fixture
def login(fake: FakeIssuer, wire: Wire) -> AnyIssuerLogin:
    return AnyIssuerLogin(OidcSettings().load({k: v for k, v in fake.settings.items() if not k.startswith("new_account")}), wire.http)


def choose(wire: Wire, departure: Departure, name: str) -> dict[str, str]:
    """Do what a browser does with somebody who chooses a name on the page."""
    page = wire.http.get(departure.url).text
    link = next(each for each in page.split('<a href="')[1:] if f"<bdi>{name}</bdi>" in unescape(each).split("</a>")[0])
    chosen, page_url = unescape(link.split('"')[0]), departure.url.split("?")[0]
    back = wire.http.get(f"{page_url}{chosen}")
    assert back.status == 303
    return dict(parse_qsl(urlsplit(back.headers["Location"]).query))


def test_whoever_chooses_a_name_comes_back_as_that_person(wire: Wire, login: AnyIssuerLogin) -> None:
    departure = login.begin(CALLBACK, "state", fresh=True)

    found = login.complete(choose(wire, departure, "Nikos Newcomer"), CALLBACK, departure.remembered)

    assert (found.subject, found.email, found.email_verified, found.second_factor) == (
        "newcomer", "nikos.newcomer@home.example", True, False,
    )  # fmt: skip


def test_two_who_choose_at_the_same_time_stay_who_they_are(wire: Wire, login: AnyIssuerLogin) -> None:
    one, other = login.begin(CALLBACK, "one"), login.begin(CALLBACK, "other")
    first, second = choose(wire, one, "Μαρία <b>Ψαρρά"), choose(wire, other, "Nikos Newcomer")

    found = [login.complete(args, CALLBACK, each.remembered).subject for args, each in ((first, one), (second, other))]

    assert found == ["id-s0002", "newcomer"]


def test_names_are_text_on_its_pages(wire: Wire, login: AnyIssuerLogin) -> None:
    pages = [wire.http.get(login.begin(CALLBACK, "state").url).text, wire.http.get(f"{wire.url}/").text]

    assert [("&lt;b&gt;Ψαρρά" in page, "<b>Ψαρρά" in page) for page in pages] == [(True, False)] * 2


def ask(wire: Wire, login: AnyIssuerLogin, **changes: Any) -> Response:
    url = login.begin(CALLBACK, "state").url
    query = "&".join(f"{name}={value}" for name, value in ({**dict(parse_qsl(urlsplit(url).query)), **changes}).items())
    return wire.http.get(f"{url.partition('?')[0]}?{query}")


@pytest.mark.parametrize(
    "changes",
    [{"client_id": "stranger"}, {"redirect_uri": "javascript:alert(1)"}, {"response_type": "token"}, {"code_challenge_method": "plain"}],
    ids=str,
)
def test_a_question_that_is_none_is_a_page_and_leads_nowhere(wire: Wire, login: AnyIssuerLogin, changes: dict) -> None:
    answer = ask(wire, login, **changes)

    assert (answer.status, "Location" in answer.headers) == (400, False)


def test_nobody_is_signed_in_without_choosing(wire: Wire, login: AnyIssuerLogin) -> None:
    answer = ask(wire, login, prompt="none")

    assert dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["error"] == "login_required"


def test_a_test_of_the_connection_finds_nothing_wrong(wire: Wire, login: AnyIssuerLogin) -> None:
    assert [line for line in login.check(CALLBACK) if not line.ok] == []


def test_what_a_test_plants_is_answered_and_every_call_is_in_the_journal(wire: Wire, fake: FakeIssuer) -> None:
    fake.fail(503, body={"error": "temporarily_unavailable"})

    broken, whole = (wire.http.get(f"{wire.url}/.well-known/openid-configuration") for _ in range(2))

    assert (broken.status, whole.json()["issuer"]) == (503, wire.url)
    assert [each["path"] for each in json.loads(wire.http.get(f"{wire.url}/_journal").text)] == ["/.well-known/openid-configuration"] * 2
