"""A conversation with a mail server on a guarded connection: opening it, signing in, handing over a mail, and what each answer means.

Owns the moment from which nobody knows whether a mail was taken. Every wait ends by the deadline of the call that it happens in.
"""

import re
import smtplib
import socket
from collections.abc import Callable, Mapping
from typing import Any

from rolecall.errors import Ambiguous, Misconfigured, Permanent, ProviderError, Transient
from rolecall.sdk.network import Tcp

#: Answers that refuse us and not the recipient: sign in first, wrong password, encrypt first.
_OURS = frozenset({530, 534, 535, 538})
_READY = 354
_CLOSING = 421

Reply = tuple[int, bytes]


class LostError(Exception):
    """The server broke the line before the mail was on its way: it may be handed over by another one."""


class SignInRefused(Misconfigured):
    """The server does not take this user name with this password or token."""


class _Smtp(smtplib.SMTP):
    """smtplib's client on a guarded connection."""

    def __init__(self, tcp: Tcp, *, tls: bool, name: str) -> None:
        self._tcp, self._tls = tcp, tls
        super().__init__(local_hostname=name)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        # STARTTLS checks the certificate against this name.
        self._host = host
        plain = self._tcp.open(host, port)
        return self._tcp.tls.wrap_socket(plain, server_hostname=host) if self._tls else plain


class Line:
    """An open conversation. Close it when done."""

    def __init__(self, smtp: smtplib.SMTP, host: str) -> None:
        self._smtp, self._host = smtp, host

    def close(self) -> None:
        """End it without waiting for an answer."""
        self._smtp.close()

    def hand_over(self, sender: str, recipient: str, mail: bytes) -> None:
        """Give one mail to the server.

        :raises LostError: when the line broke before the mail was on its way.
        :raises Permanent: when the server will never take it.
        :raises Transient: when it may take it later.
        :raises Ambiguous: when nobody knows whether it was taken.
        :raises Misconfigured: when the server refuses us or our sender.
        """
        in_utf8 = not (sender + recipient).isascii()
        if in_utf8 and not self._smtp.has_extn("smtputf8"):
            raise Permanent(
                f"{self._host} cannot send to an address with letters beyond a to z.", hint="Enter another address for this person."
            )
        options = ["SMTPUTF8"] if in_utf8 else []
        try:
            if self._smtp.has_extn("pipelining"):
                self._begin_at_once(sender, recipient, options)
            else:
                self._begin(sender, recipient, options)
        except ProviderError:
            self._reset()
            raise
        self._expect(self._send(mail))

    def _begin(self, sender: str, recipient: str, options: list[str]) -> None:
        self._expect(self._ask(lambda: self._smtp.mail(sender, options)), of_sender=sender)
        self._expect(self._ask(lambda: self._smtp.rcpt(recipient)))
        self._expect_ready(self._ask(lambda: self._smtp.docmd("DATA")))

    def _begin_at_once(self, sender: str, recipient: str, options: list[str]) -> None:
        """Say in one go what the server would answer one by one (RFC 2920): one way there and back instead of three."""
        if any(each in sender + recipient for each in "\r\n<>"):
            raise Permanent("The address is not one that e-mail can be sent to.")
        commands = (" ".join([f"MAIL FROM:<{sender}>", *options]), f"RCPT TO:<{recipient}>", "DATA", "")

        def said() -> Reply:
            self._smtp.send("\r\n".join(commands).encode())
            return self._smtp.getreply()

        replies = [self._ask(said), self._ask(self._smtp.getreply), self._ask(self._smtp.getreply)]
        try:
            self._expect(replies[0], of_sender=sender)
            self._expect(replies[1])
        except ProviderError:
            if replies[2][0] == _READY:
                # It waits for a message that nobody is to get: without the line it gets none.
                self.close()
            raise
        self._expect_ready(replies[2])

    def _expect_ready(self, reply: Reply) -> None:
        if reply[0] != _READY:
            self._expect(reply)
            raise Transient(f"{self._host} did not ask for the message: {_said(reply)}")

    def _send(self, mail: bytes) -> Reply:
        """Send the mail itself; from here on it may have been taken, whatever happens."""
        ended = mail if mail.endswith(b"\r\n") else mail + b"\r\n"
        try:
            self._smtp.send(re.sub(rb"(?m)^\.", b"..", ended) + b".\r\n")
            return self._smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise Ambiguous(
                f"{self._host} broke the connection after it was given the message; nobody knows whether it took it."
            ) from error

    def _ask(self, command: Callable[[], Reply]) -> Reply:
        try:
            reply = command()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise LostError from error
        if reply[0] == _CLOSING:
            self.close()
            raise LostError
        return reply

    def _expect(self, reply: Reply, *, of_sender: str | None = None) -> None:
        code = reply[0]
        if 200 <= code < 300:
            return
        if code in _OURS:
            raise Misconfigured(
                f"{self._host} refuses to take messages from Rolecall: {_said(reply)}", hint="Check user name and password."
            )
        if 500 <= code < 600:
            if of_sender is not None:
                raise Misconfigured(
                    f"{self._host} refuses messages from {of_sender}: {_said(reply)}",
                    hint="Enter a sender address in the institution's settings that this server may send from.",
                )
            raise Permanent(f"{self._host} refused the message: {_said(reply)}")
        raise Transient(f"{self._host} does not take the message now: {_said(reply)}")

    def _reset(self) -> None:
        """Begin anew after a refusal, so that the next mail can use the same line."""
        if not self.is_open:
            return
        try:
            self._smtp.rset()
        except (OSError, smtplib.SMTPException):
            self.close()

    @property
    def is_open(self) -> bool:
        """Whether it can be used for another mail."""
        return self._smtp.sock is not None


