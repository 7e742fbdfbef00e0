"""The answer around an assertion: that it is to our question, and holds one assertion in the one place where that belongs (F-12).

Owns the shape. What is read for good is only what :mod:`rolecall_saml.signatures` gives back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.x509 import Certificate
from lxml import etree

from rolecall_saml.names import ENTITY, SUCCESS, saml, samlp
from rolecall_saml.refusals import given_up, refused
from rolecall_saml.signatures import signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an answer must be: from ``issuer``, to ``recipient``, for ``audience``, about the question ``request_id``, at ``now``.

    ``now`` and ``since`` are seconds since 1970. With ``since`` somebody must have proved who they are after that.
    """

    issuer: str
    recipient: str
    audience: str
    request_id: str
    now: float
    since: float | None = None


def assertion_of(root: etree._Element, expected: Expected, certificates: Sequence[Certificate]) -> etree._Element:
    """Return the signed assertion of an answer.

    :raises NotProved: when it is no answer to what was asked, or nobody signed it.
    """
    if root.tag != samlp("Response") or root.get("Version") != "2.0":
        raise refused("it is no response of SAML 2.0")
    if root.get("InResponseTo") != expected.request_id:
        raise refused("the response is to another question, or to none")
    if root.get("Destination") != expected.recipient:
        raise refused("the response is meant for another address")
    check_issuer(root, expected.issuer, needed=False)
    _check_status(root)
    assertion = _only_assertion(root)
    _check_signatures(root, assertion)
    if any(etree.QName(each).localname == "Signature" for each in root):
        signed(root, certificates)
    return signed(assertion, certificates)


def check_issuer(element: etree._Element, issuer: str, *, needed: bool) -> None:
    """Refuse an element of another issuer.

    :raises NotProved: when it is another's, or nobody's although it is ``needed``.
    """
    named = element.findall(saml("Issuer"))
    if len(named) != 1 and (needed or named):
        raise refused("the issuer is not named")
    for each in named:
        if each.text != issuer or len(each) or each.get("Format", ENTITY) != ENTITY:
            raise refused("another issuer answered")


def _check_status(root: etree._Element) -> None:
    codes = [each.get("Value", "") for each in root.iterfind(f"{samlp('Status')}//{samlp('StatusCode')}")]
    if not codes or codes[0] != SUCCESS:
        raise given_up(f"status {' '.join(code.rpartition(':')[2] for code in codes)[:80]!r}")


def _only_assertion(root: etree._Element) -> etree._Element:
    """Return the only assertion of the whole document, in whatever namespace others would be."""
    names = [etree.QName(each).localname for each in root.iter()]
    if "EncryptedAssertion" in names:
        raise refused("the assertion is encrypted, which is not read here")
    assertions = root.findall(saml("Assertion"))
    if len(assertions) != 1 or names.count("Assertion") != 1 or names.count("Response") != 1:
        raise refused("there is not exactly one assertion")
    return assertions[0]


def _check_signatures(root: etree._Element, assertion: etree._Element) -> None:
    """Refuse signatures elsewhere than under the answer and its assertion, and ids that two elements have."""
    places = [each.getparent() for each in root.iter() if etree.QName(each).localname == "Signature"]
    if any(place is not root and place is not assertion for place in places) or len(places) != len(set(places)):
        raise refused("a signature is out of place")
    ids = [value for each in root.iter() for name, value in each.attrib.items() if etree.QName(name).localname.lower() == "id"]
    if len(ids) != len(set(ids)):
        raise refused("two elements have the same id")
