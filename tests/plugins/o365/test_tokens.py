"""Tokens of the app: by secret or certificate, over the guarded transport, exchanged when refused."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from rolecall.errors import Misconfigured, Transient
from rolecall_o365.settings import CLOUDS, addresses
from rolecall_o365.tokens import Door, Tokens


@pytest.fixture(scope="module")
def certificate() -> str:
    """A certificate and its private key in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Rolecall")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC))
    signed = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (signed + private).decode()


def tokens(tenant, wire, **settings):
    return Tokens(wire.http, {**tenant.settings, **settings})


def test_a_token_is_asked_for_once_and_kept(tenant, wire) -> None:
    app = tokens(tenant, wire)

    assert app.get() == app.get()
    assert [request.path.rpartition("/")[2] for request in wire.journal] == ["openid-configuration", "token"]
    assert b"client_credentials" in wire.journal[1].body
    assert b".default" in wire.journal[1].body


def test_a_refused_token_is_not_given_again(tenant, wire) -> None:
    app = tokens(tenant, wire)
    old = app.get()

    assert app.get(instead_of=old) != old
    assert app.get(instead_of="another") == app.get()


def test_a_certificate_signs_in_without_a_secret(tenant, wire, certificate) -> None:
    app = tokens(tenant, wire, client_secret="", certificate=certificate)

    assert "User.Read.All" in app.roles()
    assert b"client_assertion" in wire.journal[-1].body
    assert b"PRIVATE" not in wire.journal[-1].body


@pytest.mark.parametrize("wrong", ["no pem at all", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_a_certificate_that_cannot_be_read_is_a_matter_of_settings(tenant, wire, wrong) -> None:
    with pytest.raises(Misconfigured) as caught:
        tokens(tenant, wire, certificate=wrong).get()

    assert wrong not in str(caught.value)


def test_without_secret_and_certificate_it_says_what_is_missing(tenant, wire) -> None:
    with pytest.raises(Misconfigured, match="secret or a certificate"):
        tokens(tenant, wire, client_secret=" ").get()


def test_what_was_mended_there_counts_at_once(tenant, wire) -> None:
    app = tokens(tenant, wire)
    wire.fail(status=400, body=b'{"error": "invalid_request"}', match=lambda request: request.path.endswith("/token"))
    with pytest.raises(Misconfigured, match="invalid_request"):
        app.get()

    assert app.get()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"{}", Transient),
        (200, b'{"access_token": "with space and\\n"}', Transient),
        (200, b'{"access_token": 7}', Transient),
        (200, b"[]", Transient),
        (200, b"<html>", Transient),
        (400, b'{"error": "temporarily_unavailable"}', Transient),
        (400, b"[]", Misconfigured),
        (401, b"", Misconfigured),
        (302, b"", Misconfigured),
        (429, b"", Transient),
        (500, b"", Transient),
    ],
)
def test_answers_of_the_sign_in_are_classed(tenant, wire, status, body, kind) -> None:
    wire.fail(status=status, body=body, headers={"Retry-After": "5"}, match=lambda request: request.path.endswith("/token"))

    with pytest.raises(kind) as caught:
        tokens(tenant, wire).get()

    if status in (429, 500):
        assert caught.value.retry_after == timedelta(seconds=5)


def test_an_address_outside_of_the_sign_in_is_sent_nothing(tenant, wire) -> None:
    with pytest.raises(Misconfigured):
        Door(wire.http, f"{wire.url}/login").post("https://elsewhere.example/token", data={"client_secret": "x"})

    assert wire.journal == []


def test_a_token_that_shows_nothing_has_no_roles(tenant, wire) -> None:
    tenant.opaque_tokens = True

    assert tokens(tenant, wire).roles() is None


@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_cloud_has_its_addresses_and_a_setting_comes_before_them(cloud) -> None:
    login, graph = addresses({"cloud": cloud})

    assert login.startswith("https://login.")
    assert graph.endswith("/v1.0")
    assert addresses({"cloud": cloud, "graph_url": "https://graph.test/v1.0/"}) == (login, "https://graph.test/v1.0")
