"""Invitations: to the person's own address, once per run, with a link or a password; and what following the link does (R19, R40)."""

import re
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import select, update

from rolecall.accounts import passwords
from rolecall.errors import Ambiguous, Invalid, Refused
from rolecall.store.tables import Account, Listing, OneTimeToken
from rolecall.work import changes, invitation_links
from rolecall.work.runs.selection import of_ids
from rolecall.work.runs.start import Request, start

GOOD = "quiet-Tuesday-marmalade"


@pytest.fixture
def anna(school):
    """Anna, with a first-time password and an own address that is also her account's."""
    anna = school.student("Anna", username="anna.k", email="anna@home.example")
    school.change(anna, person={"email": "Anna@home.example"})
    with school.app.db.write() as session:
        passwords.seal_first(session, school.app.keyring, [anna], now=datetime.now(UTC))
    return anna


def account(post, account_id):
    with post.app.db.read() as session:
        return session.get_one(Account, account_id)


def token_in(message):
    found = re.search(r"http\S+/set-password/(\S+)", message.text)
    return found[1] if found else None


def says_password(school):
    changes.set_plugin(school.app, school.actor, "core", values={"invitation_says": "password"})


def test_an_invitation_has_a_link_and_no_password_and_counts_once_it_left(post, school, anna):
    school.act("invitation.send", anna)
    assert account(post, anna).invited_at is None

    school.work()

    (message,) = post.outbox.messages
    assert message.address == "Anna@home.example"
    assert token_in(message)
    assert "anna.k" in message.text
    assert "First-time password" not in message.text
    assert account(post, anna).invited_at is not None
    with post.app.db.read() as session:
        assert session.get_one(Listing, anna).invited
        stored = session.scalars(select(OneTimeToken)).one()
        assert token_in(message) not in str(vars(stored)), "only a digest is kept"


def test_where_the_institution_wants_it_the_first_time_password_is_said_while_it_signs_in(post, school, anna):
    says_password(school)
    school.act("invitation.send", anna)
    school.work()
    (first,) = post.outbox.messages
    with post.app.db.read() as session:
        password = post.app.keyring.open(session.get_one(Account, anna).sealed_password, passwords.sealed_place(anna))
    assert f"First-time password: {password}" in first.text
    assert token_in(first) is None

    school.change(anna, sealed_at=datetime.now(UTC) - passwords.FIRST_VALID)
    school.act("invitation.send", anna, again=True)
    school.work()

    second = post.outbox.messages[1]
    assert token_in(second)
    assert "First-time password" not in second.text


def test_an_account_that_a_provider_signs_in_is_told_where(post, school, anna):
    school.change(anna, sso_provider="o365")

    school.act("invitation.send", anna)
    school.work()

    (message,) = post.outbox.messages
    assert "Sign in with o365" in message.text
    assert token_in(message) is None


def test_who_has_no_own_address_or_was_invited_is_skipped(post, school, anna):
    ben = school.student("Ben")
    school.change(ben, person={"email": None})
    school.act("invitation.send", anna)

    waiting = school.items(school.act("invitation.send", anna, ben))
    school.work()
    sent = school.items(school.act("invitation.send", anna, ben))
    again = school.items(school.act("invitation.send", anna, ben, again=True))

    assert {each.code for each in (waiting[anna], sent[anna])} == {"already-invited"}
    assert {each[ben].code for each in (waiting, sent, again)} == {"no-personal-email"}
    assert again[anna].outcome == "done"


def test_the_same_request_twice_invites_once(post, school, anna):
    request = Request(action="invitation.send", selection=of_ids([anna]), params={"again": True}, idempotency_key="once")

    first, second = (start(school.app, school.actor, request) for _ in range(2))
    school.work()

    assert first == second
    assert len(post.outbox.messages) == 1


def test_a_newer_invitation_takes_the_place_of_one_that_waits(post, school, anna):
    school.act("invitation.send", anna)
    school.act("invitation.send", anna, again=True)

    school.work()

    assert post.states() == ["skipped", "sent"]
    assert len(post.outbox.messages) == 1


def test_an_address_that_was_changed_meanwhile_gets_nothing(post, school, anna):
    school.act("invitation.send", anna)
    school.change(anna, person={"email": "eve@evil.example"})

    school.work()

    assert post.outbox.messages == []
    assert post.one().error == "The personal e-mail was changed meanwhile."


