"""The CSV reader: what it accepts, what it refuses with a row, and that it never holds a file."""

import io
import tracemalloc
import zipfile

import pytest
from effort import at_most

from rolecall.errors import Invalid
from rolecall.sdk.tabular import BadRow, Row, Table, TableLimits

HEADER = b"code,name,email\n"
GOOD = b"7,Anna,anna@school.example\n"


def read(content, **options):
    with Table(io.BytesIO(content), **options) as table:
        return list(table)


def zipped(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("people.csv", content)
    return buffer.getvalue()


#: name: (content, options, words that the sentence has). The whole file is refused.
REFUSED = {
    "empty": (b"", {}, "is empty"),
    "only a byte order mark": (b"\xef\xbb\xbf", {}, "row 1"),
    "empty first row": (b"\ncode,name\n1,Anna\n", {}, "row 1"),
    "utf-16 with mark": ("code,name\n1,Άννα\n".encode("utf-16"), {}, "UTF-16"),
    "utf-16 without mark": ("code,name\n1,Anna\n".encode("utf-16-le"), {}, "UTF-16"),
    "utf-32": ("code,name\n1,Anna\n".encode("utf-32"), {}, "UTF-32"),
    "windows Greek in row 3": (HEADER + GOOD + "8,Άννα,x@y.example\n".encode("windows-1253"), {}, "row 3: The text is not written in"),
    "latin-1 header": ("code,prénom\n1,Anna\n".encode("latin-1"), {}, "row 1"),
    "cut in the middle of a letter": (HEADER + "7,Άννα".encode()[:-1], {}, "row 2"),
    "zip or xlsx": (zipped(HEADER), {}, "zip or Excel"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, {}, "old Excel"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)) * 9, {}, "UTF-8"),
    "zeros": (b"\0" * 5000, {}, "no text at all"),
    "NUL in the header": (b"code,na\0me\n1,Anna\n", {}, "row 1"),
    "duplicate columns": (b"code,name,Code\n1,Anna,2\n", {}, "The column code is there twice"),
    "nameless column": (b"code,,name\n1,2,3\n", {}, "Column 2 has no name"),
    "tabs": (b"code\tname\n1\tAnna\n", {}, "tabs"),
    "unclosed quote until the end": (HEADER + GOOD + b'8,"Bob,b@x.example\n' + GOOD * 50, {}, "row 3: A quotation mark"),
    "unclosed quote before a quoted cell": (HEADER + b'7,"Anna,a@x.example\n8,Bob,b\n9,"Carl",c\n', {}, "row 2: A quotation mark"),
    "unclosed quote that a later row closes": (HEADER + b'7,"Anna,a@x.example\n8,Bob,b\n9,Carl",c\n', {}, "row 2: A quotation mark"),
    "unclosed quote in the header": (b'code,"name,email\n1,Anna,x\n', {}, "row 1: A quotation mark"),
    "unclosed quote and a megabyte": (HEADER + b'7,"' + b"x" * 1_000_000 + b"\n" + GOOD, {}, "row 2: A quotation mark"),
    "one endless line": (HEADER + b"x" * 3_000_000, {}, "row 2"),
    "too many columns": (b",".join(b"c%d" % number for number in range(201)) + b"\n", {}, "more than 200 columns"),
    "too many rows": (HEADER + GOOD * 4, {"limits": TableLimits(rows=3)}, "more than 3 rows"),
    "too many bytes": (HEADER + GOOD * 50_000, {"limits": TableLimits(bytes=1_000_000)}, "larger than 1 MB"),
}

#: name: (content, {row: words of its problem, or the name that is read}). The other rows are read.
ROWS = {
    "byte order mark": (b"\xef\xbb\xbf" + HEADER + GOOD, {2: "Anna"}),
    "semicolons": (b'code;name;"email, private"\n7;Smith, Anna;x\n', {2: "Smith, Anna"}),
    "Windows line ends": (HEADER.replace(b"\n", b"\r\n") + GOOD, {2: "Anna"}),
    "mixed line ends": (b"code,name,email\r7,Anna,a\r\n8,Bob,b\n9,Carl,c\r", {2: "Anna", 3: "Bob", 4: "Carl"}),
    "no last line end": (HEADER + GOOD.strip(), {2: "Anna"}),
    "empty rows are counted": (HEADER + b"\n,,\n" + GOOD, {4: "Anna"}),
    "other order of columns": (b"email,name,code\nx,Anna,7\n", {2: "Anna"}),
    "line break in a cell is one row": (HEADER + b'7,"An\nna",x\n8,Bob,y\n', {2: "An\nna", 3: "Bob"}),
    "doubled quotes": (HEADER + b'7,"Anna ""the"" A",x\n', {2: 'Anna "the" A'}),
    "quote in the middle of a bare cell": (HEADER + b'7,5" Anna,x\n', {2: '5" Anna'}),
    "formulas are text": (HEADER + b'7,"=HYPERLINK(""http://evil.example"")",x\n', {2: '=HYPERLINK("http://evil.example")'}),
    "too few cells": (HEADER + b"7,Anna\n" + GOOD, {2: "has 2 cells", 3: "Anna"}),
    "too many cells": (HEADER + b"7,Smith,Anna,x\n" + GOOD, {2: "has 4 cells", 3: "Anna"}),
    "NUL": (HEADER + b"7,An\0na,x\n" + GOOD, {2: "NUL", 3: "Anna"}),
    "4,096 characters": (HEADER + b"7," + b"x" * 4096 + b",x\n", {2: "x" * 4096}),
    "4,097 characters": (HEADER + b"7," + b"x" * 4097 + b",x\n" + GOOD, {2: "longer than 4,096", 3: "Anna"}),
    "a megabyte": (HEADER + b"7," + b"x" * 1_000_000 + b",x\n" + GOOD, {2: "longer than 4,096", 3: "Anna"}),
    "a quoted megabyte": (HEADER + b'7,"' + b"x" * 1_000_000 + b'",x\n' + GOOD, {2: "longer than 4,096", 3: "Anna"}),
    "text after a quoted cell": (HEADER + b'7,"Anna" Smith,x\n' + GOOD, {2: "after a closing quotation mark", 3: "Anna"}),
    "nameless empty columns at the end": (b"code,name,,\n7,Anna,,\n8,Bob,,x\n", {2: "Anna", 3: "no name"}),
    "header alone": (HEADER, {}),
}


