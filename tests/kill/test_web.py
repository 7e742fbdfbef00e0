"""A web server that is killed in the middle of a bulk run: each account entirely changed or untouched, and the run goes on (FI-21)."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from outside.nursery import Child
from outside.office import PERIOD, ROLE, Office
from outside.waiting import eventually
from sqlalchemy import select

from rolecall.store.tables import Account, Link, Role, RolePeriod, RunItem
from rolecall.testing import factories

pytestmark = [pytest.mark.kill, pytest.mark.timeout(300)]

MANY = 1_000
#: As many as are still worked off in the request itself.
FEW = 50
#: Times that the server is killed at any moment of a run, beside the exact ones.
RANDOM_KILLS = 2

Changed = Callable[[Office], set[int]]


def with_the_role(office: Office) -> set[int]:
    """The accounts that have the role of these tests."""
    with office.app.db.read() as session:
        return set(session.scalars(select(RolePeriod.account_id).join(Role, Role.id == RolePeriod.role_id).where(Role.name == ROLE)))


def inactive(office: Office) -> set[int]:
    """The accounts that are closed."""
    with office.app.db.read() as session:
        return set(session.scalars(select(Account.id).where(~Account.active)))


KINDS = [
    pytest.param("roles.assign", {"mode": "replace", "period": PERIOD, "role": ROLE}, with_the_role, id="roles.assign"),
    pytest.param("account.deactivate", {}, inactive, id="account.deactivate"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("action", "params", "changed"), KINDS)
def test_a_bulk_run_survives_its_server_being_killed_at_every_stage(
    office: Office, action: str, params: dict[str, str], changed: Changed
) -> None:
    ids = office.open_accounts(MANY)
    office.pause()
    before = office.wanted()
    body = {"accounts": ids, "params": params, "expected": MANY}

    # Before the first commit of a batch: the run is there, nobody has begun it.
    server = office.web("--no-worker")
    run_id = office.post(f"/actions/{action}", body, **{"Idempotency-Key": "once"})["id"]
    server.kill()
    assert office.check_items(run_id, changed(office), before) == {"waiting": MANY}

    # In the transaction of a batch.
    with office.batch_held_open() as is_caught:
        server = office.web()
        eventually("a batch is under way", is_caught, between=0.001)
        server.kill()
    counts = office.check_items(run_id, changed(office), before)
    assert counts.total() == MANY
    assert office.app.db.is_sqlite or counts == {"waiting": MANY}

    # At any moment, until it is done.
    for _ in range(RANDOM_KILLS):
        server = office.web()
        _kill_some_time(office, server, run_id)
        assert office.check_items(run_id, changed(office), before).total() == MANY

    office.web()
    run = office.until_ended(run_id)

    # At the end: whoever asks again with the same key is told of the same run, and nothing is done again.
    assert office.post(f"/actions/{action}", body, **{"Idempotency-Key": "once"})["id"] == run_id
    assert (run.state, run.error) == ("done", None)
    assert office.check_items(run_id, changed(office), before) == {"done": MANY}
    assert office.complaints() == []


@pytest.mark.slow
@pytest.mark.parametrize(("action", "params", "changed"), KINDS)
def test_a_server_killed_just_after_a_commit_repeats_nothing(office: Office, action: str, params: dict[str, str], changed: Changed) -> None:
    ids = office.open_accounts(MANY)
    office.pause()
    before, opened = office.wanted(), _newest(office)
    server = office.web()

    with _asking(office, f"/actions/{action}", {"accounts": ids, "params": params}):
        eventually("a batch was committed", lambda: _done(office, opened), between=0.002)
        server.kill()
    run_id = _newest(office)
    office.worker()
    run = office.until_ended(run_id)

    assert run.state == "done"
    assert office.check_items(run_id, changed(office), before) == {"done": MANY}


@pytest.mark.parametrize(("action", "params", "changed"), KINDS)
def test_a_small_run_whose_request_was_killed_is_finished_by_a_worker(
    office: Office, action: str, params: dict[str, str], changed: Changed
) -> None:
    ids = office.open_accounts(FEW)
    office.pause()
    before = office.wanted()
    server = office.web("--no-worker")

    with office.batch_held_open() as is_caught, _asking(office, f"/actions/{action}", {"accounts": ids, "params": params}) as answer:
        eventually("the request is at work", lambda: is_caught() or answer.done(), between=0.001)
        server.kill()
    run_id = _newest(office)
    counts = office.check_items(run_id, changed(office), before)
    office.worker()
    run = office.until_ended(run_id)

    assert counts in ({"waiting": FEW}, {"done": FEW})
    assert office.app.db.is_sqlite or counts == {"waiting": FEW}
    assert run.state == "done"
    assert office.check_items(run_id, changed(office), before) == {"done": FEW}


@pytest.mark.slow
def test_an_opening_killed_between_its_batches_makes_each_account_once(office: Office) -> None:
    office.open_accounts(1)
    office.pause()
    with office.app.db.read() as session:
        known = set(session.scalars(select(Account.id)))
    opened = _newest(office)
    with office.app.db.write() as session:
        for _ in range(MANY):
            factories.make_person(session)
    server = office.web()

    with _asking(office, "/accounts", {"list": "students"}):
        eventually("the first batch was committed", lambda: _done(office, opened), between=0.002)
        server.kill()
    run_id = _newest(office)
    _check_opened(office, run_id, known)
    office.web()
    run = office.until_ended(run_id)

    assert run.state == "done"
    assert office.outcomes(run_id) == {"done": MANY}
    _check_opened(office, run_id, known)


def _check_opened(office: Office, run_id: int, known: set[int]) -> None:
    """Every item that is done has its account with a link, and there are no other accounts."""
    with office.app.db.read() as session:
        made = set(session.scalars(select(Account.id))) - known
        linked = set(session.scalars(select(Link.account_id))) - known
        items = session.execute(select(RunItem.person_id, RunItem.account_id, RunItem.outcome).where(RunItem.run_id == run_id)).all()
        persons = dict(session.execute(select(Account.id, Account.person_id)).all())
    assert {item.account_id for item in items if item.outcome == "done"} == made == linked
    assert all(item.account_id is None for item in items if item.outcome == "waiting")
    assert all(persons[item.account_id] == item.person_id for item in items if item.outcome == "done")
    office.check_audit()


def _newest(office: Office, after: int = 0) -> int:
    run = office.newest_run(after=after)
    return run.id if run is not None else 0


def _done(office: Office, after: int) -> int:
    """How many items of a run that began after another are done."""
    return office.outcomes(_newest(office, after))["done"]


@contextmanager
def _asking(office: Office, path: str, body: dict[str, Any]) -> Iterator[Future[Any]]:
    """Send a request whose server may die before it answers."""

    def ask() -> Any:
        try:
            return office.post(path, body)
        except requests.ConnectionError:
            return None

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(ask)


def _kill_some_time(office: Office, server: Child, run_id: int) -> None:
    """Kill the server when it has looked at a run for some time; the run is its to go on with when the lease of the last one is over."""
    fence = office.run(run_id).fence
    eventually("the run is gone on with", lambda: office.run(run_id).fence > fence or office.run(run_id).state == "done", between=0.002)
    eventually("some time", lambda: random.random() < 0.02, between=0.005)
    server.kill()
