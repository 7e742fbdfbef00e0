"""A school whose messages go through a real mail server: set up by the operator or by the office, shown, and refused where it must be."""

import pytest
from sqlalchemy import select

from rolecall import Network, Tcp
from rolecall.errors import NotConnected, Refused
from rolecall.sdk.http import Http
from rolecall.store.tables import Delivery
from rolecall.testing.fixtures import open_school
from rolecall.testing.wire import Wire
from rolecall.work import changes, connection
from rolecall.work.documents import plugin_document
from rolecall_email.channel import EmailChannel
from rolecall_email.fake import create_app
from rolecall_email.settings import EmailSettings


def document(school):
    with school.app.db.read() as session:
        return plugin_document(session, school.app.plugins.installed["email"])


def change_address(school, to="anna@home.example"):
    anna = school.student("Anna", email=None)
    school.act("account.email", anna, email=to)
    school.work()


def test_the_operators_address_is_all_that_it_needs(database_url, tmp_path, port, mailboxes):
    with open_school(database_url, tmp_path, mail_url=f"smtp://127.0.0.1:{port}") as school:
        change_address(school)

        (mail,) = mailboxes.mails
        assert mail["To"] == "anna@home.example"
        assert mail["From"].addresses[0].addr_spec == "rolecall@localhost"
        shown = document(school)
        assert (shown["enabled"], shown["given_by"], shown["settings"]["port"]) == (True, "ROLECALL_MAIL_URL", port)
        assert all(line.ok for line in connection.check(school.app, "email"))
        with pytest.raises(Refused, match="cannot be changed here"):
            changes.set_plugin(school.app, school.actor, "email", values={"host": "other.example"})
        with pytest.raises(Refused, match="cannot be disabled here"):
            changes.set_plugin(school.app, school.actor, "email", enabled=False)


def test_an_address_that_cannot_be_read_is_a_fault_and_messages_wait(database_url, tmp_path):
    with open_school(database_url, tmp_path, mail_url="smtp://u:hunter2@mail.example?tls=1") as school:
        change_address(school)

        assert "ROLECALL_MAIL_URL cannot be used" in document(school)["fault"]
        assert "hunter2" not in str(document(school))
        assert [line.ok for line in connection.check(school.app, "email")] == [False]


def test_a_refused_sign_in_of_the_operators_address_is_tried_again_after_a_restart(database_url, tmp_path, port, mailboxes):
    mailboxes.answers["MAIL"] = "530 5.7.0 sign in first"
    with open_school(database_url, tmp_path, mail_url=f"smtp://127.0.0.1:{port}") as school:
        change_address(school)
        assert document(school)["state"] == "paused"
        mailboxes.answers.clear()
        assert school.work() == 0

    with open_school(database_url, tmp_path, mail_url=f"smtp://127.0.0.1:{port}") as school:
        school.work()

    assert len(mailboxes.mails) == 1


def test_the_office_sets_it_up_and_settings_are_saved_only_if_they_work(database_url, tmp_path, port, mailboxes):
    with open_school(database_url, tmp_path, allow="127.0.0.1:*") as school:
        with pytest.raises(NotConnected, match="STARTTLS"):
            changes.set_plugin(school.app, school.actor, "email", values={"host": "127.0.0.1", "port": port})
        changes.set_plugin(
            school.app, school.actor, "email", enabled=True, values={"host": "127.0.0.1", "port": port, "security": "none"}
        )  # fmt: skip

        change_address(school)

        assert document(school)["connected_at"]
        assert len(mailboxes.mails) == 1


def test_a_channel_that_stopped_goes_on_when_the_test_of_its_connection_works(database_url, tmp_path, port, mailboxes):
    with open_school(database_url, tmp_path, allow="127.0.0.1:*") as school:
        school.configure("email", {"host": "127.0.0.1", "port": port, "security": "none"})
        mailboxes.answers["MAIL"] = "550 5.7.1 not your address"
        change_address(school)
        assert document(school)["state"] == "paused"
        mailboxes.answers.clear()

        connection.check(school.app, "email")
        school.work()

        assert document(school)["state"] == "ok"
        assert len(mailboxes.mails) == 1


def test_what_the_server_refuses_for_good_is_kept_with_its_words(database_url, tmp_path, port, mailboxes):
    mailboxes.answers["anna@home.example"] = "550 5.1.1 no such user"
    with open_school(database_url, tmp_path, mail_url=f"smtp://127.0.0.1:{port}") as school:
        change_address(school)

        with school.app.db.read() as session:
            row = session.scalars(select(Delivery)).one()
            assert (row.state, "550 5.1.1 no such user" in row.error) == ("bounced", True)


def test_the_demos_inbox_shows_what_was_sent(message):
    inbox = create_app("http://127.0.0.1/_fake/email")
    http = Http(allow=("127.0.0.1:*",))
    channel = EmailChannel(EmailSettings().load(inbox.settings), Network(http=http, tcp=Tcp(allow=("127.0.0.1:*",))))
    try:
        with Wire(inbox) as wire:
            assert "No message was sent yet" in wire.http.get(f"{wire.url}/").text
            list(channel.send([message(subject="<b>Hello</b>", text="Open:\n\nhttp://127.0.0.1/verify/abc\n\n.\n<script>")]))

            assert "&lt;b&gt;Hello&lt;/b&gt;" in wire.http.get(f"{wire.url}/").text
            shown = wire.http.get(f"{wire.url}/0").text
            assert '<a href="http://127.0.0.1/verify/abc">' in shown
            assert "<script>" not in shown
            assert wire.http.get(f"{wire.url}/7").status == 404
    finally:
        http.close()
        inbox.close()
