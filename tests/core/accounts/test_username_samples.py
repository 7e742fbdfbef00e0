"""Trying a formula of user names on real people (R49)."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

import pytest

from rolecall.accounts import people, username_samples
from rolecall.accounts.username_samples import Preview
from rolecall.errors import Invalid
from rolecall.store.engine import Database
from rolecall.testing.factories import make_account


def add(db: Database, noon: datetime, names: list[tuple[str, str]], people_list: str = "teachers") -> None:
    with db.write() as session:
        for number, (first, last) in enumerate(names):
            values = {"list": people_list, "code": f"{people_list[0]}{number}", "first_name": first, "last_name": last}
            people.create(session, values, now=noon)


def names(found: Preview) -> dict[str, list[str]]:
    """The user names of the samples by family name."""
    by_name: dict[str, list[str]] = {}
    for each in found.samples:
        by_name.setdefault(each.last_name, []).append(each.foreseen.username)
    return by_name


def test_other_scripts_and_equal_names_are_among_the_examples(db: Database, noon: datetime) -> None:
    plain = [(f"First{each}", f"Last{each}") for each in range(40)]
    add(db, noon, [*plain, ("Άννα", "Κάρρα"), ("ليلى", "حداد"), ("Eva", "Lang"), ("Eva", "Lang")])

    with db.read() as session:
        found = username_samples.preview(session, "teacher", "{first:1}{last}")

    assert (len(found.samples), found.total, found.looked_at) == (20, 44, 44)
    assert {"Κάρρα", "حداد"} <= set(names(found))
    assert names(found)["Lang"] == ["elang", "elang2"]


def test_what_happens_to_each_is_told_and_counted(db: Database, noon: datetime) -> None:
    add(db, noon, [("Eva", "Lang"), ("Eva", "Lang"), ("Erik", "Lang"), ("!!!", "???"), ("Ann", "x" * 120)])

    with db.read() as session:
        found = username_samples.preview(session, "teacher", "{first:1}{last}{n}")

    told = {each.code: (each.foreseen.number, each.foreseen.of_code, each.foreseen.cut) for each in found.samples}
    assert told == {
        "t0": (1, False, False), "t1": (2, False, False), "t2": (3, False, False), "t3": (1, True, False), "t4": (1, False, True),
    }  # fmt: skip
    assert (found.numbered, found.of_code, found.cut) == (2, 1, 1)
    assert {each.foreseen.username for each in found.samples if each.code == "t3"} == {"t3"}


def test_the_names_that_these_people_have_already_do_not_stand_in_the_way(db: Database, noon: datetime) -> None:
    with db.write() as session:
        make_account(session, "Eva", type="teacher", last_name="Lang", username="elang")
        make_account(session, "Erik", type="student", last_name="Lang", username="klang")

    with db.read() as session:
        own = username_samples.preview(session, "teacher", "{first:1}{last}")
        taken = username_samples.preview(session, "teacher", "k{last}")

    assert names(own)["Lang"] == ["elang"]
    assert names(taken)["Lang"] == ["klang2"]


def test_of_many_people_the_first_are_looked_at_and_it_is_said(db: Database, noon: datetime) -> None:
    add(db, noon, [(f"First{each}", "Same") for each in range(30)])

    with db.read() as session:
        found = username_samples.preview(session, "teacher", "{last}", most=25)

    assert (found.total, found.looked_at, found.numbered) == (30, 25, 24)


def test_the_number_of_statements_does_not_follow_the_number_of_people(
    db: Database, noon: datetime, statements: Callable[[Database], AbstractContextManager[list[str]]]
) -> None:
    add(db, noon, [(f"First{each}", f"Last{each % 7}") for each in range(200)])

    with db.read() as session, statements(db) as sent:
        username_samples.preview(session, "teacher", "{first:1}{last}")

    assert len(sent) <= 8


def test_only_people_of_the_type_are_shown(db: Database, noon: datetime) -> None:
    add(db, noon, [("Eva", "Lang")], "students")

    with db.read() as session:
        assert username_samples.preview(session, "teacher", "{last}").samples == []
        assert names(username_samples.preview(session, "student", "{last}")) == {"Lang": ["lang"]}


def test_a_formula_that_cannot_be_read_is_refused_even_without_people(db: Database) -> None:
    with db.read() as session, pytest.raises(Invalid, match="not a field"):
        username_samples.preview(session, "teacher", "{surname}")
