"""Answers that are not in order in one respect: each is refused for that very reason (F-12)."""

import base64
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import xmlsec
from lxml import etree
from saml_idp import IdentityProvider, Signer, changed, encode, only, signed_anew

from rolecall.errors import NotProved

CONFIRMED = "//saml:SubjectConfirmationData"
CONDITIONS = "//saml:Conditions"
STATEMENT = "//saml:AuthnStatement"


def put(path: str, name: str, value: str) -> Callable[[etree._Element], object]:
    return lambda root: only(root, path).set(name, value)


def at(path: str, name: str, seconds: float) -> Callable[[etree._Element], object]:
    """A time so many seconds from now."""
    return lambda root: only(root, path).set(name, datetime.fromtimestamp(time.time() + seconds, UTC).isoformat().replace("+00:00", "Z"))


def drop(path: str, name: str) -> Callable[[etree._Element], object]:
    return lambda root: only(root, path).attrib.pop(name)


def remove(path: str) -> Callable[[etree._Element], object]:
    return lambda root: only(root, path).getparent().remove(only(root, path))


def text(path: str, value: str) -> Callable[[etree._Element], object]:
    return lambda root: setattr(only(root, path), "text", value)


def more(path: str, added: str) -> Callable[[etree._Element], object]:
    whole = f'<saml:X xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">{added}</saml:X>'
    return lambda root: only(root, path).append(etree.fromstring(whole)[0])


OTHERS = "the assertion is for another audience"
ANOTHER_AUDIENCE = "<saml:AudienceRestriction><saml:Audience>https://other.example</saml:Audience></saml:AudienceRestriction>"
NOT_CONFIRMED = "the subject is confirmed for another sign-in, or not at all"

