"""Messages at a real mail server: what arrives, and what each answer of the server comes to."""

import socket

import pytest
from aiosmtpd.smtp import AuthResult

from rolecall.errors import Misconfigured, Permanent, Transient
from rolecall.testing.wire import Wire


@pytest.fixture(params=[False, True], ids=["one by one", "at once"])
def either_way(request, mailboxes):
    """A server that wants its commands one by one, and one that takes them at once."""
    mailboxes.offers = ["PIPELINING"] if request.param else []


def outcomes(results):
    """How each message went, in one word."""
    return [type(each.error).__name__ if each.error else "sent" for each in results]


def test_a_mail_has_a_plain_and_an_html_part_and_headers_of_its_own(connect, message, mailboxes):
    sent = message(
        sender_name="Σχολείο „Eins“",
        subject="Ihr Konto: {link} Ω",
        text="Zeile\n.\n..zwei " + "x" * 2000,
        html="<p>Zeile &amp;</p>",
        language="de",
    )

    assert outcomes(connect().send([sent])) == ["sent"]

    (mail,) = mailboxes.mails
    assert mailboxes.envelopes == [("office@school.example", ["anna@home.example"])]
    assert mail["Subject"] == "Ihr Konto: {link} Ω"
    assert mail["From"] == "Σχολείο „Eins“ <office@school.example>"
    assert (mail["Message-ID"], mail["Auto-Submitted"]) == (sent.message_id, "auto-generated")
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n").rstrip("\n") == sent.text
    assert '<html lang="de" dir="ltr">' in mail.get_body(("html",)).get_content()


def test_everybody_gets_a_mail_of_their_own_on_one_line(connect, message, mailboxes):
    results = list(connect().send(message(f"p{number}@home.example") for number in range(3)))

    assert [each.reference for each in results] == [each.message.message_id for each in results]
    assert [to for _, to in mailboxes.envelopes] == [["p0@home.example"], ["p1@home.example"], ["p2@home.example"]]
    assert mailboxes.sessions == 1


@pytest.mark.parametrize(
    ("where", "answer", "outcome"),
    [
        ("anna@home.example", "550 5.1.1 no such user", "Permanent"),
        ("anna@home.example", "451 4.7.1 greylisted", "Transient"),
        ("DATA", "554 5.7.1 looks like spam", "Permanent"),
        ("DATA", "452 4.3.1 full", "Transient"),
    ],
)
def test_what_is_refused_of_one_message_concerns_no_other(either_way, connect, message, mailboxes, where, answer, outcome):
    mailboxes.answers[where] = answer
    results = []

    for result in connect().send([message(), message("ben@home.example")]):
        results.append(result)
        mailboxes.answers.clear()

    assert outcomes(results) == [outcome, "sent"]
    assert answer.split(maxsplit=1)[1] in results[0].error.message
    assert mailboxes.sessions == 1


@pytest.mark.parametrize(
    ("where", "answer", "raised"),
    [
        ("MAIL", "550 5.7.1 not your address", Misconfigured),
        ("MAIL", "530 5.7.0 sign in first", Misconfigured),
        ("anna@home.example", "530 5.7.0 sign in first", Misconfigured),
        ("MAIL", "421 4.3.2 going down", Transient),
    ],
)
def test_what_is_refused_of_us_stops_all(either_way, connect, message, mailboxes, where, answer, raised):
    mailboxes.answers[where] = answer

    with pytest.raises(raised):
        list(connect().send([message(), message("ben@home.example")]))

    assert mailboxes.mails == []


def test_a_line_that_breaks_before_the_mail_costs_nothing(either_way, connect, message, mailboxes):
    mailboxes.breaks["ben@home.example"] = "before"

    assert outcomes(connect().send([message(), message("ben@home.example")])) == ["sent", "sent"]

    assert [mail["To"] for mail in mailboxes.mails] == ["anna@home.example", "ben@home.example"]
    assert mailboxes.sessions == 2


def test_a_new_line_that_breaks_before_the_mail_is_the_servers_trouble(either_way, connect, message, mailboxes):
    mailboxes.breaks["anna@home.example"] = "before"

    with pytest.raises(Transient):
        list(connect().send([message()]))


def test_a_line_that_breaks_after_the_mail_leaves_it_in_doubt(either_way, connect, message, mailboxes):
    mailboxes.breaks["anna@home.example"] = "after"

    assert outcomes(connect().send([message(), message("ben@home.example")])) == ["Ambiguous", "sent"]

    assert len(mailboxes.mails) == 2


@pytest.mark.parametrize(
    "address",
    [
        "anna@home.example,eve@evil.example",
        "anna@home.example\r\nRCPT TO:<eve@evil.example>",
        "anna@home.example\nBcc: eve@evil.example",
        "Anna <anna@home.example>",
        "anna@home.example (eve@evil.example)",
        "anna",
        "@home.example",
        "",
        "anna@home.example eve@evil.example",
    ],
)
def test_an_address_is_one_mailbox_or_none(connect, message, mailboxes, address):
    (result,) = connect().send([message(address)])

    assert isinstance(result.error, Permanent)
    assert mailboxes.mails == []


