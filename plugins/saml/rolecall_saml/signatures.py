"""Whose signature is under an element, and what it is under: answers with the signed bytes, read anew, and with nothing else (F-12).

Owns which algorithms are believed. Keys come from the settings alone; what a document says of its own key is thrown away unread.
"""

from collections.abc import Sequence
from copy import deepcopy

from cryptography.x509 import Certificate
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from rolecall_saml.names import ENVELOPED, EXCLUSIVE, ds
from rolecall_saml.refusals import refused

_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.SHA384_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
_DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})


def signed(element: etree._Element, certificates: Sequence[Certificate]) -> etree._Element:
    """Return what one of the certificates has signed of an element, which must be all of it but the signature.

    :param element: the root of an answer, or a child of it, with a signature as its child.
    :raises NotProved: when there is no such signature.
    """
    signature = element.find(ds("Signature"))
    if signature is None:
        raise refused(f"the {etree.QName(element).localname} is not signed")
    _check_form(signature, element.get("ID"))
    root, location = _alone(element)
    for certificate in certificates:
        try:
            result = XMLVerifier().verify(
                root, x509_cert=certificate, id_attribute="ID", expect_config=_configuration(location, certificate)
            )
        except (SignXMLException, etree.LxmlError, ValueError, TypeError, LookupError):
            continue
        if isinstance(result, VerifyResult) and result.signed_xml is not None:
            return result.signed_xml
    raise refused(f"no certificate of the settings has signed the {etree.QName(element).localname}")


def _check_form(signature: etree._Element, element_id: str | None) -> None:
    """Refuse a signature of another thing than the element around it, or by means that SAML does not need."""
    references = signature.findall(f"{ds('SignedInfo')}/{ds('Reference')}")
    if len(references) != 1 or not element_id or references[0].get("URI") != f"#{element_id}":
        raise refused("the signature is about something else")
    means = [each.get("Algorithm") for each in references[0].findall(f"{ds('Transforms')}/{ds('Transform')}")]
    if means != [ENVELOPED, EXCLUSIVE]:
        raise refused("the signature is about a changed document")
    canonical = signature.find(f"{ds('SignedInfo')}/{ds('CanonicalizationMethod')}")
    if canonical is None or canonical.get("Algorithm") != EXCLUSIVE:
        raise refused("the signature is not canonical in the way of SAML")
    if signature.find(f".//{ds('Object')}") is not None:
        raise refused("the signature carries something along")


def _alone(element: etree._Element) -> tuple[etree._Element, str]:
    """Copy the document without the signature's word about its own key; return the root, and where the signature is below it."""
    root = deepcopy(element.getroottree().getroot())
    location = "./" if element.getparent() is None else f"./{element.tag}/"
    for info in root.findall(f"{location}{ds('Signature')}/{ds('KeyInfo')}"):
        above = info.getparent()
        if above is not None:
            above.remove(info)
    return root, location


def _configuration(location: str, certificate: Certificate) -> SignatureConfiguration:
    # A pinned key is good until the office takes it out: whoever lets a certificate expire shall not lock a school out.
    return SignatureConfiguration(
        location=location,
        expect_references=1,
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        verification_time=certificate.not_valid_before_utc,
    )
