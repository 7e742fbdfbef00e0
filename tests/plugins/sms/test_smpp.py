"""SMPP, with a real message centre: what it takes, what each refusal comes to, receipts over the line, and lines that break (R42, R60)."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import message_centre as centres
import pytest
from sqlalchemy import select

from rolecall import Message, Network, Tcp
from rolecall.errors import Ambiguous, Misconfigured, Permanent, Transient
from rolecall.sdk.http import Http
from rolecall.store.tables import Delivery
from rolecall.testing import ChannelContract
from rolecall.testing.fixtures import open_school
from rolecall.work import changes
from rolecall.work.delivery.listen import due, listen
from rolecall_sms.channel import SmsChannel
from rolecall_sms.gateways.gateway import Text
from rolecall_sms.gateways.smpp import Smpp
from rolecall_sms.segments import segments
from rolecall_sms.settings import SmsSettings

pytest.importorskip("rolecall_sms.gateways.smpp_line", reason="needs smpplib: install rolecall[smpp]")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("smpp")]

TO = "+306912345678"
LONG = Text(id=1, to=TO, body="a" * 300, unicode=False)


@pytest.fixture
def centre(requires_service: Callable[[str], None]) -> Iterator[centres.Centre]:
    """A message centre."""
    requires_service("npm")
    centres.install()
    with centres.running() as running:
        yield running


@pytest.fixture
def connect(centre: centres.Centre) -> Iterator[Callable[..., SmsChannel]]:
    """Makes channels that are connected to it."""
    made = []

    def make(*, allow: bool = True, deadline: float = 20, **settings: object) -> SmsChannel:
        loaded = SmsSettings().load({**centre.settings, "sender": "School", "countries": "GR", **settings})
        network = Network(http=Http(), tcp=Tcp(allow=[f"127.0.0.1:{centre.port}"] if allow else [], deadline=deadline))
        made.append(SmsChannel(loaded, network))
        return made[-1]

    yield make
    for each in made:
        each.close()
        each.network.http.close()


@pytest.fixture
def gateway(connect: Callable[..., SmsChannel]) -> Iterator[Callable[..., Smpp]]:
    """Makes the gateway by itself, with times of a test."""
    made: list[Smpp] = []

    def make(**times: float) -> Smpp:
        channel = connect()
        made.append(Smpp(channel.settings, channel.network, **times))
        return made[-1]

    yield make
    for each in made:
        each.close()


def send(channel: SmsChannel, message: Callable[..., Message], *texts: str, **values: object) -> list[object]:
    return list(channel.send([message(text=text, **values) for text in texts or ["Hello Anna"]]))


class TestChannel(ChannelContract):
    """The conformance kit, asked with a real message centre."""

    addresses = (TO, "+306912345679", "+306912345680")

    @pytest.fixture
    def service(self, centre):
        return centre

    @pytest.fixture
    def channel(self, service, connect):
        return connect()


@pytest.mark.parametrize(
    ("text", "coding", "parts"),
    [
        ("Hello {Anna} [€] ^\\~|", 0, 1),
        ("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", 0, 1),
        ("a" * 152 + "€" * 80, 0, 3),
        ("Γειά σου Άννα 😀", 8, 1),
        ("Γ" + "ά" * 65 + "😀" * 40, 8, 3),
    ],
)
def test_what_arrives_is_what_was_written_in_as_many_parts_as_are_paid(centre, connect, message, text, coding, parts):
    (result,) = send(connect(), message, text)

    taken = centre.parts
    assert result.error is None
    assert (taken[-1]["whole"], {each["coding"] for each in taken}) == (text, {coding})
    assert len(taken) == len(result.references) == segments(text).parts == parts
    assert result.references == tuple(each["id"] for each in taken)
    assert len({each["header"][:-2] for each in taken}) == 1, "all parts name the same message"


@pytest.mark.parametrize(("sender", "ton", "npi"), [("School", 5, 0), ("+306900000000", 1, 1), ("12345", 0, 1)])
def test_a_sender_is_a_name_a_number_or_a_short_number(centre, connect, message, sender, ton, npi):
    send(connect(sender=sender), message)

    (part,) = centre.parts
    assert (part["from"], part["ton"], part["npi"], part["dest_ton"], part["to"]) == (sender.lstrip("+"), ton, npi, 1, TO.lstrip("+"))


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (centres.BAD_NUMBER, Permanent, "refused the message .*0x0B"),
        (0x45, Permanent, "0x45"),
        (centres.SYSTEM_ERROR, Transient, "fault of its own"),
        (centres.QUEUE_FULL, Transient, "queue is full"),
    ],
)
def test_what_is_refused_is_never_taken_for_sent_and_concerns_one_message(centre, connect, message, status, kind, said):
    centre.answer(TO, status)

    first, second = send(connect(), message, "one", "two")

    with pytest.raises(kind, match=said):
        raise first.error
    assert (first.reference, second.error) == (None, None)
    assert [each["whole"] for each in centre.parts] == ["two"]


@pytest.mark.parametrize(
    ("status", "kind", "said"), [(centres.THROTTLED, Transient, "no more messages"), (centres.BAD_SENDER, Misconfigured, "sender")]
)
def test_what_concerns_the_account_stops_all_and_the_line_stays(centre, connect, message, status, kind, said):
    channel = connect()
    centre.answer(TO, status)

    with pytest.raises(kind, match=said):
        send(channel, message, "one", "two")

    assert centre.parts == []
    (again,) = send(channel, message)
    assert again.error is None
    assert len(centre.state["binds"]) == 1


class TestPartsOfOne:
    """A message of which some parts were taken already."""

    def test_waits_for_a_centre_that_throttles(self, centre, gateway):
        centre.answer(TO, 0, centres.THROTTLED, centres.QUEUE_FULL)

        ids = gateway(wait=0).hand_over(LONG)

        assert (len(ids), centre.parts[-1]["whole"]) == (2, LONG.body)

    @pytest.mark.parametrize("status", [centres.BAD_NUMBER, centres.THROTTLED])
    def test_is_not_begun_anew(self, centre, gateway, status):
        centre.answer(TO, 0, *[status] * 5)

        with pytest.raises(Permanent, match="only a part"):
            gateway(wait=0).hand_over(LONG)

        assert len(centre.parts) == 1


class TestLine:
    """The line to the centre."""

    def test_is_opened_anew_after_it_broke_and_nothing_is_lost(self, centre, connect, message):
        channel = connect()
        send(channel, message, "one")
        centre.do("hang_up")

        (result,) = send(channel, message, "two")

        assert result.error is None
        assert [each["whole"] for each in centre.parts] == ["one", "two"]
        assert len(centre.state["binds"]) == 2

    def test_is_asked_whether_it_is_there_when_it_was_silent(self, centre, gateway):
        known = gateway(idle=0)

        known.hand_over(LONG)
        known.hand_over(LONG)

        assert centre.state["enquiries"] == 1
        assert len(centre.state["binds"]) == 1

    def test_answers_a_centre_that_asks(self, centre, connect, message):
        channel = connect()
        send(channel, message)
        centre.do("enquire")

        list(channel.reports())

        assert centre.state["answered"] == 1

    def test_a_message_in_doubt_is_not_sent_again(self, centre, connect, message):
        channel = connect()
        centre.lose(TO)
        since = datetime.now(UTC)
        (lost,) = send(channel, message)

        (again,) = send(channel, message, may_have_left_since=since)

        assert isinstance(lost.error, Ambiguous)
        assert isinstance(again.error, Ambiguous)
        assert len(centre.parts) == 1

    def test_nothing_of_a_message_is_logged(self, connect, message, caplog):
        with caplog.at_level(logging.DEBUG):
            send(connect(), message, "the 5ecret")

        assert b"the 5ecret".hex() not in caplog.text
        assert "5ecret" not in caplog.text


class TestSigningIn:
    """Binding, and the test of the connection."""

    @pytest.mark.parametrize(
        ("settings", "refused", "said"),
        [({"secret": "wr0ng"}, 0, "refuses the secret"), ({}, centres.BIND_FAILED, "refuses the sign-in"), ({}, 0x0F, "does not know")],
    )
    def test_what_the_centre_refuses_stops_the_channel(self, centre, connect, message, settings, refused, said):
        centre.do("set", refuse_bind=refused)
        channel = connect(**settings)

        (line,) = channel.check()
        assert (line.ok, said in line.detail, bool(line.fix)) == (False, True, True)
        with pytest.raises(Misconfigured, match=said):
            send(channel, message)
        assert centre.parts == []

    def test_a_centre_that_takes_nobody_now_is_tried_later(self, centre, connect, message):
        centre.do("set", refuse_bind=centres.SYSTEM_ERROR)

        with pytest.raises(Transient, match="no sign-in now"):
            send(connect(), message)

    def test_without_encryption_only_where_the_operator_allows_it(self, connect, message):
        with pytest.raises(Misconfigured, match="not encrypted"):
            send(connect(allow=False), message)

    def test_a_centre_that_does_not_speak_tls_is_not_spoken_to(self, connect, message):
        with pytest.raises(Transient):
            send(connect(smpp_tls=True, deadline=1), message)

    def test_it_unbinds_and_sends_nothing_when_it_is_tried(self, centre, connect):
        (line,) = connect(smpp_system_type="VMA").check()

        assert line.ok
        state = centre.state
        assert (state["binds"], state["unbound"], state["taken"]) == ([{"id": "school", "type": "VMA"}], 1, [])


@pytest.fixture
def school(database_url, tmp_path, centre):
    with open_school(database_url, tmp_path, allow=f"127.0.0.1:{centre.port}") as school:
        values = {**centre.settings, "sender": "School", "countries": "GR"}
        changes.set_plugin(school.app, school.actor, "sms", enabled=True, values=values)
        changes.set_plugin(school.app, school.actor, "core", values={"phone_region": "GR"})
        yield school


def of(school):
    with school.app.db.read() as session:
        return session.scalars(select(Delivery)).one()


def waits(school):
    with school.app.db.read() as session:
        return due(school.app, session)


RECEIPT = "id:{} sub:001 dlvrd:001 submit date:2611301200 done date:2611301201 stat:{} err:{} text:Hello"


def test_receipts_over_the_line_are_taken_in_and_then_acknowledged(school, centre):
    anna = school.student("Anna")
    school.change(anna, person={"phone": TO})
    school.act("sms.credentials", anna)
    school.work()
    assert of(school).state == "sent"
    ids = [each["id"] for each in centre.parts]
    assert all(each["wants"] for each in centre.parts)

    centre.do("deliver", text=RECEIPT.format("4711", "DELIVRD", "000"))
    centre.do("deliver", text="An answer of somebody", esm_class=0)
    for each in ids:
        centre.do("deliver", text=RECEIPT.format(each, "ENROUTE", "000"))
        centre.do("deliver", text="", tlv={"receipted_message_id": each, "message_state": 2})
    assert listen(school.app, "sms") == len(ids)

    assert of(school).state == "delivered"
    assert {each["status"] for each in centre.state["acknowledged"]} == {0}
    assert len(centre.state["acknowledged"]) == 2 + 2 * len(ids)
    assert waits(school) == []


def test_a_receipt_of_one_that_did_not_arrive_says_why(school, centre):
    anna = school.student("Anna")
    school.change(anna, person={"phone": TO})
    school.act("sms.credentials", anna)
    school.work()

    centre.do("deliver", text=RECEIPT.format(centre.parts[0]["id"], "UNDELIV", "27"))
    listen(school.app, "sms")

    assert (of(school).state, of(school).error) == ("bounced", "The message centre says that it could not be delivered (error 27).")
