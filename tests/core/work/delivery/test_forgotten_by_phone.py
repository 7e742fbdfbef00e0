"""A forgotten password where there is no verified e-mail: the link goes to the phone in the person's record (R59b, T-05, T-06, T-13)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from rolecall.accounts import forgotten, passwords
from rolecall.accounts.messages import EMAIL, PHONE
from rolecall.errors import Refused
from rolecall.store.deliveries_query import Filters
from rolecall.store.tables import Account, AuditEntry, Setting
from rolecall.testing.channels import channel_plugin, memory_channel
from rolecall.testing.fixtures import open_school
from rolecall.work import invitation_links
from rolecall.work.delivery import again, again_many
from rolecall.work.delivery.deliver import deliver

GOOD = "quiet-Tuesday-marmalade"
NUMBER = "+306912345678"
HOME = {"email": "anna@home.example", "email_key": "anna@home.example"}


@pytest.fixture
def texts():
    """The channel to phones."""
    return memory_channel("parrots", address="phone")


@pytest.fixture
def school(database_url, tmp_path, channel, texts):
    """A school that sends e-mail and SMS."""
    plugins = {each.id: channel_plugin(each) for each in (channel, texts)}
    with open_school(database_url, tmp_path, plugins=plugins) as school:
        school.enable(channel.id)
        school.enable(texts.id)
        yield school


@pytest.fixture
def anna(school):
    """Anna, whose phone is known and who has no e-mail."""
    anna = school.student("Anna", username="anna.k", password_hash="x")
    school.change(anna, person={"phone": NUMBER})
    return anna


@pytest.fixture
def ask(post, texts):
    """A function that says a password was forgotten, and sends what there is to send."""

    def ask(*, ways=(EMAIL, PHONE), now=None):
        moment = now or datetime.now(UTC)
        post.app.db.attempt(lambda session: forgotten.ask(session, "anna.k", address="192.0.2.1", now=moment, ways=ways))
        deliver(post.app, texts.id)
        post.send()

    return ask


def token_in(message):
    return re.search(r"http\S+/set-password/(\S+)", message.text)[1]


def accept(post, token):
    return invitation_links.accept(post.app, token, password=GOOD, confirm=GOOD, address=None)


def test_the_link_goes_to_the_phone_and_sets_the_password_once(post, ask, anna, texts):
    ask()
    (message,) = texts.outbox.messages

    assert (message.address, post.outbox.messages) == (NUMBER, [])
    assert "60 minutes" in message.text
    assert accept(post, token_in(message))
    assert not accept(post, token_in(message))
    with post.app.db.read() as session:
        assert passwords.verify(session.get_one(Account, anna).password_hash, GOOD)
        entry = session.scalars(select(AuditEntry).where(AuditEntry.kind == "password")).one()
    assert entry.payload["changed"] == "chosen by the link for a forgotten password"


def test_a_verified_address_comes_first_as_long_as_something_sends_there(post, school, ask, anna, texts):
    school.change(anna, **HOME, email_verified=True)

    ask()
    assert ([each.address for each in post.outbox.messages], texts.outbox.messages) == (["anna@home.example"], [])
    ask(ways=(PHONE,))

    assert [each.address for each in texts.outbox.messages] == [NUMBER]


def test_an_address_that_nobody_verified_gets_nothing_and_the_phone_does(post, school, ask, anna, texts):
    school.change(anna, **HOME, email_verified=False)

    ask()

    assert post.outbox.messages == []
    assert len(texts.outbox.messages) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"active": False},
        {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"sso_provider": "o365"},
        {"type": "administrator"},
        {"is_owner": True},
        {"person": {"phone": None}},
    ],
)
def test_who_may_not_have_one_gets_none(post, school, ask, anna, texts, values):
    school.change(anna, **values)

    ask()

    assert post.all() == []


@pytest.mark.parametrize("event", ["phone", "newer", "email", "disabled", "administrator", "password", "converted"])
def test_a_link_is_worthless_after(post, school, ask, anna, texts, event):
    ask()
    token = token_in(texts.outbox.messages[0])
    if event == "phone":
        school.change(anna, person={"phone": "+306900000000"})
    elif event == "newer":
        ask()
    elif event == "email":
        school.change(anna, **HOME, email_verified=True)
        ask()
        assert len(post.outbox.messages) == 1, "either kind of link ends the other"
    elif event == "disabled":
        school.act("account.deactivate", anna)
        school.act("account.activate", anna)
    elif event == "password":
        school.act("password.reset", anna)
    else:
        school.change(anna, **({"type": "administrator"} if event == "administrator" else {"sso_provider": "o365"}))

    assert not accept(post, token)


def test_one_that_waited_too_long_or_whose_phone_changed_or_is_not_wanted_any_more_is_not_sent(post, school, ask, anna, texts):
    def queue(number):
        moment = datetime.now(UTC) + timedelta(microseconds=number)
        post.app.db.attempt(lambda session: forgotten.ask(session, "anna.k", address=None, now=moment, ways=(PHONE,)))

    queue(1)
    post.hurry(created_at=datetime.now(UTC) - timedelta(hours=1))
    deliver(post.app, texts.id)
    queue(2)
    school.change(anna, person={"phone": "+306900000000"})
    deliver(post.app, texts.id)
    queue(3)
    with post.app.db.write() as session:
        facts = {"value": {"value": False}, "changed_at": datetime.now(UTC), "changed_by": "test"}
        session.add(Setting(plugin="core", key="forgotten_by_phone", **facts))
    deliver(post.app, texts.id)

    assert post.states() == ["skipped"] * 3
    assert [each.error for each in post.all()] == [
        "It was asked for more than an hour ago.",
        "The phone in the person's record was changed meanwhile.",
        "A link for a forgotten password does not go to this account's phone.",
    ]
    with pytest.raises(Refused, match="asks once more on the sign-in page"):
        again.send_one_again(post.app, school.actor, post.all()[-1].id)
    assert again_many.send_all_again(post.app, school.actor, Filters(), agreed=True) == 0


def test_one_that_waits_is_enough_and_five_a_day_go_to_an_account(post, ask, anna, texts):
    start = datetime.now(UTC)
    for _ in range(2):
        post.app.db.attempt(lambda session: forgotten.ask(session, "anna.k", address=None, now=start, ways=(PHONE,)))
    assert post.states() == ["queued"]

    for number in range(7):
        ask(now=start + timedelta(microseconds=number + 1))

    assert len(texts.outbox.messages) == 3, "five requests of which two found one waiting"