#: Signed by the right key, and still not for this sign-in.
SIGNED = {
    "another audience": (text("//saml:Audience", "https://other.example/login/saml/metadata"), OTHERS),
    "a longer audience": (text("//saml:Audience", "https://rolecall.example/login/saml/metadata/x"), OTHERS),
    "another audience as well": (more(CONDITIONS, ANOTHER_AUDIENCE), OTHERS),
    "no audience": (remove("//saml:AudienceRestriction"), "the assertion is for no audience"),
    "an unknown condition": (more(CONDITIONS, "<saml:Condition/>"), "a condition is not known"),
    "no conditions": (remove(CONDITIONS), "there are no conditions"),
    "conditions twice": (more("//saml:Assertion", "<saml:Conditions/>"), "there are no conditions"),
    "over for 65 seconds": (at(CONDITIONS, "NotOnOrAfter", -65), "NotOnOrAfter of Conditions does not hold"),
    "not for 65 seconds": (at(CONDITIONS, "NotBefore", 65), "NotBefore of Conditions does not hold"),
    "no time": (put(CONDITIONS, "NotBefore", "yesterday"), "NotBefore is no time"),
    "no such day": (put(CONDITIONS, "NotBefore", "2026-02-31T00:00:00Z"), "NotBefore is no time"),
    "a time without a zone": (put(CONDITIONS, "NotBefore", "2026-01-01T00:00:00"), "NotBefore is no time"),
    "another recipient": (put(CONFIRMED, "Recipient", "https://other.example/login/saml/callback"), NOT_CONFIRMED),
    "a longer recipient": (put(CONFIRMED, "Recipient", "https://rolecall.example/login/saml/callback/"), NOT_CONFIRMED),
    "no recipient": (drop(CONFIRMED, "Recipient"), NOT_CONFIRMED),
    "to another question": (put(CONFIRMED, "InResponseTo", "_another"), NOT_CONFIRMED),
    "to no question": (drop(CONFIRMED, "InResponseTo"), NOT_CONFIRMED),
    "confirmed for ever": (drop(CONFIRMED, "NotOnOrAfter"), NOT_CONFIRMED),
    "confirmed by a key": (put("//saml:SubjectConfirmation", "Method", "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"), NOT_CONFIRMED),
    "confirmed by nothing": (remove(CONFIRMED), NOT_CONFIRMED),
    "no longer confirmed": (at(CONFIRMED, "NotOnOrAfter", -65), "NotOnOrAfter of SubjectConfirmationData does not hold"),
    "not yet confirmed": (at(CONFIRMED, "NotBefore", 65), "NotBefore of SubjectConfirmationData does not hold"),
    "no subject": (remove("//saml:Subject"), "there is not exactly one subject"),
    "two subjects": (more("//saml:Assertion", "<saml:Subject/>"), "there is not exactly one subject"),
    "nobody authenticated": (remove(STATEMENT), "nobody was authenticated"),
    "authenticated tomorrow": (at(STATEMENT, "AuthnInstant", 86400), "AuthnInstant is in the future"),
    "a session that is over": (at(STATEMENT, "SessionNotOnOrAfter", -65), "SessionNotOnOrAfter of AuthnStatement does not hold"),
    "made tomorrow": (at("//saml:Assertion", "IssueInstant", 86400), "IssueInstant is in the future"),
    "no issuer": (remove("//saml:Assertion/saml:Issuer"), "the issuer is not named"),
    "another issuer": (text("//saml:Assertion/saml:Issuer", "https://other.example"), "another issuer answered"),
    "an issuer by e-mail": (
        put("//saml:Assertion/saml:Issuer", "Format", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"), "another issuer answered",
    ),
    "SAML 1.1": (put("//saml:Assertion", "Version", "1.1"), "it is no assertion of SAML 2.0"),
    "another response's issuer": (text("/samlp:Response/saml:Issuer", "https://other.example"), "another issuer answered"),
    "a response to another question": (put("/samlp:Response", "InResponseTo", "_x"), "the response is to another question, or to none"),
    "nobody asked": (drop("/samlp:Response", "InResponseTo"), "the response is to another question, or to none"),
    "another destination": (put("/samlp:Response", "Destination", "https://other.example"), "the response is meant for another address"),
    "no destination": (drop("/samlp:Response", "Destination"), "the response is meant for another address"),
    "a response of SAML 1.1": (put("/samlp:Response", "Version", "1.1"), "it is no response of SAML 2.0"),
    "one id twice": (lambda root: root.set("ID", only(root, "//saml:Assertion").get("ID")), "two elements have the same id"),
    "encrypted": (
        lambda root: root.append(root.makeelement("{urn:oasis:names:tc:SAML:2.0:assertion}EncryptedAssertion")),
        "the assertion is encrypted, which is not read here",
    ),
    "given up": (
        put("//samlp:StatusCode", "Value", "urn:oasis:names:tc:SAML:2.0:status:Responder"), "status 'Responder'",
    ),
    "no status": (remove("//samlp:StatusCode"), "status ''"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "detail"), SIGNED.values(), ids=SIGNED)
def test_an_assertion_that_is_not_for_this_sign_in_proves_nobody(begin: Any, idp: IdentityProvider, change: Any, detail: str) -> None:
    away = begin()
    answer = signed_anew(idp.answer(away.url), change, idp.signer)

    with pytest.raises(NotProved) as caught:
        away.finish(answer)

    assert caught.value.detail == detail


@pytest.mark.parametrize(
    "change",
    [
        at(CONDITIONS, "NotOnOrAfter", -50), at(CONDITIONS, "NotBefore", 55),
        at(CONFIRMED, "NotOnOrAfter", -50), at(STATEMENT, "AuthnInstant", 55),
    ],
    ids=["over", "not yet", "no longer confirmed", "authenticated"],
)  # fmt: skip
def test_clocks_may_differ_by_a_minute(begin: Any, idp: IdentityProvider, change: Any) -> None:
    away = begin()

    found = away.finish(signed_anew(idp.answer(away.url), change, idp.signer))

    assert found.subject == "pseudonym-of-anna"


OBJECT = "{http://www.w3.org/2000/09/xmldsig#}Object"
UNSIGNED = "no certificate of the settings has signed the Assertion"
CHANGED = "the signature is about a changed document"
#: How an assertion was signed, which is not how it should be.
MEANS: dict[str, tuple[dict[str, Any], str]] = {
    "SHA-1": ({"method": xmlsec.Transform.RSA_SHA1, "digest": xmlsec.Transform.SHA1}, UNSIGNED),
    "a digest by SHA-1": ({"digest": xmlsec.Transform.SHA1}, UNSIGNED),
    "a signature by SHA-1": ({"method": xmlsec.Transform.RSA_SHA1}, UNSIGNED),
    "inclusive": ({"canonical": xmlsec.Transform.C14N}, "the signature is not canonical in the way of SAML"),
    "inclusive reference": ({"transforms": (xmlsec.Transform.ENVELOPED, xmlsec.Transform.C14N)}, CHANGED),
    "no canonical form": ({"transforms": (xmlsec.Transform.ENVELOPED,)}, CHANGED),
    "all of the document": ({"uri": ""}, "the signature is about something else"),
}


@pytest.mark.parametrize(("means", "detail"), MEANS.values(), ids=MEANS)
def test_a_signature_by_other_means_is_none(begin: Any, idp: IdentityProvider, means: dict, detail: str) -> None:
    away = begin()
    answer = signed_anew(idp.answer(away.url), lambda root: None, idp.signer, **means)

    with pytest.raises(NotProved) as caught:
        away.finish(answer)

    assert caught.value.detail == detail


def test_a_stranger_s_signature_is_none_whatever_certificate_it_brings_along(begin: Any, idp: IdentityProvider, stranger: Signer) -> None:
    away = begin()
    answer = signed_anew(idp.answer(away.url), lambda root: None, stranger)

    with pytest.raises(NotProved) as caught:
        away.finish(answer)

    assert caught.value.detail == UNSIGNED


def test_the_certificate_is_no_shared_secret(begin: Any, idp: IdentityProvider) -> None:
    away = begin()

    def sign(root: etree._Element) -> None:
        assertion = only(root, "//saml:Assertion")
        assertion.remove(only(assertion, "ds:Signature"))
        template = xmlsec.template.create(assertion, xmlsec.Transform.EXCL_C14N, xmlsec.Transform.HMAC_SHA256, ns="ds")
        assertion.insert(1, template)
        reference = xmlsec.template.add_reference(template, xmlsec.Transform.SHA256, uri=f"#{assertion.get('ID')}")
        for each in (xmlsec.Transform.ENVELOPED, xmlsec.Transform.EXCL_C14N):
            xmlsec.template.add_transform(reference, each)
        xmlsec.tree.add_ids(root, ["ID"])
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_binary_data(xmlsec.KeyData.HMAC, idp.signer.pem.encode())
        context.sign(template)

    with pytest.raises(NotProved) as caught:
        away.finish(changed(idp.answer(away.url), sign))

    assert caught.value.detail == UNSIGNED


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        ({"sign_assertion": False}, "the Assertion is not signed"),
        ({"sign_assertion": False, "sign_response": True}, "the Assertion is not signed"),
    ],
    ids=["nothing", "the response only"],
)
def test_the_assertion_itself_must_be_signed(begin: Any, idp: IdentityProvider, options: dict, detail: str) -> None:
    away = begin()

    with pytest.raises(NotProved) as caught:
        away.finish(idp.answer(away.url, **options))

    assert caught.value.detail == detail


