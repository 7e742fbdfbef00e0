"""What a person decides about messages: sending again, once, with a fresh link; and whether an unknown one was sent (R19, R40, T-14)."""

import re
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import select, text

from rolecall.accounts import messages
from rolecall.accounts.actors import Actor
from rolecall.errors import Ambiguous, Forbidden, Permanent, Refused, Transient, Unknown
from rolecall.store.deliveries_query import Filters, counts, page
from rolecall.store.tables import Account, AuditEntry, Delivery, Listing
from rolecall.testing.factories import make_clerk
from rolecall.work import invitation_links
from rolecall.work.delivery import again

GOOD = "quiet-Tuesday-marmalade"


@pytest.fixture
def anna(school):
    """Anna, with an own address."""
    anna = school.student("Anna")
    school.change(anna, person={"email": "anna@home.example"})
    return anna


@pytest.fixture
def bounced(post, school, anna):
    """Her invitation, which bounced."""
    post.outbox.before["anna@home.example"] = Permanent("There is no such mailbox.")
    school.act("invitation.send", anna)
    school.work()
    assert post.states() == ["bounced"]
    return post.one().id


def unknown(post, school, account_id):
    """Its number when an invitation is unknown: three attempts, and nobody can tell."""

    def lost():
        raise Ambiguous("The line broke.")

    school.act("invitation.send", account_id, again=True)
    for _ in range(3):
        post.outbox.after["anna@home.example"] = lost
        post.send()
        post.hurry()
    found = post.all()[-1]
    assert found.state == "unknown"
    return found.id


def row(post, message_id):
    with post.app.db.read() as session:
        return again.load(session, message_id)


def links(post):
    return [re.search(r"/set-password/(\S+)", each.text)[1] for each in post.outbox.messages]


def test_one_that_bounced_goes_out_again_to_the_address_as_it_is_now(post, school, anna, bounced):
    school.change(anna, person={"email": "anna.new@home.example"})

    number = again.send_one_again(post.app, school.actor, bounced)
    school.work()

    assert [each.address for each in post.outbox.messages] == ["anna.new@home.example"]
    assert post.states() == ["bounced", "sent"]
    assert post.all()[1].id == number
    assert row(post, bounced).is_newest is False
    assert again.why_not_again(row(post, bounced)) == "A newer message of this kind followed."


