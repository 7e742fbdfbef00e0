"""What an identity provider must know of Rolecall, as the document that its administrator loads (saml-metadata 2.4.4).

Owns writing it. There is no key in it, because Rolecall signs nothing and reads nothing encrypted.
"""

from urllib.parse import urljoin

from lxml import etree

from rolecall_saml.names import METADATA, PERSISTENT, POST, PROTOCOL, md

MEDIA = "application/samlmetadata+xml"


def entity_id(callback_url: str) -> str:
    """What Rolecall calls itself: the address of its metadata, as is usual."""
    return urljoin(callback_url, "metadata")


def document(callback_url: str) -> bytes:
    """Return the metadata."""
    root = etree.Element(md("EntityDescriptor"), nsmap={"md": METADATA}, entityID=entity_id(callback_url))
    role = etree.SubElement(
        root, md("SPSSODescriptor"), protocolSupportEnumeration=PROTOCOL, AuthnRequestsSigned="false", WantAssertionsSigned="true"
    )
    etree.SubElement(role, md("NameIDFormat")).text = PERSISTENT
    etree.SubElement(role, md("AssertionConsumerService"), Binding=POST, Location=callback_url, index="0", isDefault="true")
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)
    return written
