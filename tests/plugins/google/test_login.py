"""Signing in with Google: users of the institution's own Workspace (R66, F-01, F-03)."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from rolecall.errors import NotProved
from rolecall.sdk.login import ExternalIdentity
from rolecall.testing import LoginContract
from rolecall.testing.issuer import Issuer
from rolecall.testing.wire import Wire
from rolecall_google.login import GoogleLogin

CALLBACK = "https://rolecall.example/login/google/callback"


def settings_at(url: str, issuer: Issuer, **more: Any) -> dict[str, Any]:
    issuer.url = url
    return {
        "sign_in": True, "sign_in_client_id": "rolecall", "sign_in_client_secret": issuer.clients["rolecall"], "sign_in_url": url,
        "domain": "school.example", **more,
    }  # fmt: skip


def make_issuer() -> Issuer:
    person = {"sub": "1077", "hd": "school.example", "email": "anna@school.example", "email_verified": True, "auth_time": None}
    return Issuer(person=person, names_itself=False)


class TestLogin(LoginContract):
    plugin = "google"

    def make_service(self) -> Any:
        self.issuer = make_issuer()
        return self.issuer

    def settings(self, url: str) -> Mapping[str, Any]:
        return settings_at(url, self.issuer)

    def walk(self, url: str) -> dict[str, str]:
        return self.issuer.walk(url)


@pytest.fixture
def issuer() -> Issuer:
    return make_issuer()


@pytest.fixture
def wire(issuer: Issuer) -> Iterator[Wire]:
    with Wire(issuer) as wire:
        yield wire


def sign_in(login: GoogleLogin, issuer: Issuer) -> ExternalIdentity:
    departure = login.begin(CALLBACK, "state")
    return login.complete(issuer.walk(departure.url), CALLBACK, departure.remembered)


@pytest.mark.parametrize("bare", [False, True])
def test_the_id_in_the_directory_identifies(issuer: Issuer, wire: Wire, bare: bool) -> None:
    login = GoogleLogin(settings_at(wire.url, issuer), wire.http)
    if bare:
        issuer.claims["iss"] = wire.host

    found = sign_in(login, issuer)

    assert (found.issuer, found.subject, found.external_id, found.email_verified) == (wire.url, "1077", "1077", True)


@pytest.mark.parametrize("domain", [None, "other.example", "", 7, ["school.example"]], ids=str)
def test_who_is_not_of_the_workspace_is_nobody_whatever_their_address(issuer: Issuer, wire: Wire, domain: object) -> None:
    issuer.claims["hd"] = domain

    with pytest.raises(NotProved):
        sign_in(GoogleLogin(settings_at(wire.url, issuer), wire.http), issuer)


@pytest.mark.parametrize(("domains", "asked"), [([], "hd=school.example"), (["student = pupils.school.example"], "hd=%2A")])
def test_google_is_asked_to_offer_accounts_of_the_workspace(issuer: Issuer, wire: Wire, domains: list[str], asked: str) -> None:
    login = GoogleLogin(settings_at(wire.url, issuer, domains=domains), wire.http)

    assert asked in login.begin(CALLBACK, "state").url


def test_addresses_count_only_if_they_are_wanted_and_of_the_workspace() -> None:
    plain, wanted = (GoogleLogin({"domain": "school.example", "sign_in_by_address": each}, None) for each in (False, True))

    assert not plain.speaks_for("anna@school.example")
    assert wanted.speaks_for("anna@School.example")
    assert not wanted.speaks_for("anna@gmail.example")
