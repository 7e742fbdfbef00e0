"""Signing in at an identity provider by pysaml2: question, answer, who it is, and change of certificates (R60, R66, F-13)."""

import copy
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from saml_idp import ENTITY, NS, IdentityProvider, Signer, changed, only, signed_anew

from rolecall.errors import Misconfigured, NotProved
from rolecall.sdk.login import ExternalIdentity
from rolecall_saml.login import SamlLogin

CALLBACK = "https://rolecall.example/login/saml/callback"
NAME_ID = "//saml:Subject/saml:NameID"
NOT_PERSISTENT = "the name of the subject is not persistent"
STAFF_NUMBER = "urn:oid:2.16.840.1.113730.3.1.3"


def test_whoever_signs_in_is_known_by_entity_id_and_persistent_name(begin: Any, idp: IdentityProvider) -> None:
    away = begin(authoritative_domains=["school.example"])

    found = away.finish(idp.answer(away.url))

    assert found == ExternalIdentity(
        issuer=ENTITY, subject="pseudonym-of-anna", email="anna@school.example", email_verified=True,
        first_name="Anna", last_name="Kowalska",
    )  # fmt: skip


def test_the_question_names_who_asks_and_where_the_answer_goes_and_brings_the_state_along(begin: Any, idp: IdentityProvider) -> None:
    away = begin()

    asked = idp.asked(away.url)

    assert asked.issuer.text == "https://rolecall.example/login/saml/metadata"
    assert asked.assertion_consumer_service_url == CALLBACK
    assert asked.id == away.remembered["request"]
    assert asked.name_id_policy.format.endswith(":persistent")
    assert asked.force_authn is None
    assert idp.answer(away.url)["RelayState"] == "the state"


def test_every_question_has_an_id_of_its_own_and_an_answer_to_another_proves_nobody(begin: Any, idp: IdentityProvider) -> None:
    first, second = begin(), begin()
    answer = idp.answer(first.url)
    first.finish(answer)

    with pytest.raises(NotProved) as caught:
        second.finish(answer)

    assert caught.value.detail == "the response is to another question, or to none"


def test_a_fresh_proof_is_asked_for_and_an_older_one_is_refused(begin: Any, idp: IdentityProvider) -> None:
    away = begin(fresh=True)
    assert idp.asked(away.url).force_authn == "true"
    away.finish(idp.answer(away.url))
    before = datetime.fromtimestamp(time.time() - 120, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    older = signed_anew(idp.answer(away.url), lambda root: only(root, "//saml:AuthnStatement").set("AuthnInstant", before), idp.signer)

    with pytest.raises(NotProved) as caught:
        away.finish(older)

    assert caught.value.detail == "who it is was not proved just now"
    plain = begin()
    again = signed_anew(idp.answer(plain.url), lambda root: only(root, "//saml:AuthnStatement").set("AuthnInstant", before), idp.signer)
    assert plain.finish(again).subject == "pseudonym-of-anna"


@pytest.mark.parametrize("options", [{"sign_response": True}, {}])
def test_an_answer_may_be_signed_as_well_and_need_not_name_its_key(begin: Any, idp: IdentityProvider, options: dict) -> None:
    away = begin()
    answer = idp.answer(away.url, **options)
    if not options:
        answer = changed(answer, lambda root: only(root, "//ds:Signature").remove(only(root, "//ds:KeyInfo")))

    assert away.finish(answer).subject == "pseudonym-of-anna"


def test_both_certificates_are_believed_while_a_provider_changes_from_one_to_the_other(
    begin: Any, idp: IdentityProvider, signer: Signer
) -> None:
    new = Signer("new key", ended=True)  # a pinned key is good until it is taken out, whatever its certificate says of days
    bare = [line for line in new.pem.splitlines() if "-----" not in line]  # as metadata has it
    during = begin(next_certificate=bare)
    after = begin(certificate=new.pem.splitlines())

    for answer in (idp.answer(during.url), signed_anew(idp.answer(during.url), lambda root: None, new)):
        assert during.finish(answer).subject == "pseudonym-of-anna"
    assert after.finish(signed_anew(idp.answer(after.url), lambda root: None, new)).subject == "pseudonym-of-anna"
    with pytest.raises(NotProved):
        after.finish(idp.answer(after.url))


def test_an_attribute_identifies_where_the_settings_name_it(begin: Any, idp: IdentityProvider) -> None:
    idp.person["employeeNumber"] = "4711"
    idp.format = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
    away = begin(subject_attribute=STAFF_NUMBER)

    assert idp.asked(away.url).name_id_policy is None
    assert away.finish(idp.answer(away.url)).subject == "4711"
    idp.person["employeeNumber"] = ["4711", "4712"]
    with pytest.raises(NotProved) as caught:
        away.finish(idp.answer(away.url))
    assert caught.value.detail == f"2 values of the attribute {STAFF_NUMBER}"


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda name: name.set("Format", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"), NOT_PERSISTENT),
        (lambda name: name.attrib.pop("Format"), NOT_PERSISTENT),
        (lambda name: name.getparent().remove(name), NOT_PERSISTENT),
        (lambda name: name.set("NameQualifier", "https://other.example"), "the name of the subject is another party's"),
        (lambda name: name.set("SPNameQualifier", "https://other.example"), "the name of the subject is another party's"),
        (lambda name: setattr(name, "text", " "), "the subject is empty, or no identifier"),
        (lambda name: setattr(name, "text", "a" * 256), "the subject is empty, or no identifier"),
        (lambda name: setattr(name, "text", "a\u202eb"), "the subject is empty, or no identifier"),
        (lambda name: name.append(name.makeelement("b")), "the subject is empty, or no identifier"),
    ],
    ids=["transient", "no format", "no name", "another's", "for another", "empty", "too long", "unprintable", "not text"],
)  # fmt: skip
def test_a_subject_that_does_not_last_identifies_nobody(begin: Any, idp: IdentityProvider, change: Any, detail: str) -> None:
    away = begin()
    answer = signed_anew(idp.answer(away.url), lambda root: change(only(root, NAME_ID)), idp.signer)

    with pytest.raises(NotProved) as caught:
        away.finish(answer)

    assert caught.value.detail == detail


