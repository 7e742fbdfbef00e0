"""Signature wrapping: what was signed is moved aside, and something else put in its place (F-12; Somorovsky et al., XSW 1 to 8)."""

import base64
import copy
from collections.abc import Callable
from typing import Any

import pytest
import xmlsec
from lxml import etree
from saml_idp import IdentityProvider, Signer, changed, only, twin

from rolecall.errors import NotProved

PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
EVIL = "pseudonym-of-the-head"


def evil_response(root: etree._Element) -> etree._Element:
    """Turn a signed response into one about somebody else; return the one that was signed, without its signature."""
    genuine = copy.deepcopy(root)
    genuine.remove(only(genuine, "ds:Signature"))
    root.set("ID", "_evil")
    assertion = only(root, "saml:Assertion")
    assertion.set("ID", "_evil-assertion")
    for each in assertion.findall(f"{DS}Signature"):
        assertion.remove(each)
    only(assertion, "saml:Subject/saml:NameID").text = EVIL
    return genuine


def xsw1(root: etree._Element) -> None:
    genuine = evil_response(root)
    only(root, "ds:Signature").append(genuine)


def xsw2(root: etree._Element) -> None:
    genuine = evil_response(root)
    only(root, "ds:Signature").addprevious(genuine)


def xsw3(root: etree._Element) -> None:
    genuine = only(root, "saml:Assertion")
    genuine.addprevious(twin(genuine, EVIL))


def xsw4(root: etree._Element) -> None:
    genuine = only(root, "saml:Assertion")
    evil = twin(genuine, EVIL)
    genuine.addprevious(evil)
    evil.append(genuine)


def _with_signature(root: etree._Element) -> tuple[etree._Element, etree._Element, etree._Element]:
    """An evil assertion that took the signature over; return it, the signature, and what was signed."""
    genuine = only(root, "saml:Assertion")
    evil = twin(genuine, EVIL)
    signature = only(genuine, "ds:Signature")
    evil.insert(1, signature)
    genuine.addprevious(evil)
    return evil, signature, genuine


def xsw5(root: etree._Element) -> None:
    _, _, genuine = _with_signature(root)
    root.append(genuine)


def xsw6(root: etree._Element) -> None:
    _, signature, genuine = _with_signature(root)
    signature.append(genuine)


def xsw7(root: etree._Element) -> None:
    genuine = only(root, "saml:Assertion")
    extensions = root.makeelement(f"{PROTOCOL}Extensions")
    only(root, "samlp:Status").addprevious(extensions)
    extensions.append(twin(genuine, EVIL))


def xsw8(root: etree._Element) -> None:
    _, signature, genuine = _with_signature(root)
    carried = etree.SubElement(signature, f"{DS}Object")
    carried.append(genuine)


def same_id(root: etree._Element) -> None:
    genuine = only(root, "saml:Assertion")
    evil = twin(genuine, EVIL)
    evil.set("ID", genuine.get("ID"))
    genuine.addprevious(evil)


def other_namespace(root: etree._Element) -> None:
    genuine = only(root, "saml:Assertion")
    evil = twin(genuine, EVIL)
    genuine.addprevious(evil)
    hidden = etree.SubElement(root, "{urn:other}Assertion")
    hidden.append(genuine)


def moved_signature(root: etree._Element) -> None:
    """The assertion as it is, with a signature of another element beside its own."""
    root.append(copy.deepcopy(only(root, "saml:Assertion/ds:Signature")))
    only(root, "samlp:Status").append(copy.deepcopy(only(root, "saml:Assertion/ds:Signature")))


MOVED = {"xsw1": xsw1, "xsw2": xsw2, "xsw3": xsw3, "xsw4": xsw4, "xsw5": xsw5, "xsw6": xsw6, "xsw7": xsw7, "xsw8": xsw8,
    "same id": same_id, "other namespace": other_namespace, "moved signature": moved_signature}  # fmt: skip


@pytest.mark.parametrize("move", MOVED.values(), ids=MOVED)
@pytest.mark.parametrize("both", [False, True], ids=["assertion signed", "both signed"])
def test_what_was_put_in_the_place_of_the_signed_proves_nobody(
    begin: Any, idp: IdentityProvider, move: Callable[[etree._Element], None], both: bool
) -> None:
    away = begin()
    response_too = both or move in (xsw1, xsw2)
    answer = changed(idp.answer(away.url, sign_response=response_too), move)

    with pytest.raises(NotProved) as caught:
        away.finish(answer)

    assert caught.value.detail != "no certificate of the settings has signed the Assertion", "the shape alone is refused"


@pytest.mark.parametrize("move", [xsw2, xsw3, xsw4, xsw5, xsw7], ids=lambda each: each.__name__)
def test_the_signature_of_such_an_answer_still_holds_for_whoever_looks_at_nothing_else(
    begin: Any, idp: IdentityProvider, signer: Signer, move: Callable[[etree._Element], None]
) -> None:
    away = begin()
    answer = changed(idp.answer(away.url, sign_response=move is xsw2, sign_assertion=move is not xsw2), move)
    root = etree.fromstring(base64.b64decode(answer["SAMLResponse"]))

    xmlsec.tree.add_ids(root, ["ID"])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(signer.pem, xmlsec.KeyFormat.CERT_PEM)
    context.verify(only(root, "//ds:Signature"))

    assert EVIL in [each.text for each in root.iter("{urn:oasis:names:tc:SAML:2.0:assertion}NameID")]
