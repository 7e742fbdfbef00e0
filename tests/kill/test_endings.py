"""A worker and a web server that are asked to end under load: nothing half done, nothing lost, no lease left (R-16, FI-20)."""

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from outside.office import MOODLE, Office
from outside.waiting import eventually
from sqlalchemy import select

from rolecall.store.tables import Link, Person, Run, Slot
from rolecall.testing import factories

pytestmark = [pytest.mark.kill, pytest.mark.timeout(200)]

CREATE = "core_user_create_users"
#: The longest that an ending may take.
GRACE = 30.0
CLIENTS = 4


@pytest.fixture
def office(open_office) -> Office:  # type: ignore[no-untyped-def]
    """A school with the leases that it has in earnest: who would wait for one to end would wait for long."""
    opened: Office = open_office(lease_seconds=120)
    return opened


def test_a_worker_asked_to_end_finishes_its_call_and_gives_back_the_rest(office: Office) -> None:
    office.enrol(150)
    office.site.arm("hold", CREATE, "after_commit")
    command = [str(Path(sys.executable).parent / "rolecall"), "worker"]
    with subprocess.Popen(command, cwd=office.folder, env=office.environment, stderr=subprocess.PIPE, text=True) as worker:
        eventually("a call is under way", lambda: office.site.struck)

        asked = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        office.site.release()
        _, said = worker.communicate(timeout=GRACE)
    took = time.monotonic() - asked

    assert worker.returncode == 0, said
    assert took < GRACE
    _check_nothing_is_held(office)
    made = {user["idnumber"] for user in office.site.users}
    assert made == _linked_keys(office)
    assert 0 < len(made) < 150
    office.worker()
    office.until_in_step(seconds=90)
    assert sorted(Counter(_created(office)).values()) == [1] * 150
    office.check_in_step()


def test_a_worker_asked_to_end_in_a_bulk_run_gives_it_to_the_next_at_once(office: Office) -> None:
    office.pause()
    office.open_accounts(1)
    opened = office.newest_run()
    assert opened is not None
    with office.app.db.write() as session:
        for _ in range(1_200):
            factories.make_person(session)
    office.web("--no-worker")
    run_id = office.post("/accounts", {"list": "students"})["id"]
    worker = office.worker("first")

    eventually("a batch was committed", lambda: office.outcomes(run_id)["done"], between=0.002)
    worker.signal(signal.SIGTERM)

    assert worker.wait(GRACE) == 0
    _check_nothing_is_held(office)
    assert office.outcomes(run_id)["done"] in (500, 1_000, 1_200)
    office.worker("second")
    assert office.until_ended(run_id).state == "done"
    assert office.outcomes(run_id) == {"done": 1_200}
    office.check_audit()


@pytest.mark.slow
def test_a_server_asked_to_end_under_load_loses_nothing_it_has_answered(office: Office) -> None:
    ids = office.enrol(200)
    office.site.slow_down(0.05)
    with office.app.db.read() as session:
        people = list(session.scalars(select(Person.id).where(Person.list == "students").limit(CLIENTS)))
    server = office.web()
    begun, answers = threading.Event(), []

    def edit(person_id: int) -> str:
        """Go on until nobody answers; return the last name for which there was an answer."""
        answered = ""
        for number in range(100_000):
            try:
                with office.ask("PATCH", f"/people/{person_id}", json={"first_name": f"Name {number}"}) as answer:
                    answers.append(answer.status_code)
            except requests.ConnectionError:
                return answered
            answered = f"Name {number}"
            if len(answers) > 5 * CLIENTS:
                begun.set()
        raise AssertionError("The server never ended.")

    with ThreadPoolExecutor(CLIENTS) as pool:
        last = dict(zip(people, [pool.submit(edit, each) for each in people], strict=True))
        office.post("/actions/account.deactivate", {"accounts": ids})
        assert begun.wait(GRACE)
        asked = time.monotonic()
        server.signal(signal.SIGTERM)
        status = server.wait(GRACE)
        took = time.monotonic() - asked

    assert status == 0, office.log
    assert took < GRACE
    assert set(answers) == {200}
    with office.app.db.read() as session:
        names = dict(session.execute(select(Person.id, Person.first_name).where(Person.id.in_(people))).all())
    for person_id, answered in last.items():
        assert _number(names[person_id]) - _number(answered.result()) in (0, 1)
    _check_nothing_is_held(office)
    office.site.slow_down(0.0)
    office.web()
    office.until_in_step(seconds=90)
    run = office.newest_run()
    assert run is not None
    assert office.until_ended(run.id).state == "done"
    office.check_in_step()
    assert office.complaints() == []


def _number(name: str) -> int:
    return int(name.rpartition(" ")[2])


def _check_nothing_is_held(office: Office) -> None:
    """Whoever comes next need not wait: no link, no place and no run is leased."""
    with office.app.db.read() as session:
        assert session.scalars(select(Link.id).where(Link.leased_until.is_not(None))).all() == []
        assert session.scalars(select(Slot.name).where(Slot.leased_until.is_not(None), Slot.name != "tick")).all() == []
        assert session.scalars(select(Run.id).where(Run.leased_until.is_not(None))).all() == []


def _linked_keys(office: Office) -> set[str]:
    """The keys of the accounts whose link knows its remote account."""
    with office.app.db.read() as session:
        ids = session.scalars(select(Link.account_id).where(Link.provider == MOODLE, Link.external_id.is_not(None))).all()
    return {office.school.key(each) for each in ids}


def _created(office: Office) -> list[str]:
    """The key of every account that Moodle was asked to make, as often as it was."""
    return [value for call in office.site.calls(CREATE) for name, value in call["fields"] if name.endswith("[idnumber]")]
