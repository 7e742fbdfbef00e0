"""Imports through plugins: the sample rosters with exact numbers, and sources that misbehave (R6, R69)."""

from collections import Counter
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from rolecall.errors import Invalid, Unknown
from rolecall.sdk.roster import CLEAR, BadRecord, PeriodRecord, PersonRecord, RelationRecord
from rolecall.store.tables import ClassMember, ImportRow, Period, Person, Relation, Run, RunItem, SchoolClass

SAMPLES = Path(__file__).parents[3] / "plugins" / "oneroster" / "data"


def person(row=2, **values):
    return PersonRecord(**({"row": row, "list": "students", "code": f"S{row}", "first_name": "Anna", "last_name": "Alpha"} | values))


TABLES = (Person, Relation, Period, SchoolClass, ClassMember)


def table_counts(office):
    with office.app.db.read() as session:
        return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) for table in TABLES}


@pytest.fixture
def roster(registry, office):
    office.enable("oneroster")
    return registry


@pytest.mark.parametrize(
    ("sample", "people", "others"),
    [
        ("sds-v1", {"students": 86, "teachers": 12}, {"relation": 0, "period": 1, "school_class": 28, "class_member": 630}),
        ("sds-v2.1", {"students": 4, "guardians": 2, "teachers": 2}, {"relation": 3, "period": 2, "school_class": 2, "class_member": 6}),
    ],
)
def test_the_sample_data_arrives_whole_and_twice_is_nothing_new(roster, office, sample, people, others):
    run_id = roster.confirm(roster.stage_with("oneroster", SAMPLES / sample))

    expected = {"person": sum(people.values()), **others}
    assert roster.counts(run_id) == {"new": sum(expected.values())}
    assert roster.outcomes(run_id) == {"done": sum(expected.values())}
    with office.app.db.read() as session:
        assert Counter(session.scalars(select(Person.list))) == people
    assert table_counts(office) == expected
    before = roster.contents()

    again = roster.confirm(roster.stage_with("oneroster", SAMPLES / sample))

    assert roster.counts(again) == {"unchanged": sum(expected.values())}
    assert roster.contents() == before
    assert table_counts(office) == expected


def test_the_guardians_of_the_sample_data_keep_their_relations(roster, office):
    roster.confirm(roster.stage_with("oneroster", SAMPLES / "sds-v2.1"))

    with office.app.db.read() as session:
        codes = dict(session.execute(select(Person.id, Person.code)).all())
        found = {(codes[each.person_id], each.kind, codes[each.child_id]) for each in session.scalars(select(Relation))}
    assert found == {("114002", "guardian", "114001"), ("114002", "relative", "114003"), ("114005", "guardian", "114004")}


def test_the_periods_of_the_sample_data_are_neither_current_nor_closed(roster, office):
    roster.confirm(roster.stage_with("oneroster", SAMPLES / "sds-v2.1"))

    with office.app.db.read() as session:
        found = session.scalars(select(Period).order_by(Period.starts_on)).all()
    assert [(each.code, each.name, each.starts_on, each.is_current, each.is_open) for each in found] == [
        ("SY2021K12", "2021 School Year", date(2021, 8, 24), False, True),
        ("FS2021HED", "Fall Semester", date(2021, 9, 1), False, True),
    ]


def test_a_period_whose_dates_moved_is_changed_and_versioned(registry, office, tmp_path):
    def periods(ends):
        return [PeriodRecord(code="2026", name="Year", starts_on=date(2026, 9, 1), ends_on=ends)]

    registry.use_source(people=[], periods=lambda: periods(date(2027, 6, 30)))
    registry.confirm(registry.stage_with("trial", tmp_path))
    registry.use_source(people=[], periods=lambda: periods(date(2027, 7, 15)))

    run_id = registry.confirm(registry.stage_with("trial", tmp_path))

    (item,) = office.items(run_id)
    assert (item["code"], item["before"], item["after"]) == ("period", {"ends_on": "2027-06-30"}, {"ends_on": "2027-07-15"})
    with office.app.db.read() as session:
        assert session.scalar(select(Period.version)) == 2


def test_a_delta_of_oneroster_is_not_taken_as_complete(roster):
    with pytest.raises(Invalid, match="cannot be declared complete"):
        roster.stage_with("oneroster", SAMPLES / "oneroster-1.2", complete=True)


def test_a_relation_of_somebody_who_is_nowhere_is_rejected(registry, office, tmp_path):
    relations = [
        RelationRecord(row=7, person=("guardians", "G1"), child=("students", "S2"), kind="parent"),
        RelationRecord(row=8, person=("guardians", "G9"), child=("students", "S2"), kind="parent"),
        RelationRecord(row=9, person=("guardians", "G1"), child=("students", "S2"), kind="parent"),
    ]
    registry.use_source(people=[person(), person(3, list="guardians", code="G1")], relations=relations)

    run_id = registry.confirm(registry.stage_with("trial", tmp_path))

    assert registry.messages(run_id)[-2].startswith("Row 8: The relation names g9 of the guardians")
    assert registry.outcomes(run_id) == {"done": 3, "failed": 1, "skipped": 1}
    assert table_counts(office)["relation"] == 1


