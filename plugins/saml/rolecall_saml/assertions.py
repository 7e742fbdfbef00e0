"""What a signed assertion must say before it is believed: from whom, for whom, to which question, and when (saml-profiles 4.1.4.3, F-12).

Owns the conditions. Reads the signed element only; who it is about is :mod:`rolecall_saml.subjects`'.
"""

import re
from collections.abc import Callable
from datetime import datetime

from lxml import etree

from rolecall_saml.names import BEARER, saml
from rolecall_saml.refusals import refused
from rolecall_saml.responses import Expected, check_issuer

#: Seconds by which the clocks of the two may differ.
SKEW = 60.0

#: Conditions that are understood; one that is not makes an assertion void (saml-core 2.5.1.1).
_CONDITIONS = frozenset({saml("AudienceRestriction"), saml("OneTimeUse"), saml("ProxyRestriction")})
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")


def check(assertion: etree._Element, expected: Expected) -> None:
    """Refuse an assertion that is not for this sign-in.

    :raises NotProved: when any of it is missing or different.
    """
    if assertion.tag != saml("Assertion") or assertion.get("Version") != "2.0":
        raise refused("it is no assertion of SAML 2.0")
    check_issuer(assertion, expected.issuer, needed=True)
    _check_not_later(assertion, "IssueInstant", expected.now)
    _check_conditions(assertion, expected)
    _check_subject(assertion, expected)
    _check_statements(assertion, expected)


def _check_conditions(assertion: etree._Element, expected: Expected) -> None:
    found = assertion.findall(saml("Conditions"))
    if len(found) != 1:
        raise refused("there are no conditions")
    conditions = found[0]
    if any(each.tag not in _CONDITIONS for each in conditions):
        raise refused("a condition is not known")
    _check_window(conditions, expected.now)
    restrictions = conditions.findall(saml("AudienceRestriction"))
    if not restrictions:
        raise refused("the assertion is for no audience")
    for restriction in restrictions:
        if not any(each.text == expected.audience and not len(each) for each in restriction.findall(saml("Audience"))):
            raise refused("the assertion is for another audience")


def _check_subject(assertion: etree._Element, expected: Expected) -> None:
    """Demand that whoever brings the assertion here, now and to this question is the one it is about."""
    subjects = assertion.findall(saml("Subject"))
    if len(subjects) != 1:
        raise refused("there is not exactly one subject")
    for confirmation in subjects[0].findall(saml("SubjectConfirmation")):
        data = confirmation.find(saml("SubjectConfirmationData"))
        if (
            confirmation.get("Method") == BEARER
            and data is not None
            and data.get("Recipient") == expected.recipient
            and data.get("InResponseTo") == expected.request_id
            and "NotOnOrAfter" in data.attrib
        ):
            _check_window(data, expected.now)
            return
    raise refused("the subject is confirmed for another sign-in, or not at all")


def _check_statements(assertion: etree._Element, expected: Expected) -> None:
    statements = assertion.findall(saml("AuthnStatement"))
    if not statements:
        raise refused("nobody was authenticated")
    for statement in statements:
        proved = _check_not_later(statement, "AuthnInstant", expected.now)
        if expected.since is not None and proved < expected.since - SKEW:
            raise refused("who it is was not proved just now")
        _check_bound(statement, "SessionNotOnOrAfter", lambda end: end > expected.now - SKEW)


def _check_window(element: etree._Element, now: float) -> None:
    _check_bound(element, "NotBefore", lambda begin: begin <= now + SKEW)
    _check_bound(element, "NotOnOrAfter", lambda end: end > now - SKEW)


def _check_bound(element: etree._Element, name: str, holds: Callable[[float], bool]) -> None:
    if name in element.attrib and not holds(_instant(element, name)):
        raise refused(f"{name} of {etree.QName(element).localname} does not hold")


def _check_not_later(element: etree._Element, name: str, now: float) -> float:
    at = _instant(element, name)
    if at > now + SKEW:
        raise refused(f"{name} is in the future")
    return at


def _instant(element: etree._Element, name: str) -> float:
    """Read a time, which SAML writes in UTC with a Z (saml-core 1.3.3)."""
    text = element.get(name, "")
    try:
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    raise refused(f"{name} is no time")
