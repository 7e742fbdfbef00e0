"""Everything that a filter of messages matches is sent again: counted, agreed to, once, and only what surely did not arrive (R19, R40)."""

from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from rolecall.accounts.actors import Actor
from rolecall.errors import ConsentRequired, CountChanged, Permanent
from rolecall.store.deliveries_query import Filters
from rolecall.store.tables import AuditEntry, Delivery
from rolecall.testing.factories import make_clerk
from rolecall.work.delivery import again_many
from rolecall.work.delivery.again_many import UNIT, send_all_again

INVITATIONS = Filters(kind="invitation.account")


@pytest.fixture
def pupils(post, school):
    """Three students whose invitations bounced."""
    found = [school.student(name) for name in ("Anna", "Bela", "Caro")]
    for number, each in enumerate(found):
        school.change(each, person={"email": f"pupil{number}@home.example"})
        post.outbox.before[f"pupil{number}@home.example"] = Permanent("There is no such mailbox.")
    school.act("invitation.send", *found)
    school.work()
    assert post.states() == ["bounced"] * 3
    return found


def plan(post, actor, filters=INVITATIONS):
    with post.app.db.read() as session:
        return again_many.plan(post.app, session, post.app.plugins.view(session), actor, filters)


def change(post, number, **values):
    with post.app.db.write() as session:
        for name, value in values.items():
            setattr(session.get_one(Delivery, number), name, value)


def test_all_that_bounced_go_out_again_to_the_addresses_as_they_are_now(post, school, pupils):
    school.change(pupils[0], person={"email": "anna@new.example"})

    sent = send_all_again(post.app, school.actor, INVITATIONS, agreed=True, expected=3)
    school.work()

    assert sent == 3
    assert sorted(each.address for each in post.outbox.messages) == ["anna@new.example", "pupil1@home.example", "pupil2@home.example"]
    assert post.states() == ["bounced"] * 3 + ["sent"] * 3
    assert all("/set-password/" in each.text for each in post.outbox.messages)


def test_repeated_nothing_is_sent_twice(post, school, pupils):
    first = send_all_again(post.app, school.actor, INVITATIONS, agreed=True)
    second = send_all_again(post.app, school.actor, INVITATIONS, agreed=True)

    assert (first, second) == (3, 0)
    assert len(post.all()) == 6


def test_asked_for_at_the_same_moment_each_is_one_message(post, school, pupils):
    barrier = Barrier(3)

    def ask():
        barrier.wait()
        send_all_again(post.app, school.actor, INVITATIONS, agreed=True)

    threads = [Thread(target=ask) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(post.all()) == 6


def test_the_plan_counts_why_others_are_left(post, school, pupils):
    _, bela, caro = pupils
    change(post, post.all()[0].id, state="unknown")
    school.change(bela, person={"email": None})
    school.change(caro, active=False)
    post.queue(school.student("Dora"))
    school.work()

    found = plan(post, school.actor, Filters())

    assert (found.total, found.will) == (4, 0)
    assert {each.code: each.count for each in found.skipped} == {"arrived": 1, "unknown": 1, "closed": 1, "no-address": 1}
    assert send_all_again(post.app, school.actor, Filters(), agreed=True) == 0
    assert len(post.all()) == 4


def test_what_was_followed_or_waits_or_was_forgotten_is_left(post, school, pupils):
    school.act("password.reset_invite", pupils[0])
    post.queue(pupils[1], kind="password.forgotten")
    change(post, post.all()[-1].id, state="bounced")

    found = plan(post, school.actor, Filters())

    assert found.will == 2
    assert {each.code: each.count for each in found.skipped} == {"waits": 1, "followed": 1, "asked-for": 1}


def test_without_consent_or_with_another_number_nothing_is_sent(post, school, pupils):
    with pytest.raises(ConsentRequired, match="3 messages go out again"):
        send_all_again(post.app, school.actor, INVITATIONS, agreed=False)
    with pytest.raises(CountChanged) as changed:
        send_all_again(post.app, school.actor, INVITATIONS, agreed=True, expected=2)

    assert changed.value.count == 3
    assert len(post.all()) == 3


def test_only_what_the_filter_matches(post, school, pupils):
    sent = send_all_again(post.app, school.actor, Filters(account_id=pupils[1]), agreed=True)

    assert sent == 1
    assert post.all()[-1].account_id == pupils[1]


def test_more_than_one_unit_holds_go_out_each_once(post, school, pupils):
    with post.app.db.write() as session:
        old = session.get_one(Delivery, post.all()[0].id)
        facts = {name: getattr(old, name) for name in ("channel", "account_id", "address", "state", "created_at")}
        session.add_all(Delivery(kind=f"plugin.{n}", dedupe_key=f"many {n}", **facts) for n in range(UNIT + 5))

    sent = send_all_again(post.app, school.actor, Filters(account_id=pupils[0]), agreed=True)

    assert sent == UNIT + 6
    with post.app.db.read() as session:
        told = session.scalars(select(AuditEntry.payload).where(AuditEntry.kind == "messages.again").order_by(AuditEntry.seq)).all()
    assert [len(each["messages"]) for each in told] == [UNIT, 6]
    assert told[0]["filter"] == {"account_id": pupils[0]}


def test_who_may_do_more_or_is_not_reached_is_left_alone(post, school, pupils):
    with post.app.db.write() as session:
        boss = make_clerk(session, "accounts:delete", "audit:view").id
        session.get_one(Delivery, post.all()[0].id).account_id = boss
    school.change(boss, person={"email": "boss@home.example"})
    clerk = {"name": "account:99", "label": "Clerk", "account_id": 99, "permissions": frozenset({"messages:edit"})}
    anybody, teachers = Actor(**clerk), Actor(**clerk, types=frozenset({"teacher"}))

    found, nobody = plan(post, anybody), plan(post, teachers)

    assert (found.will, [each.code for each in found.skipped]) == (2, ["higher-rights"])
    assert (nobody.total, nobody.will) == (0, 0)
    assert send_all_again(post.app, teachers, INVITATIONS, agreed=True) == 0
    assert send_all_again(post.app, anybody, INVITATIONS, agreed=True) == 2
