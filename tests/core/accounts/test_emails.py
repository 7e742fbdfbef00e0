"""User names and e-mail addresses are one space: whoever has one keeps others from the same as the other (A-16)."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rolecall.accounts import emails, usernames
from rolecall.errors import Invalid, Refused
from rolecall.store.engine import now
from rolecall.store.folding import canonical, email_key
from rolecall.testing.factories import make_account

#: How one address can be written, so that each is the same to whoever compares.
_SPELLINGS = ["anna@school.example", "ANNA@School.Example", " anna@school.example ", "ａｎｎａ@school.example", "anna@school．example"]


@pytest.mark.parametrize("typed", _SPELLINGS)
@pytest.mark.parametrize("holds", ["email", "former_email"])
def test_a_user_name_cannot_be_the_address_of_another_account(db, typed, holds):
    with db.write() as session:
        make_account(session, "Anna", **{holds: "anna@school.example", f"{holds}_key": "anna@school.example"} if holds != "email" else {
            "email": "anna@school.example"})  # fmt: skip
        ben = make_account(session, "Ben")

        with pytest.raises(Refused, match="e-mail address of another account"):
            usernames.claim(session, ben, typed)


@pytest.mark.parametrize("typed", [each for each in _SPELLINGS if "．" not in each])
@pytest.mark.parametrize("name", ["present", "given up"])
def test_an_address_cannot_be_the_user_name_of_another_account(db, typed, name):
    with db.write() as session:
        anna = make_account(session, "Anna", username="anna@school.example", email="other@school.example")
        if name == "given up":
            usernames.claim(session, anna, "anna.k")
        ben = make_account(session, "Ben")

        with pytest.raises(Refused, match="user name of another account"):
            emails.change(session, ben, typed, now=now(session))


def test_ones_own_user_name_can_be_ones_address(db):
    with db.write() as session:
        anna = make_account(session, "Anna", username="anna@school.example", email="other@school.example")

        emails.change(session, anna, "anna@school.example", now=now(session))
        usernames.claim(session, anna, "Anna@school.example")

    assert (anna.email_key, anna.username_key) == ("anna@school.example", "anna@school.example")


def test_several_accounts_can_have_one_address(db):
    with db.write() as session:
        make_account(session, "Anna", email="family@home.example", email_verified=True)
        ben = make_account(session, "Ben")

        emails.change(session, ben, "family@home.example", now=now(session))

    assert ben.email == "family@home.example"


_WORDS = st.text("aAzé9ßσςΣıİａ.-_+ﬁ", min_size=1, max_size=8)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.builds("{}@{}.{}".format, _WORDS, _WORDS, _WORDS))
@example("ﬁnn@ΣΣ.ﬁ")
def test_a_text_has_the_same_key_as_a_user_name_and_as_an_address(text):
    try:
        keys = canonical(text), email_key(text)
    except Invalid:
        return

    assert keys[0] == keys[1]