def test_asked_for_twice_it_is_one_message(post, school, bounced):
    barrier, numbers = Barrier(3), []

    def ask():
        barrier.wait()
        numbers.append(again.send_one_again(post.app, school.actor, bounced))

    threads = [Thread(target=ask) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    school.work()
    later = again.send_one_again(post.app, school.actor, bounced)

    assert {*numbers, later} == {post.all()[1].id}
    assert len(post.outbox.messages) == 1


def test_a_link_is_a_fresh_one_and_the_older_stops_working(post, school, anna):
    number = unknown(post, school, anna)

    again.send_one_again(post.app, school.actor, number)
    school.work()
    *older, fresh = links(post)

    assert fresh not in older
    assert not any(invitation_links.accept(post.app, each, password=GOOD, confirm=GOOD, address=None) for each in older)
    assert invitation_links.accept(post.app, fresh, password=GOOD, confirm=GOOD, address=None)


def test_an_unknown_one_waits_for_a_decision_until_there_is_one(post, school, anna):
    number = unknown(post, school, anna)
    assert again.is_open(row(post, number))

    again.mark_sent(post.app, school.actor, number)
    again.mark_sent(post.app, school.actor, number)

    found = row(post, number)
    assert (found.delivery.state, again.is_open(found)) == ("sent", False)
    assert found.delivery.error == f"Marked as sent by {school.actor.label}."
    with post.app.db.read() as session:
        assert session.get_one(Account, anna).invited_at is not None
        assert session.get_one(Listing, anna).invited
        noted = session.scalars(select(AuditEntry.payload).where(AuditEntry.kind == "message.sent")).all()
    assert noted == [{"message": number, "of": "invitation.account"}]


def test_one_that_waits_is_tried_now(post, school, anna):
    post.outbox.before["anna@home.example"] = Transient("Try later.", retry_after=timedelta(hours=1))
    school.act("invitation.send", anna)
    school.work()
    assert post.states() == ["queued"]

    number = again.send_one_again(post.app, school.actor, post.one().id)
    school.work()

    assert number == post.one().id
    assert post.states() == ["sent"]


def test_what_was_sent_or_followed_is_not_sent_again(post, school, anna, bounced):
    school.act("password.reset_invite", anna)
    school.work()
    sent = post.all()[1].id

    done = again.send_again(post.app, school.actor, [bounced, sent])

    assert [each.again_as for each in done] == [None, None]
    assert "A newer message" in done[0].why_not, "the invitation after a reset takes the place of the first"
    assert "The server took it" in done[1].why_not
    with pytest.raises(Refused, match="The server took it"):
        again.send_one_again(post.app, school.actor, sent)
    with pytest.raises(Refused, match="Only of a message that is unknown"):
        again.mark_sent(post.app, school.actor, bounced)


def test_what_became_pointless_is_judged_anew(post, school, anna):
    school.act("invitation.send", anna)
    school.change(anna, active=False)
    school.work()
    skipped = post.one()
    assert skipped.error == "The account is not active."

    school.change(anna, active=True)
    again.send_one_again(post.app, school.actor, skipped.id)
    school.work()

    assert post.states() == ["skipped", "sent"]


def test_without_an_address_nothing_is_queued(post, school, anna, bounced):
    school.change(anna, person={"email": None})

    with pytest.raises(Refused, match="no address any more"):
        again.send_one_again(post.app, school.actor, bounced)

    assert post.states() == ["bounced"]


def test_whoever_forgot_the_password_asks_anew(post, school, anna):
    post.queue(anna, kind="password.forgotten")
    with post.app.db.write() as session:
        session.scalars(select(Delivery)).one().state = "bounced"

    with pytest.raises(Refused, match="asks once more on the sign-in page"):
        again.send_one_again(post.app, school.actor, post.one().id)


def test_rights_that_do_not_reach_the_account_find_no_message(post, school, bounced):
    clerk = Actor(name="account:99", label="Clerk", account_id=99, permissions=frozenset({"messages:edit"}), types=frozenset({"teacher"}))

    for decide in (again.send_one_again, again.mark_sent):
        with pytest.raises(Unknown, match=f"There is no message {bounced}"):
            decide(post.app, clerk, bounced)


def test_a_message_to_somebody_who_may_do_more_is_not_the_clerks_to_send(post, school):
    with post.app.db.write() as session:
        boss = make_clerk(session, "accounts:delete", "audit:view").id
    school.change(boss, person={"email": "anna@home.example"})
    number = unknown(post, school, boss)
    clerk = Actor(name="account:99", label="Clerk", account_id=99, permissions=frozenset({"messages:edit"}))

    with pytest.raises(Forbidden):
        again.send_one_again(post.app, clerk, number)

    assert post.states() == ["unknown"]


def test_the_list_is_narrowed_and_goes_on_where_a_page_ended(post, school, anna, bounced):
    for number in range(5):
        post.queue(anna, address=f"anna{number}@home.example")

    with post.app.db.read() as session:
        first = page(session, Filters(account_id=anna), related=again.RELATED, limit=4)
        second = page(session, Filters(account_id=anna), related=again.RELATED, limit=4, cursor=first.next)
        narrowed = page(session, Filters(state="bounced", kind="invitation.account"), related=again.RELATED, limit=4)
        counted = counts(session, Filters(state="bounced", channel="email"))

    ids = [each.delivery.id for each in (*first.rows, *second.rows)]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 6
    assert second.next is None
    assert [each.delivery.id for each in narrowed.rows] == [bounced]
    assert counted == {"bounced": 1, "queued": 5}


def test_what_is_told_of_a_message_says_nothing_of_what_it_says(post, school, anna):
    school.act("invitation.send", anna)
    school.work()
    (token,) = links(post)

    with post.app.db.read() as session:
        told = again.document(again.load(session, post.one().id), post.app.plugins.view(session))

    assert token not in str(told)
    assert (told["state"], told["can_be_sent_again"], told["to_decide"]) == ("sent", False, False)
    assert told["account"]["id"] == anna


def rolled_back(session):
    messages.announce(session, ["email"])
    raise Refused("Not this time.")


def test_whoever_sends_is_woken_when_the_messages_are_there_and_not_before(post, school, anna):
    woken = []

    def look(name, argument, after=0):
        woken.append((name, argument, post.states()))

    school.app.wake_by(look)
    school.act("invitation.send", anna)
    post.change_email(anna)
    with pytest.raises(Refused):
        school.app.db.attempt(rolled_back)

    delivers = [each for each in woken if each[0] == "deliver"]
    assert [each[1] for each in delivers] == [post.channel.id, post.channel.id]
    assert delivers[0][2] == ["queued"], "they are there when somebody looks"


def test_nobody_is_woken_for_a_kind_of_address_that_nothing_sends_to(school):
    woken = []
    school.app.wake_by(lambda *job: woken.append(job))

    with school.app.db.write() as session:
        messages.announce(session, ["phone"])

    assert woken == []


def test_what_is_done_stays_done_where_nobody_can_be_woken(post, school, anna):
    woken = []
    school.app.wake_by(lambda *job: woken.append(job))

    with school.app.db.write() as session:
        session.execute(text("ALTER TABLE plugin_state RENAME TO elsewhere"))
        messages.announce(session, ["email"])
    with school.app.db.write() as session:
        session.execute(text("ALTER TABLE elsewhere RENAME TO plugin_state"))

    assert woken == []
    school.act("invitation.send", anna)
    assert ("deliver", post.channel.id, 0) in woken
