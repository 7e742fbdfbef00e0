"""Classes at a provider: what comes of changes to them and to their members, in whatever order."""

from class_rounds import Kind, Open, link, pending, there, usernames
from sqlalchemy import select

from rolecall.errors import Ambiguous
from rolecall.sdk.snapshots import Member
from rolecall.store.tables import AuditEntry
from rolecall.testing.class_providers import class_provider
from rolecall.testing.school import School
from rolecall.work import changes


def test_a_class_is_made_with_those_of_its_members_who_are_there(school: School, provider: Kind) -> None:
    anna, ben = school.student("Anna", linked_to=provider, username="anna"), school.student("Ben", username="ben")
    maths = school.school_class(anna, ben, name="Maths")

    school.work()

    assert there(school, provider, maths).attributes["name"] == "Maths"
    assert usernames(school, provider, maths) == {"anna": "student"}
    assert not pending(school, provider, maths)


def test_who_arrives_later_is_put_in_then(school: School, provider: Kind) -> None:
    anna, ben = school.student("Anna", linked_to=provider, username="anna"), school.student("Ben", username="ben")
    maths = school.school_class(anna, ben)
    school.work()

    school.sync(ben)
    school.work()

    assert usernames(school, provider, maths) == {"anna": "student", "ben": "student"}
    assert len(provider.service.calls("create_class")) == 1


def test_a_class_of_which_nobody_is_there_waits_without_a_call(school: School, provider: Kind) -> None:
    anna = school.student("Anna")
    maths = school.school_class(anna)
    school.work()
    waits = link(school, provider, maths)
    assert provider.service.classes == {}
    assert (waits.synced, waits.external_id) == (waits.wanted, None)

    school.sync(anna)
    school.work()

    assert len(there(school, provider, maths).members) == 1


def test_a_class_comes_after_its_members_and_in_one_go(school: School, provider: Kind) -> None:
    ids = school.students(3)
    school.school_class(*ids)
    school.sync(*ids)

    school.work()

    verbs = [call.verb for call in provider.service.journal if call.verb in ("create", "create_class", "add_members")]
    assert verbs == ["create", "create", "create", "create_class", "add_members"]


def test_a_change_of_the_name_is_sent_alone(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    school.work()
    provider.service.journal.clear()

    school.change_class(maths, name="Maths II")
    school.work()

    assert there(school, provider, maths).attributes["name"] == "Maths II"
    assert [call.verb for call in provider.service.journal] == ["update_class"]


def test_a_change_that_changes_nothing_there_calls_nobody(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    school.work()
    provider.service.journal.clear()

    school.change_class(maths)
    school.work()

    assert provider.service.journal == []
    assert not pending(school, provider, maths)


def test_members_come_go_and_change_their_role(school: School, provider: Kind) -> None:
    anna, ben, eva = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben", "eva"))
    maths = school.school_class(anna, ben)
    school.work()

    school.set_members(maths, {ben: "assistant", eva: "student"})
    school.work()

    assert usernames(school, provider, maths) == {"ben": "assistant", "eva": "student"}


def test_a_service_without_assistants_is_not_asked_to_move_them(open_school: Open) -> None:
    class Plain(class_provider()):  # type: ignore[misc]
        def class_role(self, role: str) -> str:
            return "teacher" if role == "assistant" else role

    school = open_school(Plain)
    school.save(Plain, classes=True)
    eva = school.student("Eva", linked_to=Plain, username="eva")
    maths = school.school_class(eva, role="assistant")
    Plain.service.fail("add_members", Ambiguous("No answer."), after=True)
    school.work()
    school.hurry(Plain)
    school.work()

    assert usernames(school, Plain, maths) == {"eva": "teacher"}
    assert Plain.service.calls("remove_members") == []


def test_people_whom_somebody_put_in_there_stay(school: School, provider: Kind) -> None:
    anna, ben = (school.student(name, linked_to=provider) for name in ("anna", "ben"))
    maths = school.school_class(anna, ben)
    school.work()
    guest = Member("guest", "teacher")
    there(school, provider, maths).members.add(guest)

    school.set_members(maths, {anna: "student"})
    school.work()

    assert guest in there(school, provider, maths).members
    assert len(there(school, provider, maths).members) == 2


def test_a_suspended_member_stays_in_and_comes_in_once_open_again(school: School, provider: Kind) -> None:
    anna, ben = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben"))
    maths = school.school_class(anna)
    school.work()
    school.change(anna, ben, active=False)
    school.work()

    school.set_members(maths, {anna: "student", ben: "student"})
    school.work()
    assert usernames(school, provider, maths) == {"anna": "student"}

    school.change(ben, active=True)
    school.work()
    assert usernames(school, provider, maths) == {"anna": "student", "ben": "student"}


def test_who_left_the_class_while_suspended_is_taken_out(school: School, provider: Kind) -> None:
    anna, ben = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben"))
    maths = school.school_class(anna, ben)
    school.work()
    school.change(anna, active=False)
    school.work()

    school.set_members(maths, {ben: "student"})
    school.work()

    assert usernames(school, provider, maths) == {"ben": "student"}


def test_nobody_is_called_for_somebody_who_was_disconnected(school: School, provider: Kind) -> None:
    anna, ben = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben"))
    maths = school.school_class(anna, ben)
    school.work()
    school.act("external.disconnect", anna)
    provider.service.journal.clear()

    school.change_class(maths, name="Other")
    school.work()

    assert provider.service.calls("remove_members") == []
    assert usernames(school, provider, maths) == {"anna": "student", "ben": "student"}


def test_a_change_during_the_call_stays_pending_and_is_sent_next(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider), name="First")
    provider.service.fail("create_class", lambda: school.change_class(maths, name="Second"), after=True)

    school.work()

    assert there(school, provider, maths).attributes["name"] == "Second"
    assert not pending(school, provider, maths)


def test_somebody_who_was_kept_out_of_sync_comes_in_when_that_ends(school: School, provider: Kind) -> None:
    anna, ben = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben"))
    school.change(ben, person={"no_sync": True})
    maths = school.school_class(anna, ben)
    school.work()
    assert usernames(school, provider, maths) == {"anna": "student"}

    person = school.snapshot(ben).person.id
    changes.edit_person(school.app, school.actor, person, {"no_sync": False})
    school.work()

    assert usernames(school, provider, maths) == {"anna": "student", "ben": "student"}


def test_what_was_done_is_in_the_audit_without_names(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider, username="anna"))

    school.work()

    with school.app.db.read() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.kind == "sync.classes"))
    assert entry.payload == {
        "provider": provider.id,
        "classes": [
            {
                "class": maths,
                "verb": "create",
                "attributes": ["code", "name"],
                "members": 1,
                "external_id": link(school, provider, maths).external_id,
            }
        ],
    }
