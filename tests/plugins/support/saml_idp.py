"""An identity provider by pysaml2: reads Rolecall's metadata and question as a stranger would, and answers with signed assertions.

Signs with libxmlsec1, which the plugin does not use. Also the hand of whoever is up to no good: it changes answers.
"""

import base64
import copy
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses what cryptography is about to move
    from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
    from saml2.config import IdPConfig
    from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
    from saml2.server import Server
    from saml2.sigver import CryptoBackend

ENTITY, SSO = "https://idp.example/saml", "https://idp.example/sso?tenant=school"
NS = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
RSA_SHA256, SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"

Change = Callable[[etree._Element], object]


class Signer:
    """A key with its certificate, which may be long over."""

    def __init__(self, name: str = "idp.example", *, bits: int = 2048, ended: bool = False) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        begin = datetime.now(UTC) - timedelta(days=800)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        made = made.not_valid_before(begin).not_valid_after(begin + timedelta(days=365 if ended else 3650))
        self.pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
        plain = serialization.NoEncryption()
        self.key = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain).decode()

    def fill(self, signature: etree._Element) -> None:
        """Fill a template of a signature in."""
        root = signature.getroottree().getroot()
        xmlsec.tree.add_ids(root, ["ID"])
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(self.key, xmlsec.KeyFormat.PEM)
        context.key.load_cert_from_memory(self.pem, xmlsec.KeyFormat.PEM)
        context.sign(signature)

    def sign(
        self, element: etree._Element, method: Any = xmlsec.Transform.RSA_SHA256, digest: Any = xmlsec.Transform.SHA256, **means: Any
    ) -> None:
        """Put a signature under an element, with its certificate in it."""
        template = xmlsec.template.create(element, means.get("canonical", xmlsec.Transform.EXCL_C14N), method, ns="ds")
        element.insert(1, template)
        reference = xmlsec.template.add_reference(template, digest, uri=means.get("uri", f"#{element.get('ID')}"))
        for each in means.get("transforms", (xmlsec.Transform.ENVELOPED, xmlsec.Transform.EXCL_C14N)):
            xmlsec.template.add_transform(reference, each)
        xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(template))
        self.fill(template)


class _Backend(CryptoBackend):
    """What pysaml2 signs with, without calling a program."""

    def __init__(self, signer: Signer) -> None:
        super().__init__()
        self.signer = signer

    def sign_statement(self, statement: str, node_name: str, key_file: str, node_id: str) -> str:
        root = etree.fromstring(statement.encode() if isinstance(statement, str) else statement)
        (signature,) = root.xpath(f"//*[@ID='{node_id}']/ds:Signature", namespaces=NS)
        self.signer.fill(signature)
        return etree.tostring(root).decode()


class IdentityProvider:
    """One identity provider, told of Rolecall by its metadata. ``person`` sits in front of the browser."""

    def __init__(self, folder: Path, metadata: bytes, signer: Signer, *, sso: str = SSO) -> None:
        self.signer, self.sso = signer, sso
        (folder / "key.pem").write_text(signer.key)
        (folder / "cert.pem").write_text(signer.pem)
        config = IdPConfig().load(
            {
                "entityid": ENTITY,
                "crypto_backend": "XMLSecurity",
                "key_file": str(folder / "key.pem"),
                "cert_file": str(folder / "cert.pem"),
                "service": {"idp": {"endpoints": {"single_sign_on_service": [(sso, BINDING_HTTP_REDIRECT)]}}},
                "metadata": {"inline": [metadata.decode()]},
            }
        )
        self.server = Server(config=config)
        self.server.sec.crypto = _Backend(signer)
        self.subject, self.format = "pseudonym-of-anna", NAMEID_FORMAT_PERSISTENT
        self.person: dict[str, Any] = {"mail": "anna@school.example", "givenName": "Anna", "sn": "Kowalska"}
        self.context = PASSWORD

    def asked(self, url: str) -> Any:
        """What the browser was sent to ask, as pysaml2 reads and judges it."""
        assert url.startswith(f"{self.sso}&"), url
        return self.server.parse_authn_request(dict(parse_qsl(urlsplit(url).query))["SAMLRequest"], BINDING_HTTP_REDIRECT).message

    def answer(self, url: str, **options: Any) -> dict[str, str]:
        """Do what a browser would with somebody who signs in: return the form that is posted to the callback."""
        request = self.asked(url)
        where = self.server.response_args(request, [BINDING_HTTP_POST])
        assert where.pop("binding") == BINDING_HTTP_POST
        name = NameID(format=self.format, text=self.subject, name_qualifier=ENTITY, sp_name_qualifier=where["sp_entity_id"])
        where.pop("name_id_policy", None)
        options = {"sign_assertion": True, "sign_response": False, "sign_alg": RSA_SHA256, "digest_alg": SHA256, **options}
        made = self.server.create_authn_response(
            self.person, name_id=name, authn={"class_ref": self.context, "authn_auth": ENTITY}, **where, **options
        )
        return {"SAMLResponse": encode(str(made).encode()), "RelayState": dict(parse_qsl(urlsplit(url).query))["RelayState"]}


def encode(document: bytes) -> str:
    """Write a document as it is posted."""
    return base64.b64encode(document).decode()


def changed(form: dict[str, str], change: Change) -> dict[str, str]:
    """Change an answer and leave its signatures as they were."""
    root = etree.fromstring(base64.b64decode(form["SAMLResponse"]))
    change(root)
    return {**form, "SAMLResponse": encode(etree.tostring(root))}


def signed_anew(form: dict[str, str], change: Change, signer: Signer, **means: Any) -> dict[str, str]:
    """Change an answer, and have the provider, or somebody else, sign what has become of its assertion."""

    def redo(root: etree._Element) -> None:
        for each in root.xpath("//ds:Signature", namespaces=NS):
            each.getparent().remove(each)
        change(root)
        signer.sign(only(root, "//saml:Assertion"), **means)

    return changed(form, redo)


def only(root: etree._Element, path: str) -> etree._Element:
    """The one element at a path."""
    (found,) = root.xpath(path, namespaces=NS)
    return found


def twin(assertion: etree._Element, subject: str) -> etree._Element:
    """An unsigned copy of an assertion about somebody else."""
    copied = copy.deepcopy(assertion)
    copied.set("ID", "_evil")
    copied.remove(only(copied, "ds:Signature"))
    only(copied, "saml:Subject/saml:NameID").text = subject
    return copied
