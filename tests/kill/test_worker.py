"""A worker that is killed in the middle of a call, at every point of it, and one that takes its place (FI-01, I1 to I6)."""

import random
from collections.abc import Callable
from itertools import cycle, islice

import pytest
from outside.nursery import Child
from outside.office import PERIOD, ROLE, Office
from outside.waiting import eventually

from rolecall.testing import factories

pytestmark = [pytest.mark.kill, pytest.mark.timeout(400)]

PHASES = ("before_commit", "after_commit", "during_reply", "after_reply")
#: With 13 kinds of changes and 4 points of a call, every kind meets every point.
KILLS = 52
#: The longest that the worker lives after the last byte of the reply that kills it.
SURVIVES = 0.05

CREATE, UPDATE, DELETE = "core_user_create_users", "core_user_update_users", "core_user_delete_users"
NEW_COHORT, JOIN, LEAVE = "core_cohort_create_cohorts", "core_cohort_add_cohort_members", "core_cohort_delete_cohort_members"


class Changes:
    """What an office changes while workers die: each method makes one kind of change, on accounts that are in step."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._numbers = iter(range(10_000))
        self._closed: list[int] = []
        self._roles: list[str] = []

    def enrol(self) -> None:
        """Accounts that Moodle does not know yet."""
        self._office.enrol(3)

    def rename(self) -> None:
        """Other names of people."""
        self._office.school.change(*self._some(3), person={"first_name": f"Renamed{next(self._numbers)}"})

    def deactivate(self) -> None:
        """Accounts that are suspended there."""
        self._closed += (ids := self._some(2))
        self._office.start("account.deactivate", ids)

    def activate(self) -> None:
        """Suspended accounts that are opened again."""
        ids = self._closed[:1]
        del self._closed[:1]
        eventually("the account is suspended", lambda: self._office.school.pending(ids[0]) == [] or self._catch_up())
        self._office.start("account.activate", ids)

    def give_role(self) -> None:
        """A role that others have already: into a cohort that exists."""
        self._office.start("roles.assign", self._some(2), mode="replace", period=PERIOD, role=ROLE)

    def give_new_role(self) -> None:
        """A role that nobody had: a cohort that has to be made."""
        name = f"Role {next(self._numbers)}"
        with self._office.app.db.write() as session:
            factories.make_role(session, name)
        self._office.start("roles.assign", self._some(2), mode="replace", period=PERIOD, role=name)

    def take_role(self) -> None:
        """A role that is taken away: out of the cohort."""
        ids = self._some(2)
        self._office.start("roles.assign", ids, mode="replace", period=PERIOD, role=ROLE)
        self._catch_up()
        self._office.start("roles.assign", ids, mode="remove", period=PERIOD)

    def delete(self) -> None:
        """Accounts that are deleted there too."""
        self._office.start("account.delete", self._some(1))

    def _some(self, number: int) -> list[int]:
        def found() -> list[int]:
            ids = self._office.done_ids(number)
            return ids if len(ids) == number else []

        return eventually(f"{number} accounts are in step", lambda: found() or (self._catch_up() and []))

    def _catch_up(self) -> bool:
        """Let a worker that nobody kills finish what was left."""
        worker = self._office.worker("calm")
        self._office.until_in_step()
        worker.kill()
        return True


@pytest.mark.slow
def test_nothing_is_lost_or_made_twice_however_often_the_worker_is_killed(office: Office) -> None:
    office.enrol(30)
    _work_calmly(office)
    changes = Changes(office)
    kinds: list[tuple[Callable[[], None], str]] = [
        (changes.enrol, CREATE),
        (changes.deactivate, UPDATE),
        (changes.enrol, CREATE),
        (changes.give_role, JOIN),
        (changes.enrol, CREATE),
        (changes.rename, UPDATE),
        (changes.enrol, CREATE),
        (changes.give_new_role, NEW_COHORT),
        (changes.enrol, CREATE),
        (changes.take_role, LEAVE),
        (changes.enrol, CREATE),
        (changes.delete, DELETE),
        (changes.activate, UPDATE),
    ]
    points = zip(cycle(kinds), cycle(PHASES), strict=False)
    pid_file = office.folder / "worker.pid"

    for number, ((change, function), phase) in enumerate(islice(points, KILLS), 1):
        change()
        after = random.uniform(0, SURVIVES) if phase == "after_reply" else 0.0
        office.site.arm("SIGKILL", function, phase, pid_file, after=after)
        _until_killed(office, office.worker(), f"kill {number}, {phase} of {function}")

    assert office.site.struck == KILLS
    office.worker()
    office.until_in_step()
    office.check_in_step()
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
