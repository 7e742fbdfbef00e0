"""Classes at a provider: what comes of changes, however often, in whatever order and whatever goes wrong on the way."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from rolecall.errors import Ambiguous, Conflict, Misconfigured, NotFound, Permanent, Transient
from rolecall.sdk.provider import Attributes, Limits, Remote
from rolecall.sdk.snapshots import ClassSnapshot, Member
from rolecall.store.tables import AuditEntry, ClassLink, Slot
from rolecall.testing.class_providers import MemoryClass, MemoryClassProvider, class_provider
from rolecall.testing.factories import make_period
from rolecall.testing.providers import memory_provider
from rolecall.testing.school import School
from rolecall.work import changes, period_changes
from rolecall.work.sync.drain import drain

Open = Callable[..., School]
Kind = type[MemoryClassProvider]
PAST = datetime(2026, 1, 1, tzinfo=UTC)


def there(school: School, provider: Kind, class_id: int) -> MemoryClass:
    found = provider.service.class_of(school.class_key(class_id))
    assert found is not None, "the class is not there"
    return found


def link(school: School, provider: Kind, class_id: int) -> ClassLink:
    found = school.class_link(class_id, provider)
    assert found is not None
    return found


def usernames(school: School, provider: Kind, class_id: int) -> dict[str, str]:
    """Who is in the class there, by user name."""
    names = {each.external_id: str(each.attributes["username"]) for each in provider.service.accounts.values()}
    return {names[who]: role for who, role in there(school, provider, class_id).roles().items()}


def pending(school: School, provider: Kind, class_id: int) -> bool:
    found = link(school, provider, class_id)
    return found.synced < found.wanted


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


def test_a_class_that_ends_is_archived_with_its_members_and_opened_again(school: School, provider: Kind) -> None:
    anna = school.student("Anna", linked_to=provider)
    maths = school.school_class(anna)
    school.work()

    school.change_class(maths, active=False)
    school.work()
    assert there(school, provider, maths).archived
    assert len(there(school, provider, maths).members) == 1

    school.change_class(maths, active=True)
    school.work()
    assert not there(school, provider, maths).archived
    assert len(provider.service.calls("create_class")) == 1


def test_a_class_that_ended_before_it_was_made_is_not_made(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    school.change_class(maths, active=False)

    school.work()

    assert provider.service.classes == {}
    assert not pending(school, provider, maths)


def test_a_class_that_is_there_with_our_key_is_taken_over(school: School, provider: Kind) -> None:
    anna = school.student("Anna", linked_to=provider, username="anna")
    maths = school.school_class(anna, name="Maths")
    was = provider.service.add_class(school.class_key(maths), name="Old", code="x")
    was.archived = True
    was.members.add(Member("guest", "teacher"))

    school.work()

    found = there(school, provider, maths)
    assert (found.external_id, found.attributes["name"], found.archived) == (was.external_id, "Maths", False)
    assert len(found.members) == 2
    assert provider.service.calls("create_class") == []


def test_a_class_of_somebody_else_blocks_ours(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider), code="M1")
    provider.service.add_class("somebody-else", name="Maths", code="M1")

    school.work()

    blocked = link(school, provider, maths)
    assert (blocked.blocked, blocked.error_class) == (True, "conflict")


def test_a_class_that_appears_between_find_and_create_is_taken_over(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider), code="M1")
    provider.service.fail("create_class", lambda: provider.service.add_class(school.class_key(maths), code="M1"))

    school.work()

    assert len(provider.service.classes) == 1
    assert len(there(school, provider, maths).members) == 1


def test_a_conflict_over_nothing_that_is_found_blocks(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    provider.service.fail("create_class", Conflict("Taken."))

    school.work()

    assert link(school, provider, maths).error == "Taken."


def test_a_class_that_is_gone_is_made_again_with_everybody(school: School, provider: Kind) -> None:
    anna, ben = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben"))
    maths = school.school_class(anna, ben)
    school.work()
    provider.service.classes.clear()

    school.change_class(maths, name="New")
    school.work()

    assert usernames(school, provider, maths) == {"anna": "student", "ben": "student"}


def test_archiving_what_is_gone_is_done(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    school.work()
    provider.service.classes.clear()

    school.change_class(maths, active=False)
    school.work()

    assert not pending(school, provider, maths)


# what goes wrong


@pytest.mark.parametrize("verb", ["find_class", "create_class", "add_members"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", [Ambiguous("No answer."), Transient("Busy.")])
def test_a_failure_while_a_class_is_made_makes_nothing_twice(
    school: School, provider: Kind, verb: str, after: bool, error: Exception
) -> None:
    anna = school.student("Anna", linked_to=provider, username="anna")
    maths = school.school_class(anna)
    provider.service.fail(verb, error, after=after)
    school.work()

    school.hurry(provider)
    school.work()

    assert provider.service.made[school.class_key(maths)] == 1
    assert usernames(school, provider, maths) == {"anna": "student"}
    assert not pending(school, provider, maths)


def test_an_id_is_kept_when_the_members_fail(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    provider.service.fail("add_members", Transient("Busy."))

    school.work()

    assert link(school, provider, maths).external_id == there(school, provider, maths).external_id


def test_after_an_unclear_outcome_the_members_are_asked_before_anything_is_moved(school: School, provider: Kind) -> None:
    anna, ben, eva = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben", "eva"))
    maths = school.school_class(anna, ben)
    school.work()
    school.set_members(maths, {anna: "student", eva: "student"})
    provider.service.fail("add_members", Ambiguous("No answer."), after=True)
    school.work()
    provider.service.journal.clear()

    school.set_members(maths, {anna: "student"})
    school.hurry(provider)
    school.work()

    verbs = [call.verb for call in provider.service.journal]
    assert verbs.index("members") < verbs.index("remove_members")
    assert "add_members" not in verbs
    assert usernames(school, provider, maths) == {"anna": "student"}


def test_one_person_whom_the_provider_refuses_does_not_keep_the_others_out(school: School, provider: Kind) -> None:
    ids = [school.student(name, linked_to=provider, username=name) for name in ("anna", "ben", "eva", "fay", "gus")]
    provider.service.unwelcome.add(str(school.link(ids[2], provider).external_id))
    maths = school.school_class(*ids)

    school.work()

    found = link(school, provider, maths)
    assert set(usernames(school, provider, maths)) == {"anna", "ben", "fay", "gus"}
    assert (found.blocked, found.error_class) == (True, "permanent")
    assert "eva could not be put into it" in str(found.error)


def test_a_refused_person_is_tried_again_alone(school: School, provider: Kind) -> None:
    ids = [school.student(name, linked_to=provider, username=name) for name in ("anna", "ben")]
    provider.service.unwelcome.add(str(school.link(ids[0], provider).external_id))
    maths = school.school_class(*ids)
    school.work()
    provider.service.unwelcome.clear()
    provider.service.journal.clear()

    school.hurry(provider)
    school.work()

    assert set(usernames(school, provider, maths)) == {"anna", "ben"}
    assert [call.verb for call in provider.service.journal] == ["add_members"]


def test_a_class_that_takes_nobody_is_not_tried_with_each_of_many(school: School, provider: Kind) -> None:
    ids = [school.student(linked_to=provider) for _ in range(40)]
    provider.service.fail("add_members", Permanent("This class takes nobody."), times=None)
    maths = school.school_class(*ids)

    school.work()

    found = link(school, provider, maths)
    assert found.blocked
    assert "and 35 more could not be put into it" in str(found.error)
    assert len(provider.service.calls("add_members")) < 25


def test_who_cannot_be_taken_out_is_named_and_remembered(school: School, provider: Kind) -> None:
    anna, ben = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben"))
    maths = school.school_class(anna, ben)
    school.work()
    provider.service.fail("remove_members", Permanent("He owns it."))
    school.set_members(maths, {anna: "student"})
    school.work()
    assert "ben could not be taken out of it" in str(link(school, provider, maths).error)

    school.hurry(provider)
    school.work()

    assert set(usernames(school, provider, maths)) == {"anna"}


def test_a_refusal_of_the_settings_pauses_the_provider_and_costs_the_class_no_attempt(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    provider.service.fail("create_class", Misconfigured("No right to make classes."), times=None)
    school.work()
    paused = link(school, provider, maths)
    assert school.provider_state(provider).state == "paused"
    assert (paused.attempts, paused.blocked) == (0, False)

    provider.service.mend()
    school.hurry(provider)
    school.work()

    assert not pending(school, provider, maths)


def test_classes_count_towards_the_circuit_and_probe_it(school: School, provider: Kind) -> None:
    anna = school.student("Anna", linked_to=provider)
    classes = [school.school_class(anna) for _ in range(12)]
    provider.service.fail("find_class", Transient("Down."), times=None)
    school.work()
    assert school.provider_state(provider).state == "open"

    provider.service.mend()
    school.set_provider(provider, until=PAST)
    school.set_class_links(provider, not_before=PAST)
    school.work()

    assert school.provider_state(provider).state == "ok"
    assert not any(pending(school, provider, each) for each in classes)


def test_a_class_that_the_plugin_cannot_describe_is_given_up_and_the_others_go_on(school: School, provider: Kind) -> None:
    anna = school.student("Anna", linked_to=provider)
    odd, maths = school.school_class(anna, name="Odd"), school.school_class(anna, name="Maths")
    provider.service.unmappable.add("Odd")

    school.work()

    assert "KeyError" in str(link(school, provider, odd).error)
    assert not pending(school, provider, maths)


@pytest.mark.parametrize("external_id", ["", "x" * 201, "a\nb", 7])
def test_a_plugin_that_gives_no_usable_id_is_a_bug_and_not_a_success(open_school: Open, external_id: Any) -> None:
    class Nameless(class_provider()):  # type: ignore[misc]
        def create_class(self, school_class: ClassSnapshot, wanted: Attributes) -> Remote:
            return Remote(external_id=external_id, key=school_class.key)

    school = open_school(Nameless)
    school.save(Nameless, classes=True)
    maths = school.school_class(school.student("Anna", linked_to=Nameless))

    school.work()

    found = link(school, Nameless, maths)
    assert (found.external_id, found.error_class) == (None, "error")


def test_a_change_during_the_call_stays_pending_and_is_sent_next(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider), name="First")
    provider.service.fail("create_class", lambda: school.change_class(maths, name="Second"), after=True)

    school.work()

    assert there(school, provider, maths).attributes["name"] == "Second"
    assert not pending(school, provider, maths)


# who may call


def test_a_provider_without_classes_gets_no_rows_and_no_setting(open_school: Open) -> None:
    plain = memory_provider("plain")
    school = open_school(plain)
    anna = school.student("Anna", linked_to=plain)

    maths = school.school_class(anna)
    school.work()

    assert school.class_link(maths, plain) is None
    assert "classes" not in school.app.plugins.installed["plain"].settings_schema().fields  # type: ignore[misc]


def test_nothing_is_called_while_classes_are_not_kept_in_step(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    school.save(provider, classes=False)

    assert drain(school.app, provider.id) == 0
    assert provider.service.classes == {}
    assert pending(school, provider, maths)


def test_switching_classes_on_and_off_takes_up_where_it_was(school: School, provider: Kind) -> None:
    anna = school.student("Anna", linked_to=provider)
    school.configure(provider, {"classes": False})
    maths = school.school_class(anna)
    assert school.class_link(maths, provider) is None

    school.configure(provider, {"classes": True})
    school.work()
    made = there(school, provider, maths)
    school.configure(provider, {"classes": False})
    school.change_class(maths, name="New")
    school.work()
    assert made.attributes["name"] != "New"

    school.configure(provider, {"classes": True})
    school.work()
    assert made.attributes["name"] == "New"
    assert len(provider.service.classes) == 1


def test_four_workers_do_nothing_twice(open_school: Open) -> None:
    provider = class_provider(limits=Limits(concurrency=4))
    schools = [open_school(provider) for _ in range(4)]
    schools[0].save(provider, classes=True)
    ids = [schools[0].student(linked_to=provider) for _ in range(3)]
    classes = [schools[0].school_class(*ids) for _ in range(60)]

    with ThreadPoolExecutor(4) as pool:
        settled = sum(pool.map(lambda school: drain(school.app, provider.id), schools))

    assert settled == 60
    assert len(provider.service.calls("create_class")) == 60
    assert all(len(there(schools[0], provider, each).members) == 3 for each in classes)


class Killed(BaseException):
    """The worker ends here."""


def die() -> None:
    raise Killed


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


def test_a_period_that_closes_archives_its_classes(school: School, provider: Kind) -> None:
    with school.app.db.write() as session:
        make_period(session)
        period = make_period(session, "2027", current=False, starts_on=date(2027, 9, 1), ends_on=date(2028, 6, 30))
    maths = school.school_class(school.student("Anna", linked_to=provider), period=period)
    school.work()

    period_changes.edit_period(school.app, school.actor, period.id, {}, is_open=False)
    assert pending(school, provider, maths)
    school.work()

    assert there(school, provider, maths).archived


@pytest.mark.parametrize("verb", ["find_class", "create_class", "remove_members", "add_members", "update_class", "archive_class"])
@pytest.mark.parametrize("after", [False, True])
def test_a_worker_that_is_killed_around_a_call_loses_nothing(school: School, provider: Kind, verb: str, after: bool) -> None:
    anna, ben, eva = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben", "eva"))
    made, changed, ended = school.school_class(anna, name="Made"), 0, 0
    if verb not in ("find_class", "create_class"):
        changed, ended = school.school_class(anna, ben), school.school_class(anna)
        school.work()
        school.set_members(changed, {anna: "teacher", eva: "student"})
        school.change_class(changed, name="Changed")
        school.change_class(ended, active=False)
    provider.service.fail(verb, die, after=after)

    with pytest.raises(Killed):
        drain(school.app, provider.id)
    with school.app.db.write() as session:
        session.execute(update(Slot).values(leased_until=PAST))
    school.set_class_links(provider, leased_until=PAST)
    school.work()

    assert usernames(school, provider, made) == {"anna": "student"}
    assert set(provider.service.made.values()) == {1}
    if changed:
        assert usernames(school, provider, changed) == {"anna": "teacher", "eva": "student"}
        assert there(school, provider, changed).attributes["name"] == "Changed"
        assert there(school, provider, ended).archived
    assert not any(pending(school, provider, each) for each in (made, changed, ended) if each)


def test_a_creation_that_nobody_lived_to_write_down_is_found_and_archived(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    provider.service.fail("create_class", die, after=True)
    with pytest.raises(Killed):
        drain(school.app, provider.id)
    with school.app.db.write() as session:
        session.execute(update(Slot).values(leased_until=PAST))
    school.set_class_links(provider, leased_until=PAST)

    school.change_class(maths, active=False)
    school.work()

    assert there(school, provider, maths).archived


def test_who_was_taken_out_by_a_killed_worker_is_put_back_before_the_class_is_closed(school: School, provider: Kind) -> None:
    anna, ben = (school.student(name, linked_to=provider, username=name) for name in ("anna", "ben"))
    maths = school.school_class(anna, ben)
    school.work()
    school.set_members(maths, {anna: "teacher", ben: "student"})
    provider.service.fail("remove_members", die, after=True)
    with pytest.raises(Killed):
        drain(school.app, provider.id)
    with school.app.db.write() as session:
        session.execute(update(Slot).values(leased_until=PAST))
    school.set_class_links(provider, leased_until=PAST)
    assert set(usernames(school, provider, maths)) == {"ben"}

    school.change_class(maths, active=False)
    school.work()

    assert there(school, provider, maths).archived
    assert usernames(school, provider, maths) == {"anna": "teacher", "ben": "student"}


def test_a_creation_that_never_happened_leaves_nothing_to_archive(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    provider.service.fail("create_class", Transient("Busy."))
    school.work()

    school.change_class(maths, active=False)
    school.hurry(provider)
    school.work()

    assert not pending(school, provider, maths)
    assert link(school, provider, maths).sent is None


def test_a_worker_that_lost_its_lease_writes_nothing(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))

    def overtake() -> None:
        school.set_class_links(provider, fence=99, leased_until=PAST + timedelta(days=40_000))

    provider.service.fail("create_class", overtake)
    drain(school.app, provider.id)

    assert link(school, provider, maths).external_id is None


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


def test_a_member_who_is_gone_there_makes_the_class_be_looked_at(school: School, provider: Kind) -> None:
    maths = school.school_class(school.student("Anna", linked_to=provider))
    school.work()
    provider.service.fail("add_members", NotFound("The class is gone."))

    school.set_members(maths, {school.student("Ben", linked_to=provider): "student"})
    school.work()

    assert len(provider.service.classes) == 1
    assert not pending(school, provider, maths)
