"""A worker killed while it compares: the lines of the comparison before stay whole, and the next brings the new ones (R64, FI-01)."""

import random

import pytest
from outside.office import MOODLE, Office
from outside.waiting import eventually
from sqlalchemy import select

from rolecall.store.tables import Comparison, Match, RemoteAccount
from rolecall.work.sync.comparison import job

pytestmark = [pytest.mark.kill, pytest.mark.timeout(400)]

LIST = "core_user_get_users"
#: Before and while the list is answered, and then while it is written down, compared and put in the place of the one before.
STRIKES = (("before_commit", 0.0), ("during_reply", 0.0), ("after_reply", 0.02), ("after_reply", 0.1), ("after_reply", 0.3))


def _lines(office: Office) -> list[int]:
    """The lines that are shown, by id."""
    with office.app.db.read() as session:
        return list(session.scalars(select(Match.id).where(Match.provider == MOODLE).order_by(Match.id)))


def _state(office: Office) -> str:
    with office.app.db.read() as session:
        return session.get_one(Comparison, MOODLE).state


def _compared(office: Office) -> None:
    """Have a worker that nobody kills bring a comparison to its end."""
    worker = office.worker("calm")
    eventually("the comparison is done", lambda: _state(office) == "done")
    worker.kill()


def test_a_worker_that_is_killed_leaves_the_whole_list_of_the_comparison_before(office: Office) -> None:
    ids = office.enrol(20)
    worker = office.worker("calm")
    office.until_in_step()
    worker.kill()
    job.start(office.app, office.school.actor, MOODLE)
    _compared(office)
    shown = _lines(office)
    pid_file = office.folder / "worker.pid"
    job.start(office.app, office.school.actor, MOODLE)

    for phase, longest in STRIKES:
        if _state(office) == "done":  # the worker was quicker than the strike
            assert len(_lines(office)) == len(shown)
            shown = _lines(office)
            job.start(office.app, office.school.actor, MOODLE)
        with office.app.db.write() as session:
            session.get_one(Comparison, MOODLE).attempts = 0
        office.site.arm("SIGKILL", LIST, phase, pid_file, after=random.uniform(0, longest))
        killed = office.worker()
        eventually(f"the worker is killed, {phase}", lambda killed=killed: killed.has_ended)
        assert killed.wait() == -9, office.log
        assert _lines(office) == shown or _state(office) == "done"

    office.enrol(1)
    _compared(office)
    with office.app.db.read() as session:
        inventory = session.scalars(select(RemoteAccount.number).where(RemoteAccount.provider == MOODLE)).all()
        verdicts = session.scalars(select(Match.verdict).where(Match.account_id.in_(ids))).all()
        number = session.get_one(Comparison, MOODLE).number
    assert verdicts == ["matched"] * 20
    assert set(inventory) == {number}
    assert office.complaints() == []
