"""Changing the e-mail of an account in both modes: what signs in afterwards, who is told, and the way back (R22, R30, T-05, T-06, T-15)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from rolecall.accounts import emails, passwords, sessions, sign_in, tokens
from rolecall.accounts.emails import LINK
from rolecall.errors import ConsentRequired, Invalid, Refused
from rolecall.store.tables import Account, AuditEntry, Delivery, Listing, Person
from rolecall.testing.factories import make_account, set_plain
from rolecall.work import email_links
from rolecall.work.runs.undo import start_undo

RIGHT = "quiet-Tuesday-marmalade"
HASH = passwords.hash_password(RIGHT)
OLD, NEW = "anna@school.example", "anna.new@school.example"


@pytest.fixture
def anna(case):
    """Anna with a password of her own and a verified address; and how her office works."""
    return Anna(case)


class Anna:
    def __init__(self, case):
        self.case, self.app = case, case.office.app
        case.set(password_hash=HASH, username="anna.k", username_key="anna.k")
        case.set(email=OLD, email_key=OLD, email_verified=True, email_verified_by="user")

    def mode(self, mode):
        with self.app.db.write() as session:
            set_plain(session, "core", email_change=mode)

    def change(self, email=NEW):
        return self.case.act("account.email", email=email)

    def enters(self, identifier):
        """How an attempt with the right password ends."""
        outcome = sign_in.sign_in(
            self.app.db, self.app.keyring, identifier=identifier, password=RIGHT, address=None, agent=None, now=datetime.now(UTC)
        )
        return outcome.result

    def link(self, address=None, at=None):
        with self.app.db.write() as session:
            to = address or session.get_one(Account, self.case.id).email
            return emails.verification_link_token(session, self.case.id, address=to, now=at or datetime.now(UTC))

    def follow(self, token):
        return email_links.verify(self.app, token, address="192.0.2.9")

    @property
    def messages(self):
        with self.app.db.read() as session:
            rows = session.scalars(select(Delivery).order_by(Delivery.id)).all()
            return [(each.kind, each.address, each.state) for each in rows]

    @property
    def now(self):
        return self.case.columns()


@pytest.mark.parametrize(
    ("mode", "before_verified", "by_name", "by_old", "by_new"),
    [
        ("block", True, "unverified", "wrong", "wrong"),
        ("block", False, "unverified", "wrong", "wrong"),
        ("keep", True, "ok", "ok", "wrong"),
        ("keep", False, "ok", "wrong", "wrong"),
    ],
)
def test_what_signs_in_until_the_new_address_is_verified(anna, mode, before_verified, by_name, by_old, by_new):
    anna.mode(mode)
    anna.case.set(email_verified=before_verified)

    anna.change()

    assert [anna.enters(each) for each in ("anna.k", OLD, NEW)] == [by_name, by_old, by_new]
    assert (anna.now["email"], anna.now["email_verified"]) == (NEW, False)


@pytest.mark.parametrize("mode", ["block", "keep"])
@pytest.mark.parametrize("by", ["link", "office"])
def test_what_signs_in_once_it_is_verified(anna, mode, by):
    anna.mode(mode)
    anna.change()

    if by == "link":
        assert anna.follow(anna.link())
    else:
        anna.case.act("account.verify_email", reason="She called.")

    assert [anna.enters(each) for each in ("anna.k", OLD, NEW)] == ["ok", "wrong", "ok"]
    assert anna.now["email_verified_by"] == ("user" if by == "link" else "admin")
    assert (anna.now["must_verify_email"], anna.now["former_email"], anna.now["former_email_key"]) == (False, None, None)


def test_the_way_in_is_told_only_after_the_right_password(anna):
    anna.change()

    wrong = sign_in.sign_in(
        anna.app.db, anna.app.keyring, identifier="anna.k", password="not it", address=None, agent=None, now=datetime.now(UTC)
    )

    assert (wrong.result, wrong.message) == ("wrong", sign_in.WRONG)
    right = sign_in.sign_in(
        anna.app.db, anna.app.keyring, identifier="anna.k", password=RIGHT, address=None, agent=None, now=datetime.now(UTC)
    )
    assert (right.result, right.account_id) == ("unverified", None)
    assert "Follow the link in the message to the new address, or ask the office" in right.message
    with anna.app.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.kind == "sign-in").order_by(AuditEntry.seq.desc())).first()
        assert (entry.actor, entry.payload["result"]) == (f"account:{anna.case.id}", "unverified")


def test_block_stops_sessions_links_and_api_tokens(anna):
    with anna.app.db.write() as session:
        link = tokens.create_link(session, sign_in.LINK, anna.case.id, lasts=timedelta(hours=1), now=datetime.now(UTC))
        bearer, _ = tokens.create(session, anna.case.id, name="script", now=datetime.now(UTC))

    anna.change()

    assert anna.case.sessions == 0
    assert sign_in.by_link(anna.app.db, token=link, address=None, agent=None, now=datetime.now(UTC)).result == "wrong"
    with anna.app.db.write() as session:
        assert tokens.authenticate(session, bearer, datetime.now(UTC)) is None
        late = sessions.create(session, anna.case.id, address=None, agent=None, now=datetime.now(UTC))
        assert sessions.load(session, late, datetime.now(UTC)) is None, "of somebody who came in at the same moment"
        later = tokens.create_link(session, sign_in.LINK, anna.case.id, lasts=timedelta(hours=1), now=datetime.now(UTC))
    assert sign_in.by_link(anna.app.db, token=later, address=None, agent=None, now=datetime.now(UTC)).result == "unverified"


def test_keep_ends_no_session_and_kills_unused_links(anna):
    anna.mode("keep")
    with anna.app.db.write() as session:
        link = tokens.create_link(session, "reset", anna.case.id, lasts=timedelta(hours=1), now=datetime.now(UTC))

    anna.change()

    assert anna.case.sessions == 1
    with anna.app.db.read() as session:
        assert not tokens.is_usable(session, link, "reset", datetime.now(UTC))


def test_keep_goes_on_with_the_last_verified_address_through_several_changes(anna):
    anna.mode("keep")

    anna.change("second@school.example")
    anna.change("third@school.example")

    assert [anna.enters(each) for each in (OLD, "second@school.example", "third@school.example")] == ["ok", "wrong", "wrong"]


def test_an_address_that_another_account_holds_verified_signs_nobody_in(anna):
    anna.mode("keep")
    anna.case.office.make(make_account, "Ben", email=OLD, email_verified=True)

    anna.change()

    assert anna.enters(OLD) == "wrong"
    assert anna.enters("anna.k") == "ok"


@pytest.mark.parametrize("mode", ["block", "keep"])
def test_an_account_that_a_provider_signs_in_is_never_blocked(anna, mode):
    anna.mode(mode)
    anna.case.set(sso_provider="moodle")

    anna.change()

    assert (anna.now["email"], anna.now["must_verify_email"], anna.now["former_email"]) == (NEW, False, None)
    assert anna.case.sessions == 1


def test_the_persons_record_stays_and_the_providers_are_told(anna):
    anna.case.link()
    with anna.app.db.read() as session:
        before = session.scalar(select(Person.email))

    anna.change()

    with anna.app.db.read() as session:
        assert session.scalar(select(Person.email)) == before
        assert NEW in session.scalar(select(Listing.search))
        assert not session.scalar(select(Listing.verified))
    assert anna.case.links == [("moodle", "present", "77", True)]


@pytest.mark.parametrize(
    ("email", "kind", "sentence"),
    [
        ("", Invalid, "not an e-mail address"),
        ("anna", Invalid, "not an e-mail address"),
        ("anna@school", Invalid, "not an e-mail address"),
        ("anna@school.example,eve@evil.example", Invalid, "not an e-mail address"),
        ("anna@school.example\nBcc: eve@evil.example", Invalid, "not an e-mail address"),
        ("a" * 250 + "@x.example", Invalid, "not an e-mail address"),
        ("аnna@school.example", Invalid, "mixes letters"),
        ("ANNA@School.Example", Refused, "is anna@school.example already"),
        (" anna@school.example ", Refused, "is anna@school.example already"),
        ("ben@school.example", Refused, "user name of another account"),
        ("BEN@school.example", Refused, "user name of another account"),
    ],
)
def test_an_address_that_will_not_do_is_refused_in_words(anna, email, kind, sentence):
    anna.case.office.make(make_account, "Ben", username="ben@school.example", email="other@school.example")

    refused = anna.case.refusal("account.email", email=email)

    assert type(refused) is kind
    assert sentence in str(refused)
    assert anna.messages == []


def test_consent_says_the_mode_in_force(anna):
    provider = anna.case.office.make(make_account, "Ben", sso_provider="moodle")
    said = {}
    for mode in ("block", "keep"):
        anna.mode(mode)
        for name, account in (("anna", anna.case.id), ("ben", provider)):
            with pytest.raises(ConsentRequired) as asked:
                anna.case.office.act("account.email", account, email=NEW)
            said[mode, name] = asked.value.message

    assert "nobody can sign in to this account by any means until the new address is verified" in said["block", "anna"]
    assert "The user name goes on working" in said["keep", "anna"]
    assert "becomes its login name" in said["block", "ben"]
    assert said["block", "ben"] == said["keep", "ben"]
    assert anna.now["email"] == OLD


def test_the_new_address_gets_a_link_and_the_old_one_a_notice(anna):
    anna.change()

    assert anna.messages == [("email.verification", NEW, "queued"), ("email.changed", OLD, "queued")]


def test_a_message_to_an_address_between_two_changes_is_not_sent(anna):
    anna.change("typo@school.example")
    anna.change(NEW)

    assert anna.messages == [
        ("email.verification", "typo@school.example", "skipped"),
        ("email.changed", OLD, "queued"),
        ("email.verification", NEW, "queued"),
        ("email.changed", "typo@school.example", "queued"),
    ]


@pytest.mark.parametrize("by", ["link", "office"])
def test_a_message_with_a_link_that_nobody_needs_is_not_sent(anna, by):
    anna.change()

    if by == "link":
        anna.follow(anna.link())
    else:
        anna.case.act("account.verify_email", reason="")

    assert ("email.verification", NEW, "skipped") in anna.messages


def test_an_account_without_an_address_gets_one(anna):
    anna.case.set(email=None, email_key=None, email_verified=False, email_verified_by=None)

    anna.change()

    assert anna.messages == [("email.verification", NEW, "queued")]
    assert anna.enters("anna.k") == "unverified"


def test_a_link_works_once_for_the_address_it_was_sent_to(anna):
    anna.change()
    token = anna.link()

    assert [anna.follow(token), anna.follow(token)] == [True, False]


@pytest.mark.parametrize("how", ["changed", "changed elsewhere", "too old", "of another purpose", "deleted", "deactivated", "newer"])
def test_a_link_that_does_not_fit_verifies_nothing(anna, how):
    anna.change()
    old = datetime.now(UTC) - emails.LINK_LASTS
    token = anna.link(at=old if how == "too old" else None)
    if how == "changed":
        anna.change("third@school.example")
    elif how == "changed elsewhere":
        # By whoever forgot to kill the links: the address it was made for still is not the account's.
        anna.case.set(email="third@school.example", email_key="third@school.example")
    elif how == "of another purpose":
        with anna.app.db.write() as session:
            token = tokens.create_link(session, sign_in.LINK, anna.case.id, lasts=timedelta(hours=1), now=datetime.now(UTC), address=NEW)
    elif how in ("deleted", "deactivated"):
        anna.case.act("account.delete" if how == "deleted" else "account.deactivate")
    elif how == "newer":
        anna.link()

    assert not anna.follow(token)
    assert not anna.now["email_verified"]


def test_a_verification_by_link_is_in_the_audit_and_in_the_list(anna):
    anna.change()

    anna.follow(anna.link())

    with anna.app.db.read() as session:
        assert session.scalar(select(Listing.verified))
        entry = session.scalars(select(AuditEntry).where(AuditEntry.kind == "email.verify")).one()
        assert (entry.actor, entry.account_id, entry.address) == (f"account:{anna.case.id}", anna.case.id, "192.0.2.9")
        assert entry.payload["after"]["email_verified_by"] == "user"
        assert LINK not in str(entry.payload)


@pytest.mark.parametrize("mode", ["block", "keep"])
def test_undo_puts_the_address_and_what_signs_in_back(anna, mode):
    anna.mode(mode)
    before = anna.now

    anna.case.undo(anna.change())

    assert {name for name, value in anna.now.items() if value != before[name]} == {"version"}
    assert [anna.enters(each) for each in ("anna.k", OLD, NEW)] == ["ok", "ok", "wrong"]
    assert ("email.verification", NEW, "skipped") in anna.messages


def test_undo_leaves_an_address_alone_that_was_verified_since(anna):
    run_id = anna.change()
    anna.follow(anna.link())

    undo = anna.case.undo(run_id)

    assert [item["code"] for item in anna.case.office.items(undo)] == ["changed-since"]
    assert anna.now["email"] == NEW


def test_undo_does_not_give_an_address_back_that_became_a_user_name(anna):
    run_id = anna.change()
    ben = anna.case.office.make(make_account, "Ben")
    anna.case.office.act("account.username", ben, username=OLD)

    undo = anna.case.undo(run_id)

    (item,) = anna.case.office.items(undo)
    assert (item["outcome"], item["code"]) == ("skipped", "email-is-username")
    assert anna.now["email"] == NEW


def test_undoing_the_offices_word_stops_the_account_again_and_queues_the_link_again(anna):
    anna.change()
    run_id = anna.case.act("account.verify_email", reason="")
    with anna.app.db.write() as session:
        sessions.create(session, anna.case.id, address=None, agent=None, now=datetime.now(UTC))

    anna.case.undo(run_id)

    assert anna.enters("anna.k") == "unverified"
    assert anna.case.sessions == 0
    assert [state for kind, _, state in anna.messages if kind == "email.verification"] == ["skipped", "queued"]


def test_undoing_the_offices_word_for_many_takes_few_statements(office, statements):
    with office.app.db.write() as session:
        set_plain(session, "core", email_change="keep")
        ids = [make_account(session, former_email=f"old{n}@x.example", former_email_key=f"old{n}@x.example").id for n in range(120)]
    run_id = office.act("account.verify_email", *ids, reason="")
    office.work()

    with statements(office.app.db) as sent:
        undo = start_undo(office.app, office.actor, run_id)
        office.work()

    assert office.run(undo)["counts"]["done"] == 120
    assert len(sent) < 80
    with office.app.db.read() as session:
        assert session.scalars(select(Account.former_email).order_by(Account.id)).all() == [f"old{n}@x.example" for n in range(120)]