@pytest.mark.parametrize(("content", "options", "words"), REFUSED.values(), ids=REFUSED)
def test_broken_file_is_refused_with_its_place_and_a_remedy(content, options, words):
    with at_most(seconds=5), pytest.raises(Invalid) as refusal:
        read(content, name="people.csv", **options)

    assert words in str(refusal.value)
    assert str(refusal.value).startswith("people.csv")


@pytest.mark.parametrize(("content", "expected"), ROWS.values(), ids=ROWS)
def test_every_row_is_read_or_reported_under_its_number(content, expected):
    rows = read(content)

    assert [row.number for row in rows] == list(expected)
    for row in rows:
        if isinstance(row, BadRow):
            assert expected[row.number] in row.message
        else:
            assert row.values["name"] == expected[row.number]


def test_column_names_are_shown_as_written_and_read_in_lower_case():
    with Table(io.BytesIO(b"SIS ID, First Name \n7,Anna\n")) as table:
        assert table.columns == ("SIS ID", "First Name")
        assert list(table) == [Row(2, {"sis id": "7", "first name": "Anna"})]


def test_only_the_columns_asked_for_are_handed_on():
    with Table(io.BytesIO(b"Code,Password,Name\n7,secret,Anna\n"), only={"name", "code"}) as table:
        assert table.columns == ("Code", "Password", "Name")
        assert list(table) == [Row(2, {"code": "7", "name": "Anna"})]


def test_rows_before_a_wrong_byte_are_read_and_the_row_is_exact_far_into_the_file():
    content = HEADER + GOOD * 20_000 + b"8,\xc1nna,x\n" + GOOD * 5

    with Table(io.BytesIO(content)) as table, pytest.raises(Invalid) as refusal:
        list(table)

    assert "row 20002:" in str(refusal.value)
    assert f"position {content.index(0xC1) + 1:,} " in str(refusal.value)


def test_wrong_byte_in_the_middle_of_a_line_that_spans_two_pieces_names_that_row():
    content = HEADER + b"7," + b"x" * 4090 + b"\xc1,x\n" + GOOD

    with Table(io.BytesIO(content)) as table, pytest.raises(Invalid) as refusal:
        list(table)

    assert "row 2:" in str(refusal.value)


def test_multi_line_cells_with_delimiters_are_no_unclosed_quotes():
    content = HEADER + b'7,"1 Main St, Back yard\nAthens",x\n' + GOOD

    assert [row.number for row in read(content)] == [2, 3]


def test_stream_that_hands_out_single_bytes_is_read():
    class Drip(io.RawIOBase):
        content = io.BytesIO(b"\xef\xbb\xbf" + HEADER + "7,Άννα,x\n".encode())

        def readable(self):
            return True

        def read(self, size=-1):
            return self.content.read(1)

    with Table(Drip()) as table:
        assert [row.values["name"] for row in table] == ["Άννα"]


def test_path_names_the_file_and_a_missing_one_is_a_sentence(tmp_path):
    path = tmp_path / "students.csv"
    path.write_bytes(HEADER + GOOD)

    with Table(path) as table:
        assert table.name == "students.csv"
        assert len(list(table)) == 1
    with pytest.raises(Invalid, match=r"gone\.csv cannot be opened"):
        Table(tmp_path / "gone.csv")
    with pytest.raises(Invalid, match="cannot be opened"):
        Table(tmp_path)


def test_a_long_file_passes_in_little_memory(tmp_path):
    path = tmp_path / "people.csv"
    with path.open("wb") as file:
        file.write(HEADER)
        file.writelines(b"%d,Anna,anna%d@school.example\n" % (number, number) for number in range(30_000))

    tracemalloc.start()
    with Table(path) as table:
        count = sum(1 for _ in table)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 30_000
    # All rows at once are 15 MB; whatever other threads of this process allocate meanwhile is counted too.
    assert peak < 3_000_000
