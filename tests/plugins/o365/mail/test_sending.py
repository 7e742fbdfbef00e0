"""Mail through Graph: what arrives, what is looked up before it is sent again, and what each answer comes to."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from rolecall.errors import Ambiguous, Misconfigured, Permanent, Transient
from rolecall.store.tables import Delivery
from rolecall.testing.fixtures import open_school
from rolecall_o365.fake import ALL_ROLES

SINCE = datetime(2026, 9, 1, 8, tzinfo=UTC)
LOOKING = "/users/office@school.example/mailFolders/sentitems/messages"


def calls(tenant):
    return [f"{each['method']} {each['path'].rpartition('/')[2]}" for each in tenant.journal]


def test_a_whole_mail_is_given_over_with_its_own_id_and_both_its_parts(connect, message, sent):
    (result,) = connect().send([message("άννα@home.example", subject="Ihr Konto Ω", sender_name="Σχολείο „Eins“")])

    (mail,) = sent()
    assert (result.error, result.reference) == (None, mail["Message-ID"])
    assert (str(mail["To"]), mail["Subject"], mail["Auto-Submitted"]) == ("άννα@home.example", "Ihr Konto Ω", "auto-generated")
    assert mail.get_body(("plain",)).get_content().startswith("Hello Anna,")
    assert "<p>Hello Anna,</p>" in mail.get_body(("html",)).get_content()


def test_without_a_mailbox_in_the_settings_that_of_the_sender_address_sends(connect, message, tenant):
    (result,) = connect(mailbox="").send([message(sender="office@students.school.example")])

    assert result.error is None
    assert len(tenant.state.mailboxes["office@students.school.example"]) == 1


def test_nothing_of_a_mail_is_in_the_journal_of_the_fake(connect, message, tenant):
    list(connect().send([message()]))

    assert tenant.journal[-1]["body"] == {"mime": "***"}


def test_a_message_in_doubt_that_was_sent_is_found_and_not_sent_again(connect, message, tenant, sent):
    channel = connect()
    first = message(message_id="<it's@school.example>")
    list(channel.send([first]))

    (again,) = channel.send([message(message_id=first.message_id, may_have_left_since=SINCE)])

    assert (again.error, again.reference) == (None, first.message_id)
    assert len(sent()) == 1


def test_a_message_in_doubt_that_is_not_there_is_sent(connect, message, tenant, sent):
    (result,) = connect().send([message(may_have_left_since=SINCE)])

    assert result.error is None
    assert calls(tenant)[-2:] == ["GET messages", "POST sendMail"]
    assert len(sent()) == 1


def test_an_app_that_may_not_look_sends_again(connect, message, tenant, sent):
    tenant.roles = ALL_ROLES - {"Mail.ReadBasic.All"}

    (result,) = connect().send([message(may_have_left_since=SINCE)])

    assert result.error is None
    assert calls(tenant) == ["POST sendMail"]


def test_where_the_token_shows_nothing_it_is_tried(connect, message, tenant, sent):
    tenant.roles, tenant.opaque_tokens = ALL_ROLES - {"Mail.ReadBasic.All"}, True

    (result,) = connect().send([message(may_have_left_since=SINCE)])

    assert result.error is None
    assert len(sent()) == 1


def test_what_cannot_be_asked_now_stays_in_doubt(connect, message, tenant, sent):
    tenant.fail(503, match=lambda method, path: path == LOOKING)

    (result,) = connect().send([message(may_have_left_since=SINCE)])

    assert isinstance(result.error, Ambiguous)
    assert sent() == []


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [(400, "ErrorInvalidRecipients", Permanent), (423, "Locked", Transient), (500, "InternalServerError", Ambiguous)],
)
def test_what_is_wrong_with_one_message_concerns_no_other(connect, message, tenant, sent, status, code, outcome):
    tenant.fail(status, code=code)

    first, second = connect().send([message(), message("ben@home.example")])

    assert (type(first.error).__mro__.count(outcome), second.error) == (1, None)
    assert [str(mail["To"]) for mail in sent()] == ["ben@home.example"]


@pytest.mark.parametrize(
    ("status", "code", "raised", "said"),
    [
        (403, "ErrorAccessDenied", Misconfigured, "does not let the app send"),
        (403, "ErrorSendAsDenied", Misconfigured, "does not let the app send"),
        (404, "ErrorInvalidUser", Misconfigured, "no mailbox"),
        (404, "MailboxNotEnabledForRESTAPI", Misconfigured, "no mailbox"),
        (429, "ApplicationThrottled", Transient, "asks to wait"),
        (503, "MailboxStoreUnavailable", Transient, "asks to wait"),
    ],
)
def test_what_is_wrong_with_us_or_the_mailbox_stops_all(connect, message, tenant, sent, status, code, raised, said):
    tenant.fail(status, code=code, headers={"Retry-After": "37"})

    with pytest.raises(raised, match=said) as stopped:
        list(connect().send([message(), message("ben@home.example")]))

    assert sent() == []
    assert raised is not Transient or stopped.value.retry_after == timedelta(seconds=37)


def test_an_app_that_is_refused_stops_all_and_names_no_secret(connect, message):
    with pytest.raises(Misconfigured) as refused:
        list(connect(client_secret="wr0ng-secret").send([message()]))

    assert "wr0ng-secret" not in f"{refused.value!r} {refused.value}"


def test_the_test_of_the_connection_offers_what_is_no_mail(connect, tenant, wire, sent):
    lines = list(connect().check())

    assert [(line.label, line.ok) for line in lines] == [
        ("Sign-in of the app", True), ("Send mail (Mail.Send)", True), ("Look up whether a message was sent (Mail.ReadBasic.All)", True),
    ]  # fmt: skip
    assert sent() == []
    (offered,) = [each.body for each in wire.journal if each.path.endswith("/sendMail")]
    with pytest.raises(ValueError):
        base64.b64decode(offered, validate=True)


@pytest.mark.parametrize("opaque", [False, True])
def test_a_missing_right_has_its_line_and_says_how_to_mend_it(connect, tenant, opaque):
    tenant.roles, tenant.opaque_tokens = ALL_ROLES - {"Mail.Send", "Mail.ReadBasic.All"}, opaque

    lines = {line.label: line for line in connect().check()}

    assert not lines["Send mail (Mail.Send)"].ok
    assert lines["Send mail (Mail.Send)"].fix
    looking = lines.get("Look up whether a message was sent (Mail.ReadBasic.All)")
    assert opaque or (looking.ok, looking.required) == (False, False)


def test_a_mailbox_that_is_not_there_is_named(connect):
    line = next(line for line in connect(mailbox="nobody@school.example").check() if not line.ok)

    assert "nobody@school.example" in line.detail
    assert "mailbox" in line.fix


def test_a_refused_app_ends_the_test_with_one_line(connect):
    (line,) = connect(client_secret="wrong").check()

    assert not line.ok
    assert line.fix


def test_a_school_invites_through_it_and_a_refusal_stands_on_the_account(database_url, tmp_path, tenant, wire, connect, sent):
    with open_school(database_url, tmp_path, allow="127.0.0.1:*") as school:
        school.configure("o365_mail", {**connect().settings, "mailbox": "office@school.example"})
        school.save("core", sender_addresses=["office@school.example"])
        anna, ben = (school.student(name) for name in ("Anna", "Ben"))
        school.change(ben, person={"email": "ben@nowhere.example"})
        tenant.state.unresolved.add("ben@nowhere.example")

        school.act("invitation.send", anna, ben)
        school.work()

        with school.app.db.read() as session:
            rows = {row.account_id: row for row in session.scalars(select(Delivery))}
        assert rows[anna].state == "sent"
        assert (rows[ben].state, "isn't valid" in rows[ben].error) == ("bounced", True)
        assert school.provider_state("o365_mail").state == "ok"
    assert len(sent()) == 1
