"""Imports of classes and who is in them: new, changed, unchanged, rejected; what is missing from a complete file (R6, R60a)."""

from datetime import date

import pytest
from sqlalchemy import event, select, update

from rolecall.errors import Held, Invalid
from rolecall.sdk.roster import BadRecord, ClassRecord, MembershipRecord, PeriodRecord, PersonRecord
from rolecall.store.engine import now
from rolecall.store.tables import ClassLink, ClassMember, ImportRow, Period, Person, Relation, Run, SchoolClass
from rolecall.testing.factories import enable_provider, make_class, make_period, make_person
from rolecall.work.imports.preview import preview_page
from rolecall.work.runs.evidence import verify_all

HEADER = "class_code,class_name,period,active,person_list,person_code,role\n"


@pytest.fixture
def school(registry, office):
    """Students S0 to S29, teachers T0 and T1, the current period 2026."""
    with office.app.db.write() as session:
        make_period(session)
        for n in range(30):
            make_person(session, "Anna", code=f"S{n}")
        for n in range(2):
            make_person(session, "Tina", list="teachers", code=f"T{n}")
    return registry


def contents(office):
    """(period, class, active) -> {person's code: role}"""
    with office.app.db.read() as session:
        found = {}
        for each in session.execute(
            select(SchoolClass.id, Period.code.label("period"), SchoolClass.code, SchoolClass.active).join(Period).order_by(SchoolClass.id)
        ):
            members = (
                select(Person.code, ClassMember.role)
                .join(ClassMember, ClassMember.person_id == Person.id)
                .where(ClassMember.class_id == each.id)
            )
            found[each.period, each.code, each.active] = dict(session.execute(members).all())
        return found


def versions(office):
    with office.app.db.read() as session:
        return session.execute(select(SchoolClass.code, SchoolClass.name, SchoolClass.version).order_by(SchoolClass.code)).all()


def in_class(code, *numbers, name=""):
    return "".join(f"{code},{name},,,students,S{n},student\n" for n in numbers)


def test_a_file_brings_classes_with_members_and_brings_nothing_the_second_time(school, office):
    file = HEADER + "7a,Maths 7a,,,,T0,teacher\n" + in_class("7a", 0, 1) + "7B,,2026,,students,s2,assistant\n"

    run_id = school.bring(file)
    before = contents(office), versions(office)
    again = school.bring(file)

    assert school.counts(run_id) == {"new": 6}
    assert school.outcomes(run_id) == {"done": 6}
    assert contents(office) == {
        ("2026", "7a", True): {"T0": "teacher", "S0": "student", "S1": "student"}, ("2026", "7B", True): {"S2": "assistant"},
    }  # fmt: skip
    assert versions(office) == [("7B", "7B", 1), ("7a", "Maths 7a", 1)]
    assert school.counts(again) == {"unchanged": 6}
    assert (contents(office), versions(office)) == before
    with office.app.db.read() as session:
        assert verify_all(session).ok


def test_names_roles_and_the_end_of_a_class_are_changes(school, office):
    school.bring(HEADER + in_class("7a", 0, 1) + in_class("7b", 2))

    run_id = school.bring(HEADER + "7A,Maths,,,students,S0,assistant\n7b,,,no,,,\n")

    assert school.counts(run_id) == {"changed": 3}
    assert contents(office) == {("2026", "7a", True): {"S0": "assistant", "S1": "student"}, ("2026", "7b", False): {"S2": "student"}}
    done = [(item["before"], item["after"]) for item in office.items(run_id) if item["outcome"] == "done"]
    assert done == [
        ({"name": "7a"}, {"name": "Maths"}), ({"active": True}, {"active": False}), ({"class:7a": "student"}, {"class:7a": "assistant"}),
    ]  # fmt: skip
    assert versions(office) == [("7a", "Maths", 2), ("7b", "7b", 2)]


