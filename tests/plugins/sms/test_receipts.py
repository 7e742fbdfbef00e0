"""Delivery receipts: who is believed, what becomes of the message, and that neither order nor repetition matters (R42)."""

import hmac
import itertools
import json
from base64 import b64encode
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from rolecall import SignedCall
from rolecall.accounts import messages
from rolecall.errors import Forbidden, Invalid
from rolecall.store.engine import now
from rolecall.store.tables import Delivery, MessagePart
from rolecall.testing.fixtures import open_school
from rolecall.work import changes
from rolecall.work.tick import tick
from rolecall_sms import receipts
from rolecall_sms.fake.twilio import TOKEN
from rolecall_webapp import create_app

BASE = "https://school.example"
SECRET = "what Vonage signs with"


@pytest.fixture
def school(database_url, tmp_path, fake, wire):
    with open_school(database_url, tmp_path, allow=wire.host, base_url=BASE) as school:
        changes.set_plugin(school.app, school.actor, "sms", enabled=True, values={**fake.settings, "url": wire.url, "countries": "GR"})
        changes.set_plugin(school.app, school.actor, "core", values={"phone_region": "GR"})
        yield school


@pytest.fixture
def client(school):
    return create_app(school.app).test_client()


def twilio(client, token=TOKEN, base=BASE, host="elsewhere.example", **form):
    url = f"{base}/sms/receipts/twilio"
    text = url + "".join(f"{name}{value}" for name, value in sorted(form.items()))
    signature = b64encode(hmac.new(token.encode(), text.encode(), "sha1").digest()).decode()
    headers = {"X-Twilio-Signature": signature, "X-Forwarded-Host": host}
    return client.post("/sms/receipts/twilio", data=form, headers=headers, base_url=BASE).status_code


def sent(school, fake, name="Anna", phone="6912345678"):
    anna = school.student(name)
    school.change(anna, person={"phone": phone})
    school.act("sms.credentials", anna)
    school.work()
    return f"SM{fake.phones.messages[-1].id}"


def of(school):
    with school.app.db.read() as session:
        return session.scalars(select(Delivery)).one()


def test_twilio_is_told_the_configured_address_and_its_receipt_is_shown(school, client, fake, wire):
    sid = sent(school, fake)

    assert b"StatusCallback=https%3A%2F%2Fschool.example%2Fsms%2Freceipts%2Ftwilio" in wire.journal[-1].body
    assert twilio(client, MessageSid=sid, MessageStatus="sent") == 204
    assert of(school).state == "sent"
    assert twilio(client, MessageSid=sid, MessageStatus="delivered") == 204
    assert of(school).state == "delivered"


def test_one_that_did_not_arrive_says_why_and_may_be_sent_again(school, client, fake):
    sid = sent(school, fake)

    assert twilio(client, MessageSid=sid, MessageStatus="undelivered", ErrorCode="30005", To="+306912345678") == 204

    found = of(school)
    assert (found.state, found.error) == ("bounced", "Twilio could not deliver it: nobody has this number (error 30005).")
    school.act("sms.credentials", found.account_id)
    school.work()
    assert len(fake.phones.messages) == 2


def test_a_receipt_that_comes_before_our_own_answer_waits_for_it(school, client, fake):
    following = f"SM{1:032x}"
    assert twilio(client, MessageSid=following, MessageStatus="delivered") == 204

    assert sent(school, fake) == following
    assert of(school).state == "delivered"


@pytest.mark.parametrize(
    "forged",
    [{"token": "another"}, {"token": ""}, {"base": "https://elsewhere.example"}, {"base": "http://school.example"}],
)
def test_what_the_gateway_did_not_sign_for_our_own_address_is_refused(school, client, fake, forged):
    sid = sent(school, fake)

    assert twilio(client, MessageSid=sid, MessageStatus="failed", **forged) == 403
    assert of(school).state == "sent"


def test_nothing_is_there_unless_it_is_wanted_and_the_gateway_is_the_one(school, client):
    assert client.post("/sms/receipts/vonage", data={}, base_url=BASE).status_code == 403
    assert client.get("/sms/receipts/twilio", base_url=BASE).status_code == 405
    assert client.post("/sms/receipts/other", base_url=BASE).status_code == 404
    changes.set_plugin(school.app, school.actor, "sms", values={"receipts": False})
    assert twilio(client, MessageSid="SM1", MessageStatus="failed") == 404
    changes.set_plugin(school.app, school.actor, "sms", enabled=False)
    assert twilio(client, MessageSid="SM1", MessageStatus="failed") == 404


class Heard(list):
    """Receipts that are kept in a list."""

    def arrived(self, reference):
        self.append((reference, None))
        return True

    def lost(self, reference, reason):
        self.append((reference, reason))
        return True


def call(path="/vonage", *, method="POST", body=b"", query="", url=f"{BASE}/sms/receipts/vonage", headers=None, **settings):
    known = {"gateway": "vonage", "receipt_secret": SECRET, "receipt_method": "sha256", **settings}
    return SignedCall(
        method=method, path=path, url=url, query=query, headers=headers or {}, body=body, settings=known, receipts=Heard()
    )  # fmt: skip


def signed(method="sha256", secret=SECRET, **fields):
    return {**fields, "sig": receipts.vonage_signature(fields, secret, method)}


