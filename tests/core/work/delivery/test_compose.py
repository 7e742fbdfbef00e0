"""Messages are made when they are sent: for whoever they are for then, and not at all when they have become pointless."""

import re
from datetime import UTC, datetime

from sqlalchemy import select

from rolecall.store.tables import Account, OneTimeToken
from rolecall.work import email_links


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