def test_rows_that_cannot_be_used_are_rejected_with_row_and_reason(school, office):
    with office.app.db.write() as session:
        closed = make_period(session, "2025", current=False, is_open=False)
        make_class(session, "old", period=closed)
    file = (
        HEADER + in_class("7a", 0) + "7a,,,,students,S0,assistant\n7a,,,,students,X1,\n7a,,,,students,S1,teacher\n7a,,,,students,S1,head\n"
        "7a,Other,,,nobody,S1,\n,x,,,students,S1,student\n7a,,,maybe,,,\n8,,2099,,students,S1,\nold,Old,2025,,,,\n9,,2025,,,,\n7a,,,,students,,\n"
    )

    run_id = school.bring(file)

    said = [item["message"] for item in office.items(run_id) if item["code"] == "rejected"]
    assert said == [
        "Row 7: Row 2 says something else of the class 7a. Write name and active once, or the same everywhere.",
        "Row 8: The code of the class is empty: it is what the class is known by.",
        "Row 9: Row 2 says something else of the class 7a. Write name and active once, or the same everywhere.",
        "Row 10: There is no period 2099. Add it first, or import it.",
        "Row 11: The period 2025 is closed, so its classes stay as they are.",
        "Row 12: The period 2025 is closed, so its classes stay as they are.",
        "Row 3: S0 of the students is in the class 7a in row 2 already.",
        "Row 4: The class 7a names X1 of the students, who is not in the roster.",
        "Row 5: Nobody of the students can be a teacher of a class; that is for teachers, employees and partners.",
        "Row 6: There is no role “head” in a class. The roles are student, teacher, assistant.",
        "Row 7: There is no list nobody. The lists are students, teachers, employees, guardians, partners, alumni, agents.",
        "Row 10: There is no period 2099. Add it first, or import it.",
        "Row 13: The code of the person is empty.",
    ]
    assert contents(office) == {("2025", "old", True): {}, ("2026", "7a", True): {"S0": "student"}}


def test_members_who_are_missing_stay_unless_the_file_is_complete(school, office):
    school.bring(HEADER + in_class("7a", 0, 1, 2) + in_class("7b", 3))
    some = HEADER + in_class("7a", 0) + "7a,,,,students,S1,nonsense\n"

    school.bring(some)
    assert len(contents(office)["2026", "7a", True]) == 3
    run_id = school.bring(some + "7b,,,,,,\n", complete=True)

    # A rejected row names S1, who stays; 7b has no members in the file, and is named.
    assert contents(office) == {("2026", "7a", True): {"S0": "student", "S1": "student"}, ("2026", "7b", True): {}}
    assert school.counts(run_id) == {"unchanged": 3, "rejected": 1, "leaving": 2}
    gone = [(item["message"], item["before"], item["after"]) for item in office.items(run_id) if item["outcome"] == "done"]
    assert gone == [(None, {"class:7a": "student"}, {"class:7a": None}), (None, {"class:7b": "student"}, {"class:7b": None})]
    assert school.counts(school.bring(some + "7b,,,,,,\n", complete=True)) == {"unchanged": 3, "rejected": 1}


def test_classes_missing_from_a_complete_file_end_in_the_periods_that_it_is_about(school, office):
    with office.app.db.write() as session:
        make_class(session, "other", period=make_period(session, "2027", current=False))
    school.bring(HEADER + in_class("7a", 0) + in_class("7b", 1))

    run_id = school.stage(HEADER + in_class("7a", 0), complete=True)
    with office.app.db.read() as session:
        (row,) = preview_page(session, run_id, verdict="leaving")
    school.confirm(run_id)

    assert (row.list, row.code, row.changes) == ("class", "7b", [("active", "yes", "no")])
    assert "the class ends" in row.message
    assert contents(office) == {
        ("2027", "other", True): {}, ("2026", "7a", True): {"S0": "student"}, ("2026", "7b", False): {"S1": "student"},
    }  # fmt: skip
    # It goes on when a file says so, with whom it had.
    school.bring(HEADER + "7b,,,yes,,,\n")
    assert contents(office)["2026", "7b", True] == {"S1": "student"}


