"""A slip says of a first-time password what sign-in would say of it (R28, R46, A-18, A-19)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from rolecall.accounts import passwords, sign_in
from rolecall.accounts.slips import PasswordState, slips
from rolecall.store.tables import Account, Listing
from rolecall.testing.factories import give_role, make_account, make_accounts, make_period, make_role

NOW = datetime.now(UTC)
FIRST = "kqm4tv-9xbhwd-63rpjc"
OWN = "$argon2id$own"


@pytest.fixture
def slip_of(db, keyring):
    """A function that makes an account in some state and the slip that a run which handed out a password makes of it."""

    def make(handed=FIRST, kept=FIRST, own_language=None, **values):
        with db.write() as session:
            account = make_account(session, "Anna", last_name="Smith", **values)
            account.language = own_language
            if kept:
                account.sealed_password = keyring.seal(kept, passwords.sealed_place(account.id))
        with db.read() as session:
            (slip,) = slips(session, keyring, {account.id: handed}, labels={"o365": "Microsoft 365"}, now=NOW)
        return slip

    return make


def test_a_password_that_was_never_used_is_printed_with_its_end(slip_of):
    slip = slip_of(sealed_at=NOW - timedelta(days=1), must_change_password=True)

    assert (slip.state, slip.password, slip.until) == (PasswordState.SIGNS_IN, FIRST, NOW + timedelta(days=6))
    assert slip.must_change


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"sealed_at": NOW - timedelta(days=7)}, PasswordState.OVER),
        ({"sealed_at": NOW, "password_hash": OWN, "must_change_password": True}, PasswordState.SIGNS_IN),
        ({"sealed_at": NOW, "password_hash": OWN, "must_change_password": True, "kept": None}, PasswordState.SIGNS_IN),
        ({"password_hash": OWN}, PasswordState.USED),
        ({"password_hash": OWN, "must_change_password": True}, PasswordState.USED),
        ({"sealed_at": NOW, "kept": "another-one"}, PasswordState.USED),
        ({"sealed_at": NOW, "phone_guesses_left": 3, "first_is_phone": True}, PasswordState.SIGNS_IN),
        ({"sealed_at": NOW, "password_hash": OWN, "must_change_password": True, "first_is_phone": True}, PasswordState.USED),
    ],
)
def test_a_password_that_is_there_is_printed_with_what_is_true_of_it(slip_of, values, state):
    slip = slip_of(**values)

    assert (slip.state, slip.password) == (state, FIRST)


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"handed": "", "kept": None, "password_hash": OWN}, PasswordState.GONE),
        ({"handed": "", "kept": None}, PasswordState.GONE),
        ({}, PasswordState.GONE),
        ({"sealed_at": NOW, "phone_guesses_left": 0, "first_is_phone": True}, PasswordState.GONE),
        ({"sealed_at": NOW, "phone_guesses_left": 5, "first_is_phone": True, "type": "administrator"}, PasswordState.GONE),
        ({"sealed_at": NOW, "sso_provider": "o365"}, PasswordState.ELSEWHERE),
    ],
)
def test_what_does_not_sign_in_is_not_printed(slip_of, values, state):
    slip = slip_of(**values)

    assert (slip.state, slip.password) == (state, None)


def test_who_signs_in_at_a_provider_reads_its_name(slip_of):
    assert slip_of(sso_provider="o365").provider == "Microsoft 365"
    assert slip_of(sso_provider="left").provider == "left"


def test_what_else_stands_in_the_way_is_known(slip_of):
    assert not slip_of(active=False).active
    assert not slip_of(deleted_at=NOW).active
    assert slip_of(must_verify_email=True).must_verify_email
    assert slip_of().role is None
    assert slip_of(is_owner=True, type="administrator").is_owner


def test_what_a_slip_says_signs_in_does_sign_in(db, keyring, slip_of):
    slip = slip_of(sealed_at=NOW - timedelta(days=6))
    with db.write() as session:
        give_role(session, session.get_one(Account, slip.account_id), make_role(session), make_period(session))

    outcome = sign_in.sign_in(db, keyring, identifier=slip.username, password=slip.password, address="192.0.2.1", agent=None, now=NOW)

    assert slip.state is PasswordState.SIGNS_IN
    assert outcome.result == "ok"


def test_the_language_is_the_accounts_then_the_persons(slip_of):
    assert slip_of(language="el", own_language="ar").language == "ar"
    assert slip_of(language="el").language == "el"
    assert slip_of().language is None


def test_slips_are_grouped_by_role_and_sorted_by_name_inside(db, keyring):
    with db.write() as session:
        period, old = make_period(session), make_period(session, "2025", current=False)
        year1, year2 = make_role(session, "Year 1"), make_role(session, "year 2")
        closed = make_role(session, "Closed", active=False)
        people = {}
        for name, role, held_in in (
            ("Zoe", year1, period), ("Berta", year2, period), ("Anna", year2, period), ("Carl", closed, period), ("Dora", year1, old),
        ):  # fmt: skip
            people[name] = make_account(session, name, last_name="Berg")
            give_role(session, people[name], role, held_in)
        handed = {each.id: "" for each in people.values()}
        session.execute(update(Listing).where(Listing.account_id == people["Zoe"].id).values(sort_name="aaa"))

    with db.read() as session:
        found = slips(session, keyring, handed, labels={}, now=NOW)

    assert [(each.role, each.name) for each in found] == [
        ("Year 1", "Zoe Berg"), ("year 2", "Anna Berg"), ("year 2", "Berta Berg"), (None, "Carl Berg"), (None, "Dora Berg"),
    ]  # fmt: skip


def test_any_number_of_slips_is_two_statements(db, keyring, statements):
    with db.write() as session:
        ids = make_accounts(session, 40)

    with statements(db) as sent, db.read() as session:
        found = slips(session, keyring, dict.fromkeys(ids, ""), labels={}, now=NOW)

    assert len(found) == 40
    assert len(sent) == 2
