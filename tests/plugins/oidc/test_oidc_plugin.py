"""OpenID Connect with any issuer does what every plugin and every login method must do."""

from collections.abc import Mapping
from typing import Any

import pytest
from marshmallow import ValidationError

from rolecall.testing import LoginContract, PluginContract
from rolecall.testing.issuer import Issuer
from rolecall_oidc.login import AnyIssuerLogin
from rolecall_oidc.settings import OidcSettings

GOOD = {"issuer": "https://login.school.example/realms/school", "client_id": "rolecall"}


class TestPlugin(PluginContract):
    plugin = "oidc"


class TestLogin(LoginContract):
    plugin = "oidc"

    def make_service(self) -> Any:
        self.issuer = Issuer()
        return self.issuer

    def settings(self, url: str) -> Mapping[str, Any]:
        self.issuer.url = url
        return {"issuer": url, "client_id": "rolecall", "client_secret": self.issuer.clients["rolecall"]}

    def walk(self, url: str) -> dict[str, str]:
        return self.issuer.walk(url)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "login.school.example"},
        {"issuer": "https://login.school.example/.well-known/openid-configuration"},
        {"issuer": "https://login.school.example/?tenant=1"},
        {"issuer": "https://user@login.school.example/"},
        {"client_id": ""},
        {"scopes": ["email profile"]},
        {"scopes": ['"']},
        {"authoritative_domains": ["anna@school.example"]},
        {"authoritative_domains": ["school"]},
        {"button": "x" * 61},
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        OidcSettings().load({**GOOD, **wrong})


def test_the_settings_decide_on_scopes_the_name_of_the_button_and_the_domains() -> None:
    bare = AnyIssuerLogin(OidcSettings().load(GOOD), None)
    chosen = {"scopes": ["email", "eduperson"], "button": "School ID", "authoritative_domains": ["School.example"]}
    full = AnyIssuerLogin(OidcSettings().load({**GOOD, **chosen}), None)

    assert (bare.scopes, bare.button, bare.speaks_for("anna@school.example")) == (("email", "profile"), "OpenID Connect", False)
    assert (full.scopes, full.button) == (("email", "eduperson"), "School ID")
    assert [full.speaks_for(each) for each in ("anna@SCHOOL.example", "anna@pupils.school.example", "school.example@x.example")] == [
        True, False, False,
    ]  # fmt: skip
