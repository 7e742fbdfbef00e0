"""Imports that are declared complete: who is missing has left, under a brake (R6)."""

import pytest
from sqlalchemy import select, update

from rolecall.errors import Held, Invalid
from rolecall.sdk.roster import BadRecord, PersonRecord
from rolecall.store.tables import Link, Person
from rolecall.testing.factories import enable_provider, make_account, set_plain
from rolecall.work import links


def rows(*numbers, people_list="students"):
    return "".join(f"{people_list},{people_list[0].upper()}{n},Anna,Alpha,,,,,,\n" for n in numbers)


def active(registry, people_list="students"):
    return sum(person.active for person in registry.people(people_list).values())


def test_people_missing_from_a_file_are_left_alone(registry):
    registry.bring(rows(*range(5)))

    run_id = registry.bring(rows(1))

    assert (registry.counts(run_id), active(registry)) == ({"unchanged": 1}, 5)


def test_missing_from_a_complete_file_they_become_inactive_and_are_told_in_the_preview(registry, office):
    registry.bring(rows(*range(5)))

    run_id = registry.stage(rows(0, 1, 2, 3), complete=True)

    assert registry.counts(run_id) == {"unchanged": 4, "leaving": 1}
    assert active(registry) == 5
    assert "becomes inactive" in registry.messages(run_id)[-1]
    registry.confirm(run_id)
    assert not registry.people()["S4"].active
    assert [item["after"] for item in office.items(run_id) if item["outcome"] == "done"] == [{"active": False}]


def test_who_left_already_does_not_leave_again(registry):
    registry.bring(rows(*range(5)))
    registry.bring(rows(0, 1, 2, 3), complete=True)

    run_id = registry.bring(rows(0, 1, 2, 3), complete=True)

    assert registry.counts(run_id) == {"unchanged": 4}
    assert registry.people()["S4"].version == 2


def test_leavers_accounts_fall_behind(registry, office):
    office.make(enable_provider, "moodle")
    registry.bring(rows(*range(5)))
    with office.app.db.write() as session:
        ids = [make_account(session, person=person).id for person in session.scalars(select(Person).order_by(Person.id))]
        links.behind(session, ids)
        session.execute(update(Link).values(synced=Link.wanted))

    registry.bring(rows(0, 1, 2, 3), complete=True)

    with office.app.db.read() as session:
        (behind,) = session.scalars(select(Link).where(Link.synced < Link.wanted))
        assert (behind.account_id, behind.goal) == (ids[4], "suspended")


def test_only_the_lists_of_the_file_are_meant(registry):
    registry.bring(rows(*range(5)) + rows(*range(5), people_list="teachers"))

    registry.bring(rows(0, 1, 2, 3), complete=True)

    assert (active(registry), active(registry, "teachers")) == (4, 5)


def test_a_file_declared_complete_for_one_list_closes_no_other_list_by_a_stray_row(registry):
    registry.bring(rows(*range(5)) + rows(*range(5), people_list="teachers"))

    run_id = registry.bring(rows(*range(5)) + rows(0, people_list="teachers"), complete=True, lists=("students",))

    assert registry.counts(run_id) == {"unchanged": 6}


def test_people_of_rejected_rows_have_not_left(registry):
    registry.bring(rows(*range(5)))

    run_id = registry.stage(
        rows(0, 1) + "students,S2,Anna,Alpha,,,,,Expelled,\nstudents,S3,Anna,Alpha,nonsense,,,,,\n,S4,Anna,Alpha,,,,,,\n", complete=True
    )

    assert registry.counts(run_id) == {"unchanged": 2, "rejected": 3}


def test_rows_that_cannot_be_read_at_all_hold_an_import_in_which_people_leave(registry):
    registry.bring(rows(*range(5)))

    run_id = registry.stage(rows(0, 1, 2, 3) + "students,S4\n", complete=True)

    with pytest.raises(Held, match="1 rows cannot be read, and may name some of the 1 people"):
        registry.confirm(run_id)
    assert active(registry) == 5


@pytest.mark.parametrize(
    ("population", "stay", "is_held"), [(20, 18, False), (20, 17, True), (19, 1, False), (100, 90, False), (100, 89, True)]
)
def test_the_brake_holds_from_twenty_people_when_more_than_a_tenth_would_leave(registry, population, stay, is_held):
    registry.bring(rows(*range(population)))

    run_id = registry.stage(rows(*range(stay)), complete=True)

    assert bool(registry.office.run(run_id)["facts"]["held"]) is is_held


def test_a_held_import_stays_a_draft_until_it_is_confirmed_explicitly(registry, office):
    registry.bring(rows(*range(30)))
    run_id = registry.stage(rows(*range(10)), complete=True)

    with pytest.raises(Held, match="20 of 30 active students are not in the file, which is more than 10 %"):
        registry.confirm(run_id)

    assert (office.run(run_id)["state"], active(registry)) == ("draft", 30)
    registry.confirm(run_id, allow_shrink=True)
    assert active(registry) == 10


def test_the_share_is_the_institutions(registry, office):
    office.make(set_plain, "core", import_shrink_percent=70)
    registry.bring(rows(*range(30)))

    registry.bring(rows(*range(10)), complete=True)

    assert active(registry) == 10


def test_an_empty_file_is_held(registry):
    registry.bring(rows(0, 1))

    run_id = registry.stage("", complete=True, lists=("students",))

    with pytest.raises(Held, match="The file is empty"):
        registry.confirm(run_id)
    registry.confirm(run_id, allow_shrink=True)
    assert active(registry) == 0


def test_an_empty_file_that_is_not_complete_is_nothing(registry):
    run_id = registry.bring("")

    assert (registry.counts(run_id), registry.office.run(run_id)["state"]) == ({}, "done")


def test_only_active_people_count_as_population(registry):
    registry.bring(rows(*range(15)) + "".join(f"students,X{n},Old,One,,,,no,,\n" for n in range(10)))

    run_id = registry.stage(rows(*range(5)), complete=True)

    assert registry.office.run(run_id)["facts"]["held"] == []
    assert registry.counts(run_id)["leaving"] == 10


def test_who_came_back_before_the_confirmation_and_left_the_file_still_leaves(registry, office):
    registry.bring(rows(*range(5)))
    run_id = registry.stage(rows(0, 1, 2, 3), complete=True)
    registry.bring("students,S4,,,,,,no,,\n")

    registry.confirm(run_id)

    assert [item["code"] for item in office.items(run_id)][-1] == "unchanged"


def test_a_source_of_changes_only_is_never_complete(registry, tmp_path):
    registry.use_source(people=[PersonRecord(row=2, list="students", code="S1", first_name="A", last_name="B")], is_delta=True)

    with pytest.raises(Invalid, match="only what changed since another export"):
        registry.stage_with("trial", tmp_path, complete=True)

    assert registry.counts(registry.stage_with("trial", tmp_path)) == {"new": 1}


def test_a_row_refused_by_a_source_protects_whoever_has_its_code(registry, tmp_path):
    registry.bring(rows(*range(3)))
    people = [
        *(PersonRecord(row=n, list="students", code=f"S{n}", first_name="Anna", last_name="Alpha") for n in (0, 1)),
        BadRecord(row=4, code="s2", message="No role."),
    ]
    registry.use_source(people=people)

    run_id = registry.stage_with("trial", tmp_path, complete=True)

    assert registry.counts(run_id) == {"unchanged": 2, "rejected": 1}
