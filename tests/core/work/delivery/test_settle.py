"""What becomes of a message whose sending failed: it bounces, is tried again, or stays in doubt."""

from datetime import UTC, datetime, timedelta

import pytest

from rolecall.errors import Ambiguous, Conflict, Misconfigured, Permanent, Transient


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


def lost():
    raise Ambiguous("The line broke.")


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
