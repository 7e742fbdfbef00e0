"""A worker killed while it brings classes in step: none is made twice, nobody is missing or left behind in one (R60a, FI-01)."""

from collections.abc import Callable
from itertools import cycle, islice

import pytest
from outside.nursery import Child
from outside.office import PERIOD, Office
from outside.waiting import eventually
from sqlalchemy import select

from rolecall.store.tables import ClassLink, Period, SchoolClass

pytestmark = [pytest.mark.kill, pytest.mark.timeout(400)]

PHASES = ("before_commit", "after_commit", "during_reply", "after_reply")
MAKE, CHANGE = "core_course_create_courses", "core_course_update_courses"
ENROL, UNENROL = "enrol_manual_enrol_users", "enrol_manual_unenrol_users"
#: Each kind of call meets each point of a call.
KILLS = 16

#: Moodle's number for each role, as a new site has them.
ROLES = {"student": 5, "teacher": 3, "assistant": 4}


class Classes:
    """What an office changes of its classes while workers die, and who should be in each at the end."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._people = office.done_ids(12)
        self._numbers = iter(range(10_000))
        #: Roles by account, by class.
        self.wanted: dict[int, dict[int, str]] = {}
        self.names: dict[int, str] = {}
        self.ended: set[int] = set()

    def open(self) -> None:
        """A class that Moodle does not know yet."""
        with self._office.app.db.read() as session:
            period = session.scalars(select(Period).where(Period.code == PERIOD)).one()
        number = next(self._numbers)
        name = f"Class {number}"
        class_id = self._office.school.school_class(self._people[0], period=period, name=name)
        self.names[class_id] = name
        self._set(class_id, dict.fromkeys(self._people[:6], "student") | {self._people[6]: "teacher"})

    def rename(self) -> None:
        """Another name of a class."""
        class_id = self._some()
        self.names[class_id] = f"Renamed {next(self._numbers)}"
        self._office.school.change_class(class_id, name=self.names[class_id])

    def join(self) -> None:
        """More people."""
        class_id = self._some()
        new = [each for each in self._people if each not in self.wanted[class_id]][:2]
        self._set(class_id, self.wanted[class_id] | dict.fromkeys(new, "assistant"))

    def leave(self) -> None:
        """Fewer people, and one with another role."""
        class_id = self._some()
        (first, role), _, *rest = sorted(self.wanted[class_id].items())
        self._set(class_id, dict(rest) | {first: "teacher" if role == "student" else "student"})

    def end(self) -> None:
        """A class that is not taught any more."""
        class_id = self._some()
        self.ended.add(class_id)
        self._office.school.change_class(class_id, active=False)

    def _set(self, class_id: int, roles: dict[int, str]) -> None:
        self.wanted[class_id] = roles
        self._office.school.set_members(class_id, roles)

    def _some(self) -> int:
        """The open class with the most people in it."""
        return max((each for each in self.wanted if each not in self.ended), key=lambda each: len(self.wanted[each]))

    def check(self) -> None:
        """Check that Moodle holds exactly these classes, each once, with exactly these people."""
        courses = self._office.site.courses
        assert len(courses) == len(self.wanted), f"Moodle holds {len(courses)} courses."
        by_key = {course["idnumber"]: course for course in courses}
        with self._office.app.db.read() as session:
            classes = {each.id: each for each in session.scalars(select(SchoolClass))}
            links = {each.class_id: each for each in session.scalars(select(ClassLink))}
        names = {each: self._office.school.snapshot(each).username for each in self._people}
        for class_id, roles in self.wanted.items():
            course, link = by_key[classes[class_id].key], links[class_id]
            assert (link.synced, link.blocked, link.error, link.leased_until) == (link.wanted, False, None, None)
            assert link.external_id == str(course["id"])
            assert course["visible"] == (0 if class_id in self.ended else 1)
            assert course["fullname"] == self.names[class_id]
            assert course["people"] == {names[account]: [ROLES[role]] for account, role in roles.items()}
        self._office.check_audit()


@pytest.mark.slow
def test_no_class_is_made_twice_and_nobody_is_missing_however_often_the_worker_is_killed(office: Office) -> None:
    office.enrol(12)
    office.configure(**office.site.settings, user_types=["student"], on_deletion="delete", delete_after=0, classes=True)
    _work_calmly(office)
    classes = Classes(office)
    for _ in range(2):
        classes.open()
    _work_calmly(office)
    kinds: list[tuple[Callable[[], None], str]] = [
        (classes.open, MAKE),
        (classes.join, ENROL),
        (classes.leave, UNENROL),
        (classes.rename, CHANGE),
    ]
    points = [(kind, phase) for phase in PHASES for kind in kinds]
    pid_file = office.folder / "worker.pid"

    for number, ((change, function), phase) in enumerate(islice(cycle(points), KILLS), 1):
        change()
        office.site.arm("SIGKILL", function, phase, pid_file)
        _until_killed(office, office.worker(), f"kill {number}, {phase} of {function}")
    _work_calmly(office)
    classes.end()
    office.site.arm("SIGKILL", CHANGE, "after_commit", pid_file)
    _until_killed(office, office.worker(), "kill of an ending")

    assert office.site.struck == KILLS + 1
    office.worker()
    office.until_in_step()
    classes.check()
    assert office.complaints() == []


def _work_calmly(office: Office) -> None:
    worker = office.worker("calm")
    office.until_in_step()
    worker.kill()


def _until_killed(office: Office, worker: Child, what: str) -> None:
    def killed() -> bool:
        if worker.has_ended:
            return True
        office.hurry()
        return False

    eventually(what, killed, between=0.25)
    assert worker.wait() == -9, office.log
