"""Names of the standard: namespaces, and the words that messages are made of (saml-core-2.0-os, saml-profiles-2.0-os).

Owns spelling. Judges nothing.
"""

PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"

POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"

#: How to canonicalize what is signed, and how to leave the signature itself out of it: nothing else is needed for SAML (saml-core 5.4.4).
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

#: Contexts of an authentication with more than one factor (REFEDS MFA; saml-authn-context-2.0-os).
SECOND_FACTORS = frozenset(
    {
        "https://refeds.org/profile/mfa",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered",
        "http://schemas.microsoft.com/claims/multipleauthn",
    }
)
#: The attribute in which Microsoft names how somebody proved who they are, beside a context that tells the first way only.
METHODS = "http://schemas.microsoft.com/claims/authnmethodsreferences"


def saml(name: str) -> str:
    """The tag of an element of assertions."""
    return f"{{{ASSERTION}}}{name}"


def samlp(name: str) -> str:
    """The tag of an element of the protocol."""
    return f"{{{PROTOCOL}}}{name}"


def md(name: str) -> str:
    """The tag of an element of metadata."""
    return f"{{{METADATA}}}{name}"


def ds(name: str) -> str:
    """The tag of an element of signatures."""
    return f"{{{SIGNATURE}}}{name}"
