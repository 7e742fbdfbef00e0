"""Every format the source reads: who is in which list, whose guardian is who, and which periods there are."""

import shutil
import tracemalloc
import zipfile
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from rolecall import BadRecord, PeriodRecord, PersonRecord
from rolecall_oneroster import OneRosterSource, register_roster_sources

DATA = Path(__file__).parent / "data"
FOLDERS = ("oneroster-1.1", "oneroster-1.2", "sds-v1", "sds-v1-contacts", "sds-v2", "sds-v2.1")


def source(folder):
    return OneRosterSource(DATA / folder)


def people(folder):
    return {record.code: record for record in source(folder).people() if isinstance(record, PersonRecord)}


def problems(folder):
    return {record.code: record.message for record in source(folder).people() if isinstance(record, BadRecord)}


def relations(folder):
    return {(relation.person, relation.kind, relation.child) for relation in source(folder).relations()}


def notes(folder):
    """The notes after everything has been read."""
    roster = source(folder)
    list(roster.people()), list(roster.relations()), list(roster.periods())
    return list(roster.notes())


def test_plugin_registers_one_source_for_all_formats():
    assert register_roster_sources() == [OneRosterSource]
    assert OneRosterSource.id == "oneroster"


def test_sample_of_school_data_sync_v1_is_read_whole():
    records = list(source("sds-v1").people())

    assert Counter(record.list for record in records) == {"students": 86, "teachers": 12}
    assert records[0] == PersonRecord(
        row=2, file="Student.csv", list="students", code="13001", first_name="Ora", last_name="Klein", active=True
    )
    assert (records[-1].row, records[-1].file, records[-1].code, records[-1].last_name) == (13, "Teacher.csv", "14012", "Rocha")
    assert relations("sds-v1") == set()
    assert list(source("sds-v1").periods()) == [
        PeriodRecord(code="12000", name="SY1516", starts_on=date(2017, 7, 1), ends_on=date(2018, 6, 30))
    ]


def test_sample_of_school_data_sync_v2_1_is_read_whole():
    assert {code: record.list for code, record in people("sds-v2.1").items()} == {
        "114001": "students",
        "114002": "guardians",
        "114003": "students",
        "114004": "students",
        "114005": "guardians",
        "114006": "teachers",
        "114007": "teachers",
        "114008": "students",
    }
    assert problems("sds-v2.1") == {}
    assert people("sds-v2.1")["114002"] == PersonRecord(
        row=3,
        file="users.csv",
        list="guardians",
        code="114002",
        first_name="Jean",
        last_name="Craig",
        email="jean.craig@outlook.com",
        phone="+11234567890",
        active=True,
    )
    assert relations("sds-v2.1") == {
        (("guardians", "114002"), "guardian", ("students", "114001")),
        (("guardians", "114002"), "relative", ("students", "114003")),
        (("guardians", "114005"), "guardian", ("students", "114004")),
    }
    assert [(period.code, period.name, period.starts_on, period.ends_on) for period in source("sds-v2.1").periods()] == [
        ("SY2021K12", "2021 School Year", date(2021, 8, 24), date(2022, 6, 11)),
        ("FS2021HED", "Fall Semester", date(2021, 9, 1), date(2021, 12, 1)),
    ]


def test_oneroster_1_1_has_roles_and_agents_in_the_users_file():
    found = people("oneroster-1.1")

    assert {code: record.list for code, record in found.items()} == {
        **dict.fromkeys(("u-s1", "u-s2", "u-s3", "u-s4"), "students"),
        **dict.fromkeys(("u-t1", "u-t2"), "teachers"),
        **dict.fromkeys(("u-a1", "u-x1"), "employees"),
        **dict.fromkeys(("u-p1", "u-p2", "u-r1"), "guardians"),
    }
    assert [code for code, record in found.items() if not record.active] == ["u-s3", "u-s4"]
    assert (found["u-t1"].phone, found["u-t2"].phone, found["u-a1"].phone) == ("+30 6912345678", "210 1234567", None)
    assert found["u-s1"].first_name == "Άννα"
    assert problems("oneroster-1.1") == {"u-b1": "The role is empty.", "u-b2": "none is not an e-mail address."}


def test_agents_are_relations_of_students_whichever_side_names_them():
    assert relations("oneroster-1.1") == {
        (("guardians", "u-p1"), "parent", ("students", "u-s1")),
        (("guardians", "u-p2"), "guardian", ("students", "u-s1")),
        (("guardians", "u-r1"), "relative", ("students", "u-s2")),
        (("teachers", "u-t2"), "aide", ("students", "u-s2")),
    }
    assert len(list(source("oneroster-1.1").relations())) == 4
    assert any(note.startswith("1 relations are left out") for note in notes("oneroster-1.1"))


def test_grading_periods_and_deleted_sessions_are_no_periods():
    assert [(period.code, period.name) for period in source("oneroster-1.1").periods()] == [
        ("y26", "2026-27"),
        ("s1", "Autumn"),
        ("t2", "Spring"),
    ]
    told = notes("oneroster-1.1")
    assert "academicSessions.csv: 2 of the type gradingPeriod are no periods." in told
    assert any(note.startswith("academicSessions.csv, row 8 is left out") for note in told)


