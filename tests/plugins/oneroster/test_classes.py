"""Classes and enrolments of every format: which period, which role, who is left out (R60a)."""

from collections import Counter
from pathlib import Path

import pytest

from rolecall import BadRecord, ClassRecord, MembershipRecord
from rolecall.errors import Invalid
from rolecall_oneroster import OneRosterSource

DATA = Path(__file__).parent / "data"
USERS = "sourcedId,givenName,familyName,role\n1,Anna,Alpha,student\n2,Theo,Beta,teacher\n"


def read(source):
    """Classes, memberships and problems, after which the notes are complete."""
    classes, members = list(source.classes()), list(source.memberships())
    problems = [each for each in (*classes, *members) if isinstance(each, BadRecord)]
    return (
        [each for each in classes if isinstance(each, ClassRecord)],
        [each for each in members if isinstance(each, MembershipRecord)],
        problems,
    )


@pytest.fixture
def roster(tmp_path):
    def write(**files):
        for name, text in ({"users": USERS} | files).items():
            (tmp_path / f"{name}.csv").write_text(text, "utf-8")
        return OneRosterSource(tmp_path)

    return write


def test_the_sample_of_school_data_sync_v1_has_its_sections():
    classes, members, problems = read(OneRosterSource(DATA / "sds-v1"))

    assert classes[0] == ClassRecord(row=2, file="Section.csv", code="11001", name="Math - Algebra 1", period="12000", active=True)
    assert (len(classes), problems) == (28, [])
    assert Counter(each.role for each in members) == {"student": 602, "teacher": 28}
    assert members[0] == MembershipRecord(
        row=2, file="TeacherRoster.csv", class_code="11001", period="12000", person=("teachers", "14001"), role="teacher"
    )


def test_the_sample_of_school_data_sync_v2_1_has_its_classes():
    classes, members, problems = read(OneRosterSource(DATA / "sds-v2.1"))

    assert [(each.code, each.name, each.period) for each in classes] == [
        ("112001", "Computer Science 101", "FS2021HED"), ("112002", "Biology 10", "SY2021K12"),
    ]  # fmt: skip
    assert [(each.class_code, each.period, each.person, each.role) for each in members[:2]] == [
        ("112001", "FS2021HED", ("students", "114008"), "student"), ("112001", "FS2021HED", ("teachers", "114006"), "teacher"),
    ]  # fmt: skip
    assert (len(members), problems) == (6, [])


def test_a_class_in_several_terms_is_in_the_period_that_holds_them():
    classes, _, problems = read(OneRosterSource(DATA / "oneroster-1.1"))

    assert {each.code: (each.period, each.active) for each in classes} == {
        "c-year": ("y26", True), "c-spring": ("t2", True), "c-marks": ("s1", True), "c-none": (None, True), "c-gone": ("s1", False),
        "c-other": ("y99", True),
    }  # fmt: skip
    assert [(each.file, each.row) for each in problems] == [("classes.csv", 8), ("classes.csv", 9), ("enrollments.csv", 11)]


def test_enrolments_are_read_once_and_who_left_comes_last():
    source = OneRosterSource(DATA / "oneroster-1.1")

    _, members, _ = read(source)

    assert [(each.class_code, each.person, each.role, each.active) for each in members] == [
        ("c-year", ("students", "u-s1"), "student", True), ("c-year", ("teachers", "u-t1"), "teacher", True),
        ("c-year", ("teachers", "u-t2"), "assistant", True), ("c-spring", ("students", "u-s2"), "student", True),
        ("c-none", ("students", "u-new"), "student", True), ("c-year", ("students", "u-s2"), "student", False),
    ]  # fmt: skip
    told = list(source.notes())
    assert "1 enrolments as proctor are left out: they neither learn nor teach." in told
    assert "1 enrolments repeat somebody in a class and are read once, with the role of the first." in told
    assert any(note.startswith("classes.csv: dateLastModified, grades") for note in told)


def test_terms_that_no_period_holds_together_are_counted(roster):
    source = roster(
        academicSessions="sourcedId,title,type,startDate,endDate\na,Autumn,term,2026-09-01,2027-01-31\nb,Spring,term,2027-02-01,2027-06-30\n",
        classes='sourcedId,title,sessionSourcedIds\nc1,Maths,"b, a"\nc2,Art,"x,y"\n',
    )

    classes, _, _ = read(source)

    assert [(each.code, each.period) for each in classes] == [("c1", "a"), ("c2", "x")]
    assert any(note.startswith("2 classes are in terms that no period holds together") for note in source.notes())


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"classes": "sourcedId,name\n1,x\n"}, "classes.csv has no column title."),
        ({"enrollments": "classSourcedId,role\n1,student\n"}, "enrollments.csv has no column userSourcedId."),
    ],
)
def test_a_file_without_the_columns_that_it_needs_is_refused(roster, files, said):
    with pytest.raises(Invalid, match=said):
        list(roster(**files).classes())


@pytest.mark.parametrize("name", ["classes", "enrollments"])
def test_changes_of_classes_alone_make_a_delta(roster, name):
    manifest = f"propertyName,value\noneroster.version,1.1\nfile.users,bulk\nfile.{name},delta\n"
    source = roster(manifest=manifest, **{name: "sourcedId,title,classSourcedId,userSourcedId,role\n"})

    assert source.is_delta


def test_rows_that_cannot_be_read_are_told_with_their_number(roster):
    source = roster(classes="sourcedId,title\nc1,Maths,extra\n", enrollments="classSourcedId,userSourcedId,role\nc1,1,student,extra\n")

    _, _, problems = read(source)

    assert [(each.file, each.row) for each in problems] == [("classes.csv", 2), ("enrollments.csv", 2)]


def test_sections_that_repeat_or_name_nobody_are_told(tmp_path):
    (tmp_path / "Student.csv").write_text("SIS ID,First Name,Last Name\n1,Anna,Alpha\n", "utf-8")
    (tmp_path / "Section.csv").write_text("SIS ID,Section Name,Status\ns1,Maths,Inactive\ns1,Again,\n,Nameless,\ns2\n", "utf-8")
    (tmp_path / "StudentEnrollment.csv").write_text("Section SIS ID,SIS ID\ns1,1\ns1,1\n,1\ns1\n", "utf-8")
    source = OneRosterSource(tmp_path)

    classes, members, problems = read(source)

    assert [(each.code, each.period, each.active) for each in classes] == [("s1", None, False)]
    assert [(each.class_code, each.period, each.person) for each in members] == [("s1", None, ("students", "1"))]
    assert [(each.file, each.row) for each in problems] == [
        ("Section.csv", 3), ("Section.csv", 4), ("Section.csv", 5), ("StudentEnrollment.csv", 4), ("StudentEnrollment.csv", 5),
    ]  # fmt: skip
    assert "1 rows repeat somebody in a section and are read once." in list(source.notes())
