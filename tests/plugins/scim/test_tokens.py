"""The token is the one of the settings, or is got by client credentials, renewed when it is refused or ends."""

import pytest

from rolecall.errors import Misconfigured, Transient
from rolecall_scim.errors import Denied
from rolecall_scim.tokens import Tokens

CLIENT = {"client": ("rolecall", "s3cret-of-the-client")}


@pytest.fixture
def tokens(provider, service, settings, wire) -> Tokens:
    """The tokens of the service."""
    return Tokens(wire.http, {**service.settings, **settings})


def asked(wire):
    return [request for request in wire.journal if request.path == "/oauth/token"]


@pytest.mark.parametrize("options", [CLIENT])
@pytest.mark.parametrize("settings", [{}, {"client_auth": "post"}, {"scope": "users groups"}])
def test_a_client_gets_a_token_and_keeps_it(provider, wire, settings):
    _ = provider.service.can
    list(provider.service.client.pages("/Users"))

    (request,) = asked(wire)
    assert request.form["grant_type"] == "client_credentials"
    assert request.form.get("scope") == settings.get("scope")
    assert ("Authorization" in request.headers) == ("client_secret" not in request.form)
    assert ("client_secret" in request.form) == (settings.get("client_auth") == "post")


@pytest.mark.parametrize("options", [CLIENT])
def test_a_token_that_is_refused_is_exchanged_once(provider, service, wire):
    _ = provider.service.can
    service.revoke_tokens()

    assert list(provider.service.client.pages("/Users")) == []
    assert len(asked(wire)) == 2

    service.fail(401, match=lambda method, path: path == "/Users", next=None)
    with pytest.raises(Denied):
        list(provider.service.client.pages("/Users"))
    assert len(asked(wire)) == 3


@pytest.mark.parametrize("options", [CLIENT])
@pytest.mark.parametrize(("lasts", "calls"), [(3600, 1), (0.001, 2), ("soon", 1), (True, 1)])
def test_a_token_is_used_until_it_ends(tokens, wire, service, lasts, calls):
    def grant():
        service.fail(200, body={"access_token": "a", "expires_in": lasts}, match=lambda method, path: path == "/oauth/token")

    grant()
    tokens.get()
    grant()
    while calls == 2 and len(asked(wire)) < 2:  # a moment later it has ended
        tokens.get()
    tokens.get()

    assert len(asked(wire)) >= calls
    assert calls == 2 or len(asked(wire)) == 1


@pytest.mark.parametrize("options", [CLIENT])
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, {}, Transient),
        (500, {}, Transient),
        (401, {"error": "invalid_client"}, Denied),
        (400, "no JSON", Denied),
        (200, {}, Transient),
        (200, {"access_token": "two\nlines"}, Transient),
        (200, ["x"], Transient),
    ],
)
def test_what_the_token_address_answers_is_classed(tokens, service, status, body, kind):
    service.fail(status, body=body, match=lambda method, path: path == "/oauth/token")

    with pytest.raises(kind) as caught:
        tokens.get()

    assert "s3cret" not in str(caught.value)
    assert tokens.get().startswith("issued-")


@pytest.mark.parametrize("options", [CLIENT])
def test_a_log_in_page_is_no_token(tokens, wire):
    wire.garbage()
    with pytest.raises(Transient):
        tokens.get()

    wire.fail(status=400, body=b"<html>")
    with pytest.raises(Denied):
        tokens.get()


@pytest.mark.parametrize("settings", [{"token": " "}])
def test_without_a_token_nothing_is_asked(provider, wire):
    with pytest.raises(Misconfigured, match="needs a token"):
        _ = provider.service.can

    assert wire.journal == []
