"""Passwords: hashed with the right parameters, refused by the rules, given out for the first time."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from effort import at_most
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select

from rolecall.accounts import passwords, settings, tokens
from rolecall.accounts.actors import WORKER
from rolecall.accounts.core_settings import CoreSettings
from rolecall.accounts.sealing import Keyring
from rolecall.errors import Invalid
from rolecall.store.engine import Database
from rolecall.store.tables import Account, Person

_GOOD = "quiet-Tuesday-marmalade"


def test_a_hash_is_argon2id_with_the_agreed_parameters() -> None:
    stored = passwords.hash_password(_GOOD)

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.verify(stored, _GOOD)
    assert not passwords.verify(stored, _GOOD + "x")
    assert not passwords.needs_rehash(stored)


def test_a_hash_with_lower_parameters_is_to_be_made_anew() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(_GOOD)

    assert passwords.verify(weak, _GOOD)
    assert passwords.needs_rehash(weak)


@pytest.mark.parametrize("stored", ["", "x", "$argon2id$v=19$m=19456,t=2,p=1$broken", "$2b$12$abc"])
def test_a_stored_value_that_is_no_hash_verifies_nothing(stored: str) -> None:
    assert not passwords.verify(stored, _GOOD)


def test_every_way_of_writing_an_accent_is_the_same_password() -> None:
    composed, split = (unicodedata.normalize(form, "crème brûlée café") for form in ("NFC", "NFD"))

    assert passwords.verify(passwords.hash_password(split), composed)
    assert passwords.same(split, composed)


def test_the_whole_password_counts() -> None:
    stored = passwords.hash_password("é" * 50 + "x" * 50)

    assert not passwords.verify(stored, ("é" * 50 + "x" * 50)[:72])


def test_what_is_too_long_is_refused_before_it_is_hashed() -> None:
    stored = passwords.hash_password("x" * 1024)

    with at_most(seconds=0.02):
        with pytest.raises(Invalid):
            passwords.hash_password("x" * 1_000_000)
        refused = not passwords.verify(stored, "x" * 1_000_000)

    assert refused
    assert passwords.verify(stored, "x" * 1024)


@given(password=st.text(max_size=40), other=st.text(max_size=40))
def test_comparing_never_fails(password: str, other: str) -> None:
    assert passwords.same(password, other) == (unicodedata.normalize("NFC", password) == unicodedata.normalize("NFC", other))


@pytest.mark.parametrize(("length", "is_taken"), [(7, False), (8, True), (64, True), (128, True), (1024, True), (1025, False)])
def test_length_is_bounded(length: int, is_taken: bool) -> None:
    password = "".join(chr(ord("a") + (i * i + i // 26) % 26) for i in range(length))

    assert (passwords.check_rules(password, minimum=8) == []) is is_taken


@pytest.mark.parametrize(
    "password",
    [
        "password", "Password1", "P@ssw0rd!", "12345678", "qwertyuiop", "QWERTZUIOP", "sunshine2024!", "iloveyou", "aaaaaaaaaaaa",
        "abababababab", "1q2w3e4r5t", "abcdefghijkl", "football99", "!!dragon!!12", "йцукенгш", "пароль123", "letmein123", "school2025",
        "Summer2025", "administrator", "asdfghjkl", "qwerty123456", "changeme1",
    ],
)  # fmt: skip
def test_common_passwords_are_refused(password: str) -> None:
    assert passwords.check_rules(password, minimum=8)


def test_the_list_has_ten_thousand_passwords_of_a_length_that_would_be_taken() -> None:
    assert sum(len(password) >= 8 for password in passwords._common()) >= 10_000


@pytest.mark.parametrize(
    "password",
    [
        "xkcdwhatever", "zwetschgenknoedel", "мандаринкавснегу", "θαλασσινοαερακι", "8306172945538201", "correct horse staple river",
        _GOOD, "a channel to Annapolis", "my old school burned brightly", "ПРИВЕТикота-лунный",
    ],
)  # fmt: skip
def test_long_passwords_of_one_kind_of_characters_are_taken(password: str) -> None:
    assert passwords.check_rules(password, minimum=8, context_words=["Ann", "Demo School"]) == []


@pytest.mark.parametrize(
    "password",
    [
        "anna.karras", "ANNA.KARRAS", "annakarras", "Anna.Karras2024", "karras12345678", "KARRASanna!!", "Ακαδημία2025", "ακαδημια1234",
        "6912345678", "+306912345678", "306912345678x", "rolecall2026", "a.karras99", "S-001234", "karraskarraskarras",
    ],
)  # fmt: skip
def test_own_words_are_refused(password: str) -> None:
    words = ["anna.karras", "Anna", "Karras", "Ακαδημία", "+30 691 234 5678", "rolecall", "a.karras", "S-001234"]

    assert passwords.check_rules(password, minimum=8, context_words=words)


@given(password=st.text(max_size=200), words=st.lists(st.text(max_size=20), max_size=5))
def test_the_rules_answer_for_any_text(password: str, words: list[str]) -> None:
    assert all(sentence.endswith(".") for sentence in passwords.check_rules(password, minimum=8, context_words=words))


def test_first_passwords_are_random_and_easy_to_type() -> None:
    made = [passwords.generate_first_password() for _ in range(1_000)]

    assert len(set(made)) == 1_000
    assert all(re.fullmatch(r"[a-z3-9]{6}-[a-z3-9]{6}-[a-z3-9]{6}", each) for each in made)
    assert not set("".join(made)) & set("l1i0ouvVsS5zZ2") - {"v"}
    counts = Counter("".join(made).replace("-", ""))
    entropy = -sum(n / 18_000 * math.log2(n / 18_000) for n in counts.values())
    assert entropy * 18 >= 80
    assert all(passwords.check_rules(each, minimum=12) == [] for each in made)


def test_rules_know_the_account_and_the_institution(db: Database, keyring: Keyring, make_account: Callable[..., int]) -> None:
    teacher = make_account("m.lambros", email="mlampros@example.org", phone="+30 691 234 5678")
    administrator = make_account("head.office", type="administrator", role=None)
    with db.write() as session:
        settings.write(
            session, "core", CoreSettings, {"institution_name": "Lykeion Alimos", "password_min_other": 10}, actor=WORKER, keyring=keyring
        )

    with db.read() as session:
        rules = passwords.rules_for(session, [teacher])
        assert rules.minimum == 10
        assert passwords.rules_for(session, [teacher, administrator]).minimum == 12
        assert passwords.rules_for(session, []).minimum == 12

    for own in ("m.lambros2026", "mlampros2026!", "00306912345678", "AnnaKarras!", "Lykeion2026", "rolecall-2026"):
        with pytest.raises(Invalid) as caught:
            rules.check(own)
        assert caught.value.fields["password"]
    rules.check(_GOOD)


def test_first_passwords_are_sealed_and_nothing_else_works(
    db: Database, keyring: Keyring, make_account: Callable[..., int], noon: datetime
) -> None:
    anna = make_account("anna", password_hash="x", must_change_password=False)
    boris = make_account("boris", sso_provider="o365")

    with db.write() as session:
        given_out = passwords.seal_first(session, keyring, [anna, boris], now=noon)

    assert list(given_out) == [anna]
    with db.read() as session:
        account = session.get_one(Account, anna)
        assert (account.password_hash, account.sealed_at, account.must_change_password) == (None, noon, True)
        assert account.sealed_password is not None
        assert keyring.open(account.sealed_password, passwords.sealed_place(anna)) == given_out[anna]
        assert session.get_one(Account, boris).sealed_password is None


def test_sealing_for_five_hundred_takes_well_under_a_second(db: Database, keyring: Keyring, noon: datetime) -> None:
    numbers = range(1, 501)
    with db.write() as session:
        session.execute(
            insert(Person),
            [
                {"id": n, "list": "students", "code": str(n), "code_key": str(n), "first_name": "A", "last_name": "B", "created_at": noon,
                 "updated_at": noon}
                for n in numbers
            ],
        )  # fmt: skip
        session.execute(
            insert(Account),
            [
                {"id": n, "key": str(n), "person_id": n, "type": "student", "username": f"u{n}", "username_key": f"u{n}", "first_name": "A",
                 "last_name": "B", "created_at": noon}
                for n in numbers
            ],
        )  # fmt: skip

    # Hashing them all would take ten seconds.
    with at_most(seconds=2), db.write() as session:
        given_out = passwords.seal_first(session, keyring, numbers, now=noon)

    assert len(set(given_out.values())) == 500
    with db.read() as session:
        assert session.scalar(select(func.count()).where(Account.sealed_password.is_not(None))) == 500


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_new_password_wipes_the_first_one_unless_it_is_kept(
    db: Database, keyring: Keyring, make_account: Callable[..., int], noon: datetime, is_kept: bool
) -> None:
    anna = make_account()
    with db.write() as session:
        settings.write(session, "core", CoreSettings, {"keep_first_password": is_kept}, actor=WORKER, keyring=keyring)
        passwords.seal_first(session, keyring, [anna], now=noon - timedelta(days=1))
    stored = passwords.hash_password(_GOOD)

    with db.write() as session:
        passwords.put(session, [anna], stored)

    with db.read() as session:
        account = session.get_one(Account, anna)
        assert (account.password_hash, account.sealed_at, account.must_change_password) == (stored, None, False)
        assert (account.sealed_password is not None) is is_kept


def test_a_new_password_kills_the_links_of_the_account_and_nobody_elses(
    db: Database, keyring: Keyring, make_account: Callable[..., int], noon: datetime
) -> None:
    anna, boris, chloe = make_account("anna"), make_account("boris"), make_account("chloe")
    hour = timedelta(hours=1)
    with db.write() as session:
        links = [tokens.create_link(session, "reset", account, lasts=hour, now=noon) for account in (anna, boris, chloe)]

    with db.write() as session:
        passwords.put(session, [anna], "$argon2id$made")
        passwords.seal_first(session, keyring, [boris], now=noon)

    with db.read() as session:
        assert [tokens.is_usable(session, link, "reset", noon) for link in links] == [False, False, True]
