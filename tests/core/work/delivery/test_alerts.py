"""The alert addresses are told of what should not wait until the audit is next looked through (T-13, L-06)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from marshmallow import Schema, fields
from sqlalchemy import select, update

from rolecall.accounts import acting, alerts, audit, message_limits, sessions, settings
from rolecall.accounts.actors import Actor, operator
from rolecall.accounts.core_settings import CoreSettings
from rolecall.errors import Misconfigured
from rolecall.sdk.channel import MessageLimits
from rolecall.store.engine import now
from rolecall.store.tables import Account, AuditEntry, PluginState
from rolecall.testing.factories import make_period, make_role
from rolecall.work.runs.secrets import fetch_secrets
from rolecall.work.sync import circuit

ADDRESSES = ["it@school.example", "head@school.example"]
OLGA = operator("olga")


class ServiceSettings(Schema):
    """What a service is reached with."""

    url = fields.String()
    api_key = fields.String(metadata={"secret": True})


@pytest.fixture
def olga(school):
    """The owner of an institution with two alert addresses."""
    with school.app.db.write() as session:
        make_role(session, "Deputy", user_type="administrator")
        make_period(session)
    olga = school.account("Olga", type="administrator")
    school.change(olga, is_owner=True)
    configure(school, ADDRESSES)
    return olga


def configure(school, addresses):
    save(school, "core", CoreSettings, alert_addresses=addresses)


def save(school, plugin, schema, **values):
    with school.app.db.write() as session:
        settings.write(session, plugin, schema, values, actor=OLGA, keyring=school.app.keyring)


def sign_in_as(post, olga):
    anna, moment = post.school.student("Anna"), datetime.now(UTC)
    herself = Actor(name=f"account:{olga}", label="Olga", account_id=olga, permissions=None)
    with post.app.db.write() as session:
        token = sessions.create(session, olga, address=None, agent=None, now=moment)
        view = sessions.load(session, token, moment)
        acting.start(session, view, anna, reason="Her list is empty.", actor=herself, now=moment)


def hand_out(post, number):
    run = post.school.act("password.reset", *post.school.students(number))
    assert len(fetch_secrets(post.app, post.school.actor, run.id)) == number


def use_up_the_day(post, at=None):
    """Two messages where one a day is the limit."""
    limits, anna = MessageLimits(an_hour=3, a_day=1), post.school.student("Anna")
    for number in range(2):
        post.app.db.attempt(
            lambda session, to=f"+30691234567{number}": message_limits.take(
                session, "sms", to, limits, now=at or now(session), account_id=anna
            )
        )


def change_a_secret(post, key="very-secret"):
    save(post.school, "service", ServiceSettings, url="https://service.example", api_key=key)


EVENTS: dict[str, tuple[Callable, str, str]] = {
    "the owner": (
        lambda post, olga: post.school.act(
            "account.global_owner", post.school.account("Eva", type="administrator"), former_role="Deputy"
        ),
        "Somebody else is the Global Owner now.",
        "account.drawn_in",
    ),
    "signing in as somebody": (sign_in_as, "Who: Olga\n", "sign_in_as"),
    "many passwords": (lambda post, olga: hand_out(post, alerts.ROWS + 1), "The passwords of 501 accounts were handed out.", "run.secrets"),
    "the limit of SMS": (lambda post, olga: use_up_the_day(post), "The day's limit of 1 messages by sms is reached.", "messages.limit"),
    "a secret": (lambda post, olga: change_a_secret(post), "Secret settings of service were changed: api_key.", "settings"),
}  # fmt: skip


def sent(post):
    """Send what is due, and return the alerts."""
    post.send()
    return [each for each in post.outbox.messages if "that you should know" in each.subject]


@pytest.mark.parametrize("event", EVENTS)
def test_each_address_is_told_what_happened_and_where_to_look(post, olga, event):
    happen, says, kind = EVENTS[event]

    happen(post, olga)

    told = sent(post)
    assert [each.address for each in told] == ADDRESSES
    with post.app.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.kind == kind).order_by(AuditEntry.seq.desc())).first()
    assert says in told[0].text
    assert f"{post.app.config.base_url}/audit/{entry.seq}\n" in told[0].text
    assert "very-secret" not in told[0].text


@pytest.mark.parametrize("lacking", ["addresses", "owner"])
def test_without_addresses_or_an_owner_nothing_is_queued(post, olga, lacking):
    if lacking == "addresses":
        configure(post.school, [])
        sent(post)
        post.outbox.messages.clear()
    else:
        post.school.change(olga, is_owner=False)
    before = len(post.all())

    change_a_secret(post)
    use_up_the_day(post)

    assert len(post.all()) == before
    assert sent(post) == []


def test_what_is_nothing_to_be_told_of_is_not_told(post, olga):
    hand_out(post, 2)
    save(post.school, "service", ServiceSettings, url="https://service.example")
    post.school.act("account.deactivate", post.school.student())

    assert sent(post) == []


def test_who_was_told_until_now_is_told_that_the_addresses_were_changed(post, olga):
    configure(post.school, ["mallory@elsewhere.example"])

    told = sent(post)

    assert [each.address for each in told] == ADDRESSES
    assert "The alert addresses were changed." in told[0].text


def test_a_limit_that_stays_reached_is_told_once_a_day(post, olga):
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    for hours in (0, 2, 4):
        use_up_the_day(post, noon + timedelta(hours=hours))
    first = len(sent(post))

    for hours in (26, 28):
        use_up_the_day(post, noon + timedelta(hours=hours))

    assert (first, len(sent(post))) == (2, 4)


def refuse(post, who):
    """Let the mail server refuse the channel."""
    post.outbox.before["anna@home.example"] = Misconfigured("Wrong password.")
    post.queue(who)
    post.send()


def mend(post):
    with post.app.db.write() as session:
        circuit.resume(session, post.channel.id)


def stops(post):
    return [each for each in post.all() if each.kind == alerts.KIND]


def test_a_channel_that_refuses_its_settings_is_told_once_until_it_worked_again(post, olga, anna):
    refuse(post, anna)
    mend(post)
    post.outbox.before["anna@home.example"] = Misconfigured("Wrong password.")
    post.hurry()
    post.send()
    again = len(stops(post))
    mend(post)
    post.hurry()
    post.send()
    refuse(post, post.school.student("Eva"))

    assert (again, len(stops(post))) == (2, 4)
    assert stops(post)[0].facts["path"] == f"/integrations/{post.channel.id}"
    with post.app.db.read() as session:
        (first, *_) = audit.entries(session, audit.Filters(kind=alerts.STOPPED)).items
        assert first.payload["reason"] == "Wrong password."


def test_that_something_stopped_is_not_sent_once_it_works_again(post, olga, anna):
    refuse(post, anna)
    mend(post)
    post.hurry()

    assert sent(post) == []

    assert {each.error for each in stops(post)} == {"It works again."}


@pytest.mark.parametrize(("worked", "messages"), [(datetime(2026, 5, 1, tzinfo=UTC), 2), (None, 0)])
def test_what_cannot_be_built_any_more_is_told_where_it_worked_before(post, olga, worked, messages):
    with post.app.db.write() as session:
        session.execute(update(PluginState).values(last_success_at=worked))

    for fault in ("The key is no key.", None, "The key is no key."):
        post.app.db.attempt(lambda session, why=fault: circuit.report_fault(session, post.channel.id, why))

    assert len(stops(post)) == messages


def test_a_flood_ends_with_one_that_says_there_is_more(post, olga):
    for number in range(alerts.MOST + 5):
        change_a_secret(post, key=f"secret-{number}")

    told = [each.facts["what"] for each in stops(post) if each.address == ADDRESSES[0]]

    assert len(told) == alerts.MOST + 1
    assert "More than 20 things happened" in told[-1]
    assert stops(post)[-1].facts["path"] == "/audit"


def test_when_it_happened_is_told_in_the_time_of_the_institution(post, olga):
    save(post.school, "core", CoreSettings, time_zone="Asia/Kolkata")
    with post.app.db.write() as session:
        audit.append(
            session, actor=OLGA, kind="accounts.export", payload={"accounts": 501}, at=datetime(2026, 5, 1, 20, 0, tzinfo=UTC)
        )  # fmt: skip
        assert session.get_one(Account, olga).is_owner

    (told, _) = sent(post)

    assert "When: 2026-05-02 01:30" in told.text
    assert "olga (command line)" in told.text
