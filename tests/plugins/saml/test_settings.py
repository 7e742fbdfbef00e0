"""What settings are taken, and what an identity provider is told of Rolecall."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from lxml import etree
from marshmallow import ValidationError
from saml_idp import ENTITY, SSO, Signer

from rolecall_saml import certificates
from rolecall_saml.login import SamlLogin
from rolecall_saml.settings import SamlSettings

CALLBACK = "https://rolecall.example/login/saml/callback"


def test_nothing_is_needed_to_switch_it_on_and_three_settings_to_sign_in(signer: Signer) -> None:
    given = {"idp_entity_id": ENTITY, "sso_url": SSO, "certificate": signer.pem}

    assert not SamlLogin.is_ready(SamlSettings().load({}))
    assert SamlLogin.is_ready(SamlSettings().load(given))


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("idp_entity_id", ENTITY, "two words"),
        ("idp_entity_id", "urn:school:idp", "x" * 501),
        ("sso_url", SSO, "http://idp.example/sso"),
        ("sso_url", SSO, "javascript:alert(1)"),
        ("subject_attribute", "urn:oid:1.2", "two words"),
        ("email_attribute", "", "a\n"),
        ("button", "School account", "x" * 61),
        ("authoritative_domains", ["school.example"], ["https://school.example"]),
        ("authoritative_domains", [], ["*.example"]),
    ],
)
def test_a_setting_that_cannot_be_is_refused(name: str, good: object, bad: object) -> None:
    assert SamlSettings().load({name: good})[name] == good

    with pytest.raises(ValidationError):
        SamlSettings().load({name: bad})


def pem(key: Any) -> str:
    name, now = x509.Name([]), datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return made.sign(key, algorithm).public_bytes(serialization.Encoding.PEM).decode()


def test_a_certificate_is_read_as_it_is_pasted(signer: Signer) -> None:
    lines = signer.pem.splitlines()
    curve = pem(ec.generate_private_key(ec.SECP256R1()))

    pasted = [
        SamlSettings().load({"certificate": each})["certificate"]
        for each in (signer.pem, signer.pem.replace("\n", "\r\n"), "".join(lines[1:-1]), f"Bag Attributes\n{signer.pem}")
    ]

    assert {certificates.read(each).serial_number for each in pasted} == {x509.load_pem_x509_certificate(signer.pem.encode()).serial_number}
    assert certificates.read(curve.splitlines())


def test_what_is_no_certificate_or_a_weak_one_is_refused_with_what_to_do(signer: Signer) -> None:
    wrong = {
        "private key": signer.key,
        "one certificate": signer.pem * 2,
        "no certificate": base64.b64encode(b"something else").decode(),
        "no certificate.": "certificate",
        "2048 bits": Signer(bits=1024).pem,
        "a curve": pem(ed25519.Ed25519PrivateKey.generate()),
    }

    for said, given in wrong.items():
        with pytest.raises(ValidationError, match=said):
            SamlSettings().load({"next_certificate": given})


def test_the_metadata_say_where_answers_go_and_that_assertions_must_be_signed() -> None:
    document = SamlLogin.public_document(CALLBACK)

    root = etree.fromstring(document.body)

    md = "{urn:oasis:names:tc:SAML:2.0:metadata}"
    role = root.find(f"{md}SPSSODescriptor")
    service = role.find(f"{md}AssertionConsumerService")
    assert document.media == "application/samlmetadata+xml"
    assert root.get("entityID") == "https://rolecall.example/login/saml/metadata"
    assert role.get("WantAssertionsSigned") == "true"
    assert (service.get("Binding"), service.get("Location")) == ("urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", CALLBACK)
