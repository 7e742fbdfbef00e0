"""The line is encrypted as the settings say or not used at all, and only with the server that was meant."""

import socket
import ssl
from datetime import timedelta
from functools import partial
from threading import Thread

import pytest
from aiosmtpd.controller import Controller

from rolecall.errors import Misconfigured, Transient


def serving(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


class TestStarttls:
    @pytest.fixture
    def options(self, certificate):
        return {"tls_context": serving(certificate), "require_starttls": True}

    def test_the_line_is_encrypted_before_anything_is_said(self, connect, message, mailboxes, certificate):
        (result,) = connect(security="starttls", verify=str(certificate)).send([message()])

        assert result.error is None
        assert len(mailboxes.mails) == 1

    def test_a_certificate_that_nobody_vouches_for_is_refused(self, connect, message, mailboxes):
        with pytest.raises(Misconfigured, match="certificate"):
            list(connect(security="starttls").send([message()]))

        assert mailboxes.mails == []


@pytest.mark.parametrize("of", [{"address": "127.0.0.9"}, {"ends": timedelta(days=-1)}], ids=["somebody else's", "ended"])
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_for_another_server_or_one_that_ended_is_refused(make_certificate, connect, message, stub, security, of):
    certificate = make_certificate(**of)
    server = stub(certificate, tls=security == "tls")

    with pytest.raises(Misconfigured, match="certificate"):
        list(connect(port=server.port, security=security, verify=str(certificate), username="school", password="s3cret").send([message()]))

    server.thread.join()
    assert server.heard in (b"", b"ehlo school.example\r\nSTARTTLS\r\n")


def test_tls_from_the_first_byte(certificate, connect, message, mailboxes):
    class Encrypted(Controller):
        def _trigger_server(self):
            at = self.server.sockets[0].getsockname()
            context = ssl.create_default_context(cafile=certificate)
            with socket.create_connection(at) as plain, context.wrap_socket(plain, server_hostname=at[0]) as line:
                line.recv(100)

    controller = Encrypted(mailboxes, hostname="127.0.0.1", port=0, ssl_context=serving(certificate))
    controller.start()
    try:
        port = controller.server.sockets[0].getsockname()[1]
        (result,) = connect(port=port, security="tls", verify=str(certificate)).send([message()])
    finally:
        controller.stop()

    assert result.error is None
    assert len(mailboxes.mails) == 1


def test_a_server_that_does_not_offer_starttls_gets_nothing(connect, message):
    with pytest.raises(Misconfigured, match="STARTTLS"):
        list(connect(security="starttls", username="school", password="s3cret").send([message()]))


def test_a_server_that_offers_starttls_and_then_refuses_gets_nothing(connect, message, stub):
    server = stub(None, starttls=b"454 4.7.0 TLS not available\r\n")

    with pytest.raises(Transient, match="TLS not available"):
        list(connect(port=server.port, security="starttls", username="school", password="s3cret").send([message()]))

    server.thread.join()
    assert server.heard == b"ehlo school.example\r\nSTARTTLS\r\n"


def test_what_somebody_on_the_way_adds_before_the_encryption_counts_for_nothing(connect, message, stub, certificate):
    server = stub(certificate, starttls=b"220 go on\r\n250-stub.example\r\n250 AUTH PLAIN LOGIN\r\n")

    with pytest.raises(Misconfigured, match="offers no sign-in"):
        list(
            connect(port=server.port, security="starttls", verify=str(certificate), username="school", password="s3cret").send([message()])
        )

    server.thread.join()
    assert server.heard == b"ehlo school.example\r\nSTARTTLS\r\nehlo school.example\r\n"


def test_a_line_that_is_to_be_encrypted_is_not_with_a_server_that_speaks_in_clear(connect, message, stub):
    server = stub(None)

    with pytest.raises((Transient, Misconfigured)):
        list(connect(port=server.port, security="tls", username="school", password="s3cret").send([message()]))

    server.thread.join()
    assert b"MAIL" not in server.heard
    assert b"s3cret" not in server.heard


class Stub:
    """A server that answers EHLO and STARTTLS, and remembers what it heard; encrypted by a certificate, where it has one."""

    def __init__(self, listening, certificate, *, tls=False, starttls=b"220 go on\r\n"):
        self.heard = b""
        self.port = listening.getsockname()[1]
        self._certificate, self._tls, self._starttls = certificate, tls, starttls
        self.thread = Thread(target=partial(self._serve, listening))
        self.thread.start()

    def _serve(self, listening):
        with listening, listening.accept()[0] as line:
            line.settimeout(10)
            try:
                self._talk(line)
            except (ssl.SSLError, OSError):
                """Whoever called has hung up."""

    def _talk(self, line):
        if self._tls:
            self._go_on_encrypted(line, greeting=b"220 ready\r\n")
        else:
            line.sendall(b"220 ready\r\n")
            self._converse(line, offers=b"250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n")

    def _go_on_encrypted(self, line, *, greeting=b""):
        with serving(self._certificate).wrap_socket(line, server_side=True) as encrypted:
            encrypted.sendall(greeting)
            self._converse(encrypted)

    def _converse(self, line, *, offers=b""):
        while heard := line.recv(4096):
            self.heard += heard
            if heard.startswith(b"ehlo"):
                line.sendall(b"250-stub.example\r\n" + offers + b"250 8BITMIME\r\n")
            elif heard.startswith(b"STARTTLS"):
                line.sendall(self._starttls)
                if self._certificate is not None:
                    return self._go_on_encrypted(line)
            else:
                line.sendall(b"221 bye\r\n")
        return None


@pytest.fixture
def stub():
    made = []

    def make(certificate, **options):
        made.append(Stub(socket.create_server(("127.0.0.1", 0)), certificate, **options))
        return made[-1]

    yield make
    for each in made:
        each.thread.join()
