"""One message as a mail: headers, a plain part and an HTML part. Pure.

Owns that nothing in a name, a subject or an address becomes a header, a second recipient or a command. The parts are put together here:
``email.message`` takes each header apart and folds it anew for every mail, which costs more than all the rest of sending one.
"""

import re
from binascii import b2a_qp
from email.headerregistry import Address
from email.policy import SMTP, SMTPUTF8
from functools import lru_cache
from html import escape
from uuid import uuid4

from rolecall.errors import Misconfigured, Permanent
from rolecall.sdk.channel import Message

_PAGE = (
    '<!doctype html>\n<html lang="{language}" dir="{direction}">\n<head><meta charset="utf-8"><title>{subject}</title></head>\n'
    '<body style="font: 16px/1.5 sans-serif; max-width: 40em">\n{body}\n</body>\n</html>\n'
)

_ALWAYS = (
    # Nobody's absence notice answers it.
    b"Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\nMIME-Version: 1.0\r\n"
)

#: Dots between words without blanks, quotes or brackets, and a domain. What a quoted part would hide from one reader, another would see.
_WORD = r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f.]+"
_MAILBOX = re.compile(rf"({_WORD}(?:\.{_WORD})*)@({_WORD}(?:\.{_WORD})*)")


def envelope(address: str) -> str:
    """Return an address as it is given to the server: one mailbox, its domain in ASCII.

    :raises ValueError: when it is not exactly one mailbox.
    """
    match = _MAILBOX.fullmatch(address)
    if match is None or not address.isprintable():
        raise ValueError("it is not an address")
    local, domain = match.groups()
    return f"{local}@{domain if domain.isascii() else domain.encode('idna').decode()}"


def build(message: Message, *, date: str) -> tuple[str, str, bytes]:
    """Return the sender's and the recipient's address for the envelope, and the mail itself.

    :raises Permanent: when the recipient's address is none.
    :raises Misconfigured: when the sender's is none.
    """
    try:
        sender = envelope(message.sender)
    except ValueError:
        raise Misconfigured(
            f"{message.sender} is not an address that messages can come from.", hint="Correct the institution's sender addresses."
        ) from None
    try:
        recipient = envelope(message.address)
    except ValueError:
        raise Permanent("The address is not one that e-mail can be sent to.", hint="Correct it in the person's record.") from None
    page = _PAGE.format(
        language=escape(message.language),
        direction="rtl" if message.is_right_to_left else "ltr",
        subject=escape(message.subject),
        body=message.html,
    )
    in_utf8 = not (recipient.isascii() and sender.isascii())
    # No line of quoted-printable text holds what it begins with.
    boundary = f"=_{uuid4().hex}"
    head = (
        _from(sender, _line(message.sender_name), in_utf8),
        f"To: {recipient}\r\n".encode(),
        _text("Subject", _line(message.subject)),
        f"Date: {date}\r\n".encode(),
        f"Message-ID: {_ascii(message.message_id)}\r\n".encode(),
        f"Content-Language: {_ascii(message.language)}\r\n".encode(),
        _ALWAYS,
        f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode(),
    )
    parts = (_part(boundary, "plain", message.text), _part(boundary, "html", page))
    return sender, recipient, b"".join((*head, *parts, f"--{boundary}--\r\n".encode()))


def _part(boundary: str, kind: str, text: str) -> bytes:
    lines = re.sub(r"\r\n|\r|\n", "\r\n", text).removesuffix("\r\n")
    head = f'--{boundary}\r\nContent-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    return head.encode() + b2a_qp(lines.encode() + b"\r\n") + b"\r\n"


# Most of the messages of a day come from one sender under a handful of subjects.
@lru_cache(maxsize=64)
def _from(address: str, name: str, in_utf8: bool) -> bytes:
    local, _, domain = address.rpartition("@")
    policy = SMTPUTF8 if in_utf8 else SMTP
    return policy.fold_binary(*policy.header_store_parse("From", Address(display_name=name, username=local, domain=domain)))


@lru_cache(maxsize=256)
def _text(name: str, text: str) -> bytes:
    return SMTP.fold_binary(*SMTP.header_store_parse(name, text))


def _ascii(text: str) -> str:
    return _line(text).encode("ascii", errors="replace").decode()


def _line(text: str) -> str:
    """A text on one line: what cannot be printed becomes a blank."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