def test_a_file_of_classes_alone_takes_nobody_out_and_says_nothing_of_people(school, office):
    school.bring(HEADER + in_class("7a", 0, 1))

    run_id = school.bring(HEADER + "7a,,,,,,\n", people_list="students", complete=True)

    assert school.counts(run_id) == {"unchanged": 1}
    assert len(contents(office)["2026", "7a", True]) == 2
    assert all(person.active for person in school.people().values())


def test_a_person_who_is_only_in_a_class_is_not_in_the_file_of_people(school, office):
    people = [PersonRecord(row=n + 2, list="students", code=f"S{n}") for n in range(29)]
    member = MembershipRecord(row=2, class_code="7a", person=("students", "S29"), role="student")
    school.use_source(people=people, classes=[ClassRecord(row=2, code="7a")], memberships=[member])

    run_id = school.stage_with("trial", school.file("x"), complete=True)

    assert school.counts(run_id) == {"unchanged": 29, "new": 2, "leaving": 1}


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("".join(f"C{n},,,,students,S{n},\n" for n in range(15)), "5 of 20 classes of the periods in the file are not in it"),
        ("".join(f"C{n},,,,{f'students,S{n},' if n < 15 else ',,'}\n" for n in range(20)), "5 of 20 members of the classes in the file"),
        ("".join(f"C{n},,,,students,S{n},\n" for n in range(19)) + ",,,,students,S19,\n", "1 rows about classes cannot be read"),
    ],
)
def test_the_brake_holds_what_would_take_too_much_away(school, office, kept, said):
    school.bring(HEADER + "".join(f"C{n},,,,students,S{n},\n" for n in range(20)))
    before = contents(office)

    run_id = school.stage(HEADER + kept, complete=True)

    with pytest.raises(Held, match=said):
        school.confirm(run_id)
    assert contents(office) == before
    school.confirm(run_id, allow_shrink=True)
    assert contents(office) != before


def test_what_was_changed_by_hand_since_the_preview_is_judged_anew(school, office):
    school.bring(HEADER + in_class("7a", 0, 1))
    run_id = school.stage(HEADER + "7a,Maths,,,students,S0,assistant\n" + in_class("7a", 2, 3), complete=True)
    with office.app.db.write() as session:
        people = {person.code: person.id for person in session.scalars(select(Person))}
        made = session.scalars(select(SchoolClass)).one()
        made.name = "Maths"
        session.add(ClassMember(class_id=made.id, person_id=people["S2"], role="student"))
        session.execute(update(ClassMember).where(ClassMember.person_id == people["S0"]).values(role="assistant"))

    school.confirm(run_id)

    assert school.outcomes(run_id) == {"done": 2, "skipped": 3}
    assert contents(office) == {("2026", "7a", True): {"S0": "assistant", "S2": "student", "S3": "student"}}


def test_a_class_that_somebody_adds_at_the_same_moment_is_one_class(school, office):
    run_id = school.stage(HEADER + in_class("7a", 0))
    with office.app.db.write() as session:
        made = make_class(session, "7A").id

    school.confirm(run_id)

    assert contents(office) == {("2026", "7A", True): {"S0": "student"}}
    with office.app.db.read() as session:
        assert session.scalars(select(SchoolClass.id)).one() == made


def test_providers_hear_of_each_class_that_changed(school, office):
    office.make(enable_provider, "moodle", classes=True)
    school.bring(HEADER + in_class("7a", 0) + in_class("7b", 1))
    with office.app.db.write() as session:
        session.execute(update(ClassLink).values(synced=ClassLink.wanted))

    school.bring(HEADER + in_class("7a", 0) + in_class("7b", 1, 2))

    with office.app.db.read() as session:
        behind = select(SchoolClass.code).join(ClassLink, ClassLink.class_id == SchoolClass.id).where(ClassLink.synced < ClassLink.wanted)
        assert session.scalars(behind).all() == ["7b"]