def test_oneroster_1_2_takes_the_primary_role_that_still_holds():
    assert {code: (record.list, record.active) for code, record in people("oneroster-1.2").items()} == {
        "1": ("students", True),
        "2": ("guardians", True),
        "3": ("guardians", True),  # primary guardian, secondary teacher
        "4": ("students", False),  # the user is to be deleted
        "5": ("employees", True),  # the primary role is to be deleted, the secondary stays
        "6": ("teachers", True),  # two primary roles: teaching goes first
        "7": ("employees", False),  # the only role is to be deleted
    }
    assert relations("oneroster-1.2") == {
        (("guardians", "2"), "parent", ("students", "1")),
        (("guardians", "3"), "guardian", ("students", "1")),
    }


def test_people_whose_list_nothing_tells_are_refused_with_the_reason():
    found = problems("oneroster-1.2")

    assert set(found) == {"8", "9"}
    assert "delta" in found["8"]
    assert "The role ext:librarian does not say which list" in found["9"]


def test_delta_files_are_not_to_be_imported_as_complete():
    assert "users.csv holds only changes (delta): do not import it as a complete list." in notes("oneroster-1.2")


def test_school_data_sync_v2_has_roles_in_the_users_file_in_any_case():
    assert {code: record.list for code, record in people("sds-v2").items()} == {"1": "students", "2": "teachers", "3": "employees"}


def test_contacts_of_school_data_sync_v1_are_known_by_number_or_address():
    found = people("sds-v1-contacts")

    assert {code: (record.list, record.active) for code, record in found.items()} == {
        "1": ("students", True),
        "2": ("students", False),
        "77": ("guardians", True),
        "doc@clinic.example": ("partners", True),
        "lone@home.example": ("guardians", True),
    }
    assert found["1"].email == "anna@home.example"
    assert set(problems("sds-v1-contacts")) == {"", "kid@home.example"}
    assert relations("sds-v1-contacts") == {
        (("guardians", "77"), "parent", ("students", "1")),
        (("guardians", "77"), "other", ("students", "2")),
        (("partners", "doc@clinic.example"), "doctor", ("students", "1")),
    }


def test_student_of_two_schools_is_read_once():
    records = [record for record in source("sds-v1-contacts").people() if record.code == "1"]

    assert [record.row for record in records] == [2]
    assert "1 rows repeat a person of another school and are read once." in notes("sds-v1-contacts")


def test_terms_of_sections_are_periods_once_each_with_days_first_where_the_file_proves_it():
    assert [(period.code, period.starts_on, period.ends_on) for period in source("sds-v1-contacts").periods()] == [
        ("T1", date(2026, 9, 1), date(2027, 1, 31)),
        ("T2", date(2027, 2, 1), date(2027, 6, 30)),
    ]
    assert any("the term T3 is left out" in note for note in notes("sds-v1-contacts"))


def test_dates_that_may_be_either_are_said_to_be_read_month_first(tmp_path):
    (tmp_path / "Student.csv").write_text("SIS ID,First Name,Last Name\n1,Anna,Alpha\n")
    (tmp_path / "Section.csv").write_text("SIS ID,Term SIS ID,Term Name,Term StartDate,Term EndDate\ns,T,Autumn,9/1/2026,12/6/2026\n")
    roster = OneRosterSource(tmp_path)

    assert [(period.starts_on, period.ends_on) for period in roster.periods()] == [(date(2026, 9, 1), date(2026, 12, 6))]
    assert any("month/day/year" in note for note in roster.notes())


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_record_and_no_note_contains_a_password(folder):
    roster = source(folder)
    everything = repr([list(roster.people()), list(roster.relations()), list(roster.periods()), list(roster.notes())])

    assert "Top-secret" not in everything
    assert "P@ss" not in everything
    assert any("not read, Rolecall gives user names and passwords itself" in note for note in roster.notes())


@pytest.mark.parametrize("folder", FOLDERS)
def test_zip_and_folder_say_the_same(folder, tmp_path):
    path = tmp_path / "roster.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._users.csv", b"rubbish")
        for file in sorted((DATA / folder).glob("*.csv")):
            archive.write(file, f"export/{file.name}")
    packed = OneRosterSource(path)

    assert list(packed.people()) == list(source(folder).people())
    assert list(packed.relations()) == list(source(folder).relations())
    assert list(packed.periods()) == list(source(folder).periods())


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_of_files_are_read_in_any_case(folder, tmp_path):
    for file in (DATA / folder).glob("*.csv"):
        shutil.copy(file, tmp_path / file.name.swapcase())

    codes = [record.code for record in OneRosterSource(tmp_path).people()]

    assert codes == [record.code for record in source(folder).people()]


def test_users_are_streamed(tmp_path):
    with (tmp_path / "users.csv").open("w") as file:
        file.write("sourcedId,status,enabledUser,role,givenName,familyName,email\n")
        file.writelines(f"u{number},,true,student,Anna,Alpha,anna{number}@school.example\n" for number in range(100_000))

    tracemalloc.start()
    count = sum(isinstance(record, PersonRecord) for record in OneRosterSource(tmp_path).people())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 100_000
    # All rows at once are 50 MB; whatever other threads of this process allocate meanwhile is counted too.
    assert peak < 10_000_000
