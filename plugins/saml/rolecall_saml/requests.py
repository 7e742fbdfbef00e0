"""The question that a browser takes to the identity provider, by the HTTP-Redirect binding (saml-bindings 3.4).

Owns writing it. It is not signed: nothing in it is worth more than a click on *Sign in*.
"""

import base64
import zlib
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

from lxml import etree

from rolecall_saml.names import ASSERTION, PERSISTENT, POST, PROTOCOL, saml, samlp


def redirect(
    sso_url: str, *, request_id: str, audience: str, callback_url: str, state: str, persistent: bool, fresh: bool, now: float
) -> str:
    """Return the address that asks ``sso_url`` who somebody is.

    ``fresh`` asks to have it proved again, ``persistent`` for a NameID that lasts.
    """
    request = etree.Element(samlp("AuthnRequest"), nsmap={"samlp": PROTOCOL, "saml": ASSERTION})
    request.set("ID", request_id)
    request.set("Version", "2.0")
    request.set("IssueInstant", datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    request.set("Destination", sso_url)
    request.set("AssertionConsumerServiceURL", callback_url)
    request.set("ProtocolBinding", POST)
    if fresh:
        request.set("ForceAuthn", "true")
    etree.SubElement(request, saml("Issuer")).text = audience
    if persistent:
        etree.SubElement(request, samlp("NameIDPolicy"), Format=PERSISTENT, AllowCreate="true")
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(etree.tostring(request)) + packer.flush()
    query = urlencode({"SAMLRequest": base64.b64encode(packed).decode(), "RelayState": state})
    return f"{sso_url}{'&' if urlsplit(sso_url).query else '?'}{query}"