@pytest.mark.parametrize(
    ("address", "domains", "verified"),
    [
        ("anna@school.example", ["school.example"], True),
        ("anna@SCHOOL.example", ["School.Example"], True),
        ("anna@school.example", [], False),
        ("anna@sub.school.example", ["school.example"], False),
        ("anna@school.example.evil.example", ["school.example"], False),
        ("school.example", ["school.example"], False),
    ],
)
def test_an_address_proves_something_only_in_the_domains_that_the_settings_name(
    begin: Any, idp: IdentityProvider, address: str, domains: list[str], verified: bool
) -> None:
    idp.person["mail"] = address
    away = begin(authoritative_domains=domains)

    found = away.finish(idp.answer(away.url))

    assert (found.email, found.email_verified, away.login.speaks_for(address)) == (address, verified, verified)
    assert found.subject == "pseudonym-of-anna"


def test_names_come_from_the_attributes_of_the_settings_and_a_second_factor_from_the_context(begin: Any, idp: IdentityProvider) -> None:
    idp.person = {"displayName": "Anna K.", "uid": "anna"}
    idp.context = "https://refeds.org/profile/mfa"
    away = begin(first_name_attribute="urn:oid:2.16.840.1.113730.3.1.241", email_attribute="urn:oid:0.9.2342.19200300.100.1.1")

    found = away.finish(idp.answer(away.url))

    assert (found.first_name, found.last_name, found.email, found.second_factor) == ("Anna K.", "", "anna", True)


@pytest.mark.parametrize(("value", "had"), [("http://schemas.microsoft.com/claims/multipleauthn", True), ("urn:password", False)])
def test_microsoft_tells_a_second_factor_in_an_attribute(begin: Any, idp: IdentityProvider, signer: Signer, value: str, had: bool) -> None:
    def tell(root: Any) -> None:
        attribute = copy.deepcopy(root.xpath("//saml:Attribute", namespaces=NS)[0])
        attribute.set("Name", "http://schemas.microsoft.com/claims/authnmethodsreferences")
        attribute[0].text = value
        root.xpath("//saml:AttributeStatement", namespaces=NS)[0].append(attribute)

    away = begin()

    assert away.finish(signed_anew(idp.answer(away.url), tell, signer)).second_factor is had


def test_the_sign_in_page_offers_it_once_it_is_set_up(begin: Any) -> None:
    login = begin(button="School account").login

    assert (login.button, login.issuer, login.is_ready(login.settings)) == ("School account", ENTITY, True)
    assert not SamlLogin.is_ready({**login.settings, "certificate": []})
    with pytest.raises(Misconfigured):
        SamlLogin({}, login.http).begin(CALLBACK, "the state")