def test_nothing_in_a_name_or_subject_becomes_a_header(connect, message, mailboxes):
    evil = "Hello\r\nBcc: eve@evil.example\r\n\r\nBody"

    list(connect().send([message(subject=evil, sender_name=evil, message_id="<a@b>\r\nX-Evil: 1", language="en\r\nX-Evil: 2")]))

    (mail,) = mailboxes.mails
    assert (mail["Bcc"], mail["X-Evil"]) == (None, None)
    assert mail["Subject"] == "Hello Bcc: eve@evil.example Body"
    assert mailboxes.envelopes[0][1] == ["anna@home.example"]


def test_addresses_in_other_alphabets_need_a_server_that_takes_them(connect, message, mailboxes):
    assert outcomes(connect().send([message("anna@schüle.example"), message("άννα@home.example")])) == ["sent", "Permanent"]

    assert mailboxes.envelopes[0][1] == ["anna@xn--schle-mva.example"]


class TestUtf8:
    @pytest.fixture
    def options(self):
        return {"enable_SMTPUTF8": True}

    def test_a_server_that_takes_other_alphabets_gets_them(self, connect, message, mailboxes):
        (result,) = connect().send([message("άννα@home.example")])

        assert result.error is None
        assert mailboxes.envelopes[0][1] == ["άννα@home.example"]


def test_a_sender_that_is_no_address_stops_all(connect, message):
    with pytest.raises(Misconfigured, match="not an address"):
        list(connect().send([message(sender="school")]))


def test_a_server_that_says_nothing_is_given_up_in_time(message, connect, unused_port):
    with pytest.raises(Transient):
        list(connect(port=unused_port, deadline=0.3).send([message()]))


@pytest.fixture
def unused_port():
    """A port where somebody listens and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_server_inside_the_house_is_called_only_where_the_operator_says_so(connect, message):
    with pytest.raises(Misconfigured, match="ROLECALL_OUTBOUND_ALLOW"):
        list(connect(allow=(), security="starttls").send([message()]))
    with pytest.raises(Misconfigured, match="would not be encrypted"):
        list(connect(allow=()).send([message()]))


class TestSignIn:
    @pytest.fixture
    def options(self):
        def check(_server, _session, _envelope, _mechanism, data):
            return AuthResult(success=data.login == b"school" and data.password == b"right", handled=False)

        return {"auth_require_tls": False, "authenticator": check}

    def test_with_the_right_password_messages_are_taken(self, connect, message, mailboxes):
        assert outcomes(connect(username="school", password="right").send([message()])) == ["sent"]

    def test_with_a_wrong_one_the_channel_stops_and_says_so_without_the_password(self, connect, message, mailboxes):
        channel = connect(username="school", password="wr0ng-secret")

        with pytest.raises(Misconfigured, match="refuses the sign-in") as refused:
            list(channel.send([message()]))

        assert "wr0ng-secret" not in str(refused.value)
        assert [(line.label, line.ok) for line in channel.check()] == [("Reach the server", True), ("Sign in", False)]

    def test_letters_that_cannot_be_sent_are_said(self, connect, message):
        with pytest.raises(Misconfigured, match="letters"):
            list(connect(username="school", password="λάθος").send([message()]))

    @pytest.mark.parametrize(("token", "taken"), [("good-token", True), ("old-token", False)])
    def test_with_a_token_of_oauth(self, connect, message, mailboxes, token, taken):
        def tokens(environ, start_response):
            start_response("200 OK", [("Content-Type", "application/json")])
            return [f'{{"access_token": "{token}", "expires_in": 3600}}'.encode()]

        with Wire(tokens) as wire:
            channel = connect(
                sign_in="oauth", username="school", oauth_url=f"{wire.url}/token", client_id="app", client_secret="s3cret", scope="mail"
            )
            if taken:
                assert outcomes(channel.send([message()])) == outcomes(channel.send([message()])) == ["sent"]
            else:
                with pytest.raises(Misconfigured):
                    list(channel.send([message()]))

        assert len(wire.journal) == 1, "a token is kept"
        assert mailboxes.proofs[0] == f"user=school\x01auth=Bearer {token}\x01\x01"

    @pytest.mark.parametrize(
        ("status", "body", "raised"),
        [
            ("401 No", b"{}", Misconfigured),
            ("503 Busy", b"", Transient),
            ("200 OK", b'{"other": 1}', Transient),
            ("200 OK", b"<p>", Transient),
        ],
    )
    def test_without_a_token_nothing_is_sent(self, connect, message, mailboxes, status, body, raised):
        def tokens(environ, start_response):
            start_response(status, [])
            return [body]

        with Wire(tokens) as wire:
            channel = connect(sign_in="oauth", username="school", oauth_url=wire.url, client_id="app", client_secret="s")
            with pytest.raises(raised):
                list(channel.send([message()]))

        assert mailboxes.mails == []


def test_the_test_of_the_connection_sends_nothing(connect, mailboxes):
    lines = list(connect().check())

    assert [(line.label, line.ok) for line in lines] == [("Reach the server", True), ("Sign in", True)]
    assert mailboxes.mails == []


def test_a_sign_in_that_the_server_does_not_offer_is_said(connect, message):
    with pytest.raises(Misconfigured, match="offers no sign-in"):
        list(connect(username="school", password="right").send([message()]))
