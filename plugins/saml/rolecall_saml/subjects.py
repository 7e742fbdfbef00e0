"""Who an assertion is about: the subject by a persistent NameID or the attribute of the settings, and what is told beside it (R66, F-01).

Owns what identifies. Reads an assertion that was believed; a name or an address never takes the subject's place.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree

from rolecall.sdk.decided_domains import decides_about
from rolecall.sdk.login import ExternalIdentity
from rolecall_saml.names import METHODS, PERSISTENT, SECOND_FACTORS, saml
from rolecall_saml.refusals import unknown

#: Characters of the longest identifier that is kept.
LONGEST = 255
#: What attributes are usually called: by X.500 and LDAP (RFC 4519, RFC 4524), by Microsoft's claims, and plainly.
USUAL: Mapping[str, Sequence[str]] = {
    "email": (
        "urn:oid:0.9.2342.19200300.100.1.3",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
        "mail",
        "email",
    ),
    "first_name": ("urn:oid:2.5.4.42", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", "givenName", "first_name"),
    "last_name": ("urn:oid:2.5.4.4", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname", "sn", "last_name"),
}


def identity(assertion: etree._Element, issuer: str, audience: str, settings: Mapping[str, Any]) -> ExternalIdentity:
    """Turn a believed assertion into who it is.

    :raises NotProved: when it does not say so in the way of the settings.
    """
    told = _attributes(assertion)
    email = _told(told, "email", settings) or None
    contexts = assertion.iterfind(f"{saml('AuthnStatement')}/{saml('AuthnContext')}/{saml('AuthnContextClassRef')}")
    return ExternalIdentity(
        issuer=issuer,
        subject=_subject(assertion, told, issuer, audience, str(settings.get("subject_attribute") or "")),
        code=_only(told.get(str(settings.get("code_attribute") or ""), [])),
        email=email,
        email_verified=email is not None and decides_about(settings, email),
        first_name=_told(told, "first_name", settings),
        last_name=_told(told, "last_name", settings),
        second_factor=not SECOND_FACTORS.isdisjoint((*(each.text for each in contexts), *told.get(METHODS, ()))),
    )


def _subject(assertion: etree._Element, told: Mapping[str, list[str]], issuer: str, audience: str, attribute: str) -> str:
    if attribute:
        values = told.get(attribute, [])
        if len(values) != 1:
            raise unknown(f"{len(values)} values of the attribute {attribute}")
        subject = values[0]
    else:
        names = assertion.findall(f"{saml('Subject')}/{saml('NameID')}")
        if len(names) != 1 or names[0].get("Format") != PERSISTENT:
            raise unknown("the name of the subject is not persistent")
        # The same name means somebody else where another party has given it (saml-core 8.3.7).
        if names[0].get("NameQualifier", issuer) != issuer or names[0].get("SPNameQualifier", audience) != audience:
            raise unknown("the name of the subject is another party's")
        subject = _text(names[0])
    if not subject or len(subject) > LONGEST or not subject.isprintable():
        raise unknown("the subject is empty, or no identifier")
    return subject


def _only(values: Sequence[str]) -> str | None:
    """The one value there is; of several, none is chosen."""
    return values[0] if len(values) == 1 else None


def _told(told: Mapping[str, list[str]], what: str, settings: Mapping[str, Any]) -> str:
    chosen = str(settings.get(f"{what}_attribute") or "")
    for name in (chosen,) if chosen else USUAL[what]:
        if told.get(name):
            return told[name][0]
    return ""


def _attributes(assertion: etree._Element) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for attribute in assertion.iterfind(f"{saml('AttributeStatement')}/{saml('Attribute')}"):
        values = (_text(each) for each in attribute.findall(saml("AttributeValue")))
        found.setdefault(attribute.get("Name", ""), []).extend(each for each in values if each)
    return found


def _text(element: etree._Element) -> str:
    """The text of an element that has nothing but text."""
    return (element.text or "").strip() if not len(element) else ""
