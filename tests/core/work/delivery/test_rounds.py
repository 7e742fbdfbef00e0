"""The messages of one claim share what was read for it, and each sees what changed since the one before."""

from sqlalchemy import event

from rolecall.sdk.template import TemplateText
from rolecall.work import changes, message_texts

#: For each message: whom it is for, older links die, its link, that it is tried, that it was sent, twice that somebody was invited.
STATEMENTS = 7


def statements(post, accounts):
    """How many statements it takes to invite these accounts."""
    counted = []
    post.school.act("invitation.send", *accounts)

    def count(connection, cursor, statement, *_):
        if not statement.startswith("BEGIN"):
            counted.append(statement)

    event.listen(post.app.db.engine, "before_cursor_execute", count)
    try:
        assert post.send() == len(accounts)
    finally:
        event.remove(post.app.db.engine, "before_cursor_execute", count)
    return len(counted)


def test_a_message_asks_the_database_for_nothing_that_the_one_before_asked(post, school):
    students = school.students(12)
    school.act("invitation.send", students[0])
    post.send()

    few, many = statements(post, students[1:3]), statements(post, students[3:])

    assert many - few == STATEMENTS * (9 - 2)


def two(post, school, deed):
    """Queue two messages, do something while the first is sent, and return both as they left."""
    first, second = school.students(2)
    post.queue(first, address="first@home.example")
    post.queue(second, address="second@home.example")
    post.outbox.before["first@home.example"] = deed

    post.send()

    return post.outbox.messages


def test_settings_that_change_meanwhile_count_for_the_next_message(post, school):
    changes.set_plugin(school.app, school.actor, "core", values={"institution_name": "Old school"})

    sent = two(post, school, lambda: changes.set_plugin(school.app, school.actor, "core", values={"institution_name": "New school"}))

    assert [each.sender_name for each in sent] == ["Old school", "New school"]


def test_a_text_that_changes_meanwhile_counts_from_the_next_claim(post, school):
    text = TemplateText(subject="Another subject", body="Another text.")
    first, second = two(post, school, lambda: message_texts.save(school.app, school.actor, "email.changed", "en", text=text))
    assert first.subject == second.subject != "Another subject"

    post.queue(school.student("Third"), address="third@home.example")
    post.send()

    assert post.outbox.messages[2].subject == "Another subject"
