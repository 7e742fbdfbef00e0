"""A school that sends credentials by SMS: to whom, at what price, with a link that works once (R42)."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from rolecall.accounts import invitations, passwords
from rolecall.errors import ConsentRequired, Invalid, Refused
from rolecall.store.tables import Delivery, RunItem
from rolecall.testing.fixtures import open_school
from rolecall.work import changes
from rolecall.work.runs.selection import of_ids
from rolecall.work.runs.start import Request, start
from rolecall_webapp.errors import status_of


@pytest.fixture
def school(database_url, tmp_path, fake, wire):
    with open_school(database_url, tmp_path, allow=wire.host) as school:
        changes.set_plugin(
            school.app, school.actor, "sms", enabled=True, values={**fake.settings, "url": wire.url, "countries": "GR", "price": 0.05}
        )
        changes.set_plugin(school.app, school.actor, "core", values={"phone_region": "GR"})
        yield school


def pupil(school, name, phone):
    account = school.student(name)
    school.change(account, person={"phone": phone})
    return account


def link(school, fake, number=-1):
    found = re.search(r"/set-password/(\S+)", fake.phones.messages[number].body)
    with school.app.db.read() as session:
        return found and invitations.account_of_link(session, found[1], datetime.now(UTC))


def test_who_has_a_mobile_gets_a_link_and_the_others_are_skipped_with_the_reason(school, fake):
    anna, ben, chloe = pupil(school, "Anna", "691 2345678"), pupil(school, "Ben", "2101234567"), pupil(school, "Chloe", "+49 1512 3456789")
    changes.set_plugin(school.app, school.actor, "core", values={"invitation_says": "password"})
    with school.app.db.write() as session:
        kept = passwords.seal_first(session, school.app.keyring, [anna], now=datetime.now(UTC))

    run = school.act("sms.credentials", anna, ben, chloe)
    school.work()

    (taken,) = fake.phones.messages
    assert taken.to == "+306912345678"
    assert link(school, fake) == anna
    assert kept[anna] not in taken.body
    with school.app.db.read() as session:
        reasons = {item.account_id: item.message for item in session.scalars(select(RunItem).where(RunItem.run_id == run.id))}
    assert "mobile" in reasons[ben]
    assert "country" in reasons[chloe]


def test_a_number_of_another_country_is_a_mistake_in_the_record_and_nothing_is_sent(school, fake):
    chloe = pupil(school, "Chloe", "+49 1512 3456789")

    with pytest.raises(Invalid, match=r"country .*\(DE\)") as refused:
        school.act("sms.credentials", chloe)

    assert (status_of(refused.value), refused.value.code) == (422, "unusable-phone")
    assert fake.phones.messages == []


def test_one_number_gets_no_more_within_an_hour_than_the_settings_say_however_it_is_written(school, fake):
    changes.set_plugin(school.app, school.actor, "sms", values={"an_hour": 2})
    accounts = [pupil(school, name, phone) for name, phone in (("Anna", "691 2345678"), ("Ben", "+306912345678"), ("Chloe", "6912-345678"))]
    school.act("sms.credentials", *accounts[:2])
    school.work()

    with pytest.raises(Refused, match="2 messages within an hour"):
        school.act("sms.credentials", accounts[2])

    assert len(fake.phones.messages) == 2


def test_what_it_costs_is_said_before_anything_is_sent(school, fake):
    anna = pupil(school, "Anna", "6912345678")

    with pytest.raises(ConsentRequired, match=r"one part, 0\.05 in all|2 parts, 0\.1 in all"):
        start(school.app, school.actor, Request(action="sms.credentials", selection=of_ids([anna])))

    assert fake.phones.messages == []


def test_nobody_gets_two_unless_that_is_asked_for_and_the_older_link_ends(school, fake):
    anna = pupil(school, "Anna", "6912345678")
    school.act("sms.credentials", anna)
    school.work()
    with pytest.raises(Refused, match="already"):
        school.act("sms.credentials", anna)
    school.act("sms.credentials", anna, again="yes")
    school.work()

    assert len(fake.phones.messages) == 2
    assert (link(school, fake, 0), link(school, fake, 1)) == (None, anna)


def test_a_link_ends_with_the_phone_and_a_waiting_message_is_not_sent(school, fake):
    anna = pupil(school, "Anna", "6912345678")
    school.act("sms.credentials", anna)
    school.work()
    school.act("sms.credentials", anna, again="yes")

    school.change(anna, person={"phone": "6912345679"})
    school.work()

    assert len(fake.phones.messages) == 1
    assert link(school, fake) is None
    with school.app.db.read() as session:
        assert [row.state for row in session.scalars(select(Delivery).order_by(Delivery.id))] == ["sent", "skipped"]
