"""People of the seven lists: their rules, adding and editing."""

from datetime import UTC, datetime

import pytest
from effort import at_most

from rolecall.accounts import people, seed, statuses
from rolecall.errors import Invalid, Refused, Stale, Unknown
from rolecall.sdk.words import LISTS
from rolecall.store.tables import Listing, Person
from rolecall.testing.factories import make_account, make_person

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANNA = {"list": "students", "code": "S-1", "first_name": "Anna", "last_name": "Karra"}


@pytest.fixture(autouse=True)
def institution(db):
    with db.write() as session:
        seed.seed(session, institution="School", academic_year=2025, now=NOON)


def test_a_new_student_is_registered_active_and_syncs(db):
    with db.write() as session:
        anna = people.create(session, ANNA, now=NOON)

        assert (anna.active, anna.no_sync, people.status_label(session, anna)) == (True, False, "Registered")
        assert "anna karra" in anna.search


@pytest.mark.parametrize("people_list", LISTS)
def test_every_list_takes_people(db, people_list):
    with db.write() as session:
        assert people.create(session, ANNA | {"list": people_list}, now=NOON).list == people_list


def test_a_code_is_unique_in_its_list_in_any_case(db):
    with db.write() as session:
        people.create(session, ANNA, now=NOON)
        people.create(session, ANNA | {"list": "teachers"}, now=NOON)

        with pytest.raises(Invalid) as refused:
            people.create(session, ANNA | {"code": "ｓ-１"}, now=NOON)

    assert list(refused.value.fields) == ["code"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("list", "pupils"),
        ("code", ""),
        ("code", "a\u200bb"),
        ("code", "x" * 101),
        ("first_name", ""),
        ("first_name", None),
        ("last_name", "x" * 201),
        ("last_name", "a\nb"),
        ("email", "nobody"),
        ("email", "аnna@home.example"),
        ("phone", "call me"),
        ("language", "Greek!"),
        ("active", "maybe"),
        ("active", 1),
        ("no_sync", "x"),
        ("status", "Gone"),
        ("colour", "red"),
        ("first_name", ["a"]),
        ("email", {}),
    ],
)
def test_a_wrong_field_is_named(db, field, value):
    with db.write() as session, pytest.raises(Invalid) as refused:
        people.create(session, ANNA | {field: value}, now=NOON)

    assert list(refused.value.fields) == [field]


def test_all_wrong_fields_are_named_at_once(db):
    with db.write() as session, pytest.raises(Invalid) as refused:
        people.create(session, {"list": "teachers", "code": "1", "email": "x", "phone": "y", "status": "Registered"}, now=NOON)

    assert set(refused.value.fields) == {"first_name", "last_name", "email", "phone", "status"}


def test_an_edit_says_what_differed_and_only_that(db):
    with db.write() as session:
        anna = people.create(session, ANNA | {"email": "a@home.example"}, now=NOON)
        edited = people.edit(session, anna.id, {"first_name": " Anna ", "email": "", "language": "EL", "no_sync": "yes"}, now=NOON)

        assert edited.before == {"email": "a@home.example", "language": None, "no_sync": False}
        assert edited.after == {"email": None, "language": "el", "no_sync": True}
        assert anna.version == 2
        assert people.edit(session, anna.id, {"first_name": "Anna"}, now=NOON).before == {}
        assert anna.version == 2


def test_an_edit_of_an_older_version_is_refused(db):
    with db.write() as session:
        anna = people.create(session, ANNA, now=NOON)
        people.edit(session, anna.id, {"first_name": "Annika"}, now=NOON, version=1)

        with pytest.raises(Stale):
            people.edit(session, anna.id, {"first_name": "Ann"}, now=NOON, version=1)


def test_a_person_stays_in_their_list_and_keeps_a_code_of_their_own(db):
    with db.write() as session:
        anna = people.create(session, ANNA, now=NOON)
        people.create(session, ANNA | {"code": "S-2"}, now=NOON)

        with pytest.raises(Refused):
            people.edit(session, anna.id, {"list": "teachers"}, now=NOON)
        with pytest.raises(Invalid):
            people.edit(session, anna.id, {"code": "s-2"}, now=NOON)
        assert people.edit(session, anna.id, {"code": "s-1"}, now=NOON).after == {"code": "s-1"}


def test_an_edit_reaches_the_row_of_the_account(db):
    with db.write() as session:
        account = make_account(session, "Anna")
        people.edit(session, account.person_id, {"phone": "+30 697 555"}, now=NOON)

        assert "30697555" in session.get_one(Listing, account.id).search


def test_clearing_the_status_of_a_student_leaves_none(db):
    with db.write() as session:
        anna = people.create(session, ANNA, now=NOON)
        people.edit(session, anna.id, {"status": ""}, now=NOON)

        assert anna.status_id is None
        assert people.edit(session, anna.id, {"status": "registered"}, now=NOON).after == {"status_id": statuses.first_status(session)}


def test_people_are_found_by_code_in_any_case(db):
    with db.write() as session:
        anna = people.create(session, ANNA, now=NOON)

        assert people.by_code(session, "students", " s-1").id == anna.id
        with pytest.raises(Unknown):
            people.by_code(session, "teachers", "s-1")
        with pytest.raises(Unknown):
            people.get(session, 999)


def test_a_relation_is_kept_once_and_seen_from_both_sides(db):
    with db.write() as session:
        child, mother = make_person(session, "Child"), make_person(session, "Mother", list="guardians")

        assert people.relate(session, mother.id, child.id, "guardian") is True
        assert people.relate(session, mother.id, child.id, "guardian") is False
        (of,) = people.relations(session, mother.id)
        (has,) = people.relations(session, child.id)

    assert (of.first_name, of.direction, of.kind) == ("Child", "of", "guardian")
    assert (has.first_name, has.direction, has.kind) == ("Mother", "has", "guardian")


def test_nobody_is_related_to_themselves(db):
    with db.write() as session:
        anna = make_person(session)
        with pytest.raises(Invalid):
            people.relate(session, anna.id, anna.id, "guardian")


@pytest.mark.parametrize("field", ["code", "first_name", "last_name", "email", "phone", "language", "status", "active"])
@pytest.mark.parametrize("text", ["a" * 100_000, "@." * 50_000, "1 " * 50_000, "\u0301" * 100_000, "a-" * 50_000])
def test_hostile_lengths_are_refused_at_once(db, field, text):
    with at_most(seconds=1), pytest.raises(Invalid):
        people.validate_person(ANNA | {field: text}, people_list="students", known_statuses={}, new=True)


def test_the_canonical_code_is_stored_beside_the_code(db):
    with db.write() as session:
        anna = people.create(session, ANNA | {"code": " ΑΜ-７ "}, now=NOON)

        assert (session.get_one(Person, anna.id).code, anna.code_key) == ("ΑΜ-７", "αμ-7")
