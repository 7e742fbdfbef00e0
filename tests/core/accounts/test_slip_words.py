"""The wording of slips is whole in every language that people can choose, and has the same placeholders in all of them (R28, R59b)."""

import string
from dataclasses import fields

import pytest

from rolecall.accounts.own_profile import LANGUAGES
from rolecall.accounts.slip_words import FIXED, WORDS, SlipWords, words_for

SENTENCES = [each.name for each in fields(SlipWords) if each.name not in ("language", "right_to_left")]


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_every_language_that_can_be_chosen_has_wording() -> None:
    assert set(WORDS) == set(LANGUAGES)


@pytest.mark.parametrize("language", WORDS)
def test_every_sentence_is_there_with_its_placeholders(language: str) -> None:
    for name in SENTENCES:
        sentence = getattr(WORDS[language], name)
        assert sentence.strip()
        assert placeholders(sentence) == placeholders(getattr(WORDS["en"], name)), name


@pytest.mark.parametrize("name", ["over", "gone"])
def test_what_helps_where_the_password_is_gone_is_named_as_the_office_sees_it(name: str) -> None:
    for words in WORDS.values():
        assert placeholders(getattr(words, name)) >= set(FIXED)


def test_only_arabic_is_written_from_right_to_left() -> None:
    assert [words.language for words in WORDS.values() if words.direction == "rtl"] == ["ar"]


@pytest.mark.parametrize(
    ("languages", "found"),
    [
        ((None, "el"), "el"),
        (("fr", "el"), "fr"),
        (("ar-EG", "en"), "ar"),
        (("DE-at",), "de"),
        (("pt-BR", "el"), "el"),
        (("tlh",), "en"),
        ((), "en"),
    ],
)
def test_the_first_language_that_there_is_wording_for_is_taken(languages: tuple[str | None, ...], found: str) -> None:
    assert words_for(languages).language == found
