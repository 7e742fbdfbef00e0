"""Delivery receipts of a gateway that settings describe: believed at a secret address, and read as data (R42)."""

import json

import pytest
from marshmallow import ValidationError
from sqlalchemy import select

from rolecall.store.tables import Delivery
from rolecall.testing.fixtures import open_school
from rolecall.work import changes
from rolecall_sms.fake.others import SECRET
from rolecall_sms.settings import SmsSettings
from rolecall_webapp import create_app

BASE = "https://school.example"
KEY = "k3y-of_32-letters-and-digits-1234"
ADDRESS = f"/sms/receipts/http/{KEY}"
DESCRIBED = {
    "gateway": "http", "sender": "School", "secret": SECRET, "receipt_secret": KEY, "countries": "GR",
    "http_headers": "Authorization: Bearer {secret}", "http_format": "json",
    "http_body": '{"to": "{to}", "text": "{text}", "ref": "{id}", "dlr": "{receipts}"}', "id_path": "result.ids.0",
    "report_list_path": "results", "report_id_path": "messageId", "report_status_path": "status.group",
    "delivered_values": "DELIVERED", "lost_values": "REJECTED\nEXPIRED",
}  # fmt: skip


@pytest.fixture
def school(database_url, tmp_path, fake, wire):
    with open_school(database_url, tmp_path, allow=wire.host, base_url=BASE) as school:
        changes.set_plugin(school.app, school.actor, "sms", enabled=True, values={**DESCRIBED, "url": f"{wire.url}/send"})
        changes.set_plugin(school.app, school.actor, "core", values={"phone_region": "GR"})
        yield school


@pytest.fixture
def client(school):
    return create_app(school.app).test_client()


@pytest.fixture
def reference(school, fake):
    """What the gateway calls a message that it took."""
    send(school)
    return fake.phones.messages[-1].id


def send(school):
    anna = school.student("Anna")
    school.change(anna, person={"phone": "6912345678"})
    school.act("sms.credentials", anna)
    school.work()


def report(client, *pairs, address=ADDRESS):
    results = [{"messageId": reference, "status": {"group": state}} for reference, state in pairs]
    return client.post(address, json={"results": results}, base_url=BASE).status_code


def of(school):
    with school.app.db.read() as session:
        return session.scalars(select(Delivery)).one()


def test_the_gateway_is_told_the_address_and_its_receipt_is_shown(school, client, reference, wire):
    assert json.loads(wire.journal[-1].body)["dlr"] == f"{BASE}{ADDRESS}"
    assert report(client, (reference, "PENDING")) == 204
    assert of(school).state == "sent"

    assert report(client, ("of another", "REJECTED"), (reference, "delivered")) == 204

    assert of(school).state == "delivered"


def test_one_that_did_not_arrive_says_so_in_the_gateways_word(school, client, reference):
    assert report(client, (reference, "EXPIRED")) == 204

    assert (of(school).state, of(school).error) == ("bounced", "The gateway could not deliver it: EXPIRED.")
    assert report(client, (reference, "DELIVERED")) == 204
    assert of(school).state == "delivered", "the best report counts"


@pytest.mark.parametrize("key", [KEY[:-1], KEY + "x", KEY.upper(), "x", "é" * 40])
def test_whoever_does_not_know_the_address_is_refused(school, client, reference, key):
    assert report(client, (reference, "REJECTED"), address=f"/sms/receipts/http/{key}") == 403

    assert of(school).state == "sent"


def test_without_the_secret_nothing_is_believed(school, client, reference):
    assert report(client, (reference, "REJECTED"), address="/sms/receipts/http") == 404
    changes.set_plugin(school.app, school.actor, "sms", values={"receipt_secret": None})
    assert report(client, (reference, "REJECTED")) == 403
    changes.set_plugin(school.app, school.actor, "sms", values={"receipts": False})
    assert report(client, (reference, "REJECTED")) == 404
    assert of(school).state == "sent"


def test_a_form_or_an_address_tells_of_one_message_by_our_own_number(school, client, wire):
    plain = {"id_path": "", "report_list_path": "", "report_id_path": "ref", "report_status_path": "state"}
    changes.set_plugin(school.app, school.actor, "sms", values=plain)
    send(school)
    ours = json.loads(wire.journal[-1].body)["ref"]

    assert client.post(ADDRESS, data={"ref": ours, "state": "Rejected"}, base_url=BASE).status_code == 204
    assert of(school).state == "bounced"
    assert client.get(f"{ADDRESS}?ref={ours}&state=DELIVERED", base_url=BASE).status_code == 204

    assert of(school).state == "delivered"


@pytest.mark.parametrize("body", [b"{", b"[" * 50_000, b'{"results": [' + b"1," * 501 + b"1]}", b"\xff"])
def test_what_cannot_be_read_is_refused_in_words(client, body):
    answer = client.post(ADDRESS, data=body, content_type="application/json", base_url=BASE)

    assert answer.status_code == 422


@pytest.mark.parametrize("body", [b"null", b"7", b'{"results": null}', b'{"results": [null, 7, {"messageId": {}}]}'])
def test_what_tells_of_no_message_changes_nothing(school, client, reference, body):
    assert client.post(ADDRESS, data=body, content_type="application/json", base_url=BASE).status_code == 204

    assert of(school).state == "sent"


@pytest.mark.parametrize("key", ["short", "x" * 129, "with/slash" + "x" * 40, "with space" + "x" * 40])
def test_an_address_that_is_guessed_or_none_is_refused_when_saved(key):
    with pytest.raises(ValidationError) as wrong:
        SmsSettings().load({**DESCRIBED, "url": "https://sms.example/send", "receipt_secret": key})

    assert set(wrong.value.messages) == {"receipt_secret"}
