"""What each answer of a gateway comes to, and that no message in doubt is sent twice."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from rolecall.errors import Ambiguous, Misconfigured, Permanent, Transient
from rolecall.testing.wire import Wire

TAKEN = {"twilio": 201, "vonage": 200, "http": 200}


def is_send(request):
    return request.method == "POST" or request.path == "/send"


def answer(wire, status, body, **headers):
    given = body if isinstance(body, bytes) else json.dumps(body).encode()
    wire.fail(status=status, body=given, headers={"Content-Type": "application/json", **headers}, match=is_send)


def sent(wire):
    return [each for each in wire.journal if is_send(each)]


def vonage(*statuses, **more):
    return {"message-count": str(len(statuses)), "messages": [{"status": each, **more} for each in statuses]}


YIELDED = [
    ("twilio", 400, {"code": 21211, "message": "bad"}, Permanent, "not a phone number"),
    ("twilio", 400, {"code": 21408}, Permanent, "country are not enabled"),
    ("twilio", 400, {"code": 21610}, Permanent, "asked not to get"),
    ("twilio", 400, {"code": 21614}, Permanent, "mobile"),
    ("twilio", 400, {"code": 99999, "message": "Odd \u0000thing."}, Permanent, "Odd thing. \\(error 99999\\)"),
    ("twilio", 400, {"code": 1, "message": "cannot send: Hello Anna, open https://school.example/p/1"}, Permanent, "status 400"),
    ("twilio", 503, b"<p>busy", Transient, "status 503"),
    ("twilio", 400, {"code": 30001}, Transient, "queue"),
    ("twilio", 502, b"<p>", Ambiguous, "status 502"),
    ("twilio", 201, b"<p>", Ambiguous, "cannot be read"),
    ("twilio", 202, {}, Ambiguous, "status 202"),
    ("vonage", 200, vonage("3", **{"error-text": "Invalid to"}), Permanent, "Invalid to"),
    ("vonage", 200, vonage("5"), Transient, "fault of its own"),
    ("vonage", 200, vonage("7"), Permanent, "barred"),
    ("vonage", 200, vonage("99"), Permanent, "status 99"),
    ("vonage", 200, vonage("0", "5"), Permanent, "only a part"),
    ("vonage", 200, {"messages": []}, Ambiguous, "did not say"),
    ("vonage", 200, b"<p>", Ambiguous, "cannot be read"),
    ("vonage", 500, b"", Ambiguous, "status 500"),
    ("http", 200, {"result": {"state": "nobody"}}, Permanent, "answered: nobody"),
    ("http", 200, {"result": {"state": "busy"}}, Transient, "busy"),
    ("http", 200, {"result": {}}, Ambiguous, "did not say"),
    ("http", 200, b"<p>", Ambiguous, "cannot be read"),
    ("http", 503, b"", Transient, "503"),
    ("http", 500, b"", Ambiguous, "500"),
    ("http", 404, b"", Permanent, "404"),
]
RAISED = [
    ("twilio", 401, {"code": 20003}, Misconfigured, "credentials"),
    ("twilio", 403, b"", Misconfigured, "credentials"),
    ("twilio", 302, b"", Misconfigured, "status 302"),
    ("twilio", 400, {"code": 21606}, Misconfigured, "sender"),
    ("twilio", 400, {"code": 20429}, Transient, "no more messages"),
    ("twilio", 429, b"", Transient, "no more messages"),
    ("vonage", 200, vonage("1"), Transient, "no more messages"),
    ("vonage", 429, b"", Transient, "no more messages"),
    ("vonage", 200, vonage("4"), Misconfigured, "credentials"),
    ("vonage", 200, vonage("9"), Misconfigured, "no credit"),
    ("http", 401, b"", Misconfigured, "credentials"),
    ("http", 200, {"result": {"state": "no-credit"}}, Misconfigured, "no-credit"),
    ("http", 429, b"", Transient, "no more messages"),
]


@pytest.mark.parametrize(("gateway", "status", "body", "kind", "said"), YIELDED)
def test_what_is_wrong_with_one_message(connect, wire, message, gateway, status, body, kind, said):
    answer(wire, status, body)

    first, second = connect(gateway).send([message(), message("+306912345679")])

    assert (type(first.error), second.error) == (kind, None)
    with pytest.raises(kind, match=said):
        raise first.error
    assert "school.example" not in str(first.error)


@pytest.mark.parametrize(("gateway", "status", "body", "kind", "said"), RAISED)
def test_what_is_wrong_with_the_gateway_stops_all(connect, wire, message, gateway, status, body, kind, said):
    answer(wire, status, body, **{"Retry-After": "90"})

    with pytest.raises(kind, match=said) as raised:
        list(connect(gateway).send([message(), message()]))

    assert len(sent(wire)) == 1
    if status == 429:
        assert raised.value.retry_after == timedelta(seconds=90)


@pytest.mark.parametrize("gateway", TAKEN)
def test_a_gateway_that_is_not_there_takes_nothing_and_all_wait(connect, wire, message, gateway):
    channel = connect(gateway)
    wire.close()

    with pytest.raises(Transient):
        list(channel.send([message()]))


@pytest.mark.parametrize("gateway", TAKEN)
@pytest.mark.parametrize("text", ["Hello", 'Γεια σου {to} & +="\\ \n{secret}'])
def test_what_arrives_is_what_was_written_and_its_id_is_kept(connect, fake, message, gateway, text):
    (result,) = connect(gateway).send([message("691 234 5678", text=text)])

    (taken,) = fake.phones.messages
    assert (taken.to, taken.body) == ("+306912345678", text)
    assert result.reference == (f"SM{taken.id}" if gateway == "twilio" else taken.id)


class TestInDoubt:
    """The line broke after a message was sent, or a worker died."""

    @pytest.mark.parametrize("gateway", TAKEN)
    def test_a_message_that_was_taken_is_not_sent_again(self, connect, wire, fake, message, gateway):
        wire.drop(when="after", match=is_send)
        channel, first = connect(gateway), message()
        since = datetime.now(UTC)
        (lost,) = channel.send([first])
        assert isinstance(lost.error, Ambiguous)

        # The link is another one now.
        (again,) = channel.send([message(text=first.text.replace("/p/1", "/p/2"), may_have_left_since=since)])

        (taken,) = fake.phones.messages
        assert len(sent(wire)) == 1
        if gateway == "twilio":
            assert (again.error, again.reference) == (None, f"SM{taken.id}")
        else:
            assert isinstance(again.error, Ambiguous)

    def test_one_that_surely_was_not_taken_is_sent(self, connect, fake, message):
        fake.phones.take("twilio", to="+306912345678", sender="", body="Something else")
        old = fake.phones.take("twilio", to="+306912345678", sender="", body=message().text)
        channel = connect()

        results = list(channel.send([message(may_have_left_since=old.at + timedelta(minutes=2))]))

        assert results[0].error is None
        assert len(fake.phones.messages) == 3

    def test_one_that_was_taken_and_lost_there_ends(self, connect, wire, message):
        now = datetime.now(UTC)
        row = {"sid": "SM1", "body": message().text, "status": "undelivered", "error_code": 30003, "date_created": format_datetime(now)}
        odd = [{**row, "date_created": None}, {**row, "date_created": "soon"}]
        wire.fail(status=200, body=json.dumps({"messages": [*odd, row]}).encode())

        (result,) = connect().send([message(may_have_left_since=now)])

        assert isinstance(result.error, Permanent)
        assert "30003" in str(result.error)

    @pytest.mark.parametrize("status", [500, 429])
    def test_while_it_cannot_be_asked_nothing_is_sent(self, connect, wire, message, status):
        wire.fail(status=status, body=b"")

        (result,) = connect().send([message(may_have_left_since=datetime.now(UTC))])

        assert isinstance(result.error, Ambiguous)
        assert sent(wire) == []

    def test_even_a_message_that_is_sent_by_get(self, connect, wire, fake, message):
        channel = connect("http", http_method="GET", http_format="query", http_body="to={to}\ntext={text}")
        wire.drop(when="after", match=is_send)

        (lost,) = channel.send([message()])

        assert isinstance(lost.error, Ambiguous)
        assert len(fake.phones.messages) == 1


@pytest.mark.parametrize(
    ("address", "values", "said"),
    [
        ("2101234567", {}, "not the number of a mobile"),
        ("+4915123456789", {}, "country"),
        ("6912345678", {"text": "ω" * 300}, "takes 5 parts"),
    ],
)
def test_what_is_refused_before_anything_is_paid(connect, wire, message, address, values, said):
    (result,) = connect().send([message(address, **values)])

    with pytest.raises(Permanent, match=said):
        raise result.error
    assert wire.journal == []


def test_without_a_phone_region_the_only_country_is_meant(connect, fake, message):
    (result,) = connect().send([message("6912345678", region="")])

    assert result.error is None
    assert fake.phones.messages[0].to == "+306912345678"


def test_a_messaging_service_and_a_key_instead_of_the_account(connect, wire, fake, message):
    list(connect(sender="MG" + "a" * 32).send([message()]))

    assert fake.phones.messages[-1].sender == "MG" + "a" * 32
    with pytest.raises(Misconfigured):
        list(connect(key="SK" + "b" * 32).send([message()]))
    first, second = (each.headers["Authorization"] for each in wire.journal)
    assert first != second, "the key stands in the place of the account"


class TestCheck:
    """Trying the connection."""

    def test_says_what_is_left(self, connect, fake):
        twilio, vonage = ([(line.label, line.ok, line.detail) for line in connect(each).check()] for each in ("twilio", "vonage"))

        assert twilio == [("Sign in", True, ""), ("Sender", True, ""), ("Balance", True, "25.00 EUR")]
        assert vonage == [("Sign in", True, ""), ("Balance", True, "25.0 EUR")]
        assert fake.phones.messages == []

    def test_says_that_nothing_is_left_or_the_sender_is_another_accounts(self, connect, fake):
        fake.phones.credit = 0.0

        wrong = [
            (line.label, line.required)
            for each in ("twilio", "vonage")
            for line in connect(each, sender="+306999999999").check()
            if not line.ok
        ]

        assert wrong == [("Sender", False), ("Balance", False), ("Balance", False)]

    @pytest.mark.parametrize("gateway", ["twilio", "vonage"])
    def test_says_that_the_credentials_are_refused(self, connect, gateway):
        (line,) = connect(gateway, secret="wr0ng").check()

        assert (line.ok, "refuses the credentials" in line.detail, bool(line.fix)) == (False, True, True)

    @pytest.mark.parametrize(
        ("gateway", "status", "body"), [("twilio", 500, b""), ("twilio", 200, b"<p>"), ("vonage", 500, b""), ("vonage", 200, b"{}")]
    )
    def test_says_that_the_gateway_answers_oddly(self, connect, wire, gateway, status, body):
        wire.fail(status=status, body=body)

        assert [line.ok for line in connect(gateway).check()] == [False]

    def test_a_balance_that_may_not_be_read_is_left_out(self, connect, wire):
        wire.fail(status=200, body=b'{"balance": "?"}', match=lambda request: "Balance" in request.path)

        assert [line.label for line in connect(sender="School").check()] == ["Sign in"]


def test_the_page_shows_what_was_sent(connect, fake, message):
    with Wire(fake) as wire:
        assert "No message was sent yet" in wire.http.get(f"{wire.url}/").text
        list(connect().send([message(text="<script>")]))

        assert "&lt;script&gt;" in wire.http.get(f"{wire.url}/").text
        assert wire.http.get(f"{wire.url}/nothing").status == 404
