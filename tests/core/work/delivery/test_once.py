"""One message per account and action key, whatever is pressed, sent or started twice (T-14)."""

from collections import Counter
from threading import Barrier, Thread

import pytest

from rolecall.work.delivery.deliver import deliver
from rolecall.work.runs.advance import advance
from rolecall.work.runs.selection import Selection, of_ids
from rolecall.work.runs.start import Request, start

#: More than go on in the request, so that workers do them.
MANY = 60


@pytest.fixture
def students(school):
    """Students with addresses of their own."""
    return school.students(MANY)


def at_once(*deeds):
    """Do things in threads of their own that begin together; what one raises is returned."""
    barrier, raised = Barrier(len(deeds)), []

    def do(deed):
        barrier.wait()
        try:
            deed()
        except Exception as error:  # noqa: BLE001 - the test looks at whatever was raised
            raised.append(error)

    threads = [Thread(target=do, args=[each]) for each in deeds]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return raised


def sent(post):
    return Counter(each.address for each in post.outbox.messages)


@pytest.mark.parametrize("key", ["web:once", None])
def test_an_invitation_that_is_submitted_twice_at_the_same_moment_is_one(post, school, students, key):
    request = Request(action="invitation.send", selection=of_ids(students[:5]), idempotency_key=key)

    raised = at_once(*[lambda: start(school.app, school.actor, request)] * 3)
    school.work()

    assert raised == []
    assert sorted(sent(post).values()) == [1] * 5


def test_a_run_that_two_workers_take_up_invites_everybody_once(post, school, students):
    run_id = start(school.app, school.actor, Request(action="invitation.send", selection=Selection(words={"type": "student"})))

    raised = at_once(*[lambda: advance(school.app, run_id)] * 3)
    school.work()

    assert raised == []
    assert len(sent(post)) == MANY
    assert set(sent(post).values()) == {1}


def test_messages_that_several_workers_send_at_once_leave_once(post, school, students):
    school.act("invitation.send", *students[:30])

    raised = at_once(*[lambda: deliver(school.app, post.channel.id)] * 3)
    school.work()

    assert raised == []
    assert sorted(sent(post).values()) == [1] * 30
    assert set(post.states()) == {"sent"}


def test_a_reset_that_is_pressed_twice_sends_the_newest_invitation_alone(post, school, students):
    anna = students[0]

    raised = at_once(*[lambda: school.act("password.reset_invite", anna)] * 2)
    school.work()

    assert raised == []
    assert sorted(post.states()) == ["sent", "skipped"]
    assert len(post.outbox.messages) == 1
