"""OpenID Connect against an issuer that forges: what is not in order in every respect proves nobody (R66, F-01 to F-14)."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from effort import ends_early
from joserfc.jwk import ECKey, RSAKey

from rolecall.errors import Misconfigured, NotProved, Transient
from rolecall.sdk import signing_keys
from rolecall.sdk.login import ExternalIdentity
from rolecall.sdk.oidc import OidcLogin
from rolecall.testing.issuer import Issuer
from rolecall.testing.wire import Wire

CALLBACK = "https://rolecall.example/login/school/callback"
STRANGER = RSAKey.generate_key(2048)


class SchoolLogin(OidcLogin):
    id = "school"
    label = "The school"

    @classmethod
    def issuer_of(cls, settings: Mapping[str, Any]) -> str:
        return settings["issuer"]


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def wire(issuer: Issuer) -> Iterator[Wire]:
    with Wire(issuer, deadline=0.6) as wire:
        issuer.url = wire.url
        yield wire


@pytest.fixture
def login(wire: Wire, issuer: Issuer) -> SchoolLogin:
    return SchoolLogin({"issuer": wire.url, "client_id": "rolecall", "client_secret": issuer.clients["rolecall"]}, wire.http)


def sign_in(login: SchoolLogin, issuer: Issuer, *, fresh: bool = False, **changed: str) -> ExternalIdentity:
    departure = login.begin(CALLBACK, "the state", fresh=fresh)
    return login.complete({**issuer.walk(departure.url), **changed}, CALLBACK, departure.remembered)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(claims: dict, header: dict, algorithm: str = "none") -> str:
    return f"{part({**header, 'alg': algorithm})}.{part(claims)}."


def by_hand(claims: dict, header: dict, sign: Callable[[bytes], bytes]) -> str:
    """A token that no library would make."""
    said = f"{part(header)}.{part(claims)}"
    return f"{said}.{base64.urlsafe_b64encode(sign(said.encode())).rstrip(b'=').decode()}"


def by_rsa(key: RSAKey) -> Callable[[bytes], bytes]:
    return lambda said: key.private_key.sign(said, padding.PKCS1v15(), hashes.SHA256())


def test_whoever_signs_in_is_known_by_issuer_and_subject(login: SchoolLogin, issuer: Issuer, wire: Wire) -> None:
    issuer.person |= {"given_name": "Anna", "family_name": "Kowalska", "amr": ["pwd", "mfa"]}

    found = sign_in(login, issuer)

    assert found == ExternalIdentity(
        issuer=wire.url, subject="sub-anna", email="anna@school.example", email_verified=True, first_name="Anna", last_name="Kowalska",
        second_factor=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("claims", "had"),
    [
        ({"amr": ["mfa"]}, True), ({"amr": ["pwd", "otp"]}, True), ({"amr": ["fpt", "hwk"]}, True),
        ({"acr": "https://refeds.org/profile/mfa"}, True), ({}, False), ({"amr": ["pwd"]}, False), ({"amr": ["otp"]}, False),
        ({"amr": ["sms", "hwk"]}, False), ({"amr": ["pwd", "pin"]}, False), ({"amr": "mfa"}, False), ({"amr": [["mfa"], None, 1]}, False),
        ({"acr": "https://refeds.org/profile/sfa"}, False), ({"acr": ["https://refeds.org/profile/mfa"]}, False), ({"mfa": True}, False),
    ],
    ids=str,
)  # fmt: skip
def test_a_second_factor_is_two_proofs_of_different_kinds_or_what_is_called_one(
    login: SchoolLogin, issuer: Issuer, claims: dict, had: bool
) -> None:
    issuer.claims |= claims

    assert sign_in(login, issuer).second_factor is had


@pytest.mark.parametrize(("algorithm", "key"), [("PS256", None), ("ES256", ECKey.generate_key("P-256"))])
def test_the_other_algorithms_of_our_list_are_taken(login: SchoolLogin, issuer: Issuer, algorithm: str, key: ECKey | None) -> None:
    issuer.algorithm = algorithm
    if key is not None:
        issuer.keys = {"curve": key}

    assert sign_in(login, issuer).subject == "sub-anna"


def test_each_attempt_has_a_nonce_and_a_challenge_of_its_own_and_they_stay_here(login: SchoolLogin) -> None:
    first, second = (login.begin(CALLBACK, "s") for _ in range(2))
    asked = [dict(parse_qsl(urlsplit(each.url).query)) for each in (first, second)]

    assert {each["code_challenge_method"] for each in asked} == {"S256"}
    assert len({each["code_challenge"] for each in asked}) == len({each["nonce"] for each in asked}) == 2
    assert first.remembered["verifier"] not in first.url
    assert first.remembered["verifier"] not in repr(first)


NOW = int(time.time())
#: What differs in an otherwise honest token: claims, header, or the whole of it.
FORGED = {
    "unsigned": {"forge": unsigned},
    "none in capitals": {"forge": lambda claims, header: unsigned(claims, header, "NONE")},
    "signature left off": {"strip": True},
    "signed with the public key as a secret": {"hs": True},
    "signed by a stranger": {"key": STRANGER},
    "signed by a stranger who brings the key along": {"key": STRANGER, "header": {"jwk": STRANGER.as_dict(private=False)}},
    "a key id that nobody has": {"header": {"kid": "somebody-else"}},
    "an algorithm that is not ours": {"header": {"alg": "RS512"}},
    "an unknown crit": {"header": {"crit": ["exp"]}},
    "an access token": {"header": {"typ": "at+jwt"}},
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "no issuer": {"claims": {"iss": None}},
    "another audience": {"claims": {"aud": "somebody-else"}},
    "no audience": {"claims": {"aud": None}},
    "two audiences and no azp": {"claims": {"aud": ["rolecall", "somebody-else"]}},
    "another azp": {"claims": {"azp": "somebody-else"}},
    "expired": {"claims": {"exp": NOW - 61}},
    "never expires": {"claims": {"exp": None}},
    "expires at no number": {"claims": {"exp": "tomorrow"}},
    "not a number": {"claims": {"exp": float("nan")}},
    "infinity": {"claims": {"exp": float("inf")}},
    "from the future": {"claims": {"iat": NOW + 3600}},
    "no time of issue": {"claims": {"iat": None}},
    "not valid yet": {"claims": {"nbf": NOW + 3600}},
    "no nonce": {"claims": {"nonce": None}},
    "another nonce": {"claims": {"nonce": "of another attempt"}},
    "no subject": {"claims": {"sub": None}},
    "a number as subject": {"claims": {"sub": 12}},
    "another access token": {"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
    "no object": {"forge": lambda claims, header: "a.b.c"},
    "encrypted": {"forge": lambda claims, header: "a.b.c.d.e"},
    "nothing": {"forge": lambda claims, header: ""},
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_proves_nobody(login: SchoolLogin, issuer: Issuer, name: str) -> None:
    forged = FORGED[name]
    issuer.claims |= forged.get("claims", {})
    header = forged.get("header", {})
    issuer.forge = forged.get("forge")
    if header or "key" in forged:
        real = issuer.keys["key-1"]
        issuer.forge = lambda claims, known: by_hand(claims, {**known, **header}, by_rsa(forged.get("key", real)))
    if "hs" in forged:
        public = issuer.keys["key-1"].as_pem(private=False)
        issuer.forge = lambda claims, known: by_hand(claims, {**known, "alg": "HS256"}, lambda said: hmac.digest(public, said, "sha256"))
    if "strip" in forged:
        issuer.forge = lambda claims, _: issuer.sign(claims).rpartition(".")[0] + "."

    with pytest.raises(NotProved):
        sign_in(login, issuer)


def test_one_token_of_the_table_is_honest_without_its_forgery(login: SchoolLogin, issuer: Issuer) -> None:
    now = int(time.time())
    issuer.claims = {"aud": ["rolecall"], "azp": "rolecall", "nbf": now - 5, "exp": now - 30, "iat": now + 30}

    assert sign_in(login, issuer).subject == "sub-anna"


@pytest.mark.parametrize("verified", ["true", "false", 1, None, False, ["true"]])
def test_an_address_is_verified_by_a_truth_value_and_nothing_else(login: SchoolLogin, issuer: Issuer, verified: object) -> None:
    issuer.person["email_verified"] = verified

    assert sign_in(login, issuer).email_verified is False


def test_an_address_that_the_token_lacks_comes_from_the_userinfo_of_the_same_subject(login: SchoolLogin, issuer: Issuer) -> None:
    issuer.claims = {"email": None, "email_verified": None}
    assert sign_in(login, issuer).email == "anna@school.example"

    issuer.userinfo = {"sub": "sub-ben", "email": "ben@school.example", "email_verified": True}
    with pytest.raises(NotProved):
        sign_in(login, issuer)


def test_an_issuer_that_calls_itself_otherwise_is_refused(login: SchoolLogin, issuer: Issuer, wire: Wire) -> None:
    issuer.metadata["issuer"] = f"{wire.url}/common"

    with pytest.raises(Misconfigured):
        login.begin(CALLBACK, "s")


@pytest.mark.parametrize("address", [None, "javascript:alert(1)", "ftp://x.example/a", "https://", 5])
def test_an_issuer_that_leads_nowhere_is_refused(login: SchoolLogin, issuer: Issuer, address: object) -> None:
    issuer.metadata["authorization_endpoint"] = address

    with pytest.raises(Misconfigured):
        login.begin(CALLBACK, "s")


@pytest.mark.parametrize("iss", ["https://evil.example", ""])
def test_an_answer_of_another_issuer_is_refused(login: SchoolLogin, issuer: Issuer, iss: str) -> None:
    with pytest.raises(NotProved):
        sign_in(login, issuer, iss=iss)


def test_an_issuer_that_promises_to_name_itself_must(login: SchoolLogin, issuer: Issuer) -> None:
    issuer.names_itself = False
    assert sign_in(login, issuer).subject == "sub-anna"

    other = SchoolLogin(login.settings, login.http)
    issuer.metadata["authorization_response_iss_parameter_supported"] = True
    with pytest.raises(NotProved):
        sign_in(other, issuer)


def test_a_code_that_another_attempt_was_given_is_not_redeemed(login: SchoolLogin, issuer: Issuer) -> None:
    mine, theirs = (login.begin(CALLBACK, "s") for _ in range(2))
    code = issuer.walk(theirs.url)["code"]

    with pytest.raises(NotProved):
        login.complete({**issuer.walk(mine.url), "code": code}, CALLBACK, mine.remembered)


@pytest.mark.parametrize("error", ["access_denied", "server_error"])
def test_whoever_gives_up_there_is_told_so(login: SchoolLogin, error: str) -> None:
    departure = login.begin(CALLBACK, "s")

    with pytest.raises(NotProved):
        login.complete({"error": error, "iss": login.issuer}, CALLBACK, departure.remembered)


def test_wrong_credentials_of_our_own_are_told_apart(login: SchoolLogin, issuer: Issuer) -> None:
    issuer.clients["rolecall"] = "changed meanwhile"

    with pytest.raises(Misconfigured):
        sign_in(login, issuer)


@pytest.mark.parametrize("methods", [["client_secret_post"], ["client_secret_basic"]])
def test_our_secret_is_sent_as_the_issuer_takes_it(login: SchoolLogin, issuer: Issuer, methods: list[str]) -> None:
    issuer.metadata["token_endpoint_auth_methods_supported"] = methods

    assert sign_in(login, issuer).subject == "sub-anna"


def test_a_client_without_a_secret_proves_itself_by_pkce_alone(login: SchoolLogin, issuer: Issuer) -> None:
    issuer.clients["rolecall"] = ""

    assert sign_in(SchoolLogin({**login.settings, "client_secret": ""}, login.http), issuer).subject == "sub-anna"


def test_new_keys_are_fetched_once_and_made_up_ones_at_most_once_a_minute(login: SchoolLogin, issuer: Issuer, wire: Wire) -> None:
    sign_in(login, issuer)
    issuer.keys = {"key-2": RSAKey.generate_key(2048), **issuer.keys}

    for _ in range(3):
        with pytest.raises(NotProved):
            sign_in(login, issuer)

    assert fetches(wire) == 1, "the minute is not over"


def test_after_the_minute_a_new_key_is_found(issuer: Issuer, wire: Wire) -> None:
    moment = [1000.0]
    keys = signing_keys.SigningKeys(lambda: wire.http.get(f"{wire.url}/keys").json(), lambda: moment[0])
    keys.find("RS256", "key-1")
    issuer.keys = {"key-2": RSAKey.generate_key(2048)}

    moment[0] += 61
    found = keys.find("RS256", "key-2")
    unknown = [keys.find("RS256", f"made-up-{number}") for number in range(5)]

    assert found is not None
    assert unknown == [None] * 5
    assert fetches(wire) == 2


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {**RSAKey.generate_key(2048).as_dict(private=False), "use": "enc"},
        {**RSAKey.generate_key(2048).as_dict(private=False), "alg": "RS512"},
        {**RSAKey.generate_key(2048).as_dict(private=False), "key_ops": ["sign"]},
        {**ECKey.generate_key("P-256").as_dict(private=False)},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "RSA"},
        {},
    ],
)  # fmt: skip
def test_a_key_that_is_weak_or_for_something_else_checks_nothing(key: dict) -> None:
    keys = signing_keys.SigningKeys(lambda: {"keys": [{**key, "kid": "k"}]})

    assert keys.find("RS256", "k") is None


@pytest.mark.parametrize("document", [None, [], {"keys": "all of them"}, {"keys": ["one"]}])
def test_a_key_set_that_is_none_has_no_keys(document: object) -> None:
    assert signing_keys.SigningKeys(lambda: document).find("ES256", None) is None


def test_without_a_key_id_the_only_key_counts_and_of_two_none(login: SchoolLogin, issuer: Issuer) -> None:
    issuer.header["kid"] = None
    assert sign_in(login, issuer).subject == "sub-anna"

    issuer.keys["key-2"] = RSAKey.generate_key(2048)
    with pytest.raises(NotProved):
        sign_in(SchoolLogin(login.settings, login.http), issuer)


def test_a_fresh_proof_is_asked_for_and_an_old_one_is_refused(login: SchoolLogin, issuer: Issuer) -> None:
    asked = dict(parse_qsl(urlsplit(login.begin(CALLBACK, "s", fresh=True).url).query))
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    assert sign_in(login, issuer, fresh=True).subject == "sub-anna"

    for told in (int(time.time()) - 120, None):
        issuer.claims["auth_time"] = told
        with pytest.raises(NotProved):
            sign_in(login, issuer, fresh=True)


def test_an_issuer_that_drips_or_drops_is_given_up_in_time(login: SchoolLogin, issuer: Issuer, wire: Wire) -> None:
    departure = login.begin(CALLBACK, "s")
    args = issuer.walk(departure.url)
    for fault in (partial(wire.drip, 1), wire.drop, lambda **more: wire.fail(status=503, **more), wire.garbage):
        fault(match=lambda request: request.path == "/token")

        with ends_early(), pytest.raises(Transient):
            login.complete(args, CALLBACK, departure.remembered)


def fetches(wire: Wire) -> int:
    return sum(each.path == "/keys" for each in wire.journal)
