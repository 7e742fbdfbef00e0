"""What people do to their own account: only to it, by its rules, and with an entry in the audit (R59b, R22, A-20, S-07)."""

import json

import pytest
from sqlalchemy import select, update

from rolecall.accounts import emails, own_email, passwords, sessions
from rolecall.accounts.actors import Actor, operator
from rolecall.errors import Busy, Forbidden, Invalid, Refused, Stale
from rolecall.sdk.snapshots import Refusal
from rolecall.store.engine import now
from rolecall.store.tables import Account, AuditEntry, Delivery, Link, Listing, Person, WebSession
from rolecall.testing.factories import enable_provider, make_account, set_plain
from rolecall.work import own_account, own_data
from rolecall.work.own_account import change_email

PASSWORD = "quiet-Tuesday-marmalade"
HASH = passwords.hash_password(PASSWORD)


class Own:
    """Somebody with an account at a provider, who acts on it."""

    def __init__(self, office):
        self.office = office
        with office.app.db.write() as session:
            enable_provider(session, "moodle")
            account = make_account(session, "Anna", last_name="Berg", password_hash=HASH, email="anna@home.example", email_verified=True)
            self.id = account.id
        self.actor = Actor(name=f"account:{self.id}", label="Anna Berg", account_id=self.id, address="192.0.2.7")

    @property
    def account(self):
        return self.office.account(self.id)

    def sign_in(self, device="Firefox", account_id=None):
        with self.office.app.db.write() as session:
            return sessions.create(session, account_id or self.id, address="192.0.2.7", agent=device, now=now(session))

    def signed_in(self, token):
        with self.office.app.db.read() as session:
            return sessions.load(session, token, now(session)) is not None

    def audited(self):
        with self.office.app.db.read() as session:
            return [(each.kind, each.account_id, each.payload) for each in session.scalars(select(AuditEntry).order_by(AuditEntry.seq))]

    def is_behind(self):
        with self.office.app.db.read() as session:
            return session.scalar(select(Link.id).where(Link.account_id == self.id, Link.synced < Link.wanted)) is not None


@pytest.fixture
def own(office):
    return Own(office)


def test_the_name_is_ones_own_and_the_persons_record_stays(own):
    assert own_account.rename(own.office.app, own.actor, {"first_name": " Annie ", "last_name": "Berg-Lund"})

    account = own.account
    assert (account.first_name, account.last_name, account.name_by_hand, account.version) == ("Annie", "Berg-Lund", True, 2)
    assert own.is_behind()
    with own.office.app.db.read() as session:
        assert session.get_one(Person, account.person_id).first_name == "Anna"
        assert "annie" in session.get_one(Listing, own.id).search
    ((kind, account_id, payload),) = own.audited()
    assert (kind, account_id) == ("account.own_name", own.id)
    assert (payload["before"]["first_name"], payload["after"]["first_name"]) == ("Anna", "Annie")


def test_the_same_name_again_is_no_change(own):
    assert not own_account.rename(own.office.app, own.actor, {"first_name": "Anna", "last_name": "Berg"})

    assert (own.account.version, own.account.name_by_hand, own.audited(), own.is_behind()) == (1, False, [], False)


@pytest.mark.parametrize(
    ("names", "fields"),
    [
        ({"first_name": "  ", "last_name": "Berg"}, ["first_name"]),
        ({}, ["first_name", "last_name"]),
        ({"first_name": "A" * 201, "last_name": "Berg"}, ["first_name"]),
        ({"first_name": "Anna\0", "last_name": "Berg"}, ["first_name"]),
    ],
)
def test_what_is_no_name_is_said_at_its_field(own, names, fields):
    with pytest.raises(Invalid) as caught:
        own_account.rename(own.office.app, own.actor, names)

    assert list(caught.value.fields) == fields
    assert own.account.first_name == "Anna"


def test_the_office_may_keep_the_names_to_itself(own):
    own.office.make(set_plain, "core", own_profile_name=False)

    with pytest.raises(Refused) as caught:
        own_account.rename(own.office.app, own.actor, {"first_name": "Annie", "last_name": "Berg"})

    assert "office" in str(caught.value)
    assert own.account.first_name == "Anna"


def test_a_plugin_may_refuse_the_name(own):
    def validate_accounts(changes):
        return [Refusal(account_id=each.after.id, code="rude", message="That name is taken by the head.") for each in changes]

    own.office.use("trial", validate_accounts=validate_accounts)

    with pytest.raises(Refused, match="taken by the head"):
        own_account.rename(own.office.app, own.actor, {"first_name": "Annie", "last_name": "Berg"})

    assert (own.account.first_name, own.audited()) == ("Anna", [])


def test_the_language_is_chosen_and_left_again(own):
    chosen = own_account.choose_language(own.office.app, own.actor, "el")
    again = own_account.choose_language(own.office.app, own.actor, "el")
    language = own.account.language
    own_account.choose_language(own.office.app, own.actor, "")

    assert (chosen, again, language, own.account.language, own.account.version) == (True, False, "el", None, 1)
    assert [each[2]["after"] for each in own.audited()] == [{"language": "el"}, {"language": None}]


def test_the_institutions_own_language_is_offered_and_others_are_not(own):
    own.office.make(set_plain, "core", default_language="pt-BR")

    assert own_account.choose_language(own.office.app, own.actor, "pt-BR")
    with pytest.raises(Invalid) as caught:
        own_account.choose_language(own.office.app, own.actor, "xx")

    assert list(caught.value.fields) == ["language"]


