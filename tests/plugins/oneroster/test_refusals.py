"""Files that are no roster, lack something, or mean harm: each is refused with a sentence that names it."""

import struct
import zipfile
from functools import partial
from pathlib import Path

import pytest
from effort import at_most

from rolecall.errors import Invalid
from rolecall.sdk.tabular import TableLimits
from rolecall_oneroster import OneRosterSource, files

USERS = "sourcedId,status,enabledUser,role,givenName,familyName\n1,,true,student,Anna,Alpha\n"
MANIFEST = "propertyName,value\noneroster.version,{}\nfile.users,bulk\n"


def folder(path, **files):
    for name, text in files.items():
        (path / f"{name}.csv").write_text(text)
    return path


def packed(path, members, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content, **options)
    return path


def refusal(path):
    with pytest.raises(Invalid) as caught:
        list(OneRosterSource(path).people())
    return str(caught.value)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "neither users.csv"),
        ({"classes": "sourcedId\n1\n"}, "It has classes.csv"),
        ({"users": "sourcedId,givenName,familyName\n1,Anna,Alpha\n"}, "no roles.csv and users.csv has no column role"),
        ({"users": "role,givenName\nstudent,Anna\n"}, "users.csv has no column sourcedId and no familyName"),
        ({"users": USERS, "roles": "user,role\n1,student\n"}, "roles.csv has no column userSourcedId"),
        ({"users": USERS, "relationships": "userSourcedId\n1\n"}, "relationships.csv has no column relationshipUserSourcedId"),
        ({"users": USERS, "manifest": MANIFEST.format("1.0")}, "says oneroster.version 1.0"),
        ({"users": USERS, "manifest": "propertyName,value\n"}, "says oneroster.version (nothing)"),
        ({"users": USERS, "manifest": MANIFEST.format("1.2") + "file.roles,bulk\n"}, "announces roles.csv, and it is missing"),
        ({"users": USERS, "Users": USERS}, "two files called"),
        ({"users": USERS, "roles": 'userSourcedId,role\n1,"student\n'}, "roles.csv, row 2: A quotation mark"),
        ({"users": USERS, "roles": "userSourcedId,role\n1\n"}, "roles.csv, row 2: The row has 1 cells"),
        ({"Student": "First Name\nAnna\n"}, "Student.csv has no column SIS ID"),
        ({"User": "First Name\nAnna\n"}, "User.csv has no column Email"),
        ({"users": ""}, "users.csv is empty"),
    ],
)
def test_roster_that_lacks_something_is_refused_by_name(files, words, tmp_path):
    assert words in refusal(folder(tmp_path, **files))


def test_row_that_cannot_be_read_is_one_problem(tmp_path):
    folder(tmp_path, users=USERS + "2,,true,student\n,,true,student,No,Code\n3,,true,teacher,Theo,Beta\n")

    records = list(OneRosterSource(tmp_path).people())

    assert [(record.row, record.code) for record in records] == [(2, "1"), (3, ""), (4, ""), (5, "3")]


def test_missing_path_and_a_single_file_are_refused(tmp_path):
    file = tmp_path / "users.csv"
    file.write_text(USERS)

    assert "There is no folder or zip file" in refusal(tmp_path / "gone")
    assert "is neither a folder nor a zip file" in refusal(file)


def test_zip_that_is_cut_off_or_damaged_is_refused(tmp_path):
    whole = packed(tmp_path / "whole.zip", [("users.csv", USERS * 50)]).read_bytes()
    cut, damaged = tmp_path / "cut.zip", tmp_path / "damaged.zip"
    cut.write_bytes(whole[:-30])
    damaged.write_bytes(whole[:60] + b"\xff" * 20 + whole[80:])

    assert "is neither a folder nor a zip file" in refusal(cut)
    assert "damaged" in refusal(damaged)


def test_zip_with_a_password_is_refused(tmp_path):
    path = packed(tmp_path / "secret.zip", [("users.csv", USERS)])
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(mark) + offset
        content[at : at + 2] = struct.pack("<H", 1)
    path.write_bytes(content)

    assert "protected by a password" in refusal(path)


def test_zip_with_two_rosters_is_refused(tmp_path):
    assert "several folders" in refusal(packed(tmp_path / "two.zip", [("a/users.csv", USERS), ("b/users.csv", USERS)]))


def test_zip_with_a_huge_directory_is_refused_at_once(tmp_path):
    path = packed(tmp_path / "many.zip", [(f"{number:0200}.csv", b"") for number in range(5_000)])

    with at_most(seconds=1):
        assert "far too many files" in refusal(path)


@pytest.mark.parametrize("line", [b"x" * 999 + b"\n", b"\n", b'"'], ids=["rows", "empty rows", "quotation marks"])
def test_bomb_ends_at_the_limits_of_a_table(line, tmp_path, monkeypatch):
    # A tenth of the limits that hold in earnest: what is shown is that a table within a zip has them too.
    monkeypatch.setattr(files, "Table", partial(files.Table, limits=TableLimits(bytes=20_000_000, rows=100_000)))
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("users.csv", "w") as member:
        member.write(USERS.encode())
        for _ in range(21):
            member.write(line * (1_000_000 // len(line)))

    assert path.stat().st_size < 1_000_000
    assert refusal(path)


def test_path_in_a_zip_never_leaves_it(tmp_path):
    path = packed(tmp_path / "up.zip", [("../../users.csv", USERS)])

    assert [record.code for record in OneRosterSource(path).people()] == ["1"]
    assert sorted(Path(tmp_path).iterdir()) == [path]
