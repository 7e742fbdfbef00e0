"""A worker that slept past its lease while another one finished a newer state: what it brings back is not wanted (FI-04)."""

import signal

import pytest
from outside.nursery import Child
from outside.office import MOODLE, Office
from outside.waiting import eventually
from sqlalchemy import select

from rolecall.store.tables import Link

pytestmark = [pytest.mark.kill, pytest.mark.timeout(200)]

CREATE, UPDATE, FIND = "core_user_create_users", "core_user_update_users", "core_user_get_users_by_field"


@pytest.mark.parametrize(
    ("function", "phase"), [(FIND, "after_commit"), (CREATE, "before_commit"), (CREATE, "after_commit"), (CREATE, "during_reply")]
)
def test_a_creation_by_a_worker_that_overslept_is_neither_repeated_nor_written_back(office: Office, function: str, phase: str) -> None:
    ids = office.enrol(3)
    sleeper = _asleep_in(office, function, phase)

    _finish_newer_state(office, ids)
    finished = _links(office)
    _wake(sleeper)

    assert _links(office) == finished
    assert len(office.site.calls(CREATE)) == 1
    office.check_in_step()


@pytest.mark.parametrize("phase", ["before_commit", "after_commit", "during_reply"])
def test_an_older_state_is_not_written_back_over_a_newer_one(office: Office, phase: str) -> None:
    ids = office.enrol(3)
    worker = office.worker("early")
    office.until_in_step()
    worker.kill()
    office.school.change(*ids, person={"first_name": "Older"})
    sleeper = _asleep_in(office, UPDATE, phase)

    _finish_newer_state(office, ids)
    finished, updates = _links(office), len(office.site.calls(UPDATE))
    _wake(sleeper)

    assert _links(office) == finished
    assert len(office.site.calls(UPDATE)) == updates
    assert {user["firstname"] for user in office.site.users} == {"Newer"}
    office.check_in_step()


def _asleep_in(office: Office, function: str, phase: str) -> Child:
    """A worker that is stopped at that point of its call. It has one thread, so it sleeps with no transaction open."""
    office.site.arm("SIGSTOP", function, phase, office.folder / "sleeper.pid")
    sleeper = office.nursery.start("worker", "--once", folder=office.folder, environment=office.environment, name="sleeper")
    eventually("the worker sleeps", lambda: office.site.struck)
    return sleeper


def _finish_newer_state(office: Office, ids: list[int]) -> None:
    office.school.change(*ids, person={"first_name": "Newer"})
    office.worker("other")
    office.until_in_step()


def _wake(sleeper: Child) -> None:
    sleeper.signal(signal.SIGCONT)
    assert sleeper.wait() == 0


def _links(office: Office) -> list[dict[str, object]]:
    """The links as they are, without what every later claim would change."""
    with office.app.db.read() as session:
        rows = session.scalars(select(Link).where(Link.provider == MOODLE).order_by(Link.id)).all()
        return [{column.key: getattr(row, column.key) for column in Link.__table__.columns} for row in rows]
