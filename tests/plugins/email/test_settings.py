"""The settings, and the address of the process that says them."""

import pytest
from marshmallow import ValidationError

from rolecall_email.settings import EmailSettings, from_url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("smtp://mail.example", ("mail.example", 25, "none", "", "")),
        ("smtp://mail.example?starttls=1", ("mail.example", 587, "starttls", "", "")),
        ("smtps://mail.example/", ("mail.example", 465, "tls", "", "")),
        ("smtp://a%40b:p%2Fw%3A@[::1]:2525?starttls=no", ("::1", 2525, "none", "a@b", "p/w:")),
    ],
)
def test_an_address_says_the_settings(url, said):
    loaded = EmailSettings().load(from_url(url))

    assert tuple(loaded[name] for name in ("host", "port", "security", "username", "password")) == said


@pytest.mark.parametrize(
    "url",
    ["http://mail.example", "mail.example", "smtp://", "smtp://u:hunter2@mail.example:99999", "smtp://u:hunter2@mail.example/box",
     "smtp://u:hunter2@mail.example?tls=1", "smtp://u:hunter2@mail.example?starttls=perhaps", "smtp://u:hunter2@mail.example#x"],
)  # fmt: skip
def test_an_address_that_cannot_be_meant_is_refused_without_being_quoted(url):
    with pytest.raises(ValueError) as refused:
        from_url(url)

    assert "hunter2" not in str(refused.value)


def test_oauth_needs_all_that_belongs_to_it():
    with pytest.raises(ValidationError) as refused:
        EmailSettings().load({"host": "mail.example", "sign_in": "oauth"})

    assert set(refused.value.messages) == {"username", "oauth_url", "client_id", "client_secret"}
