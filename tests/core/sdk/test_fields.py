"""The address of a service, as settings have it."""

import pytest
from marshmallow import Schema, ValidationError

from rolecall.sdk.fields import WebAddress


class Service(Schema):
    url = WebAddress()
    login_url = WebAddress(load_default="https://login.example")


@pytest.mark.parametrize("url", ["https://a.example/x", "http://moodle:8080", "http://127.0.0.1:9"])
def test_a_host_needs_no_dot_and_no_encryption_to_be_typed(url: str) -> None:
    assert Service().load({"url": url})["url"] == url


@pytest.mark.parametrize("url", ["a.example", "ftp://a.example", "", "javascript:alert(1)"])
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="URL"):
        Service().load({"url": url})


def test_what_is_left_out_is_none_or_its_default_and_only_the_former_may_be_emptied() -> None:
    assert Service().load({}) == {"url": None, "login_url": "https://login.example"}
    assert Service().load({"url": None})["url"] is None
    with pytest.raises(ValidationError):
        Service().load({"login_url": None})
    with pytest.raises(ValidationError):
        Schema.from_dict({"url": WebAddress(required=True)})().load({})
