"""What credentials by SMS cost is known before anything is sent, and what cannot be paid for is not begun (R42)."""

from decimal import Decimal

import pytest
from sqlalchemy import select, update

from rolecall.errors import ConsentRequired, Refused
from rolecall.store.deliveries_query import Filters
from rolecall.store.tables import Delivery
from rolecall.testing.fixtures import open_school
from rolecall.work import changes
from rolecall.work.delivery import again_many, quotes, usage
from rolecall.work.delivery.quotes import Funds
from rolecall.work.runs.foresee import foresee
from rolecall.work.runs.selection import of_ids, of_words
from rolecall.work.runs.start import Request, start
from rolecall_sms.segments import segments

ACTION = "sms.credentials"


@pytest.fixture
def school(database_url, tmp_path, fake, wire):
    with open_school(database_url, tmp_path, allow=wire.host) as school:
        changes.set_plugin(
            school.app, school.actor, "sms", enabled=True, values={**fake.settings, "url": wire.url, "countries": "GR", "price": 0.05}
        )
        changes.set_plugin(school.app, school.actor, "core", values={"phone_region": "GR", "institution_name": "The School"})
        yield school


def pupil(school, name, phone, **values):
    account = school.student(name, **values)
    school.change(account, person={"phone": phone})
    return account


def look(school, *accounts):
    selection = of_ids(accounts) if accounts else of_words({"type": "student"})
    with school.app.db.read() as session:
        return foresee(school.app, session, school.app.plugins.view(session), school.actor, ACTION, selection)


def queued(school):
    with school.app.db.read() as session:
        return len(session.scalars(select(Delivery)).all())


def test_the_sum_is_what_the_messages_come_to_as_each_is_written(school, fake):
    anna, niki = pupil(school, "Anna", "6912345678"), pupil(school, "Νίκη", "6912345679")

    found = look(school)
    school.act(ACTION, anna, niki)
    school.work()

    assert found.quote.messages == 2
    parts = {each.to: segments(each.body).parts for each in fake.phones.messages}
    assert parts["+306912345678"] < parts["+306912345679"], "a Greek name takes Unicode"
    assert found.quote.parts == sum(parts.values())
    assert f"{found.quote.total:f}" == f"{sum(parts.values()) * 0.05:.2f}"
    assert "ί" in found.quote.costly


def test_who_would_be_skipped_is_named_with_the_reason_before_anything_is_sent(school):
    anna, ben, chloe = pupil(school, "Anna", "6912345678"), pupil(school, "Ben", "2101234567"), pupil(school, "Chloe", "+4915123456789")
    dora = school.student("Dora")

    plan = look(school, anna, ben, chloe, dora).plan

    assert (plan.total, plan.will, [each[0] for each in plan.examples]) == (4, 1, [anna])
    skipped = {each.examples[0][0]: (each.count, each.message) for each in plan.skipped}
    assert skipped.keys() == {ben, chloe, dora}
    assert "mobile" in skipped[ben][1]
    assert "(DE)" in skipped[chloe][1]
    assert queued(school) == 0


def test_what_the_credit_does_not_suffice_for_is_not_begun(school, fake):
    anna, ben = pupil(school, "Anna", "6912345678"), pupil(school, "Ben", "6912345679")
    fake.phones.credit = 0.06

    with pytest.raises(Refused, match=r"credit is not enough: .* Left to pay with: 0\.06 EUR") as refused:
        school.act(ACTION, anna, ben)

    assert refused.value.code == "no-credit"
    assert queued(school) == 0
    fake.phones.credit = 10
    school.act(ACTION, anna, ben)
    assert queued(school) == 2


def test_without_a_price_only_an_empty_account_is_refused(school, fake):
    anna = pupil(school, "Anna", "6912345678")
    changes.set_plugin(school.app, school.actor, "sms", values={"price": None})
    fake.phones.credit = 0.0

    with pytest.raises(Refused, match="Left to pay with: 0"):
        school.act(ACTION, anna)

    fake.phones.credit = 0.01
    school.act(ACTION, anna)
    assert look(school, anna).quote is None
    assert queued(school) == 1


def test_a_gateway_that_does_not_answer_stops_nobody_and_the_dialog_says_so(school, wire):
    anna = pupil(school, "Anna", "6912345678")
    asked = look(school, anna).quote
    wire.fail(status=500, body=b"")
    left = quotes.funds(school.app, "sms")

    assert left.cover(asked)
    assert "could not be asked" in quotes.quote_document(asked, left)["sentence"]
    wire.fail(status=500, body=b"")
    school.act(ACTION, anna)
    assert queued(school) == 1


