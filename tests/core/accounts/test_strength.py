"""The word for a password that is being typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolecall.accounts.passwords import Rules
from rolecall.accounts.strength import WORDS, strength_of

RULES = Rules(minimum=8, words=("anna.karras", "Karras"))


@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("short", "Not accepted"),
        ("sunshine2024", "Not accepted"),
        ("anna.karras2024", "Not accepted"),
        ("vqzkwmtb", "Acceptable"),
        ("vqvqvqzkzkzkvqzkvqzk", "Acceptable"),
        ("mnopqrstuvwxyzmno", "Acceptable"),
        ("vqzk wmtb x9", "Good"),
        ("quiet-Tuesday-marmalade", "Strong"),
        ("мандаринкавснегу", "Strong"),
    ],
)
def test_a_password_has_a_word(password: str, word: str) -> None:
    assert strength_of(password, RULES).word == word


@given(password=st.text(max_size=100))
def test_what_breaks_a_rule_is_not_accepted_and_everything_else_is(password: str) -> None:
    found = strength_of(password, RULES)

    assert list(found.broken) == RULES.broken_by(password)
    assert (found.level == 0) == bool(found.broken)
    assert found.word in WORDS