@pytest.mark.parametrize(
    ("options", "change", "detail"),
    [
        ({}, text("//saml:NameID", "pseudonym-of-berta"), UNSIGNED),
        ({}, text("//ds:DigestValue", "AAAA"), UNSIGNED),
        ({}, text("//ds:SignatureValue", "AAAA"), UNSIGNED),
        ({}, remove("//ds:SignedInfo"), "the signature is about something else"),
        ({}, lambda root: etree.SubElement(only(root, "//ds:Signature"), OBJECT), "the signature carries something along"),
        ({}, put("//ds:SignatureMethod", "Algorithm", "urn:none"), UNSIGNED),
        ({"sign_response": True}, put("//samlp:Status/samlp:StatusCode", "X", "y"), UNSIGNED.replace("Assertion", "Response")),
    ],
    ids=["subject", "digest", "signature", "nothing signed", "more in it", "unknown method", "response"],
)  # fmt: skip
def test_what_was_changed_after_it_was_signed_proves_nobody(
    begin: Any, idp: IdentityProvider, options: dict, change: Any, detail: str
) -> None:
    away = begin()

    with pytest.raises(NotProved) as caught:
        away.finish(changed(idp.answer(away.url, **options), change))

    assert caught.value.detail == detail


def as_utf_7(document: bytes) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-7"?>' + b"+ADw-+ACE-DOCTYPE r+AD4-" + document