def connect(tcp: Tcp, settings: Mapping[str, Any], *, name: str) -> smtplib.SMTP:
    """Open a conversation and encrypt it as the settings say; ``name`` is how Rolecall introduces itself.

    :raises Misconfigured: when the server may not be called, its certificate is refused, or it cannot encrypt.
    :raises Transient: when it does not answer, or says that it is busy.
    """
    host, port, security = str(settings["host"]), int(settings["port"]), settings["security"]
    if security == "none" and not tcp.may_be_plain(host, port):
        raise Misconfigured(
            f"{host} was not called, because the line would not be encrypted.",
            hint=f"Choose STARTTLS or TLS, or have the operator add {host}:{port} to ROLECALL_OUTBOUND_ALLOW.",
        )
    smtp = _Smtp(tcp, tls=security == "tls", name=name)
    try:
        code, said = smtp.connect(host, port)
        if code != 220:
            raise Transient(f"{host} is not ready: {_said((code, said))}")
        smtp.ehlo_or_helo_if_needed()
        if security == "starttls":
            if not smtp.has_extn("starttls"):
                raise Misconfigured(
                    f"{host} does not offer STARTTLS on port {port}.", hint="Choose TLS with port 465, if the server has it."
                )
            smtp.starttls(context=tcp.tls)
            smtp.ehlo()
    except (OSError, smtplib.SMTPException, ProviderError) as error:
        smtp.close()
        raise _classed(error, host) from error
    return smtp


def sign_in(smtp: smtplib.SMTP, host: str, username: str, *, password: str | None = None, token: str | None = None) -> None:
    """Sign in with a password, or with an access token (XOAUTH2).

    :raises SignInRefused: when the server refuses them.
    :raises Misconfigured: when it cannot do it this way.
    :raises Transient: when it cannot tell now.
    """
    try:
        if token is not None:
            proof = f"user={username}\x01auth=Bearer {token}\x01\x01"
            smtp.auth("XOAUTH2", lambda challenge=None: proof if challenge is None else "")
        else:
            smtp.login(username, password or "")
    except smtplib.SMTPAuthenticationError as error:
        smtp.close()
        reply = _said((error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()))
        if 400 <= error.smtp_code < 500:
            raise Transient(f"{host} cannot check the sign-in now: {reply}") from None
        raise SignInRefused(
            f"{host} refuses the sign-in: {reply}",
            hint="Check user name and password. Microsoft 365 takes OAuth 2.0 only.",
        ) from None
    except smtplib.SMTPNotSupportedError:
        smtp.close()
        raise Misconfigured(
            f"{host} offers no sign-in on this line.", hint="Choose STARTTLS or TLS, or leave the user name empty."
        ) from None
    except UnicodeEncodeError:
        smtp.close()
        raise Misconfigured("User name or password have letters that this sign-in cannot send.", hint="Set another password.") from None
    except (OSError, smtplib.SMTPException, ProviderError) as error:
        smtp.close()
        raise _classed(error, host) from None


def _classed(error: BaseException, host: str) -> BaseException:
    """What went wrong before a mail was on its way, in words."""
    cause = error.__cause__ or error.__context__
    for each in (error, cause):
        if isinstance(each, ProviderError):
            return each
        if type(each).__name__ == "SSLCertVerificationError":
            return Misconfigured(
                f"The certificate of {host} was refused: {getattr(each, 'verify_message', '')}",
                hint="Have the server's certificate put in order; nothing was sent to it.",
            )
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
        return Transient(f"{host} does not go on: {_said((error.smtp_code, reply))}")
    if isinstance(error, OSError | smtplib.SMTPException):
        return Transient(f"{host} gave no usable answer; nothing was sent.")
    return error


def _said(reply: Reply) -> str:
    """An answer as a person may read it."""
    text = reply[1].decode("utf-8", errors="replace")
    return " ".join("".join(each if each.isprintable() else " " for each in f"{reply[0]} {text}").split())[:500]
