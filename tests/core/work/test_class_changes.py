"""Changes of classes by hand: audited, and behind at providers in the same transaction (R60a, R67)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from rolecall.accounts import audit
from rolecall.errors import Invalid, Refused, Stale, Unknown
from rolecall.store.tables import AuditEntry, ClassLink, ClassMember, SchoolClass
from rolecall.testing.factories import enable_provider, make_period, make_person
from rolecall.work import class_changes


@pytest.fixture
def here(office):
    """An office with a provider that keeps classes in step, a period, a student and a teacher."""
    with office.app.db.write() as session:
        enable_provider(session, "moodle", classes=True)
        office.period = make_period(session).id
        office.anna, office.tina = make_person(session).id, make_person(session, list="teachers").id
    return office


def add(office, code="7a", **options):
    return class_changes.add_class(office.app, office.actor, {"period_id": office.period, "code": code, "name": "Maths"}, **options)


def entries(office):
    with office.app.db.read() as session:
        assert audit.verify(session).ok
        return [(each.kind, each.payload) for each in session.scalars(select(AuditEntry).order_by(AuditEntry.seq))]


def link(office, class_id):
    with office.app.db.read() as session:
        return session.execute(select(ClassLink.goal, ClassLink.wanted).where(ClassLink.class_id == class_id)).one_or_none()


def test_each_change_is_one_entry_and_puts_the_class_behind(here):
    class_id = add(here, members={here.anna: "student"})
    assert link(here, class_id) == ("present", 1)
    class_changes.change_members(here.app, here.actor, class_id, put={here.tina: "teacher"}, out=[here.anna])
    assert link(here, class_id) == ("present", 2)
    class_changes.edit_class(here.app, here.actor, class_id, {"active": False})
    assert link(here, class_id) == ("archived", 3)

    kinds = [kind for kind, _ in entries(here)]
    payloads = [payload for _, payload in entries(here)]
    assert kinds == ["class.create", "class.members", "class.members", "class.edit"]
    assert (payloads[0]["code"], payloads[0]["period"], payloads[0]["members"]) == ("7a", "2026", 1)
    assert payloads[2]["added"] == [{"person": here.tina, "role": "teacher"}]
    assert payloads[2]["removed"] == [{"person": here.anna, "role": "student"}]
    assert payloads[3] == {"class": class_id, "code": "7a", "before": {"active": True}, "after": {"active": False}}


def test_what_changes_nothing_is_neither_told_nor_sent(here):
    class_id = add(here, members={here.anna: "student"})
    told, was = entries(here), link(here, class_id)

    assert class_changes.edit_class(here.app, here.actor, class_id, {"name": "Maths", "code": "7a", "active": True}) is False
    assert not class_changes.change_members(here.app, here.actor, class_id, put={here.anna: "student"}, replace=True)

    assert (entries(here), link(here, class_id)) == (told, was)


def test_a_class_with_members_who_cannot_be_in_it_is_not_added_at_all(here):
    with pytest.raises(Invalid):
        add(here, members={here.anna: "teacher"})
    with pytest.raises(Unknown):
        add(here, members={here.anna: "student", 99: "student"})

    assert entries(here) == []
    with here.app.db.read() as session:
        assert session.scalars(select(SchoolClass)).all() == []


def test_only_a_class_that_no_provider_holds_is_deleted(here):
    class_id, other = add(here, members={here.anna: "student"}), add(here, "7b")
    with here.app.db.write() as session:
        session.execute(update(ClassLink).where(ClassLink.class_id == other).values(external_id="42"))

    with pytest.raises(Stale):
        class_changes.remove_class(here.app, here.actor, class_id, version=99)
    document = class_changes.remove_class(here.app, here.actor, class_id)
    with pytest.raises(Refused, match="The class 7b is at moodle"):
        class_changes.remove_class(here.app, here.actor, other)

    assert (document["code"], document["members"]) == ("7a", 1)
    assert entries(here)[-1] == ("class.delete", document)
    with here.app.db.read() as session:
        assert session.scalars(select(SchoolClass.id)).all() == [other]
        assert session.scalars(select(ClassMember)).all() == []


def test_two_who_change_the_same_class_at_once_lose_nothing(here):
    with here.app.db.write() as session:
        people = [make_person(session).id for _ in range(8)]
    class_id = add(here)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: class_changes.change_members(here.app, here.actor, class_id, put={each: "student"}), people))

    with here.app.db.read() as session:
        assert sorted(session.scalars(select(ClassMember.person_id))) == people
        assert session.get_one(SchoolClass, class_id).version == 10 - 1
    assert link(here, class_id) == ("present", 9)
