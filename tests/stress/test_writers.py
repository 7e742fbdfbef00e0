"""Six people who write through the web at once, and the worker beside them: nobody is refused, nothing is lost (FI-16).

The proof is counting: each edit reads a number, adds one and writes it back, and is refused if somebody was faster. What is counted at
the end must be what was answered.
"""

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby

import pytest
import requests
from outside.office import Office
from sqlalchemy import func, select

from rolecall.store.tables import Account, AuditEntry, Person, RunItem

#: How long everybody writes.
SECONDS = 60 if os.environ.get("ROLECALL_TEST_LONG") == "1" else 8

pytestmark = [pytest.mark.stress, pytest.mark.slow, pytest.mark.timeout(SECONDS + 180)]

WRITERS = 6
#: So few that they meet.
SHARED = 3
#: Accounts that actions are taken on meanwhile.
ACCOUNTS = 5
#: Accounts that the worker carries to Moodle meanwhile.
CARRIED = 120


@dataclass
class Diary:
    """What one writer was answered."""

    counted: Counter[int] = field(default_factory=Counter)
    acted: Counter[int] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


def test_nobody_is_refused_and_nothing_is_lost(office: Office) -> None:
    accounts = office.open_accounts(CARRIED)
    with office.app.db.write() as session:
        people = list(session.scalars(select(Person.id).where(Person.list == "students").order_by(Person.id).limit(SHARED)))
        for person in session.scalars(select(Person).where(Person.id.in_(people))):
            person.first_name = "Count 0"
    with office.app.db.read() as session:
        versions = dict(session.execute(select(Account.id, Account.version)).all())
    office.web()
    until = time.monotonic() + SECONDS

    with ThreadPoolExecutor(WRITERS) as pool:
        diaries = list(pool.map(lambda number: _write(office, number, people, accounts, until), range(WRITERS)))
    office.until_in_step()

    statuses = sum((diary.statuses for diary in diaries), Counter())
    counted = sum((diary.counted for diary in diaries), Counter())
    acted = sum((diary.acted for diary in diaries), Counter())
    print(f"{dict(statuses)}; a write took {_quantiles([each for diary in diaries for each in diary.seconds])} s.")
    assert set(statuses) <= {200, 412}, statuses
    assert "locked" not in office.log
    assert office.complaints() == []
    assert sum(counted.values()) > WRITERS
    with office.app.db.read() as session:
        names = dict(session.execute(select(Person.id, Person.first_name).where(Person.id.in_(people))).all())
        after = dict(session.execute(select(Account.id, Account.version)).all())
        items = session.scalar(select(func.count()).select_from(RunItem).where(RunItem.outcome == "done", RunItem.version_after > 1))
        edits = session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.kind == "person.edit"))
    assert names == {each: f"Count {counted[each]}" for each in people}
    assert {each: after[each] - versions[each] for each in accounts} == {each: acted[each] for each in accounts}
    assert items == sum(acted.values())
    _check_history(office, accounts[:ACCOUNTS])
    assert edits == sum(counted.values())
    office.check_in_step()


def _check_history(office: Office, accounts: list[int]) -> None:
    """What each change of an account found is what the one before it left."""
    with office.app.db.read() as session:
        changes = select(RunItem).where(RunItem.account_id.in_(accounts), RunItem.version_after > 1)
        items = list(session.scalars(changes.order_by(RunItem.account_id, RunItem.version_after)))
    for account_id, history in groupby(items, key=lambda item: item.account_id):
        known: dict[str, object] = {}
        for version, item in enumerate(history, 2):
            assert item.version_after == version
            found = item.before or {}
            left = {name: known.get(name, value) for name, value in found.items()}
            assert left == found, f"Run {item.run_id} found something else at account {account_id} than the one before it left"
            known |= item.after or {}


def _write(office: Office, number: int, people: list[int], accounts: list[int], until: float) -> Diary:
    """Count up the shared people by turns, and change the profile name of an account after each."""
    diary = Diary()
    turn = number
    action = f"{office.base_url}/api/v1/actions/account.profile_name"
    with requests.Session() as client:
        client.headers["Authorization"] = f"Bearer {office.token}"
        while time.monotonic() < until:
            turn += 1
            person, account = people[turn % SHARED], accounts[turn % ACCOUNTS]
            address = f"{office.base_url}/api/v1/people/{person}"
            read = client.get(address, timeout=60)
            diary.statuses[read.status_code] += 1
            count = int(read.json()["first_name"].rpartition(" ")[2]) + 1
            if _send(diary, client, "PATCH", address, {"first_name": f"Count {count}"}, read.headers["ETag"]):
                diary.counted[person] += 1
            name = {"first_name": f"Profile {turn}", "last_name": f"Of {number}"}
            if _send(diary, client, "POST", action, {"accounts": [account], "params": name}):
                diary.acted[account] += 1
    return diary


def _send(diary: Diary, client: requests.Session, method: str, address: str, body: dict[str, object], version: str = "") -> bool:
    begun = time.monotonic()
    answer = client.request(method, address, json=body, headers={"If-Match": version} if version else {}, timeout=60)
    diary.seconds.append(time.monotonic() - begun)
    diary.statuses[answer.status_code] += 1
    return answer.status_code == 200


def _quantiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {f"p{share}": round(ordered[len(ordered) * share // 100], 3) for share in (50, 95, 99)} | {"max": round(ordered[-1], 3)}
