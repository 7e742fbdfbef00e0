"""User names and their ledger."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from rolecall.accounts import formula, usernames
from rolecall.errors import Invalid, Refused
from rolecall.sdk.words import USER_TYPES
from rolecall.store.engine import now
from rolecall.store.tables import Account, UsernameClaim
from rolecall.testing.factories import make_account, make_period, make_person

FORMATS = dict.fromkeys(USER_TYPES, formula.DEFAULT)
LETTERS = st.one_of(
    st.text(st.characters(min_codepoint=0x41, max_codepoint=0x17F, categories=["L", "Zs", "Pd"]), max_size=12),
    st.text(st.characters(min_codepoint=0x386, max_codepoint=0x3CE, categories=["L"]), max_size=12),
    st.text(st.characters(min_codepoint=0x400, max_codepoint=0x491, categories=["L"]), max_size=12),
    st.text(st.characters(min_codepoint=0x621, max_codepoint=0x64A, categories=["L"]), max_size=12),
    st.sampled_from(["李明", "", "---", "!!", "O'Hara", "van der Berg"]),
)


@dataclass(frozen=True)
class Somebody:
    id: int
    code: str
    first_name: str
    last_name: str
    language: str | None
    list: str = "students"
    email: str | None = None


PEOPLE = st.lists(
    st.tuples(LETTERS, LETTERS, st.sampled_from([None, "el", "uk", "ru", "ar"]), st.sampled_from(["S1", "ΑΜ-7", "12", "\u0645"])),
    max_size=12,
).map(lambda rows: [Somebody(n, code, first, last, language) for n, (first, last, language, code) in enumerate(rows, 1)])


@given(PEOPLE, PEOPLE)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_name_that_is_given_is_new_and_stays_taken(db, before, after):
    with db.write() as session:
        first = usernames.reserve(session, before, FORMATS, now=now(session))
        again = usernames.propose(session, before, FORMATS)
        second = usernames.reserve(session, after, FORMATS, now=now(session))
        ledger = session.scalar(select(func.count()).select_from(UsernameClaim))
        session.rollback()

    names = [*first.values(), *second.values()]
    assert set(first) == {person.id for person in before}
    assert set(second) == {person.id for person in after}
    assert len({name.casefold() for name in names}) == len(names) == ledger
    assert not set(first.values()) & set(again.values())
    for name in names:
        assert usernames.check(name)[0] == name
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_")


@given(PEOPLE)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_proposing_twice_proposes_the_same(db, people):
    with db.read() as session:
        assert usernames.propose(session, people, FORMATS) == usernames.propose(session, people, FORMATS)


def test_equal_names_are_numbered_in_the_order_of_the_people(db):
    people = [Somebody(n, f"S{n}", "Μαρία", "Παπαδοπούλου", "el") for n in range(1, 701)]
    with db.write() as session:
        names = usernames.reserve(session, people, FORMATS, now=now(session))

        assert [names[1], names[2], names[700]] == ["mpapadopoulou", "mpapadopoulou2", "mpapadopoulou700"]
        assert usernames.propose(session, people[:1], FORMATS) == {1: "mpapadopoulou701"}


def test_thousands_of_names_take_a_handful_of_questions(db, statements):
    people = [Somebody(n, f"S{n}", f"First{n % 50}", f"Family{n % 97}", "en") for n in range(1, 3_001)]
    with db.write() as session, statements(db) as asked:
        names = usernames.propose(session, people, FORMATS)

    assert len(set(names.values())) == 3_000
    assert len(asked) < 12


def test_a_name_without_letters_falls_back_to_the_code_and_then_to_the_type(db):
    with db.read() as session:
        names = usernames.propose(session, [Somebody(1, "S-77", "!!", "--", None), Somebody(2, "!", "...", "", None)], FORMATS)

    assert names == {1: "s-77", 2: "student2"}


def test_a_formula_can_use_the_year_of_the_current_period(db):
    with db.write() as session:
        make_period(session, "2026")
        names = usernames.propose(session, [Somebody(1, "S1", "Anna", "Karra", None)], {"student": "{type}{year:2}-{last}"})

    assert names == {1: "s26-karra"}


def test_the_old_name_is_never_given_to_anybody_else_but_may_be_taken_back(db):
    with db.write() as session:
        anna, boris = make_account(session, username="anna.k"), make_account(session, username="boris")
        usernames.claim(session, anna, "anna.karra")

        with pytest.raises(Refused, match="is taken"):
            usernames.claim(session, boris, "Anna.K")
        usernames.claim(session, anna, "Anna.K")

        assert (anna.username, anna.username_key) == ("Anna.K", "anna.k")
        assert boris.username == "boris"


def test_another_spelling_of_the_own_name_is_only_shown_differently(db):
    with db.write() as session:
        anna = make_account(session, username="anna.k")
        usernames.claim(session, anna, "ANNA.K")

        assert anna.username == "ANNA.K"
        assert session.get_one(UsernameClaim, "anna.k").username == "ANNA.K"
        assert session.scalar(select(func.count()).select_from(UsernameClaim)) == 1


def test_a_refusal_names_a_free_one(db):
    with db.write() as session:
        make_account(session, username="anna.k")
        make_account(session, username="anna.k2")
        other = make_account(session)

        with pytest.raises(Refused) as refused:
            usernames.claim(session, other, "anna.k")

    assert "anna.k3 is free" in refused.value.hint


def test_an_empty_field_makes_a_name_by_the_formula(db):
    with db.write() as session:
        account = make_account(session, "Ιωάννα", last_name="Ψάλτη", language="el", username="someone")
        usernames.claim(session, account, "")

        assert account.username == "ipsalti"


def test_a_user_name_cannot_be_the_email_of_another_account(db):
    with db.write() as session:
        make_account(session, email="anna@home.example")
        other = make_account(session, email="own@home.example")

        with pytest.raises(Refused, match="e-mail address of another account"):
            usernames.claim(session, other, "ANNA@home.example")
        usernames.claim(session, other, "own@home.example")

        assert other.username == "own@home.example"


def test_addresses_that_are_user_names_are_found_in_sets(db):
    with db.write() as session:
        account = make_account(session, username="anna@home.example")

        assert usernames.emails_that_are_usernames(session, ["anna@home.example", "b@home.example"]) == {"anna@home.example": account.id}


@pytest.mark.parametrize("typed", ["", " ", ".", "a b", "a/b", "a\tb", "a'b", "<a>", "x" * 101, "a%", "ɡood"])
def test_what_cannot_be_a_user_name_is_refused_with_its_field(typed):
    with pytest.raises(Invalid) as refused:
        usernames.check(typed)

    assert list(refused.value.fields) == ["username"]


@pytest.mark.parametrize("typed", ["anna.k", "Anna_K-2", "josé", "łukasz", "γιωργος", "иван", "محمد", "a@b.example", "a+b", "ngữ"])
def test_what_people_are_called_can_be_a_user_name(typed):
    assert usernames.check(typed)[0] == typed


def test_racing_requests_never_share_a_name(db):
    with db.write() as session:
        ids = [make_person(session, "Anna", last_name="Karra").id for _ in range(40)]

    def work(person_id):
        person = Somebody(person_id, f"S{person_id}", "Anna", "Karra", None)
        return db.attempt(lambda session: usernames.reserve(session, [person], FORMATS, now=now(session)))[person_id]

    with ThreadPoolExecutor(4) as threads:
        names = list(threads.map(work, ids))

    assert len(names) == len(set(names)) == 40


def test_racing_changes_to_one_name_have_one_winner(db):
    with db.write() as session:
        ids = [make_account(session).id for _ in range(6)]

    def work(account_id):
        try:
            db.attempt(lambda session: usernames.claim(session, session.get_one(Account, account_id), "the.one"))
        except Refused:
            return None
        return account_id

    with ThreadPoolExecutor(6) as threads:
        winners = [each for each in threads.map(work, ids) if each]

    with db.read() as session:
        assert session.scalars(select(Account.id).where(Account.username_key == "the.one")).all() == winners
    assert len(winners) == 1
