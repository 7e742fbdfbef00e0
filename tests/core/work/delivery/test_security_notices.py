"""Whoever an account belongs to is told when what guards it was changed, and nobody else (R59b, R34a, R66, A-20)."""

import re
from datetime import UTC, datetime

import pyotp
import pytest
from sqlalchemy import select, update

from rolecall.accounts import forgotten, identities, invitations, own_password, passwords, second_factor, sessions
from rolecall.accounts.actors import Actor, operator
from rolecall.store.engine import now
from rolecall.store.tables import Account, LinkedIdentity, Person
from rolecall.work import invitation_links, own_second_factor

HOME = "anna@home.example"
OLD, NEW = "quiet-Tuesday-marmalade", "loud-Sunday-apricot"
OFFICE = operator("office")


@pytest.fixture
def anna(school):
    """Anna, whose e-mail is verified and who has a password of her own."""
    return school.student("Anna", username="anna.k", email=HOME, email_verified=True, password_hash=passwords.hash_password(OLD))


def herself(anna):
    return Actor(name=f"account:{anna}", label="Anna", account_id=anna, address="192.0.2.7")


def by_a_link(post, identifier="anna.k"):
    """Ask for a link, and choose a password by it."""
    post.app.db.attempt(lambda session: forgotten.ask(session, identifier, address=None, now=datetime.now(UTC)))
    post.send()
    token = re.search(r"/set-password/(\S+)", post.outbox.messages[-1].text)[1]
    assert invitation_links.accept(post.app, token, password=NEW, confirm=NEW, address=None)


def by_herself(post, anna):
    own_password.change_own(
        post.app.db,
        post.app.keyring,
        actor=herself(anna),
        account_id=anna,
        current=OLD,
        new=NEW,
        session_digest=None,
        now=datetime.now(UTC),
    )


def an_app(post, anna):
    """Set up a second factor as its owner does; answers the view of the session that it was done in."""
    with post.app.db.write() as session:
        token = sessions.create(session, anna, address=None, agent=None, now=now(session))
        second_factor.begin(session, post.app.keyring, anna)
        key = second_factor.next_key(session, post.app.keyring, anna)
        view = sessions.load(session, token, now(session))
    token, _ = own_second_factor.turn_on(post.app, herself(anna), view, pyotp.TOTP(key).now())
    with post.app.db.read() as session:
        return sessions.load(session, token, now(session))


def link(post, anna, how):
    with post.app.db.write() as session:
        identities.link(
            session, session.get_one(Account, anna), method="badge", issuer="https://badge.example", subject="7", how=how, actor=OFFICE,
            now=now(session),
        )  # fmt: skip


CHANGES = {
    "the office sets a password": (
        "password.changed",
        lambda post, anna: post.school.act("password.change", anna, password=NEW, confirm=NEW),
    ),
    "the office resets it": ("password.changed", lambda post, anna: post.school.act("password.reset", anna)),
    "the office resets it and invites at home": ("password.changed", lambda post, anna: post.school.act("password.reset_invite", anna)),
    "by herself": ("password.changed", by_herself),
    "by a link": ("password.changed", lambda post, anna: by_a_link(post)),
    "an app": ("second_factor.changed", an_app),
    "an identity": ("identity.linked", lambda post, anna: link(post, anna, identities.SELF)),
    "an identity, by the office": ("identity.linked", lambda post, anna: link(post, anna, identities.OFFICE)),
    "an identity, by its address": ("identity.linked", lambda post, anna: link(post, anna, identities.EMAIL)),
}


def notices(post):
    kinds = ("password.changed", "second_factor.changed", "identity.linked")
    return [(each.kind, each.address, each.state) for each in post.all() if each.kind in kinds]


@pytest.mark.parametrize("change", CHANGES)
def test_whoever_has_a_verified_address_is_told_of(post, anna, change):
    kind, do = CHANGES[change]

    do(post, anna)
    post.send()

    assert notices(post) == [(kind, HOME, "sent")]
    message = (
        post.outbox.messages[-1] if kind != "password.changed" else next(m for m in post.outbox.messages if "tell the office" in m.text)
    )
    assert message.address == HOME
    assert "anna.k" in message.text
    assert "tell the office at once" in message.text
    assert OLD not in message.text
    assert NEW not in message.text


@pytest.mark.parametrize("change", [each for each in CHANGES if each != "by a link"])
def test_an_address_that_nobody_proved_is_told_nothing_of(post, school, anna, change):
    school.change(anna, email_verified=False)

    CHANGES[change][1](post, anna)

    assert notices(post) == []


def test_until_a_new_address_is_verified_the_one_before_is_told(post, school, anna):
    school.change(anna, email="new@home.example", email_key="new@home.example", email_verified=False, former_email=HOME)

    school.act("password.reset", anna)

    assert notices(post) == [("password.changed", HOME, "queued")]


def test_every_step_at_the_second_factor_is_told(post, anna):
    view = an_app(post, anna)
    own_second_factor.new_recovery_codes(post.app, herself(anna), view)
    own_second_factor.turn_off(post.app, herself(anna), view)
    an_app(post, anna)
    post.school.act("account.reset_second_factor", anna)

    assert [kind for kind, *_ in notices(post)] == ["second_factor.changed"] * 5


def test_who_has_only_a_first_time_password_gets_no_notice_of_another(post, school):
    ben = school.student("Ben", email="ben@home.example", email_verified=True)
    for _ in range(2):
        school.act("password.reset", ben)

    assert notices(post) == []


def test_who_is_invited_again_at_the_same_address_gets_one_message(post, school, anna):
    with post.app.db.write() as session:
        person = session.get_one(Account, anna).person_id
        session.execute(update(Person).where(Person.id == person).values(email="Anna@Home.example"))

    school.act("password.reset_invite", anna)

    assert [each.kind for each in post.all()] == [invitations.RESET]


def test_who_was_converted_is_told_by_another_message(post, anna):
    link(post, anna, identities.CONVERTED)

    assert notices(post) == []
    with post.app.db.read() as session:
        assert session.scalars(select(LinkedIdentity)).one().how == identities.CONVERTED


def test_the_service_is_named_as_people_know_it_while_it_is_there(post, school, anna):
    school.enable("saml")
    post.queue(anna, "identity.linked", method="saml")
    post.queue(anna, "identity.linked", address="anna@old.example", method="gone")
    post.send()

    assert [re.search("somebody at (.*?),", each.text)[1] for each in post.outbox.messages] == ["SAML 2.0", "gone"]


def test_a_notice_goes_out_whatever_became_of_the_account(post, school, anna):
    school.act("password.reset", anna)
    school.act("account.deactivate", anna)
    post.send()

    assert notices(post) == [("password.changed", HOME, "sent")]