@pytest.mark.parametrize("mode", [emails.BLOCK, emails.KEEP])
def test_another_address_means_what_the_institution_decided(own, mode):
    own.office.make(set_plain, "core", email_change=mode)
    token = own.sign_in()

    said = change_email(own.office.app, own.actor, address="anna@new.example", password=PASSWORD)

    account = own.account
    assert (said, account.email, account.email_verified, account.version) == (mode, "anna@new.example", False, 2)
    assert (account.must_verify_email, own.signed_in(token)) == ((True, False) if mode == emails.BLOCK else (False, True))
    assert own.is_behind()
    with own.office.app.db.read() as session:
        sent = dict(session.execute(select(Delivery.kind, Delivery.address)).all())
    assert sent == {emails.VERIFICATION: "anna@new.example", emails.CHANGED: "anna@home.example"}
    kinds = [kind for kind, *_ in own.audited()]
    assert kinds == ["account.own_email"]


@pytest.mark.parametrize(
    ("address", "password", "fields"),
    [("not an address", PASSWORD, ["email"]), ("anna@new.example", "wrong", ["current"])],
)
def test_an_address_needs_to_be_one_and_the_present_password(own, address, password, fields):
    with pytest.raises(Invalid) as caught:
        change_email(own.office.app, own.actor, address=address, password=password)

    assert list(caught.value.fields) == fields
    assert own.account.email == "anna@home.example"


def test_wrong_passwords_are_counted(own):
    for _ in range(10):
        with pytest.raises(Invalid):
            change_email(own.office.app, own.actor, address="anna@new.example", password="wrong")

    with pytest.raises(Busy):
        change_email(own.office.app, own.actor, address="anna@new.example", password=PASSWORD)


def test_nobody_learns_that_an_address_is_somebodys_user_name(own):
    own.office.make(make_account, "Boris", username="boris@school.example")

    with pytest.raises(Refused) as caught:
        change_email(own.office.app, own.actor, address="boris@school.example", password=PASSWORD)

    assert "user name" not in str(caught.value)
    assert own.account.email == "anna@home.example"


def test_who_is_signed_in_by_a_provider_asks_the_office(own):
    with own.office.app.db.write() as session:
        session.execute(update(Account).where(Account.id == own.id).values(sso_provider="o365"))

    with pytest.raises(Refused, match="Ask the office"):
        change_email(own.office.app, own.actor, address="anna@new.example", password=PASSWORD)


def test_a_password_that_was_changed_meanwhile_proves_nothing(own):
    app, moment = own.office.app, own.account.created_at
    proved = own_email.prove(
        app.db, app.keyring, actor=own.actor, account_id=own.id, address="a@new.example", password=PASSWORD, now=moment
    )
    with own.office.app.db.write() as session:
        session.execute(update(Account).where(Account.id == own.id).values(password_hash="another"))

    with pytest.raises(Stale), app.db.write() as session:
        own_email.change(session, proved, "a@new.example", now=now(session))

    assert own.account.email == "anna@home.example"


def test_a_session_is_ended_by_its_handle_and_nobody_elses(own):
    boris = own.office.make(make_account, "Boris")
    here, there, strange = own.sign_in(), own.sign_in("Safari"), own.sign_in(account_id=boris.id)
    handle = {token: sessions.handle_of(sessions.digest_of(token)) for token in (here, there, strange)}

    ended = own_account.end_session(own.office.app, own.actor, handle[there])
    again = own_account.end_session(own.office.app, own.actor, handle[there])
    others = own_account.end_session(own.office.app, own.actor, handle[strange])

    assert (ended, again, others) == (True, False, False)
    assert [own.signed_in(each) for each in (here, there, strange)] == [True, False, True]
    ((kind, account_id, payload),) = own.audited()
    assert (kind, account_id, payload["device"]) == ("session.end", own.id, "Safari")


def test_all_other_sessions_are_ended_at_once(own):
    boris = own.office.make(make_account, "Boris")
    tokens = [own.sign_in() for _ in range(3)]
    strange = own.sign_in(account_id=boris.id)

    count = own_account.end_other_sessions(own.office.app, own.actor, sessions.digest_of(tokens[0]))
    none_left = own_account.end_other_sessions(own.office.app, own.actor, sessions.digest_of(tokens[0]))

    assert (count, none_left) == (2, 0)
    assert [own.signed_in(each) for each in (*tokens, strange)] == [True, False, False, True]
    assert [kind for kind, *_ in own.audited()] == ["session.end"]


def test_who_has_no_account_has_none_of_their_own(office):
    with pytest.raises(Forbidden):
        own_account.end_other_sessions(office.app, operator("office"), "")


def test_ones_own_data_are_all_there_and_no_secret_is(own):
    own.sign_in("Firefox on a phone")
    with own.office.app.db.write() as session:
        session.execute(update(Account).where(Account.id == own.id).values(sealed_password=b"sealed", language="el"))
        session.add(Link(account_id=own.id, provider="moodle", goal="present", error="Token t0ken is refused.", changed_at=now(session)))
        session.flush()
        document = own_data.own_data(session, own.id)
        digest = session.scalars(select(WebSession.digest)).one()

    text = json.dumps(document)
    assert (document["account"]["username"], document["account"]["language"]) == (own.account.username, "el")
    assert document["account"]["person"]["code"]
    assert document["sessions"][0]["device"] == "Firefox on a phone"
    assert not any(secret in text for secret in (HASH, "sealed", digest, digest[:16], "t0ken"))
