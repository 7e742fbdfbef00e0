"""The CSV of people: every cell's meaning, every row that is refused, and an export that comes back."""

import io
import tracemalloc

import pytest

from rolecall.errors import Invalid
from rolecall.sdk.roster import CLEAR, BadRecord, PersonRecord
from rolecall.sdk.spreadsheet import csv_lines
from rolecall.work.imports.csv_people import COLUMNS, read_people

HEADER = "list,code,first_name,last_name,email,phone,language,active,status,no_sync"


def read(text, default_list=None):
    with read_people(io.BytesIO(text.encode()), default_list, name="people.csv") as people:
        return list(people)


def test_full_row_is_a_person():
    records = read(f"{HEADER}\nstudents,S1,Άννα,Κ.,anna@x.example,+30 69 1234,EL,Yes,registered,NO\n")

    assert records == [
        PersonRecord(
            row=2,
            file="people.csv",
            list="students",
            code="S1",
            first_name="Άννα",
            last_name="Κ.",
            email="anna@x.example",
            phone="+30 69 1234",
            language="el",
            active=True,
            status="registered",
            no_sync=False,
        )
    ]


def test_empty_cells_say_nothing_and_dashes_clear():
    records = read(f"{HEADER}\nteachers,T1,,,,,,,,\nteachers,T2,-,-,-,-,-,,,\n")

    assert records[0] == PersonRecord(row=2, file="people.csv", list="teachers", code="T1")
    assert {records[1].first_name, records[1].last_name, records[1].email, records[1].phone, records[1].language} == {CLEAR}


def test_escaped_dash_is_the_name_itself():
    (record,) = read("list,code,last_name\nteachers,T1,'-\n")

    assert record.last_name == "-"


def test_columns_come_in_any_order_and_case_with_semicolons_and_spaces():
    (record,) = read("Code; LIST ;First_Name\n S1 ; Students ; Anna \n")

    assert (record.list, record.code, record.first_name) == ("students", "S1", "Anna")


def test_unknown_columns_are_named_and_not_read():
    with read_people(io.BytesIO(b"list,code,shoe size\nstudents,S1,38\n")) as people:
        assert people.notes == ("The column shoe size is unknown and is not read.",)
        assert len(list(people)) == 1


def test_default_list_serves_files_and_rows_without_one():
    assert [record.list for record in read("code\nS1\n", "alumni")] == ["alumni"]
    assert [record.list for record in read("list,code\n,S1\nagents,A1\n", "alumni")] == ["alumni", "agents"]


@pytest.mark.parametrize(
    ("text", "default_list", "words"),
    [
        ("list,first_name\nstudents,Anna\n", None, "no column code"),
        ("code,first_name\nS1,Anna\n", None, "no column list"),
        ("code\nS1\n", "pupils", "no list pupils"),
        ("", None, "is empty"),
    ],
)
def test_file_that_cannot_be_used_is_refused(text, default_list, words):
    with pytest.raises(Invalid, match=words):
        read(text, default_list)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (",S1,Anna,A,,,,,,", "list is empty"),
        ("pupils,S1,Anna,A,,,,,,", "no list pupils"),
        ("students,,Anna,A,,,,,,", "code is empty"),
        ("students,-,Anna,A,,,,,,", "code is empty"),
        (f"students,{'x' * 101},Anna,A,,,,,,", "code is longer than 100"),
        (f"students,S1,{'x' * 201},A,,,,,,", "first name is longer than 200"),
        ('students,S1,"An\nna",A,,,,,,', "line break"),
        ("students,S1,An\x07na,A,,,,,,", "cannot be shown"),
        ("students,S1,Anna,A,anna,,,,,", "anna is not an e-mail"),
        ("students,S1,Anna,A,anna@home,,,,,", "not an e-mail"),
        ("students,S1,Anna,A,a b@x.example,,,,,", "not an e-mail"),
        ("students,S1,Anna,A,a@x.example;b@x.example,,,,,", "not an e-mail"),
        ("students,S1,Anna,A,,phone,,,,", "phone is not a phone"),
        ("students,S1,Anna,A,,12,,,,", "12 is not a phone"),
        ("students,S1,Anna,A,,,Greek!,,,", "not a language"),
        ("students,S1,Anna,A,,,,true,,", "neither yes nor no in the column active"),
        ("students,S1,Anna,A,,,,-,,", "neither yes nor no"),
        ("students,S1,Anna,A,,,,,-,", "status cannot be cleared"),
        ("students,S1,Anna,A,,,,,,maybe", "column no_sync"),
        ("students,S1,Anna", "has 3 cells"),
    ],
)
def test_bad_row_is_reported_and_the_next_one_read(row, words):
    bad, good = read(f"{HEADER}\n{row}\nstudents,S2,Bob,B,,,,,,\n")

    assert isinstance(bad, BadRecord)
    assert (bad.row, bad.file) == (2, "people.csv")
    assert words in bad.message
    assert (good.row, good.code) == (3, "S2")


def test_bad_row_names_the_person_it_is_about():
    (bad,) = read("list,code,email\nstudents,S1,none\n")

    assert bad.code == "S1"


def test_safe_export_comes_back_as_it_was():
    person = ("guardians", "=G1", "'Άννα", "-", "anna@x.example", "+30 6912345678", "el", "yes", "", "no")
    text = "".join(csv_lines([COLUMNS, person]))

    (record,) = read(text)

    assert (record.list, record.code, record.first_name, record.last_name, record.email, record.phone) == person[:6]


def test_many_people_pass_in_little_memory(tmp_path):
    path = tmp_path / "people.csv"
    with path.open("w") as file:
        file.write(HEADER + "\n")
        file.writelines(f"students,S{number},Anna,Smith,a{number}@x.example,+30691234567,el,yes,,no\n" for number in range(30_000))

    tracemalloc.start()
    with read_people(path) as people:
        count = sum(isinstance(record, PersonRecord) for record in people)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 30_000
    # All rows at once are 15 MB; whatever other threads of this process allocate meanwhile is counted too.
    assert peak < 3_000_000
