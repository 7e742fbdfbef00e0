"""The rules of one class: what may be said of it, who can be what in it, and who may change it."""

import pytest
from sqlalchemy import select

from rolecall.accounts import classes
from rolecall.accounts.actors import Actor, operator
from rolecall.errors import Forbidden, Invalid, Refused, Stale, Unknown
from rolecall.store.engine import now
from rolecall.store.tables import ClassMember, SchoolClass
from rolecall.testing.factories import make_class, make_period, make_person

OFFICE = operator("office")
OF_STUDENTS = Actor(name="account:9", label="Clerk", account_id=9, permissions=frozenset({"people:edit"}), types=frozenset({"student"}))


@pytest.fixture
def session(db):
    with db.write() as session:
        make_period(session)
        yield session


def make(session, code="7a-maths", name="Maths 7a", **values):
    return classes.create(session, **({"period_id": make_period(session).id, "code": code, "name": name, "now": now(session)} | values))


def roles(session, made):
    session.expire_all()
    members = select(ClassMember.person_id, ClassMember.role).where(ClassMember.class_id == made.id)
    return dict(session.execute(members).all())


def test_a_class_is_added_without_members_and_found_by_its_code_in_any_case(session):
    made = make(session, " 7A   Maths ", "Maths")

    assert (made.code, made.active, made.version, len(made.key)) == ("7A Maths", True, 1, 36)
    assert classes.by_code(session, made.period_id, "7a maths").id == made.id
    assert made.search == "7a maths maths"
    with pytest.raises(Unknown, match="There is no class 7a math in 2026") as refused:
        classes.by_code(session, made.period_id, "7a math")
    assert refused.value.hint == "Did you mean 7A Maths?"


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"code": " "}, "code"), ({"code": "x" * 101}, "code"), ({"code": "7A-MATHS"}, "code"), ({"code": "7a\u200bx"}, "code"),
        ({"name": ""}, "name"), ({"name": "x" * 201}, "name"), ({"name": "a\x00b"}, "name"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(session, facts, field):
    make(session)
    other = make(session, "7b-maths")

    with pytest.raises(Invalid) as refused:
        make(session, **({"code": "new"} | facts))
    assert list(refused.value.fields) == [field]
    with pytest.raises(Invalid) as refused:
        classes.edit(session, OFFICE, other.id, **facts)
    assert list(refused.value.fields) == [field]


def test_the_same_code_may_be_used_in_another_period(session):
    make(session)

    assert make(session, period_id=make_period(session, "2027", current=False).id).code == "7a-maths"


def test_an_edit_raises_the_version_only_when_something_differs(session):
    made = make(session)

    classes.edit(session, OFFICE, made.id, name="Mathematics", version=1)
    classes.edit(session, OFFICE, made.id, name="Mathematics", code="7A-Maths", active=False)
    classes.edit(session, OFFICE, made.id, active=False)

    assert (made.name, made.code, made.active, made.version) == ("Mathematics", "7A-Maths", False, 3)
    assert made.search == "7a-maths mathematics"
    with pytest.raises(Stale, match="7A-Maths was changed by somebody else"):
        classes.edit(session, OFFICE, made.id, name="x", version=1)


def test_classes_of_a_closed_period_stay_as_they_are(session):
    anna = make_person(session)
    closed = make_period(session, "2025", current=False, is_open=False)
    old = make_class(session, "old", period=closed, members={anna.id: "student"})

    for change in (
        lambda: make(session, period_id=closed.id),
        lambda: classes.edit(session, OFFICE, old.id, name="Other"),
        lambda: classes.change_members(session, OFFICE, old.id, put={}, out=[anna.id]),
    ):
        with pytest.raises(Refused, match="The period 2025 is closed"):
            change()
    classes.edit(session, OFFICE, old.id, name=old.name)
    assert not classes.change_members(session, OFFICE, old.id, put={anna.id: "student"})


def test_members_are_put_in_moved_and_taken_out_and_what_is_so_already_is_no_change(session):
    anna, ben, cleo = (make_person(session).id for _ in range(3))
    tina = make_person(session, list="teachers").id
    made = make(session)

    first = classes.change_members(session, OFFICE, made.id, put={anna: "student", ben: "student", tina: "assistant"})
    second = classes.change_members(session, OFFICE, made.id, put={tina: "teacher", anna: "student"}, out=[ben, cleo, anna])

    assert first.added == {anna: "student", ben: "student", tina: "assistant"}
    assert (second.added, second.removed, second.changed) == ({}, {ben: "student"}, {tina: ("assistant", "teacher")})
    assert roles(session, made) == {anna: "student", tina: "teacher"}
    assert made.version == 3
    assert not classes.change_members(session, OFFICE, made.id, put={anna: "student"}, out=[cleo], version=3)
    assert made.version == 3


def test_replacing_takes_out_everybody_who_is_not_named(session):
    anna, ben, cleo = (make_person(session).id for _ in range(3))
    made = make_class(session, members={anna: "student", ben: "student"})

    moved = classes.change_members(session, OFFICE, made.id, put={anna: "student", cleo: "student"}, replace=True)

    assert (moved.added, moved.removed) == ({cleo: "student"}, {ben: "student"})
    assert roles(session, made) == {anna: "student", cleo: "student"}


@pytest.mark.parametrize(
    ("people_list", "role", "said"),
    [
        ("students", "teacher", "Nobody of the students can be a teacher of a class; that is for teachers, employees and partners."),
        ("guardians", "assistant", "Nobody of the guardians can be an assistant of a class"),
        ("students", "head", "There is no role “head” in a class. The roles are student, teacher, assistant."),
    ],
)
def test_who_cannot_have_a_role_is_named_and_nothing_is_written(session, people_list, role, said):
    anna, tina = make_person(session, "Anna", list=people_list, last_name="Berg"), make_person(session, list="teachers")
    made = make(session)

    with pytest.raises(Invalid) as refused:
        classes.change_members(session, OFFICE, made.id, put={anna.id: role, tina.id: "teacher"})

    assert refused.value.message.startswith(f"Anna Berg: {said}")
    assert roles(session, made) == {}


@pytest.mark.parametrize(("people_list", "role"), [("students", "assistant"), ("guardians", "student"), ("partners", "teacher")])
def test_assistants_may_be_students_and_anybody_may_learn(session, people_list, role):
    person = make_person(session, list=people_list)

    assert classes.change_members(session, OFFICE, make(session).id, put={person.id: role})


def test_a_person_who_is_not_there_is_refused(session):
    with pytest.raises(Unknown, match="no person with the id 99"):
        classes.change_members(session, OFFICE, make(session).id, put={99: "student"})
    with pytest.raises(Unknown, match="no class with the id 77"):
        classes.change_members(session, OFFICE, 77, put={})


def test_more_members_than_a_change_holds_are_refused(session):
    with pytest.raises(Invalid, match="more than 10,000 people"):
        classes.change_members(session, OFFICE, make(session).id, put=dict.fromkeys(range(1, 10_002), "student"))


def test_whom_the_actor_does_not_reach_is_neither_put_in_nor_taken_out(session):
    anna, tina = make_person(session).id, make_person(session, list="teachers").id
    made = make_class(session, members={anna: "student", tina: "teacher"})

    for change in ({"put": {tina: "assistant"}}, {"put": {}, "out": [tina]}):
        with pytest.raises(Unknown, match=f"no person with the id {tina}"):
            classes.change_members(session, OF_STUDENTS, made.id, **change)
    classes.change_members(session, OF_STUDENTS, made.id, put={}, replace=True)

    assert roles(session, made) == {tina: "teacher"}


def test_ending_and_deleting_concern_everybody_in_the_class(session):
    anna, tina = make_person(session).id, make_person(session, list="teachers").id
    mixed, own = make_class(session, members={anna: "student", tina: "teacher"}), make_class(session, members={anna: "student"})

    for change in (
        lambda: classes.edit(session, OF_STUDENTS, mixed.id, active=False),
        lambda: classes.remove(session, OF_STUDENTS, mixed.id),
    ):
        with pytest.raises(Forbidden, match="members whom your role does not reach"):
            change()
    assert classes.edit(session, OF_STUDENTS, mixed.id, name="Other").name == "Other"
    assert classes.edit(session, OF_STUDENTS, own.id, active=False).active is False
    classes.remove(session, OF_STUDENTS, own.id)

    assert session.get(SchoolClass, own.id) is None
    assert roles(session, own) == {}
