"""Cells that no spreadsheet program evaluates, and that come back as they were."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolecall.sdk.spreadsheet import csv_lines, original_cell, safe_cell
from rolecall.sdk.tabular import Table

DANGEROUS = "=+-@\t\r\n\0＝＋－＠"

any_text = st.text()
#: What a CSV file can hold: UTF-8 has no surrogates, and the reader refuses NUL and overlong cells.
cell_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
formula_like = st.builds(
    lambda quotes, sign, rest: quotes + sign + rest, st.text("' \t", max_size=4), st.sampled_from("=+-@＝＋－＠"), cell_text
)


@given(any_text | formula_like)
def test_any_text_comes_back_and_no_cell_begins_like_a_formula(text):
    cell = safe_cell(text)

    assert original_cell(cell) == text
    assert cell[:1] not in DANGEROUS or not cell
    assert cell.strip()[:1] not in DANGEROUS or not cell.strip()


@given(st.lists(st.tuples(cell_text | formula_like, cell_text | formula_like, cell_text), max_size=5))
def test_written_file_is_read_back_cell_by_cell(rows):
    content = "".join(csv_lines([("a", "b", "c"), *rows])).encode()

    with Table(io.BytesIO(content)) as table:
        read = [tuple(map(original_cell, row.values.values())) for row in table]

    assert read == [row for row in rows if "".join(map(safe_cell, row)).strip()]


@pytest.mark.parametrize("text", ["", "Anna", "'Anna", "O'Brien", "''", "Νίκος", "7", "1-2", "a=b", "anna@school.example"])
def test_harmless_text_is_not_touched(text):
    assert safe_cell(text) == text
    assert original_cell(text) == text


@pytest.mark.parametrize(("text", "cell"), [("+30 6912345678", "'+30 6912345678"), ("-", "'-"), ("'=1", "''=1"), (" =1", "' =1")])
def test_dangerous_text_gets_one_apostrophe(text, cell):
    assert safe_cell(text) == cell


def test_file_begins_with_the_mark_of_utf_8_and_raw_is_asked_for():
    rows = [("phone", "note"), ("+30 69", None)]

    assert "".join(csv_lines(rows)) == "\ufeffphone,note\r\n'+30 69,\r\n"
    assert "".join(csv_lines(rows, raw=True)) == "\ufeffphone,note\r\n+30 69,\r\n"
