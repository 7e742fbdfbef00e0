"""The formula of user names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolecall.accounts import formula
from rolecall.errors import Invalid

ANNA = {
    "first": "Anna",
    "last": "van der Berg",
    "code": "S-77",
    "email": "anna.v@home.example",
    "list": "students",
    "type": "student",
    "year": "2026",
}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{first:1}{last:12}{n}", "avanderberg"),
        ("{first}.{last}", "anna.vanderberg"),
        ("{last:4|upper}{code}", "VANDs-77"),
        ("{email}", "anna.v"),
        ("{list}{year}{n}", "s2026"),
        ("{type}-{year:2}-{code}", "s-26-s-77"),
        ("{first|lower}_{last:3}", "anna_van"),
        ("x{n}{last:3}", "xvan"),
    ],
)
def test_a_formula_makes_a_name_of_a_person(text, name):
    assert formula.stem(text, ANNA).numbered(1) == name


def test_the_number_stands_where_the_formula_puts_it():
    assert formula.stem("{first}{n}.{last:3}", ANNA).numbered(3) == "anna3.van"
    assert formula.stem("{first}", ANNA).numbered(3) == "anna3"


def test_names_are_transliterated_by_the_language_of_the_person():
    values = ANNA | {"first": "Григорій", "last": "Згурський"}

    assert formula.stem("{first}.{last}", values, "uk").numbered(1) == "hryhorii.zghurskyi"


def test_nothing_is_left_hanging_at_the_ends():
    assert formula.stem("{first}.{last}", ANNA | {"last": ""}).numbered(1) == "anna"
    assert formula.stem("{first}.{last}-{code}", ANNA | {"last": "!"}).numbered(1) == "anna.s-77"


def test_an_empty_result_is_the_code():
    assert formula.stem("{first}{last}", ANNA | {"first": "!", "last": ""}).numbered(2) == "s-772"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "{n}",
        "{nobody}",
        "{first",
        "{first:0}",
        "{first:x}",
        "{first|title}",
        "{first}{n}{n}",
        "{first} {last}",
        "É{first}",
        "{n:2}{first}",
        "{first}\n",
        "{first}" * 60,
    ],
)
def test_what_is_no_formula_is_refused_in_words(text):
    with pytest.raises(Invalid) as refused:
        formula.parse(text)

    assert refused.value.hint


@given(st.text(max_size=60))
def test_reading_a_formula_never_breaks(text):
    try:
        formula.parse(text)
    except Invalid:
        return
    assert formula.stem(text, ANNA).numbered(1)


@given(st.dictionaries(st.sampled_from(list(ANNA)), st.text(max_size=300)))
def test_a_made_name_always_fits_its_column(values):
    made = formula.stem("{first}{last}.{code}{n}.{email}", ANNA | values).numbered(1_000_000)

    assert len(made) <= 100
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_")