REPORT = {"messageId": "0B01", "status": "delivered", "err-code": "0", "msisdn": "306912345678", "to": "A&B=C", "timestamp": "1461605396"}


def test_the_published_examples_of_both_signatures():
    form = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309", "To": "+18005551212"}
    headers = {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
    known = call(body=urlencode(form).encode(), url="https://mycompany.com/myapp.php?foo=1&bar=2", headers=headers)

    assert receipts.is_twilio(known, "12345")
    assert not receipts.is_twilio(known, "12346")
    assert (
        receipts.vonage_signature({"a": "1", "b": "2", "timestamp": "1461605396"}, "secret", "md5hash")
        == "6af838ef94998832dbfc29020b564830"
    )


@pytest.mark.parametrize("method", receipts.SIGNED_BY)
@pytest.mark.parametrize("form", ["form", "json", "query"])
def test_vonage_signs_in_five_ways_and_reports_in_three(method, form):
    fields = signed(method, **REPORT)
    asked = {
        "form": call(body=urlencode(fields).encode(), receipt_method=method),
        "json": call(body=json.dumps(fields).encode(), headers={"content-type": "application/json"}, receipt_method=method),
        "query": call(method="GET", query=urlencode(fields), receipt_method=method),
    }[form]

    assert receipts.receive(asked).status == 204
    assert asked.receipts == [("0B01", None)]


def test_what_vonage_says_of_one_that_did_not_arrive():
    asked = call(body=urlencode(signed(**{**REPORT, "status": "rejected", "err-code": "5"})).encode())
    buffered = call(body=urlencode(signed(**{**REPORT, "status": "buffered"})).encode())

    receipts.receive(asked)
    receipts.receive(buffered)

    assert asked.receipts == [("0B01", "Vonage could not deliver it: rejected (error 5).")]
    assert buffered.receipts == []


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (urlencode({**signed(**REPORT), "status": "failed"}).encode(), {}, Forbidden),
        (urlencode(signed(secret="other", **REPORT)).encode(), {}, Forbidden),
        (urlencode(REPORT).encode(), {}, Forbidden),
        (b"\xff", {}, Invalid),
        (b"a=1&" * 200, {}, Invalid),
        (b"{", {"content-type": "application/json"}, Invalid),
        (b'{"a": {}}', {"content-type": "application/json; charset=utf-8"}, Invalid),
    ],
)
def test_what_is_forged_or_cannot_be_read_is_refused(body, headers, error):
    asked = call(body=body, headers=headers)

    with pytest.raises(error):
        receipts.receive(asked)

    assert asked.receipts == []


def test_without_a_secret_nothing_is_believed_and_no_receipt_is_asked_for():
    fields = signed(secret="", **REPORT)
    with pytest.raises(Forbidden):
        receipts.receive(call(body=urlencode(fields).encode(), receipt_secret=""))

    key = {"gateway": "twilio", "key": "SK1", "secret": "of the key"}
    assert not receipts.takes_receipts(key, f"{BASE}/sms/receipts")
    assert receipts.takes_receipts({**key, "receipt_secret": "token"}, f"{BASE}/sms/receipts")
    assert not receipts.takes_receipts({"gateway": "twilio", "secret": "token"}, "http://127.0.0.1:8000/sms/receipts")
    assert not receipts.takes_receipts({"gateway": "twilio", "secret": "token", "receipts": False}, f"{BASE}/sms/receipts")


REPORTS = [("p1", messages.ARRIVED, None), ("p1", messages.LOST, "why"), ("p2", messages.ARRIVED, None), ("p2", messages.LOST, "late")]


@given(told=st.lists(st.sampled_from(REPORTS), max_size=6), named=st.integers(0, 6))
@example(told=REPORTS[:2], named=0)
@example(told=REPORTS, named=3)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_end_is_the_same_in_any_order_and_however_often(school, fake, told, named):
    """The parts are named before, between or after the reports."""
    if not fake.phones.messages:
        sent(school, fake)
    ends = set()
    best = {part: max((what for each, what, _ in told if each == part), default=messages.NOTHING) for part in ("p1", "p2")}
    for order in itertools.islice(itertools.permutations(told), 3):
        with school.app.db.write() as session:
            found, moment = session.scalars(select(Delivery)).one(), now(session)
            session.execute(delete(MessagePart))
            session.execute(update(Delivery).values(state="sent", error=None))
            for number, (part, what, why) in enumerate([*order, *order]):
                if number == named:
                    messages.name_parts(session, "sms", found.id, found.account_id, ["p1", "p2"], now=moment)
                messages.report(session, "sms", part, what, reason=why, now=moment)
            messages.name_parts(session, "sms", found.id, found.account_id, ["p1", "p2"], now=moment)
            session.expire_all()
            ends.add(session.scalars(select(Delivery.state)).one())
    lost = messages.LOST in best.values()
    arrived = set(best.values()) == {messages.ARRIVED}
    assert ends == {"delivered" if arrived else "bounced" if lost else "sent"}


def test_reports_whose_message_never_comes_are_forgotten(school):
    with school.app.db.write() as session:
        moment = now(session)
        messages.report(session, "sms", "old", messages.ARRIVED, reason=None, now=moment - messages.UNCLAIMED)
        messages.report(session, "sms", "new", messages.ARRIVED, reason=None, now=moment)

    tick(school.app, force=True)

    with school.app.db.read() as session:
        assert session.scalars(select(MessagePart.reference)).all() == ["new"]
