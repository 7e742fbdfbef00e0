"""A real mail server on a port of this machine that answers what it is told to, and the channel that talks to it."""

import base64
import socket
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session, auth_mechanism
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rolecall import Message, Network, Tcp
from rolecall.sdk.http import Http
from rolecall_email.channel import EmailChannel
from rolecall_email.settings import EmailSettings

#: Makes messages: the address decides everything that is not said.
MakeMessage = Callable[..., Message]


class Server(SMTP):
    """aiosmtpd, which also takes access tokens."""

    @auth_mechanism("XOAUTH2")
    async def auth_XOAUTH2(self, _server: SMTP, args: list[str]) -> AuthResult:
        proof = base64.b64decode(args[1]).decode()
        self.event_handler.proofs.append(proof)
        return AuthResult(success=f"auth=Bearer {self.event_handler.good_token}\x01" in proof, handled=False)


class Mailboxes:
    """What the server does: it takes everything, but for what ``answers`` says by recipient or by stage."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.answers: dict[str, str] = {}
        self.sessions = 0
        self.proofs: list[str] = []
        self.offers: list[str] = []
        self.good_token = "good-token"
        #: Recipients for whom the line breaks: before the mail is asked for, or after it was taken.
        self.breaks: dict[str, str] = {}

    async def handle_EHLO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]) -> list[str]:
        session.host_name = hostname
        return [*(f"250-{each}" for each in self.offers), *responses]

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.breaks.get(address) == "before":
            del self.breaks[address]
            cut(server)
            return "250 OK"
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.answers:
            return self.answers["DATA"]
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        if self.breaks.pop(envelope.rcpt_tos[0], None) == "after":
            cut(server)
        return "250 taken"


def cut(server: SMTP) -> None:
    """Break the line as a machine does whose power is gone."""
    raw = server.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.transport.abort()


MakeCertificate = Callable[..., Path]


@pytest.fixture(scope="session")
def make_certificate(tmp_path_factory: pytest.TempPathFactory) -> MakeCertificate:
    """Makes certificates that vouch for themselves, with their keys in the same file."""

    def make(address: str = "127.0.0.1", *, ends: timedelta = timedelta(days=2)) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
        moment = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(moment - timedelta(days=30))
            .not_valid_after(moment + ends)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        file = tmp_path_factory.mktemp("tls") / "both.pem"
        plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(key.private_bytes(*plain) + made.public_bytes(serialization.Encoding.PEM))
        return file

    return make


@pytest.fixture(scope="session")
def certificate(make_certificate: MakeCertificate) -> Path:
    """A certificate for the server's own address."""
    return make_certificate()


@pytest.fixture
def mailboxes() -> Mailboxes:
    """What the server took, and what it is to answer."""
    return Mailboxes()


@pytest.fixture
def options() -> dict[str, Any]:
    """How the server is set up."""
    return {"enable_SMTPUTF8": False}


@pytest.fixture
def server(mailboxes: Mailboxes, options: dict[str, Any]) -> Iterator[Controller]:
    """A running server."""

    class Running(Controller):
        def factory(self) -> SMTP:
            mailboxes.sessions += 1
            return Server(self.handler, **self.SMTP_kwargs)

        def _trigger_server(self) -> None:
            self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    controller = Running(mailboxes, hostname="127.0.0.1", port=0, **options)
    controller.start()
    # Starting tries the line once.
    mailboxes.sessions = 0
    yield controller
    controller.stop()


@pytest.fixture
def port(server: Controller) -> int:
    """Where it listens."""
    return int(server.port)


@pytest.fixture
def connect(port: int) -> Iterator[Callable[..., EmailChannel]]:
    """Makes channels that are connected to the server; what is not said is as plain as can be."""
    made: list[Http] = []

    def make(*, allow: tuple[str, ...] = ("127.0.0.1:*",), deadline: float = 5, verify: bool | str = True, **settings: Any) -> EmailChannel:
        loaded = EmailSettings().load({"host": "127.0.0.1", "port": port, "security": "none", **settings})
        made.append(Http(allow=allow, deadline=deadline))
        return EmailChannel(loaded, Network(http=made[-1], tcp=Tcp(allow=allow, deadline=deadline, verify=verify)))

    yield make
    for each in made:
        each.close()


@pytest.fixture
def message() -> MakeMessage:
    """Makes messages."""
    numbers = iter(range(1, 1000))

    def make(address: str = "anna@home.example", **values: Any) -> Message:
        number = next(numbers)
        facts = {
            "subject": "Welcome", "text": "Hello Anna,\n\nwelcome.", "html": "<p>Hello Anna,</p>\n<p>welcome.</p>", "language": "en",
            "sender": "office@school.example", "sender_name": "The School", "message_id": f"<m{number}@school.example>",
        }  # fmt: skip
        return Message(id=number, address=address, **{**facts, **values})

    return make
