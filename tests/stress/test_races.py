"""Two who change the same record at the same moment: the second waits for the first, and sees what it did (R61, R67).

The test itself is the first; it holds its transaction open until the other one waits.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from outside.office import PERIOD, ROLE, Office
from outside.waiting import eventually
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from rolecall.errors import Stale
from rolecall.store.tables import Account, Period, Person, Role, RunItem
from rolecall.work import changes, period_changes

pytestmark = pytest.mark.stress

Edit = Callable[[Office, int, int], None]


def _edit_person(office: Office, person_id: int, version: int) -> None:
    changes.edit_person(office.app, office.school.actor, person_id, {"first_name": "Second"}, version=version)


def _edit_role(office: Office, role_id: int, version: int) -> None:
    changes.edit_role(office.app, office.school.actor, role_id, {"name": "Second"}, version=version)


def _edit_period(office: Office, period_id: int, version: int) -> None:
    period_changes.edit_period(office.app, office.school.actor, period_id, {"name": "Second"}, version=version)


@pytest.mark.parametrize(
    ("table", "name", "edit"), [(Person, "first_name", _edit_person), (Role, "name", _edit_role), (Period, "name", _edit_period)]
)
def test_an_edit_of_a_record_that_somebody_just_changed_is_refused(office: Office, table: Any, name: str, edit: Edit) -> None:
    with office.app.db.read() as session:
        record_id, version = session.execute(select(table.id, table.version).limit(1)).one()

    with ThreadPoolExecutor(1) as pool, office.app.db.write() as session:
        session.execute(update(table).where(table.id == record_id).values({name: "First", "version": version + 1}))
        second = _begin(office, pool, session, lambda: edit(office, record_id, version))

    with pytest.raises(Stale):
        second.result()
    with office.app.db.read() as session:
        assert getattr(session.get(table, record_id), name) == "First"


def test_the_history_of_an_account_tells_what_was_there(office: Office) -> None:
    account_id = office.school.student("Anna")
    params = {"first_name": "Second", "last_name": "Name"}

    with ThreadPoolExecutor(1) as pool, office.app.db.write() as session:
        session.execute(update(Account).where(Account.id == account_id).values(first_name="First"))
        second = _begin(office, pool, session, lambda: office.start("account.profile_name", [account_id], **params))

    with office.app.db.read() as session:
        item = session.scalars(select(RunItem).where(RunItem.run_id == second.result())).one()
    assert (item.before or {})["first_name"] == "First"


def test_a_run_that_the_database_gives_up_for_another_one_is_done_again(office: Office) -> None:
    account_id = office.school.student("Anna")
    params = {"mode": "replace", "period": PERIOD, "role": ROLE}

    with ThreadPoolExecutor(1) as pool, office.app.db.write() as session:
        session.execute(select(Role).where(Role.name == ROLE).with_for_update())
        second = _begin(office, pool, session, lambda: office.start("roles.assign", [account_id], **params))
        if not office.app.db.is_sqlite:
            # Now each waits for the other; whoever has waited for a second finds out first and gives way.
            session.execute(text("SET LOCAL deadlock_timeout = '60s'"))
            session.execute(update(Account).where(Account.id == account_id).values(must_change_password=True))

    assert office.outcomes(second.result()) == {"done": 1}


def _begin(office: Office, pool: ThreadPoolExecutor, session: Session, act: Callable[[], Any]) -> Future[Any]:
    """Have somebody else act, and go on when they wait for the transaction that is open here.

    On SQLite whoever wants to write waits from the first statement on, and nobody can see it.
    """
    running = pool.submit(act)
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")

    def is_waiting() -> bool:
        with office.app.db.read() as reading:
            return running.done() or bool(reading.scalar(waiting))

    eventually("the other one waits", running.running if office.app.db.is_sqlite else is_waiting)
    return running