def test_a_relation_whose_person_was_rejected_is_rejected_too(registry, tmp_path):
    relations = [RelationRecord(row=7, person=("guardians", "G1"), child=("students", "S2"), kind="parent")]
    registry.use_source(people=[person(), person(3, list="guardians", code="G1", email="nonsense")], relations=relations)

    assert registry.counts(registry.stage_with("trial", tmp_path)) == {"new": 1, "rejected": 2}


@pytest.mark.parametrize("method", ["people", "relations", "periods", "notes"])
def test_a_source_that_breaks_is_named_and_leaves_nothing_but_a_failed_run(registry, office, tmp_path, method):
    def broken():
        if method == "people":
            yield person()
        raise RuntimeError("licence expired")

    registry.use_source(**({"people": [person()]} | {method: broken}))

    with pytest.raises(Invalid, match=r"Trial could not read .* \(RuntimeError: licence expired\). Nothing was imported"):
        registry.stage_with("trial", tmp_path)

    with office.app.db.read() as session:
        assert [run.state for run in session.scalars(select(Run))] == ["failed"]
        assert session.scalar(select(func.count()).select_from(ImportRow)) == 0
        assert session.scalar(select(func.count()).select_from(RunItem)) == 0


@pytest.mark.parametrize(
    "members",
    [
        {"people": ["Anna"]},
        {"people": [None]},
        {"people": [person(row=None, code="x")]},
        {"people": [BadRecord(row="2", message="?")]},
        {"periods": [("2026",)]},
        {"periods": [PeriodRecord(code="1", name="x", starts_on="2026-09-01", ends_on=date(2027, 1, 1))]},
        {"periods": [PeriodRecord(code="1", name="x", starts_on=datetime(2026, 9, 1), ends_on=date(2027, 1, 1))]},  # noqa: DTZ001
        {"relations": [("guardians", "G1")]},
        {"relations": [RelationRecord(person="G1", child=("students", "S1"), kind="parent")]},
    ],
)
def test_a_source_that_yields_something_else_is_named(registry, tmp_path, members):
    registry.use_source(**({"people": [person()]} | members))

    with pytest.raises(Invalid, match="Trial could not read"):
        registry.stage_with("trial", tmp_path)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"first_name": float("nan")}, "The first name is nan, which is no text."),
        ({"email": 12}, "The email is 12, which is no text."),
        ({"status": CLEAR}, "The status is CLEAR, which is no text."),
        ({"code": None}, "The code is None, which is no text."),
        ({"list": ["students"]}, "which is no text."),
        ({"list": "pupils"}, "There is no list “pupils”."),
        ({"active": "yes"}, "“active” is yes, which is neither yes nor no."),
        ({"no_sync": 1}, "“no_sync” is 1, which is neither yes nor no."),
        ({"code": "S\0"}, "invisible or unusable character"),
        ({"code": "x" * 101}, "too long"),
        ({"last_name": "x" * 201}, "longer than 200"),
        ({"last_name": "A\0"}, "cannot be shown"),
        ({"last_name": "A\ud800"}, "cannot be shown"),
        ({"last_name": CLEAR}, "cannot be cleared"),
        ({"first_name": "  "}, "needs a first name"),
    ],
)
def test_an_odd_value_is_one_rejected_row(registry, tmp_path, values, sentence):
    registry.use_source(people=[person(2, **values), person(3)])

    run_id = registry.confirm(registry.stage_with("trial", tmp_path))

    assert registry.outcomes(run_id) == {"done": 1, "failed": 1}
    (message,) = registry.messages(run_id)
    assert message.startswith("Row 2: ")
    assert sentence in message


def test_odd_periods_relations_and_notes_are_told_and_kept_out(registry, tmp_path):
    registry.use_source(
        people=[person()],
        periods=[
            PeriodRecord(code="2026", name="", starts_on=date(2026, 9, 1), ends_on=date(2027, 6, 30)),
            PeriodRecord(code="x" * 61, name="Long", starts_on=date(2026, 9, 1), ends_on=date(2027, 6, 30)),
            PeriodRecord(code="2028", name="Backwards", starts_on=date(2028, 9, 1), ends_on=date(2027, 6, 30)),
        ],
        relations=[RelationRecord(row=1, person=("guardians", "\0"), child=("students", "S2"), kind="parent")],
        notes=["a\0b", "x" * 1_000, *map(str, range(100))],
    )

    run_id = registry.confirm(registry.stage_with("trial", tmp_path))

    assert registry.outcomes(run_id) == {"done": 1, "failed": 4}
    notes = registry.office.run(run_id)["facts"]["notes"]
    assert (notes[0], len(notes[1]), len(notes)) == ("a�b", 500, 50)


def test_texts_of_a_source_that_are_empty_say_nothing(registry, tmp_path):
    registry.bring("students,S2,Anna,Alpha,anna@home.example,,,,,\n")
    registry.use_source(people=[person(2, email=" ", first_name="")])

    assert registry.counts(registry.stage_with("trial", tmp_path)) == {"unchanged": 1}


def test_a_bad_records_message_and_code_may_be_anything(registry, tmp_path):
    registry.use_source(people=[BadRecord(row=2, code="\0\ud800" + "x" * 300, message="\0" + "y" * 5_000)])

    run_id = registry.stage_with("trial", tmp_path)

    assert registry.counts(run_id) == {"rejected": 1}


def test_a_source_that_nobody_enabled_is_unknown(registry, tmp_path):
    with pytest.raises(Unknown, match="no roster source called oneroster"):
        registry.stage_with("oneroster", tmp_path)
