"""A forgotten password: who gets a link, how many, and when it is worthless (R59b, T-03 to T-06, T-11, T-12)."""

import re
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import select, update

from rolecall.accounts import emails, forgotten, passwords, second_factor, sessions
from rolecall.errors import Invalid
from rolecall.store.tables import Account, AuditEntry, Delivery, OneTimeToken, SecondFactor, Throttle, WebSession
from rolecall.work import invitation_links

GOOD = "quiet-Tuesday-marmalade"
HOME = "anna@home.example"


@pytest.fixture
def anna(school):
    """Anna, whose e-mail is verified and whose password is forgotten."""
    return school.student("Anna", username="anna.k", email=HOME, email_verified=True, password_hash="x")


@pytest.fixture
def ask(post):
    """A function that says a password was forgotten."""

    def ask(identifier="anna.k", address="192.0.2.1", now=None):
        post.app.db.attempt(lambda session: forgotten.ask(session, identifier, address=address, now=now or datetime.now(UTC)))

    return ask


@pytest.fixture
def token(post, ask, anna):
    """The token of a link that was sent to Anna."""
    ask()
    post.send()
    return token_in(post.outbox.messages[-1])


def token_in(message):
    return re.search(r"http\S+/set-password/(\S+)", message.text)[1]


def accept(post, token):
    return invitation_links.accept(post.app, token, password=GOOD, confirm=GOOD, address=None)


def account(post, account_id):
    with post.app.db.read() as session:
        return session.get_one(Account, account_id)


@pytest.mark.parametrize("identifier", ["anna.k", " Anna.K ", "ANNA@home.example"])
def test_a_link_goes_to_the_verified_address_and_exists_from_the_sending_on(post, ask, anna, identifier):
    ask(identifier)
    with post.app.db.read() as session:
        assert session.scalars(select(OneTimeToken)).all() == []

    post.send()

    (message,) = post.outbox.messages
    assert message.address == HOME
    assert f"{post.app.config.base_url}/set-password/{token_in(message)}" in message.text
    assert "60 minutes" in message.text
    with post.app.db.read() as session:
        assert token_in(message) not in str(vars(session.scalars(select(OneTimeToken)).one())), "only a digest is kept"


@pytest.mark.parametrize(
    "values",
    [
        {"active": False},
        {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"sso_provider": "o365"},
        {"email_verified": False},
        {"email": None, "email_key": None, "email_verified": False},
    ],
)
def test_who_may_not_have_a_link_gets_none_neither_before_nor_after_it_was_queued(post, school, ask, anna, values):
    ask()
    school.change(anna, **values)
    post.send()
    before = post.states()

    ask()

    assert before == post.states() == ["skipped"]
    assert post.outbox.messages == []


def test_an_address_of_two_accounts_is_nobodys_and_a_user_name_counts_first(post, school, ask, anna):
    ben = school.student("Ben", username="ben", email=HOME, email_verified=True)

    ask(HOME)
    assert post.all() == []
    ask("ben")

    assert post.one().account_id == ben


@pytest.mark.parametrize("identifier", ["", "  ", "a\0b", "a" * 255])
def test_what_is_no_identifier_is_refused(ask, identifier):
    with pytest.raises(Invalid, match="user name or your e-mail"):
        ask(identifier)


def test_a_message_that_could_not_be_sent_for_an_hour_is_not_sent(post, ask, anna):
    ask()
    post.hurry(created_at=datetime.now(UTC) - timedelta(hours=1))

    post.send()

    assert post.one().error == "It was asked for more than an hour ago."


def test_one_that_waits_is_enough(post, ask, anna):
    ask()
    ask()

    assert post.states() == ["queued"]


def test_five_a_day_for_an_account_from_everywhere(post, ask, anna):
    start = datetime.now(UTC)
    for number in range(7):
        ask(address=f"192.0.2.{number}", now=start + timedelta(microseconds=number))
        post.send()
    assert len(post.outbox.messages) == 5

    ask(now=start + timedelta(days=1, seconds=1))
    post.hurry()
    post.send()

    assert len(post.outbox.messages) == 6


