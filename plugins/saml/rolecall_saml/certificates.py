"""The certificates that an identity provider signs with: pinned in the settings, two while it changes from one to the other (F-13).

Owns reading them. A certificate is here a key that the office took over; who issued it and its dates say nothing more.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

#: The settings that hold them.
SETTINGS = ("certificate", "next_certificate")
#: Bits of the shortest keys that are believed.
_RSA_BITS, _CURVE_BITS = 2048, 256

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def read(lines: Sequence[str]) -> x509.Certificate:
    """Read a certificate from the lines that were pasted: PEM, or only its Base64 as metadata has it.

    :raises ValueError: with a sentence for the form.
    """
    text = "\n".join(lines)
    if "PRIVATE KEY" in text:
        raise ValueError("This holds a private key, which nobody but the identity provider may have. Paste its certificate.")
    found = _PEM.findall(text) if "-----" in text else [text]
    if len(found) != 1:
        raise ValueError("Paste one certificate here, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.")
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode("".join(found[0].split()), validate=True))
        key = certificate.public_key()
    except (binascii.Error, ValueError):
        raise ValueError("This is no certificate. Copy it whole from what the identity provider shows, or from its metadata.") from None
    if isinstance(key, RSAPublicKey) and key.key_size >= _RSA_BITS:
        return certificate
    if isinstance(key, EllipticCurvePublicKey) and key.key_size >= _CURVE_BITS:
        return certificate
    raise ValueError("The key of this certificate is too weak: RSA with 2048 bits, or a curve with 256, are needed.")


def pinned(settings: Mapping[str, Any]) -> list[x509.Certificate]:
    """Return the certificates of the settings, the present one first."""
    return [read(settings[name]) for name in SETTINGS if settings.get(name)]
