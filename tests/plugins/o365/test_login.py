"""Signing in with Microsoft 365: one tenant, and the object id in it (R66, F-01, F-03)."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from marshmallow import ValidationError

from rolecall.errors import Misconfigured, NotProved
from rolecall.sdk.login import ExternalIdentity
from rolecall.testing import LoginContract
from rolecall.testing.issuer import Issuer
from rolecall.testing.wire import Wire
from rolecall_o365.login import MicrosoftLogin
from rolecall_o365.settings import MicrosoftSettings

TENANT = "6731de76-14a6-49ae-97bc-6eba6914391e"
USER = "0d1f6c4a-1111-4e55-9b6e-aaaaaaaaaaaa"
CALLBACK = "https://rolecall.example/login/o365/callback"


def settings_at(url: str, issuer: Issuer, **more: Any) -> dict[str, Any]:
    issuer.url = f"{url}/{TENANT}/v2.0"
    return {
        "tenant": TENANT.upper(), "client_id": "rolecall", "client_secret": issuer.clients["rolecall"], "login_url": url, "sign_in": True,
        **more,
    }  # fmt: skip


def make_issuer() -> Issuer:
    person = {"sub": "pairwise", "tid": TENANT, "oid": USER, "email": "head@school.example", "email_verified": True, "name": "Anna"}
    return Issuer(person=person, names_itself=False)


class TestLogin(LoginContract):
    plugin = "o365"

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


def sign_in(login: MicrosoftLogin, issuer: Issuer) -> ExternalIdentity:
    departure = login.begin(CALLBACK, "state")
    return login.complete(issuer.walk(departure.url), CALLBACK, departure.remembered)


def test_tenant_and_object_id_identify_and_no_address_is_ever_verified(issuer: Issuer, wire: Wire) -> None:
    login = MicrosoftLogin(settings_at(wire.url, issuer), wire.http)

    found = sign_in(login, issuer)

    assert (found.issuer, found.subject, found.external_id) == (issuer.url, USER, USER)
    assert (found.email, found.email_verified) == ("head@school.example", False)
    assert login.speaks_for("head@school.example") is False


@pytest.mark.parametrize(
    "claims", [{"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"}, {"tid": None}, {"oid": None}, {"oid": "admin"}], ids=str
)
def test_a_user_of_another_tenant_or_without_an_id_is_nobody(issuer: Issuer, wire: Wire, claims: dict) -> None:
    issuer.claims = claims

    with pytest.raises(NotProved):
        sign_in(MicrosoftLogin(settings_at(wire.url, issuer), wire.http), issuer)


def test_an_issuer_for_many_tenants_is_refused(issuer: Issuer, wire: Wire) -> None:
    login = MicrosoftLogin(settings_at(wire.url, issuer), wire.http)
    issuer.metadata["issuer"] = f"{wire.url}/{{tenantid}}/v2.0"

    with pytest.raises(Misconfigured):
        login.begin(CALLBACK, "state")


@pytest.mark.parametrize("tenant", ["common", "organizations", "school.example", "9188040d-6c67-4c5b-b112-36a304b66dad"])
def test_only_one_tenant_by_its_id_is_ready(tenant: str) -> None:
    assert not MicrosoftLogin.is_ready({"tenant": tenant, "sign_in": True, "client_id": "x", "client_secret": "y"})


@pytest.mark.parametrize(
    ("more", "client", "secret"),
    [
        ({}, "of the connection", "its secret"),
        ({"sign_in_client_id": "of its own", "sign_in_client_secret": "own secret"}, "of its own", "own secret"),
        ({"sign_in_client_id": "of its own"}, "of its own", ""),
    ],
)
def test_the_secret_of_one_app_is_never_sent_for_another(more: dict, client: str, secret: str) -> None:
    settings = {"tenant": TENANT, "sign_in": True, "client_id": "of the connection", "client_secret": "its secret", **more}
    login = MicrosoftLogin(settings, None)

    assert (login.client_id, login.client_secret) == (client, secret)
    assert MicrosoftLogin.is_ready(settings) == bool(secret)


def test_the_settings_are_good_without_signing_in_and_with_it_need_the_id_of_the_tenant() -> None:
    plain = {"tenant": "school.example", "client_id": TENANT, "domain": "school.example", "usage_location": "GR"}
    assert MicrosoftSettings().load(plain)["sign_in"] is False

    with pytest.raises(ValidationError) as refused:
        MicrosoftSettings().load({**plain, "sign_in": True})

    assert list(refused.value.messages) == ["tenant"]
    assert MicrosoftSettings().load({**plain, "sign_in": True, "tenant": TENANT})["sign_in"] is True