NO_BASE64 = "the answer is no Base64"
DOCTYPE, SPLIT = "the answer has a document type", "the answer has comments, instructions or entities"
BOMB = b"<!DOCTYPE r [" + b"".join(b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10 if i else b"x" * 9000) for i in range(9)) + b"]>"
DOCUMENTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a comment in the name": (lambda whole: whole.replace(b"pseudonym-of-anna", b"pseudonym<!-- -->-of-anna"), SPLIT),
    "an instruction in the name": (lambda whole: whole.replace(b"pseudonym-of-anna", b"pseudonym<?x?>-of-anna"), SPLIT),
    "a document type": (lambda whole: b"<!DOCTYPE r>" + whole, DOCTYPE),
    "a file": (lambda whole: b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + whole.replace(b"-of-anna", b"&x;"), DOCTYPE),
    "an address": (lambda whole: b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">' + whole, DOCTYPE),
    "a bomb of entities": (lambda whole: BOMB + whole.replace(b"-of-anna", b"&a8;"), DOCTYPE),
    "UTF-16": (lambda whole: (b"<!DOCTYPE r>" + whole).decode().encode("utf-16"), "the answer is not UTF-8"),
    "UTF-16 without a mark": (lambda whole: (b"<!DOCTYPE r>" + whole).decode().encode("utf-16-le"), DOCTYPE),
    "UTF-7": (as_utf_7, "the answer is no XML"),
    "an unknown entity": (lambda whole: whole.replace(b"-of-anna", b"&x;"), "the answer is no XML"),
    "HTML": (lambda whole: b"<p>Error", "the answer is no XML"),
    "nothing": (lambda whole: b"", "there is no answer"),
    "too much": (lambda whole: whole + b" " * 200_000, "the answer is too large"),
    "far too much": (lambda whole: whole + b" " * 400_000, "the answer is too large"),
    "deep": (lambda whole: b"<a>" * 5000 + b"</a>" * 5000, "the answer is no XML"),
    "another document": (lambda whole: b"<a/>", "it is no response of SAML 2.0"),
}


@pytest.mark.parametrize(("change", "detail"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_with_more_than_elements_and_text_is_not_read(begin: Any, idp: IdentityProvider, change: Any, detail: str) -> None:
    away = begin()
    answer = idp.answer(away.url)

    with pytest.raises(NotProved) as caught:
        away.finish({**answer, "SAMLResponse": encode(change(base64.b64decode(answer["SAMLResponse"])))})

    assert caught.value.detail == detail


@pytest.mark.parametrize(
    ("posted", "detail"), [(None, "there is no answer"), ("<xml>", "the answer is no Base64"), ("é", "the answer is no Base64")]
)
def test_what_is_no_answer_proves_nobody(begin: Any, posted: str | None, detail: str) -> None:
    with pytest.raises(NotProved) as caught:
        begin().finish({"RelayState": "the state"} if posted is None else {"SAMLResponse": posted})

    assert caught.value.detail == detail
