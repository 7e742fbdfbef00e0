"""The app's proof and its token: signed with the private key, kept until shortly before its end, exchanged when refused."""

import base64
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from rolecall.errors import Misconfigured, Transient
from rolecall_brightspace import assertion
from rolecall_brightspace.fake import create_app
from rolecall_brightspace.tokens import EARLY, Tokens


class Clock:
    """A clock that stands still until it is put forward."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of the tokens."""
    return Clock()


@pytest.fixture
def tokens(filled, wire, clock) -> Tokens:
    """The tokens of the app."""
    return Tokens(wire.http, filled, clock=clock)


@pytest.mark.parametrize("options", [{"algorithm": "RS256"}, {"algorithm": "PS256"}, {"algorithm": "ES256"}])
def test_the_proof_is_good_by_the_public_half_that_is_published(filled, tokens) -> None:
    published = assertion.public_keys(filled)

    proof = jwt.decode(assertion.signed(filled), KeySet.import_key_set(published), algorithms=[filled["algorithm"]])

    assert tokens.get()
    assert proof.header["kid"] == published["keys"][0]["kid"] == "demo"
    assert proof.claims["iss"] == proof.claims["sub"] == filled["client_id"]
    assert (proof.claims["aud"], proof.claims["exp"] - proof.claims["iat"]) == (filled["auth_url"], assertion.LIFETIME)
    assert set(published["keys"][0]).isdisjoint({"d", "p", "q", "dp", "dq", "qi"})


def test_a_key_that_was_pasted_into_one_line_is_read(filled) -> None:
    flat = filled["private_key"].replace("\n", "")

    assert assertion.public_keys({**filled, "private_key": flat}) == assertion.public_keys(filled)
    assert assertion.public_keys({**filled, "private_key": filled["private_key"].replace("\n", " ")}) == assertion.public_keys(filled)


def short_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


@pytest.mark.parametrize(
    ("key", "algorithm", "said"),
    [
        ("no key at all", "RS256", "cannot be read"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "RS256", "cannot be read"),
        (ECKey.generate_key("P-256").as_pem(private=True).decode(), "RS256", "does not fit"),
        (ECKey.generate_key("P-256").as_pem(private=False).decode(), "ES256", "cannot be read"),
        (ECKey.generate_key("P-384").as_pem(private=True).decode(), "ES256", "does not fit"),
        (short_key(), "RS256", "too short"),
    ],
)
def test_a_key_that_cannot_be_used_is_a_matter_of_settings_and_is_not_shown(filled, key, algorithm, said) -> None:
    with pytest.raises(Misconfigured, match=said) as caught:
        assertion.signed({**filled, "private_key": key, "algorithm": algorithm})

    assert key not in str(caught.value)


def test_each_proof_is_used_once_and_must_be_for_this_sign_in(site, filled, wire) -> None:
    form = {
        "grant_type": "client_credentials",
        "scope": "users:userdata:read",
        "client_assertion_type": assertion.KIND,
        "client_assertion": assertion.signed(filled),
    }
    elsewhere = {**form, "client_assertion": assertion.signed({**filled, "audience": "https://auth.elsewhere.example"})}
    stranger = {**form, "client_assertion": assertion.signed({**filled, "private_key": create_app("x").settings["private_key"]})}
    unsigned = {**form, "client_assertion": jwt_without_signature(form["client_assertion"])}

    answers = [wire.http.post(filled["auth_url"], data=each).status for each in (form, form, elsewhere, stranger, unsigned)]

    assert answers == [200, 400, 400, 400, 400]
    assert wire.http.post(filled["auth_url"], data={**form, "grant_type": "password"}).json() == {"error": "unsupported_grant_type"}


def jwt_without_signature(proof: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none","kid":"demo"}').decode().rstrip("=")
    return f"{header}.{proof.split('.')[1]}."


def test_a_token_is_kept_until_shortly_before_its_end(site, tokens, clock) -> None:
    first = tokens.get()
    clock.now = site.sign_in.lifetime - EARLY - 1
    still = tokens.get()
    clock.now += 1

    assert still == first
    assert tokens.get() != first
    assert site.sign_in.issued == 2


def test_a_refused_token_is_exchanged_once(site, provider, tokens) -> None:
    old = tokens.get()
    assert tokens.get(instead_of=old) != old
    assert tokens.get(instead_of="another") == tokens.get()

    assert list(provider.accounts()) == []
    site.revoke_tokens()
    assert list(provider.accounts()) == []


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"{}", Transient),
        (200, b"[]", Transient),
        (200, b"<html>", Transient),
        (200, b'{"access_token": 7}', Transient),
        (200, b'{"access_token": "with space\\n"}', Transient),
        (302, b"", Misconfigured),
        (400, b'{"error": "invalid_client"}', Misconfigured),
        (400, b'{"error": "<b>"}', Misconfigured),
        (401, b"[]", Misconfigured),
        (404, b"<html>", Misconfigured),
        (429, b"", Transient),
        (500, b"", Transient),
    ],
)
def test_what_a_sign_in_may_answer_has_its_class(wire, tokens, status, body, kind) -> None:
    wire.fail(status=status, body=body, headers={"Retry-After": "7"})

    with pytest.raises(kind) as caught:
        tokens.get()

    assert "<" not in str(caught.value)
    if status in (429, 500):
        assert caught.value.retry_after == timedelta(seconds=7)
    assert tokens.get()


def test_a_token_without_a_lifetime_is_used_once(wire, tokens, site) -> None:
    for _ in range(2):
        wire.fail(status=200, body=b'{"access_token": "abc"}')
        assert tokens.get() == "abc"

    assert site.sign_in.issued == 0


@pytest.mark.parametrize(
    ("answer", "granted"),
    [
        ({"access_token": "opaque", "scope": "users:*:* core:*:*"}, {"users:*:*", "core:*:*"}),
        ({"access_token": "a.{claims}.c", "expires_in": 60}, {"users:userdata:read"}),
        ({"access_token": "a.%%%.c"}, None),
        ({"access_token": "opaque", "scope": ""}, None),
        ({"access_token": "opaque", "scope": 7}, None),
    ],
)
def test_scopes_show_in_the_answer_or_in_the_token_or_not_at_all(wire, tokens, answer, granted) -> None:
    claims = base64.urlsafe_b64encode(b'{"scope": ["users:userdata:read"]}').decode().rstrip("=")
    wire.fail(status=200, body=json.dumps(answer).replace("{claims}", claims).encode())

    assert tokens.granted() == (frozenset(granted) if granted else None)