def test_a_source_brings_periods_people_and_their_classes_at_once(school, office):
    school.use_source(
        people=[PersonRecord(row=2, list="students", code="N1", first_name="Nora", last_name="New")],
        periods=[PeriodRecord(code="T1", name="Term", starts_on=date(2026, 9, 1), ends_on=date(2027, 1, 31))],
        classes=[ClassRecord(row=2, code="7a", name="Maths", period="t1"), ClassRecord(row=3, code="7b", active=False)],
        memberships=[
            MembershipRecord(row=2, class_code="7A", period="T1", person=("students", "n1"), role="student"),
            MembershipRecord(row=3, class_code="7a", period="T1", person=("students", "S1"), role="student", active=False),
        ],
    )

    run_id = school.confirm(school.stage_with("trial", school.file("x")))

    assert school.counts(run_id) == {"new": 4, "unchanged": 2}
    assert contents(office) == {("T1", "7a", True): {"N1": "student"}}


def test_a_source_says_who_is_no_longer_in_a_class(school, office):
    school.bring(HEADER + in_class("7a", 0, 1))
    school.use_source(
        memberships=[MembershipRecord(row=2, class_code="7a", person=("students", "S0"), role="student", active=False)], is_delta=True
    )

    school.confirm(school.stage_with("trial", school.file("x")))

    assert contents(office) == {("2026", "7a", True): {"S1": "student"}}


def test_a_class_that_a_complete_source_ends_keeps_its_members(school, office):
    school.bring(HEADER + in_class("7a", 0, 1) + in_class("7b", 2))
    member = MembershipRecord(row=2, class_code="7b", person=("students", "S2"), role="student")
    school.use_source(classes=[ClassRecord(row=2, code="7a", active=False), ClassRecord(row=3, code="7b")], memberships=[member])

    school.confirm(school.stage_with("trial", school.file("x"), complete=True))

    assert contents(office) == {("2026", "7a", False): {"S0": "student", "S1": "student"}, ("2026", "7b", True): {"S2": "student"}}


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ({"classes": ["7a"]}, "neither a ClassRecord"),
        ({"memberships": [ClassRecord(row=2, code="7a")]}, "neither a MembershipRecord"),
        ({"memberships": [MembershipRecord(row=2, class_code="7a", person="S1", role="student")]}, "no .list, code."),
    ],
)
def test_a_source_that_yields_something_else_imports_nothing(school, office, said, names):
    school.use_source(**said)

    with pytest.raises(Exception, match=names):
        school.stage_with("trial", school.file("x"))

    with office.app.db.read() as session:
        assert session.scalars(select(Run.state)).all() == ["failed"]
        assert session.scalars(select(ImportRow)).all() == []


def test_odd_values_of_a_source_are_rejected_rows(school, office):
    school.use_source(
        classes=[
            ClassRecord(row=2, code=7), ClassRecord(row=3, code="7a", name=7), ClassRecord(row=4, code="7a", active="yes"),
            ClassRecord(row=5, code="7a", period="x" * 61), ClassRecord(row=6, code="7\x00"), BadRecord(row=7, message="It is torn."),
        ],
        memberships=[
            MembershipRecord(row=2, class_code=7, person=("students", "S1"), role="student"),
            MembershipRecord(row=3, class_code="7a", person=("students", "S1"), role="student", active=None),
            MembershipRecord(row=4, class_code="7a", person=("students", ""), role="student"), BadRecord(row=5, message="It is torn."),
        ],
        relations=[BadRecord(row=9, message="It is torn.")],
    )  # fmt: skip

    run_id = school.confirm(school.stage_with("trial", school.file("x")))

    assert school.counts(run_id) == {"rejected": 11}
    assert contents(office) == {}


