"""Messages of which nobody knows whether they left: repeated as the same message, and not for ever."""

import re
from datetime import UTC, datetime

import pytest

from rolecall.accounts import emails
from rolecall.errors import Ambiguous, Misconfigured, Transient
from rolecall.sdk.channel import SendResult


def link_in(message):
    """The link of a message, and its token."""
    return re.search(r"http\S+/verify/(\S+)", message.text)[1]


def lost():
    raise Ambiguous("The line broke.")


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


def test_a_message_that_the_channel_says_nothing_about_is_in_doubt(post, anna, channel, monkeypatch):
    def silent(self, messages):
        yield SendResult(message="nonsense")
        yield from (each for each in [*messages] if each is None)

    monkeypatch.setattr(channel, "send", silent)
    post.queue(anna)

    post.send()

    assert (post.one().error_class, post.one().attempts) == ("ambiguous", 1)
