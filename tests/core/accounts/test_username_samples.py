"""Trying a formula of user names on real people (R49)."""

from datetime import datetime

import pytest

from rolecall.accounts import people, username_samples
from rolecall.errors import Invalid
from rolecall.store.engine import Database


def add(db: Database, noon: datetime, names: list[tuple[str, str]], people_list: str = "teachers") -> None:
    with db.write() as session:
        for number, (first, last) in enumerate(names):
            values = {"list": people_list, "code": f"{people_list[0]}{number}", "first_name": first, "last_name": last}
            people.create(session, values, now=noon)


def test_other_scripts_and_equal_names_are_among_the_examples(db: Database, noon: datetime) -> None:
    plain = [(f"First{each}", f"Last{each}") for each in range(40)]
    add(db, noon, [*plain, ("Άννα", "Κάρρα"), ("ليلى", "حداد"), ("Eva", "Lang"), ("Eva", "Lang")])

    with db.read() as session:
        found = username_samples.preview(session, "teacher", "{first:1}{last}")

    names = {person.last_name: name for person, name in found}
    assert len(found) == 20
    assert {"Κάρρα", "حداد", "Lang"} <= set(names)
    assert sorted(name for person, name in found if person.last_name == "Lang") == ["elang", "elang2"]


def test_only_people_of_the_type_are_shown(db: Database, noon: datetime) -> None:
    add(db, noon, [("Eva", "Lang")], "students")

    with db.read() as session:
        assert username_samples.preview(session, "teacher", "{last}") == []
        assert [name for _, name in username_samples.preview(session, "student", "{last}")] == ["lang"]


def test_a_formula_that_cannot_be_read_is_refused_even_without_people(db: Database) -> None:
    with db.read() as session, pytest.raises(Invalid, match="not a field"):
        username_samples.preview(session, "teacher", "{surname}")