def test_a_gateway_that_cannot_tell_says_nothing_of_credit(school, wire):
    anna = pupil(school, "Anna", "6912345678")
    values = {"gateway": "http", "url": f"{wire.url}/send", "account": "", "sender": "School"}
    changes.set_plugin(school.app, school.actor, "sms", values=values)

    found = quotes.quote_document(look(school, anna).quote, quotes.funds(school.app, "sms"))

    assert (found["credit"], found["enough"]) == (None, None)
    assert found["sentence"].endswith("in all.")
    assert quotes.quote_document(None) is None
    assert quotes.funds(school.app, "pigeons") == Funds(fault="The channel is not enabled.")


def test_consent_is_asked_for_with_the_sum(school):
    accounts = [pupil(school, name, f"691234567{number}") for number, name in enumerate(("Anna", "Ben"))]

    with pytest.raises(ConsentRequired, match=r"2 messages in [24] parts, 0\.[12] in all"):
        start(school.app, school.actor, Request(action=ACTION, selection=of_ids(accounts)))


def test_what_was_sent_is_added_up_and_what_was_not_taken_is_not(school, fake):
    anna, ben = pupil(school, "Anna", "6912345678"), pupil(school, "Ben", "6912345679")
    fake.phones.refused.add("+306912345679")
    school.act(ACTION, anna, ben)
    school.work()

    with school.app.db.read() as session:
        found = usage.usage(session, school.app.plugins.view(session), "sms")

    parts = segments(fake.phones.messages[0].body).parts
    assert (found.counted, found.limit) == (2, 1_000)
    assert found.day == found.month == usage.Sum(messages=1, parts=parts, cost=parts * Decimal("0.05"))


def test_the_sum_says_the_currency_of_the_settings_else_of_the_gateway(school, fake):
    pupil(school, "Anna", "6912345678")
    by_gateway = look(school).quote
    left = quotes.funds(school.app, "sms")

    told = quotes.quote_document(by_gateway, left)
    changes.set_plugin(school.app, school.actor, "sms", values={"currency": "USD"})
    own = look(school).quote

    assert (by_gateway.currency, told["currency"]) == ("", "EUR")
    assert f"{by_gateway.total.normalize():f} EUR in all" in told["sentence"]
    assert quotes.quote_document(own)["currency"] == "USD"
    assert f"{own.total.normalize():f} USD in all" in own.sentence
    with school.app.db.read() as session:
        found = usage.usage(session, school.app.plugins.view(session), "sms")
    assert usage.usage_document(found) == {
        "counted": 0, "limit": 1_000, "currency": "USD",
        "day": {"messages": 0, "parts": 0, "cost": "0"}, "month": {"messages": 0, "parts": 0, "cost": "0"},
    }  # fmt: skip


def test_amounts_of_two_currencies_are_not_compared(school, fake):
    fake.phones.credit = Decimal("0.01")
    pupil(school, "Anna", "6912345678")
    left = quotes.funds(school.app, "sms")
    alike = look(school).quote
    changes.set_plugin(school.app, school.actor, "sms", values={"currency": "USD"})

    assert not left.cover(alike)
    assert left.cover(look(school).quote)


def bounce(school, *accounts):
    """Send credentials to these accounts, and let the gateway have lost them."""
    school.act(ACTION, *accounts)
    school.work()
    with school.app.db.write() as session:
        session.execute(update(Delivery).values(state="bounced"))


def test_sending_everything_again_says_what_it_costs_and_is_not_begun_without_the_credit(school, fake):
    bounce(school, pupil(school, "Anna", "6912345678"), pupil(school, "Ben", "6912345679"))
    with school.app.db.read() as session:
        found = again_many.plan(school.app, session, school.app.plugins.view(session), school.actor, Filters(channel="phone"))
    fake.phones.credit = Decimal("0.01")

    with pytest.raises(Refused) as refused:
        again_many.send_all_again(school.app, school.actor, Filters(), agreed=True)
    fake.phones.credit = Decimal(10)
    sent = again_many.send_all_again(school.app, school.actor, Filters(), agreed=True)

    assert (found.will, found.quote.messages) == (2, 2)
    assert found.quote.total == found.quote.parts * Decimal("0.05")
    assert "in all" in found.sentence
    assert refused.value.code == "no-credit"
    assert sent == 2
    assert queued(school) == 4


def test_sending_e_mail_again_costs_nothing(school):
    bounce(school, pupil(school, "Anna", "6912345678"))
    with school.app.db.read() as session:
        found = again_many.plan(school.app, session, school.app.plugins.view(session), school.actor, Filters(channel="email"))

    assert (found.total, found.quote) == (0, None)
