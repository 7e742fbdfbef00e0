"""The settings, and what the accounts list gets."""

import pytest
from marshmallow import ValidationError

from rolecall_scim import register_columns, register_filters, register_providers
from rolecall_scim.provider import ScimProvider
from rolecall_scim.settings import ScimSettings, base_of

GOOD = {"base_url": "https://service.example/scim/v2/"}
CLIENT = {"oauth_url": "https://id.example/token", "client_id": "rolecall", "client_secret": "s"}


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"base_url": "service.example"}, "base_url"),
        ({"oauth_url": "ftp://x.example"}, "oauth_url"),
        ({"method": "post"}, "method"),
        ({"dialect": "okta"}, "dialect"),
        ({"key_slot": "title"}, "key_slot"),
        ({"client_auth": "jwt"}, "client_auth"),
        ({**CLIENT, "token": "t"}, "token"),
        ({"client_id": "rolecall"}, "client_id"),
    ],
)
def test_a_setting_that_cannot_be_right_is_refused(wrong, where):
    with pytest.raises(ValidationError) as caught:
        ScimSettings().load(GOOD | wrong)

    assert set(caught.value.messages) == {where}


def test_a_token_or_a_client_is_enough():
    assert base_of(ScimSettings().load(GOOD | {"token": "t"})) == "https://service.example/scim/v2"
    assert ScimSettings().load(GOOD | CLIENT)["method"] == "auto"


def test_the_plugin_brings_a_provider_a_filter_and_a_column():
    assert [kind.id for kind in register_providers()] == ["scim"]
    assert [each.id for each in register_filters()] == ["scim"]
    assert [each.id for each in register_columns()] == ["scim_id"]
    assert not ScimProvider.has_classes()
