"""A mail is what its message says, whatever that is, in lines that every server takes."""

from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rolecall.errors import Misconfigured, Permanent
from rolecall.sdk.channel import Message
from rolecall.sdk.mime import build, envelope

DATE = "Mon, 30 Nov 2026 08:00:00 +0000"
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\r\t.="), max_size=400)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)


def message(**values):
    facts = {
        "address": "anna@home.example", "subject": "Welcome", "text": "Hello", "html": "<p>Hello</p>", "language": "en",
        "sender": "office@school.example", "sender_name": "The School", "message_id": "<m1@school.example>",
    }  # fmt: skip
    return Message(id=1, **{**facts, **values})


def read(content):
    return message_from_bytes(content, policy=default)


def lines_of(text):
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


@settings(deadline=None)
@given(text=TEXTS, html=TEXTS)
def test_both_parts_arrive_as_they_were(text, html):
    mail = read(build(message(text=text, html=html), date=DATE)[2])

    assert lines_of(mail.get_body(("plain",)).get_content()) == lines_of(text)
    assert lines_of(html) in lines_of(mail.get_body(("html",)).get_content())
    assert mail.defects == []


@settings(deadline=None)
@given(subject=NAMES, name=NAMES, message_id=NAMES, language=NAMES)
def test_no_value_becomes_a_header_of_its_own(subject, name, message_id, language):
    _, _, content = build(message(subject=subject, sender_name=name, message_id=message_id, language=language), date=DATE)

    head = content.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert names == [
        b"From", b"To", b"Subject", b"Date", b"Message-ID", b"Content-Language", b"Auto-Submitted", b"X-Auto-Response-Suppress",
        b"MIME-Version", b"Content-Type",
    ]  # fmt: skip
    assert head.isascii()
    assert [each.addr_spec for each in read(content)["From"].addresses] == ["office@school.example"]


@settings(deadline=None)
@given(text=TEXTS, subject=NAMES)
def test_no_line_is_longer_than_a_server_takes(text, subject):
    _, _, content = build(message(text=text, subject=subject), date=DATE)

    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\r" in line or b"\n" in line for line in lines)


def test_a_sender_in_another_alphabet_stands_in_the_head_as_it_is():
    sender, recipient, content = build(message(sender="γραφείο@school.example", address="άννα@home.example"), date=DATE)

    assert (sender, recipient) == ("γραφείο@school.example", "άννα@home.example")
    assert "To: άννα@home.example\r\n".encode() in content
    assert "From: The School <γραφείο@school.example>\r\n".encode() in content


@pytest.mark.parametrize(
    ("address", "given_to_the_server"),
    [
        ("anna@home.example", "anna@home.example"),
        ("anna@schüle.example", "anna@xn--schle-mva.example"),
        ("o'neil+school@home.example", "o'neil+school@home.example"),
        (f"{'a' * 64}@{'b' * 60}.example", f"{'a' * 64}@{'b' * 60}.example"),
    ],
)
def test_an_address_keeps_its_name_and_has_its_domain_in_ascii(address, given_to_the_server):
    assert envelope(address) == given_to_the_server


@pytest.mark.parametrize(
    "address", ["", "anna", "@home.example", "anna@", "a b@home.example", "a@b@c", '"a"@b.example', "a@b.example\n", "a..b@c"]
)
def test_what_is_no_mailbox_is_refused(address):
    with pytest.raises(Permanent):
        build(message(address=address), date=DATE)
    with pytest.raises(Misconfigured):
        build(message(sender=address), date=DATE)