def test_without_a_current_period_a_row_must_name_one(registry, office):
    office.make(make_period, "2026", current=False)

    run_id = registry.bring(HEADER + "7a,,,,,,\n7b,,2026,,,,\n")

    assert registry.counts(run_id) == {"new": 1, "rejected": 1}
    assert registry.messages(run_id)[0] == "Row 2: The row names no period, and none is the current one."


def test_the_csv_of_relations_is_told_by_its_header_and_defaults_to_guardians_of_students(school, office):
    office.make(make_person, "Gina", list="guardians", code="G1")

    run_id = school.bring("code,child_code,kind,remark\nG1,S0,,x\ng1,s1,Parent,\nG9,S0,,\n,S0,,\n")
    again = school.bring("list,code,child_list,child_code\nguardians,G1,students,S0\n")

    assert school.counts(run_id) == {"new": 2, "rejected": 2}
    assert office.run(run_id)["facts"]["notes"] == ["The column remark is unknown and is not read."]
    assert school.counts(again) == {"unchanged": 1}
    with office.app.db.read() as session:
        rows = session.execute(select(Person.code, Relation.kind).join(Relation, Relation.child_id == Person.id).order_by(Person.code))
        assert rows.all() == [("S0", "guardian"), ("S1", "parent")]


def test_a_kill_between_batches_is_resumed_and_nobody_is_missing(school, office):
    class Killed(BaseException):
        pass

    written = []

    def kill(_connection, _cursor, statement, *_):
        if statement.startswith("INSERT INTO class_member"):
            written.append(statement)
            if len(written) == 2:
                raise Killed

    run_id = school.stage(HEADER + "".join(in_class(f"C{n}", *range(30)) for n in range(50)))
    event.listen(office.app.db.engine, "before_cursor_execute", kill)
    with pytest.raises(Killed):
        school.confirm(run_id)
    half = school.outcomes(run_id)
    with office.app.db.write() as session:
        session.execute(update(Run).values(leased_until=now(session)))

    office.work()

    assert half == {"done": 1_000, "waiting": 550}
    assert school.outcomes(run_id) == {"done": 1_550}
    assert {len(members) for members in contents(office).values()} == {30}
    assert len(contents(office)) == 50


def test_whom_the_rights_do_not_reach_is_neither_put_in_nor_taken_out_nor_ended(school, office):
    school.bring(HEADER + in_class("7a", 0, 1) + "7a,,,,,T0,teacher\n7b,,,,,T1,teacher\n" + in_class("7c", 2) + in_class("7d", 3))
    clerk = office.clerk("people:create", "people:edit", limited_to=["student"])
    file = HEADER + in_class("7a", 0) + "7a,,,,,T1,teacher\n7c,,,no,,,\n"

    run_id = school.stage(file, actor=clerk, complete=True)
    school.confirm(run_id, actor=clerk)

    assert contents(office) == {
        ("2026", "7a", True): {"S0": "student", "T0": "teacher"}, ("2026", "7b", True): {"T1": "teacher"},
        ("2026", "7c", False): {"S2": "student"}, ("2026", "7d", False): {"S3": "student"},
    }  # fmt: skip
    assert [item["message"] for item in office.items(run_id) if item["code"] == "rejected"] == [
        "Row 3: Your role does not reach the teachers."
    ]
    run_id = school.stage(HEADER + "7a,,,no,,,\n", actor=clerk)
    assert "members whom your role does not reach" in school.messages(run_id)[0]


@pytest.mark.parametrize("text", ["class_code,class_name\n7a,Maths,extra\n", "code,child_code\nG1,S1,extra\n"])
def test_a_row_that_cannot_be_read_is_told_with_its_number(school, text):
    run_id = school.stage(text)

    assert school.counts(run_id) == {"rejected": 1}
    assert school.messages(run_id)[0].startswith("Row 2:")


def test_relations_without_whom_they_are_about_are_refused(school):
    with pytest.raises(Invalid, match="has no column code"):
        school.stage("list,child_code\nguardians,S1\n")