def test_ten_an_hour_from_an_address_whoever_is_meant(post, ask, anna):
    start = datetime.now(UTC)
    for number in range(10):
        ask(f"nobody-{number}", now=start)

    ask(now=start)
    assert post.all() == []
    ask(address="192.0.2.2", now=start)

    assert post.states() == ["queued"]
    with post.app.db.read() as session:
        keys = session.scalars(select(Throttle.key)).all()
    assert not any("nobody" in each for each in keys), "names that are nobody's are kept as digests"


def test_following_it_sets_the_password_ends_sessions_and_skips_nothing(post, anna, token):
    with post.app.db.write() as session:
        sessions.create(session, anna, address=None, agent=None, now=datetime.now(UTC))
        session.add(SecondFactor(account_id=anna, sealed_key=b"k", confirmed_at=datetime.now(UTC)))

    for weak in ("short", "password1"):
        with pytest.raises(Invalid):
            invitation_links.accept(post.app, token, password=weak, confirm=weak, address=None)
    assert accept(post, token)
    assert not accept(post, token)

    assert passwords.verify(account(post, anna).password_hash, GOOD)
    with post.app.db.read() as session:
        assert session.scalars(select(WebSession)).all() == []
        assert second_factor.has(session, anna)
        entry = session.scalars(select(AuditEntry).where(AuditEntry.kind == "password")).one()
    assert entry.payload["changed"] == "chosen by the link for a forgotten password"


@pytest.mark.parametrize(
    "event",
    ["over", "newer", "password", "email", "disabled", "deleted", "unverified", "converted", "tampered"],
)
def test_a_link_is_worthless_after(post, school, ask, anna, token, event):
    if event == "over":
        with post.app.db.write() as session:
            session.execute(update(OneTimeToken).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    elif event == "newer":
        ask()
        post.send()
        assert len(post.outbox.messages) == 2
    elif event == "password":
        school.act("password.reset", anna)
    elif event == "email":
        school.act("account.email", anna, email="new@home.example")
        school.act("account.email", anna, email=HOME)
        school.change(anna, email_verified=True, must_verify_email=False)
    elif event == "disabled":
        school.act("account.deactivate", anna)
        school.act("account.activate", anna)
    elif event == "deleted":
        school.act("account.delete", anna)
        school.act("account.restore", anna)
        school.change(anna, active=True)
    elif event == "unverified":
        school.change(anna, email_verified=False)
    elif event == "converted":
        school.change(anna, sso_provider="o365")
    else:
        token = token[:-1] + ("A" if token[-1] != "A" else "B")
    before = account(post, anna).password_hash

    assert not accept(post, token)

    assert account(post, anna).password_hash == before


def test_it_lasts_an_hour(post, anna, token):
    with post.app.db.read() as session:
        made = session.scalars(select(OneTimeToken)).one()

    assert made.expires_at - made.created_at == timedelta(minutes=60)


def test_it_is_of_use_for_nothing_else(post, anna, token):
    with post.app.db.write() as session:
        assert not emails.verify(session, token, datetime.now(UTC))
        verifying = emails.verification_link_token(session, anna, address=HOME, now=datetime.now(UTC))

    assert not accept(post, verifying)
    assert accept(post, token)


def test_of_many_at_the_same_moment_one_succeeds(post, anna, token):
    barrier, outcomes = Barrier(4), []

    def follow():
        barrier.wait()
        outcomes.append(accept(post, token))

    threads = [Thread(target=follow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [False, False, False, True]


def test_of_many_requests_at_the_same_moment_one_message_is_queued(post, ask, anna):
    barrier = Barrier(4)

    def request():
        barrier.wait()
        ask()

    threads = [Thread(target=request) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with post.app.db.read() as session:
        assert len(session.scalars(select(Delivery)).all()) == 1
