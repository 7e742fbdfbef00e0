"""Messages on their way: made when they are sent, settled one by one, repeated only where nobody knows, and never twice by two workers."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from rolecall.accounts import emails
from rolecall.errors import Ambiguous, Conflict, Misconfigured, Permanent, Transient
from rolecall.sdk.channel import SendResult
from rolecall.store.tables import Account, OneTimeToken
from rolecall.testing.channels import channel_plugin, memory_channel
from rolecall.testing.fixtures import open_school
from rolecall.work import email_links, jobs
from rolecall.work.delivery import claim, deliver


@pytest.fixture
def anna(school):
    return school.student("Anna", username="anna.k", email=None)


def link_in(message):
    """The link of a message, and its token."""
    return re.search(r"http\S+/verify/(\S+)", message.text)[1]


def test_a_link_arrives_that_verifies_the_address(post, anna):
    post.change_email(anna, to="anna@home.example")
    with post.app.db.read() as session:
        assert session.scalars(select(OneTimeToken)).all() == [], "nothing secret exists before the moment of sending"

    assert post.school.work() > 0

    (message,) = post.outbox.sent_to("anna@home.example")
    assert message.subject.endswith("verify your e-mail address")
    assert "http://127.0.0.1:8000/verify/" in message.text
    assert f'<a href="http://127.0.0.1:8000/verify/{link_in(message)}">' in message.html
    assert post.states() == ["sent"]
    assert email_links.verify(post.app, link_in(message), address=None)
    with post.app.db.read() as session:
        assert session.get_one(Account, anna).email_verified


def test_the_notice_goes_to_the_address_before(post, school):
    anna = school.student("Anna", email="old@home.example", email_verified=True)
    post.change_email(anna, to="new@home.example")

    post.send()

    (notice,) = post.outbox.sent_to("old@home.example")
    assert "It was old@home.example before" in notice.text
    assert "new@home.example" not in notice.text, "whoever reads the old mailbox need not learn the new address"


def test_what_is_sent_is_in_the_persons_language(post, school):
    anna = school.student("Anna", language="ar")
    post.queue(anna)

    post.send()

    (message,) = post.outbox.messages
    assert (message.language, message.is_right_to_left) == ("ar", True)
    assert "البريد" in message.subject


def test_a_message_is_sent_once_whoever_asks_how_often(post, anna):
    post.queue(anna)
    post.queue(anna)

    assert [post.send(), post.send()] == [1, 0]

    assert len(post.outbox.messages) == 1


@pytest.mark.parametrize(
    ("error", "state", "attempts", "error_class"),
    [
        (Permanent("No such mailbox."), "bounced", 1, "permanent"),
        (Conflict("Odd."), "bounced", 1, "permanent"),
        (Transient("Later."), "queued", 1, "transient"),
        (Ambiguous("Who knows."), "queued", 1, "ambiguous"),
        (Misconfigured("Not allowed."), "queued", 0, "misconfigured"),
    ],
)
def test_what_an_error_of_a_message_comes_to(post, anna, error, state, attempts, error_class):
    post.outbox.before["anna@home.example"] = error
    post.queue(anna)

    post.send()

    row = post.one()
    assert (row.state, row.attempts, row.error_class, row.error) == (state, attempts, error_class, str(error))
    assert row.leased_until is None
    assert (row.settled_at is not None) == (state == "bounced")


def test_what_the_server_does_not_take_yet_is_tried_for_days_and_then_bounces(post, anna):
    post.queue(anna)
    for _ in range(3):
        post.outbox.before["anna@home.example"] = Transient("Greylisted.")
        post.hurry()
        post.send()
    assert post.states() == ["queued"]

    post.outbox.before["anna@home.example"] = Transient("Greylisted.")
    post.hurry(created_at=datetime.now(UTC) - timedelta(days=3))
    post.send()

    assert (post.one().state, post.one().error) == ("bounced", "Greylisted.")


def test_a_message_in_doubt_repeats_with_the_same_id_and_both_links_work(post, anna):
    post.change_email(anna, to="anna@home.example")
    post.outbox.after["anna@home.example"] = lost
    post.send()
    assert (post.one().state, post.one().error_class) == ("queued", "ambiguous")

    post.hurry()
    post.send()

    first, second = post.outbox.messages
    assert first.message_id == second.message_id == post.one().message_id
    assert link_in(first) != link_in(second)
    with post.app.db.read() as session:
        usable = [emails.account_of_link(session, link_in(each), datetime.now(UTC)) for each in (first, second)]
    assert usable == [anna, anna], "whichever copy a mail program keeps, its link works"


def lost():
    raise Ambiguous("The line broke.")


def test_a_message_that_was_refused_before_gets_a_link_that_is_the_only_one(post, school):
    anna = school.student("Anna", email=None)
    post.change_email(anna, to="anna@home.example")
    post.send()
    post.change_email(anna, to="anna2@home.example")

    post.send()

    first, second = (
        link_in(message) for message in post.outbox.messages if message.address != "anna@home.example" or "/verify/" in message.text
    )
    assert not email_links.verify(post.app, first, address=None)
    assert email_links.verify(post.app, second, address=None)


def test_after_three_unknown_outcomes_it_is_not_sent_again(post, anna):
    post.queue(anna)
    for _ in range(3):
        post.outbox.after["anna@home.example"] = lost
        post.hurry()
        post.send()

    post.hurry()
    post.send()

    assert post.one().state == "unknown"
    assert len(post.outbox.messages) == 3


def test_what_was_certainly_not_taken_is_no_unknown_outcome(post, anna):
    post.queue(anna)
    for error in (Transient("Greylisted."), Transient("Greylisted."), Transient("Greylisted."), Ambiguous("Lost.")):
        post.outbox.before["anna@home.example"] = error
        post.hurry()
        post.send()
    assert (post.one().state, post.one().attempts, post.one().doubts) == ("queued", 4, 1)

    post.hurry()
    post.send()

    assert post.states() == ["sent"]


def test_a_message_during_which_workers_end_is_not_sent_for_ever(post, school, anna):
    post.queue(anna, address="cursed@home.example")
    post.queue(school.student("Ben"), address="ben@home.example")
    for _ in range(3):
        post.outbox.after["cursed@home.example"] = die
        with pytest.raises(Killed):
            post.send()
        post.hurry()
        post.bury()

    post.send()

    cursed, other = post.all()
    assert (cursed.state, other.state) == ("unknown", "sent")
    assert "for the third time" in cursed.error
    assert len(post.outbox.sent_to("cursed@home.example")) == 3


@pytest.mark.parametrize(
    ("earlier", "in_doubt"),
    [
        ([], False),
        ([Transient("Later.")], False),
        ([Misconfigured("Not allowed.")], False),
        ([Transient("Later."), Misconfigured("Not allowed.")], False),
        ([Ambiguous("Who knows.")], True),
        ([Transient("Later."), Ambiguous("Who knows."), Misconfigured("Not allowed.")], True),
        ([Ambiguous("Who knows."), Transient("Later.")], True),
    ],
)
def test_a_channel_is_told_whether_an_earlier_attempt_may_have_sent_it(post, anna, earlier, in_doubt):
    post.queue(anna)
    for error in earlier:
        post.outbox.before["anna@home.example"] = error
        post.hurry()
        post.send()
        post.school.save("pigeons", anything="new")

    post.hurry()
    post.send()

    (message,) = post.outbox.messages
    assert message.may_have_left_since == (post.one().created_at if in_doubt else None)


class Killed(BaseException):
    """What nobody catches."""


def die():
    raise Killed


def test_a_worker_that_died_leaves_one_message_in_doubt(post, school):
    for number, account in enumerate(school.students(3)):
        post.queue(account, address=f"p{number}@home.example")
    post.outbox.after["p1@home.example"] = die

    with pytest.raises(Killed):
        post.send()
    assert post.states() == ["sent", "queued", "queued"]
    post.hurry()
    post.bury()
    post.send()

    assert post.states() == ["sent", "sent", "sent"]
    assert [len(post.outbox.sent_to(f"p{number}@home.example")) for number in range(3)] == [1, 2, 1]
    assert len({message.message_id for message in post.outbox.sent_to("p1@home.example")}) == 1


def test_what_became_pointless_is_skipped_with_the_reason(post, school):
    gone, closed, verified, moved = (school.student(name, email=None) for name in ("Gone", "Closed", "Verified", "Moved"))
    post.change_email(gone, closed, verified, moved)
    school.change(gone, deleted_at=datetime.now(UTC))
    school.change(closed, active=False)
    school.change(verified, email_verified=True)
    school.change(moved, email="other@home.example", email_key="other@home.example")

    assert post.send() == 4

    assert post.outbox.messages == []
    assert [each.error for each in post.all()] == [
        "The account was deleted.", "The account is not active.", "The address was verified meanwhile.",
        "The address is not the account's any more.",
    ]  # fmt: skip
    assert set(post.states()) == {"skipped"}


def test_a_message_of_a_plugin_that_is_gone_is_skipped(post, anna):
    post.queue(anna, kind="library.overdue")

    post.send()

    assert (post.one().state, post.one().error) == ("skipped", "The plugin that this message comes from is not enabled any more.")


def test_a_message_that_was_skipped_meanwhile_is_not_sent(post, school):
    first, second = (school.student(name, email=None) for name in ("First", "Second"))
    post.change_email(first, second)
    post.outbox.after["new0@home.example"] = lambda: school.act("account.verify_email", second, reason="Seen at the office.")

    post.send()

    assert post.states() == ["sent", "skipped"]
    assert post.outbox.sent_to("new1@home.example") == []


def test_a_refusal_of_us_stops_the_channel_until_the_settings_are_saved(post, school):
    for number, account in enumerate(school.students(3)):
        post.queue(account, address=f"p{number}@home.example")
    post.outbox.before["p0@home.example"] = Misconfigured("Wrong password.")

    post.send()
    assert post.school.provider_state("pigeons").state == "paused"
    assert post.send() == 0
    assert [each.attempts for each in post.all()] == [0, 0, 0]
    school.save("pigeons", anything="new")

    assert post.send() == 3


def test_a_server_that_is_down_is_left_alone_after_some_failures(post, school):
    def down():
        raise Transient("No connection.")

    for number, account in enumerate(school.students(12)):
        post.queue(account, address=f"p{number}@home.example")

    for _ in range(15):
        post.outbox.before.update({f"p{number}@home.example": down for number in range(12)})
        post.send()

    assert post.school.provider_state("pigeons").state == "open"
    assert sum(each.attempts for each in post.all()) == 10
    assert post.states() == ["queued"] * 12


@pytest.mark.parametrize("fault", [ValueError("oops"), SystemExit(3)])
def test_a_channel_that_fails_unexpectedly_says_nothing_secret(post, anna, fault):
    def crash():
        raise fault

    post.outbox.before["anna@home.example"] = crash
    post.queue(anna)

    post.send()

    row = post.one()
    assert (row.state, row.error_class) == ("queued", "error")
    assert "oops" not in row.error


def test_a_message_that_the_channel_says_nothing_about_is_in_doubt(post, anna, channel, monkeypatch):
    def silent(self, messages):
        yield SendResult(message="nonsense")
        yield from (each for each in [*messages] if each is None)

    monkeypatch.setattr(channel, "send", silent)
    post.queue(anna)

    post.send()

    assert (post.one().error_class, post.one().attempts) == ("ambiguous", 1)


def test_two_workers_never_get_the_same_message(post, anna):
    post.queue(anna)
    with post.app.db.write() as session:
        moment = deliver.now(session)
        first = claim.claim(session, "email", limit=5, lease=timedelta(seconds=60), moment=moment)
        second = claim.claim(session, "email", limit=5, lease=timedelta(seconds=60), moment=moment)
    assert (len(first), len(second)) == (1, 0)

    with post.app.db.write() as session:
        (stolen,) = claim.claim(session, "email", limit=5, lease=timedelta(seconds=60), moment=moment + timedelta(seconds=61))
        assert not claim.begin(session, first[0], "<late@school>")
        assert claim.begin(session, stolen, "<new@school>")


@pytest.mark.parametrize("lines", [1, 2])
def test_as_many_workers_send_at_once_as_the_channel_takes(post, school, channel, monkeypatch, lines):
    monkeypatch.setattr(channel, "concurrency", lines)
    for number, account in enumerate(school.students(deliver.CLAIM + 1)):
        post.queue(account, address=f"p{number}@home.example")
    others: list[int] = []
    post.outbox.before["p0@home.example"] = lambda: others.append(post.send())

    post.send()

    assert others == [lines - 1], "a second worker has sent what the first did not claim, while that was sending"
    assert len(post.outbox.messages) == deliver.CLAIM + 1
    assert jobs.concurrency(post.app, ("deliver", "pigeons")) == lines


def test_a_worker_that_is_told_to_stop_gives_back_what_it_did_not_begin(post, school):
    for number, account in enumerate(school.students(3)):
        post.queue(account, address=f"p{number}@home.example")

    deliver.deliver(post.app, "pigeons", stop=lambda: len(post.outbox.messages) >= 1)

    assert post.states() == ["sent", "queued", "queued"]
    assert [each.leased_until for each in post.all()] == [None, None, None]


def test_the_first_channel_by_name_serves_its_kind_of_address(database_url, tmp_path):
    first, second, texts = memory_channel("aviary"), memory_channel("pigeons"), memory_channel("drums", address="phone")
    plugins = {each.id: channel_plugin(each) for each in (first, second, texts)}
    with open_school(database_url, tmp_path, plugins=plugins) as school:
        for each in plugins:
            school.enable(each)
        anna = school.student("Anna", email="old@home.example", email_verified=True)
        school.act("account.email", anna, email="new@home.example")

        school.work()

        assert deliver.deliver(school.app, "pigeons") == 0
        assert [len(each.outbox.messages) for each in (first, second, texts)] == [2, 0, 0]


def test_a_disabled_channel_is_asked_for_nothing(post, anna, school):
    post.queue(anna)
    school.disable("pigeons")

    school.work()

    assert jobs.due(school.app) == []
    assert post.states() == ["queued"]
    assert post.send() == 0
