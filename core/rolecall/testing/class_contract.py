"""What every provider with classes must do, asked through its real HTTP code against its own fake. Inherit, name the plugin, run pytest."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from rolecall.errors import Conflict, NotFound, Permanent, Transient
from rolecall.sdk.provider import Change, Remote, Secret, Verb
from rolecall.sdk.snapshots import ClassSnapshot, Member, PeriodSnapshot
from rolecall.testing.bench import Bench, ProviderBench
from rolecall.testing.exchange import Exchange
from rolecall.testing.fixtures import database_for, open_school
from rolecall.testing.school import School
from rolecall.work.class_links import ClassState, states
from rolecall.work.sync import sent as sent_state
from rolecall.work.sync.plan import difference

#: Names as schools have them.
CLASS_NAMES = ("Maths 7B", "Μαθηματικά Β1", "Математика 7-Б", "الرياضيات", "Français « débutants » & Cie")
#: More calls than one class of a few people ever needs.
_MOST_CALLS = 30
#: What a service may also say of somebody it does not know where what was just made cannot be seen for a while.
_LATE = (Transient,)


class ClassContract(ProviderBench):
    """The questions to every provider that has classes::

        class TestLibraryClasses(ClassContract):
            plugin = "library"

    The first people put into a class include a teacher, because some services want one.
    """

    #: An id that the service would never give to a class, and one that it would never give to an account.
    no_class: ClassVar[str] = "999999999"
    nobody: ClassVar[str] = "999999999"

    def school_class(self, number: int = 1, **values: Any) -> ClassSnapshot:
        """Return a class; override it where the provider needs something else."""
        period = PeriodSnapshot(code="2026", name="2026/27", starts_on=date(2026, 9, 1), ends_on=date(2027, 6, 30), is_current=True)
        facts: dict[str, Any] = {
            "id": number,
            "key": str(uuid4()),
            "code": f"M{number}",
            "name": f"{CLASS_NAMES[0]} {number}",
            "period": period,
        } | values
        return ClassSnapshot(**facts)

    @pytest.fixture
    def people(self, bench: Bench) -> list[str]:
        """The remote ids of four people who are there."""
        return list(self._people(bench, 4))

    def test_roles_are_what_the_service_keeps_and_asking_twice_changes_nothing(self, bench: Bench) -> None:
        for role in ("student", "teacher", "assistant"):
            kept = bench.provider.class_role(role)
            assert kept in ("student", "teacher", "assistant")
            assert bench.provider.class_role(kept) == kept

    def test_class_attributes_are_pure_and_can_be_kept(self, bench: Bench) -> None:
        school_class = self.school_class()

        first, second = bench.provider.class_attributes(school_class), bench.provider.class_attributes(school_class)

        assert first == second
        assert sent_state.load_attributes(sent_state.dump_attributes(sent_state.check(first))) == first
        assert bench.wire.journal == [], "class_attributes() made a call"

    @pytest.mark.parametrize("name", CLASS_NAMES)
    def test_class_names_in_every_script_are_taken_or_refused_in_words(self, bench: Bench, name: str) -> None:
        school_class = self.school_class(name=name)

        try:
            self._create(bench, school_class)
        except Permanent as error:
            assert error.message
        else:
            assert difference(self._find(bench, school_class).attributes, bench.provider.class_attributes(school_class)) == ({}, {})

    def test_a_class_that_is_not_there_is_not_found(self, bench: Bench) -> None:
        assert bench.provider.find_class(self.school_class()) is None

    def test_a_class_that_was_created_is_found_as_it_was_wanted(self, bench: Bench) -> None:
        school_class = self.school_class()

        external_id = self._create(bench, school_class)
        found = self._find(bench, school_class)

        assert (found.external_id, found.suspended) == (external_id, False)
        assert found.key == school_class.key, "the remote class must carry our key, so that it is known again"
        assert difference(found.attributes, bench.provider.class_attributes(school_class)) == ({}, {})
        assert bench.provider.members(external_id) == frozenset()

    def test_creating_a_class_again_is_a_conflict_or_gives_the_same(self, bench: Bench) -> None:
        school_class = self.school_class()
        external_id = self._create(bench, school_class)

        try:
            again = bench.provider.create_class(school_class, bench.provider.class_attributes(school_class)).external_id
        except Conflict:
            again = self._find(bench, school_class).external_id

        assert again == external_id

    def test_an_update_of_a_class_changes_what_differs(self, bench: Bench) -> None:
        school_class = self.school_class()
        external_id = self._create(bench, school_class)
        changed = replace(school_class, name="Maths 8B")

        before, after = bench.provider.class_attributes(school_class), bench.provider.class_attributes(changed)
        bench.provider.update_class(external_id, difference(before, after)[1])

        assert difference(self._find(bench, changed).attributes, after) == ({}, {})

    def test_a_class_is_archived_and_opened_again_with_everybody_in_it(self, bench: Bench, people: list[str]) -> None:
        school_class = self.school_class()
        external_id = self._create(bench, school_class)
        members = self._in(bench, people)
        bench.provider.add_members(external_id, members)

        for _ in range(2):
            bench.provider.archive_class(external_id)
            assert self._find(bench, school_class).suspended
        for _ in range(2):
            bench.provider.update_class(external_id, {})
            assert not self._find(bench, school_class).suspended
        assert bench.provider.members(external_id) == members

    def test_archiving_a_class_that_is_gone_is_no_error(self, bench: Bench) -> None:
        bench.provider.archive_class(self.no_class)

    def test_a_class_that_is_gone_says_so(self, bench: Bench, people: list[str]) -> None:
        provider, gone = bench.provider, self.no_class
        changes = provider.class_attributes(self.school_class())

        with pytest.raises(NotFound):
            provider.update_class(gone, changes)
        with pytest.raises(NotFound):
            provider.members(gone)
        with pytest.raises((NotFound, *_LATE) if provider.limits.settling else NotFound):
            provider.add_members(gone, self._in(bench, people))

    def test_members_are_put_in_and_taken_out_and_once_is_enough(self, bench: Bench, people: list[str]) -> None:
        external_id = self._create(bench, self.school_class())
        members = self._in(bench, people)
        (student,) = [each for each in members if each.external_id == people[1]]

        for _ in range(2):
            bench.provider.add_members(external_id, members)
            assert bench.provider.members(external_id) == members
        for _ in range(2):
            bench.provider.remove_members(external_id, [student])
            assert bench.provider.members(external_id) == members - {student}

    def test_a_changed_role_is_a_removal_and_an_addition(self, bench: Bench, people: list[str]) -> None:
        external_id = self._create(bench, self.school_class())
        members = self._in(bench, people)
        bench.provider.add_members(external_id, members)
        before, after = Member(people[1], "student"), Member(people[1], "teacher")

        bench.provider.remove_members(external_id, [before])
        bench.provider.add_members(external_id, [after])

        assert bench.provider.members(external_id) == members - {before} | {after}

    def test_somebody_who_does_not_exist_is_refused_for_good_and_not_taken_for_the_class(self, bench: Bench, people: list[str]) -> None:
        external_id = self._create(bench, self.school_class())
        bench.provider.add_members(external_id, self._in(bench, people))

        late = _LATE if bench.provider.limits.settling else ()
        with pytest.raises((Permanent, Conflict, *late)):
            bench.provider.add_members(external_id, [Member(self.nobody, "student")])

        assert bench.provider.members(external_id) == self._in(bench, people)

    def test_a_large_class_is_read_and_filled_completely(self, bench: Bench) -> None:
        external_id = self._create(bench, self.school_class())
        people = list(self._people(bench, 60))
        members = frozenset({Member(people[0], "teacher"), *(Member(each, "student") for each in people[1:])})

        bench.provider.add_members(external_id, members)

        assert bench.provider.members(external_id) == members

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_class_is_made_once_although_an_answer_is_lost_at_any_call(
        self, bench: Bench, when: Any, request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        with open_school(database_for(request, tmp_path), tmp_path, allow=bench.wire.host) as school:
            teacher, student = self._enter(bench, school)
            for call in range(_MOST_CALLS):
                class_id = school.school_class(student, code=f"C{call}")
                school.set_members(class_id, {teacher: "teacher", student: "student"})
                bench.wire.drop(when=when, match=_the(call))
                school.work()
                was_hit = bench.wire.waiting == 0
                bench.wire.mend()
                self._finish(school, class_id)

                link = school.class_link(class_id, self.plugin)
                assert link is not None
                assert link.external_id is not None
                assert len(bench.provider.members(link.external_id)) == 2, f"members are missing when call {call} was lost"
                if not was_hit:
                    return

    def test_classes_of_a_school_are_brought_in_step_although_answers_are_lost(
        self, bench: Bench, request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        with open_school(database_for(request, tmp_path), tmp_path, allow=bench.wire.host) as school:
            teacher, student = self._enter(bench, school)
            other = school.student(linked_to=self.plugin)
            classes = [school.school_class(student) for _ in range(3)]
            for number in (1, 3, 5):
                bench.wire.drop(when="after", match=_the(number))
            for class_id in classes:
                school.set_members(class_id, {teacher: "teacher", student: "student"})
            school.work()
            school.set_members(classes[0], {teacher: "teacher", other: "student"})
            school.change_class(classes[1], name="Other")
            school.change_class(classes[2], active=False)
            bench.wire.fail(status=503)
            for class_id in classes:
                self._finish(school, class_id)

            ids = {each: str(school.link(each, self.plugin).external_id) for each in (teacher, student, other)}
            links = [school.class_link(each, self.plugin) for each in classes]
            first, second = (bench.provider.members(str(each.external_id)) for each in links[:2] if each is not None)
            assert first == {Member(ids[teacher], "teacher"), Member(ids[other], "student")}
            assert second == {Member(ids[teacher], "teacher"), Member(ids[student], "student")}

    def _enter(self, bench: Bench, school: School) -> tuple[int, int]:
        school.configure(self.plugin, bench.settings)
        school.save(self.plugin, classes=True)
        teacher, student = school.teacher(linked_to=self.plugin), school.student(linked_to=self.plugin)
        for _ in range(10):
            if not school.pending(teacher) and not school.pending(student):
                return teacher, student
            school.hurry(self.plugin)
            school.work()
        raise AssertionError("the people of the school did not arrive")

    def _finish(self, school: School, class_id: int) -> None:
        found: list[ClassState] = []
        for _ in range(10):
            with school.app.db.read() as session:
                found = states(session, class_id)
            if [each.state for each in found] == ["done"]:
                return
            school.hurry(self.plugin)
            school.work()
        raise AssertionError(f"the class is not in step: {found}")

    def _in(self, bench: Bench, people: list[str]) -> frozenset[Member]:
        roles = [bench.provider.class_role(role) for role in ("teacher", "student", "student", "assistant")]
        return frozenset(Member(each, role) for each, role in zip(people, roles, strict=True))

    def _people(self, bench: Bench, number: int) -> Iterator[str]:
        plan = []
        for each in range(1, number + 1):
            account = self.account(each)
            wanted = bench.provider.attributes(account)
            password = Secret("Kqm4tv-9xbhwd-c3rpjk")
            plan.append(Change(link_id=each, verb=Verb.CREATE, account=account, after=wanted, wanted=wanted, password=password))
        size = max(1, bench.provider.limits.batch)
        for start in range(0, number, size):
            for _, result in sorted(bench.carry(*plan[start : start + size]).items()):
                assert result.error is None, f"{result.error!r}"
                assert result.external_id is not None
                yield result.external_id

    def _create(self, bench: Bench, school_class: ClassSnapshot) -> str:
        return bench.provider.create_class(school_class, bench.provider.class_attributes(school_class)).external_id

    def _find(self, bench: Bench, school_class: ClassSnapshot) -> Remote:
        found = bench.provider.find_class(school_class)
        assert found is not None, "the class is not found"
        return found


def _the(number: int) -> Callable[[Exchange], bool]:
    """Match the request with this number from now on, counted from 0."""
    seen = iter(range(10_000))
    return lambda request: next(seen) == number