def test_following_the_link_sets_the_password_and_verifies_the_address_and_signs_nobody_in(post, school, anna):
    school.act("invitation.send", anna)
    school.work()
    token = token_in(post.outbox.messages[0])

    for wrong in ({"password": GOOD, "confirm": "other"}, {"password": "short", "confirm": "short"}):
        with pytest.raises(Invalid):
            invitation_links.accept(post.app, token, address=None, **wrong)
    assert invitation_links.accept(post.app, token, password=GOOD, confirm=GOOD, address=None)
    assert not invitation_links.accept(post.app, token, password=GOOD, confirm=GOOD, address=None)

    now = account(post, anna)
    assert passwords.verify(now.password_hash, GOOD)
    assert (now.sealed_password, now.email_verified, now.email_verified_by) == (None, True, "user")


def test_a_link_to_another_address_than_the_accounts_verifies_nothing(post, school, anna):
    school.change(anna, email="anna@school.example", email_key="anna@school.example")
    school.act("invitation.send", anna)
    school.work()

    assert invitation_links.accept(post.app, token_in(post.outbox.messages[0]), password=GOOD, confirm=GOOD, address=None)

    assert not account(post, anna).email_verified


@pytest.mark.parametrize(
    "event",
    ["used", "over", "newer", "password", "deactivated", "deleted", "address", "tampered"],
)
def test_a_link_is_worthless_after(post, school, anna, event):
    school.act("invitation.send", anna)
    school.work()
    token = token_in(post.outbox.messages[0])

    if event == "used":
        invitation_links.accept(post.app, token, password=GOOD, confirm=GOOD, address=None)
    elif event == "over":
        with post.app.db.write() as session:
            session.execute(update(OneTimeToken).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    elif event == "newer":
        school.act("invitation.send", anna, again=True)
        school.work()
    elif event == "password":
        school.act("password.reset", anna)
    elif event == "deactivated":
        school.act("account.deactivate", anna)
    elif event == "deleted":
        school.act("account.delete", anna)
    elif event == "address":
        school.change(anna, person={"email": "other@home.example"}, email="third@home.example", email_key="third@home.example")
    else:
        token = token[:-1] + ("A" if token[-1] != "A" else "B")

    assert not invitation_links.accept(post.app, token, password=GOOD, confirm=GOOD, address=None)


def test_a_verification_link_sets_no_password_and_an_invitation_verifies_no_other_account(post, school, anna):
    post.change_email(anna, to="new@home.example")
    school.work()
    verifying = re.search(r"/verify/(\S+)", post.outbox.sent_to("new@home.example")[0].text)[1]

    assert not invitation_links.accept(post.app, verifying, password=GOOD, confirm=GOOD, address=None)


def test_of_many_at_the_same_moment_one_succeeds(post, school, anna):
    school.act("invitation.send", anna)
    school.work()
    token, barrier, outcomes = token_in(post.outbox.messages[0]), Barrier(4), []

    def follow():
        barrier.wait()
        outcomes.append(invitation_links.accept(post.app, token, password=GOOD, confirm=GOOD, address=None))

    threads = [Thread(target=follow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [False, False, False, True]


def test_both_links_of_an_invitation_in_doubt_work_until_one_was_used(post, school, anna):
    def lost():
        raise Ambiguous("The line broke.")

    post.outbox.after["Anna@home.example"] = lost
    school.act("invitation.send", anna)
    post.send()
    post.hurry()
    post.send()
    first, second = (token_in(each) for each in post.outbox.messages)

    assert invitation_links.accept(post.app, first, password=GOOD, confirm=GOOD, address=None)

    assert not invitation_links.accept(post.app, second, password=GOOD, confirm=GOOD, address=None)


def test_a_reset_goes_back_to_the_first_time_password_and_invites_again(post, school, anna):
    school.change(anna, password_hash="x", sealed_password=None, sealed_at=None, invited_at=datetime.now(UTC))

    run = school.act("password.reset_invite", anna)
    school.work()

    (message,) = post.outbox.messages
    assert message.subject.endswith("your password was reset")
    assert token_in(message)
    now = account(post, anna)
    assert now.password_hash is None
    assert now.sealed_password is not None
    assert school.items(run)[anna].outcome == "done"
    school.change(anna, sso_provider="o365")
    with pytest.raises(Refused):
        school.act("password.reset_invite", anna)
