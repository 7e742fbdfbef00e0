"""Messages that cost money pass a gate: the limits count what leaves, name what does not, and are told (R42, T-13)."""

import pytest
from sqlalchemy import select

from rolecall.accounts import forgotten, message_limits, messages
from rolecall.accounts.invitations import TEXTED
from rolecall.accounts.messages import Message
from rolecall.errors import Ambiguous, Misconfigured, Refused, Transient
from rolecall.sdk.channel import MessageLimits
from rolecall.store.engine import now
from rolecall.store.tables import AuditEntry, Delivery, RunItem
from rolecall.testing.channels import channel_plugin, memory_channel
from rolecall.testing.fixtures import open_school
from rolecall.work import changes
from rolecall.work.delivery.deliver import deliver

PHONE = "+30691234567"


@pytest.fixture
def channel():
    channel = memory_channel("smoke", address="phone")
    channel.limits = classmethod(lambda cls, _: MessageLimits(an_hour=2, a_day=3))
    channel.canonical = classmethod(lambda cls, _, address, *, region: address.replace(" ", ""))
    return channel


@pytest.fixture
def school(database_url, tmp_path, channel):
    with open_school(database_url, tmp_path, plugins={channel.id: channel_plugin(channel)}) as school:
        school.enable(channel.id)
        yield school


def pupils(school, *phones):
    accounts = [school.student(f"Pupil{number}") for number in range(len(phones))]
    for account, phone in zip(accounts, phones, strict=True):
        school.change(account, person={"phone": phone})
    return accounts


def states(school):
    with school.app.db.read() as session:
        return [(each.state, each.error) for each in session.scalars(select(Delivery).order_by(Delivery.id))]


def used(school):
    with school.app.db.read() as session:
        return message_limits.used_today(session, "smoke", now=now(session))


def test_who_is_over_a_limit_is_named_in_the_run_and_not_sent_to(school, channel):
    accounts = pupils(school, PHONE, "+30 691234567", PHONE, f"{PHONE}1", f"{PHONE}2")

    run = school.act("sms.credentials", *accounts)
    school.work()

    assert len(channel.outbox.messages) == 3
    with school.app.db.read() as session:
        items = {each.account_id: each for each in session.scalars(select(RunItem).where(RunItem.run_id == run.id))}
    assert [items[each].outcome for each in accounts] == ["done", "done", "skipped", "done", "skipped"]
    assert "within an hour" in items[accounts[2]].message
    assert "today's limit" in items[accounts[4]].message


def test_one_that_was_queued_before_is_stopped_when_it_would_leave(school, channel):
    (anna,) = pupils(school, PHONE)
    with school.app.db.write() as session:
        waiting = [Message(kind=TEXTED, channel="phone", account_id=anna, address=PHONE, dedupe_key=f"k{number}") for number in range(4)]
        messages.queue_all(session, waiting, run_id=None, now=now(session))

    deliver(school.app, "smoke")

    assert len(channel.outbox.messages) == 2
    assert [state for state, _ in states(school)] == ["sent", "sent", "skipped", "skipped"]
    assert "within an hour" in states(school)[2][1]
    with school.app.db.read() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.kind == message_limits.REACHED))
    assert (entry.actor, entry.payload) == ("worker", {"channel": "smoke", "limit": "number", "count": 2})


@pytest.mark.parametrize(
    ("error", "counted"),
    [(Transient("Busy."), 0), (Misconfigured("No credit."), 0), (Ambiguous("The line broke."), 1), (RuntimeError("bug"), 1)],
)
def test_what_surely_did_not_leave_does_not_count(school, channel, error, counted):
    (anna,) = pupils(school, PHONE)

    def strike():
        raise error

    channel.outbox.before[PHONE] = strike

    school.act("sms.credentials", anna)
    deliver(school.app, "smoke")

    assert used(school) == counted


def test_a_message_in_doubt_counts_once(school, channel):
    (anna,) = pupils(school, PHONE)
    channel.outbox.after[PHONE] = Ambiguous("The line broke.")
    school.act("sms.credentials", anna)
    deliver(school.app, "smoke")
    with school.app.db.write() as session:
        for each in session.scalars(select(Delivery)):
            each.not_before = now(session)

    deliver(school.app, "smoke")

    assert used(school) == 1


def test_one_that_became_pointless_does_not_count(school):
    (anna,) = pupils(school, PHONE)
    school.act("sms.credentials", anna)
    school.change(anna, person={"phone": f"{PHONE}1"})

    deliver(school.app, "smoke")

    assert used(school) == 0
    assert states(school)[0][0] == "skipped"


def test_what_did_not_leave_is_taken_back_as_it_was_counted_whatever_the_settings_say_by_then(school, channel):
    def moved():
        changes.set_plugin(school.app, school.actor, "core", values={"phone_region": "CY"})
        raise Transient("Later.")

    channel.canonical = classmethod(lambda cls, _, address, *, region: f"{region}{address}")
    changes.set_plugin(school.app, school.actor, "core", values={"phone_region": "GR"})
    (anna,) = pupils(school, PHONE)
    school.act("sms.credentials", anna)
    channel.outbox.before[PHONE] = moved

    deliver(school.app, "smoke")

    with school.app.db.read() as session:
        left = message_limits.room(session, "smoke", [f"GR{PHONE}", f"CY{PHONE}"], channel.limits({}), now=now(session))
    assert (left.today, left.used) == (3, {f"GR{PHONE}": 0})


def test_a_refusal_of_one_account_says_which_limit(school):
    accounts = pupils(school, PHONE, PHONE, PHONE)
    school.act("sms.credentials", *accounts[:2])

    with pytest.raises(Refused, match="within an hour") as refused:
        school.act("sms.credentials", accounts[2])

    assert refused.value.code == "too-many-messages"


def test_whoever_is_not_signed_in_can_send_nothing_to_a_phone_and_ask_for_little_else(school, channel):
    anna = school.student("Anna", username="anna.k", email="anna@home.example", email_verified=True)
    school.change(anna, person={"phone": PHONE})

    with school.app.db.write() as session:
        for _ in range(200):
            forgotten.ask(session, "anna.k", address="192.0.2.1", now=now(session))

    school.work()
    assert channel.outbox.messages == []
    assert forgotten.PER_ADDRESS.count <= 50
