"""XML that a browser brings: read once, as UTF-8, without a document type, comments or instructions, and no larger than an answer is.

Owns what is refused before anybody looks for a meaning. Knows nothing of signatures or assertions.
"""

import base64
import binascii

from lxml import etree

from rolecall_saml.refusals import refused

#: Bytes of the largest answer that is read. Those of identity providers have ten to thirty thousand; many groups make them larger.
MOST_BYTES = 200_000


def decode(posted: str) -> bytes:
    """Return the document that was posted in Base64.

    :raises NotProved: when it is too large, or no Base64.
    """
    if len(posted) > 2 * MOST_BYTES:
        raise refused("the answer is too large")
    try:
        document = base64.b64decode("".join(posted.split()), validate=True)
    except (binascii.Error, ValueError):
        raise refused("the answer is no Base64") from None
    if len(document) > MOST_BYTES:
        raise refused("the answer is too large")
    return document


def parse(document: bytes) -> etree._Element:
    """Return the root of a document.

    A document type is refused before a parser sees it, whatever encoding the document claims: there is no entity to expand or to fetch.
    Comments and instructions are refused as well, because they split texts that signatures take for whole (CVE-2017-11427).

    :raises NotProved: when it is not such a document.
    """
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        raise refused("the answer is not UTF-8") from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text or "\0" in text:
        raise refused("the answer has a document type")
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError:
        raise refused("the answer is no XML") from None
    if not all(isinstance(each.tag, str) for each in root.iter()):
        raise refused("the answer has comments, instructions or entities")
    return root
