"""A run over 10,000 accounts goes on in the background while its page and the lists are looked at; the unfit are named lines (R36, R45)."""

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select

from rolecall.store import listing
from rolecall.store.bulk import chunks
from rolecall.store.tables import Account, Person, Run, RunItem
from rolecall.work.application import Application
from rolecall.work.runs.advance import advance

MANY, UNFIT = 10_000, 500


def fill(core: Application) -> None:
    """Write teachers with accounts; every twentieth is signed in by a provider, which keeps the password."""
    now = datetime.now(UTC)
    facts = {"first_name": "Anna", "last_name": "Teacher", "created_at": now}
    with core.db.write() as session:
        people = [{"list": "teachers", "code": f"t{n}", "code_key": f"t{n}", "search": "", "updated_at": now, **facts} for n in range(MANY)]
        session.execute(insert(Person), people)
        ids = session.scalars(select(Person.id).where(Person.list == "teachers").order_by(Person.id)).all()
        accounts = [
            {
                "key": str(uuid4()), "person_id": person, "type": "teacher", "username": f"t{n}", "username_key": f"t{n}",
                "sso_provider": "o365" if n % 20 == 0 else None, **facts,
            }
            for n, person in enumerate(ids)
        ]  # fmt: skip
        session.execute(insert(Account), accounts)
        for part in chunks(session.scalars(select(Account.id).where(Account.type == "teacher")).all()):
            listing.refresh(session, part)


@pytest.mark.slow
def test_ten_thousand_go_on_in_the_background_while_pages_are_looked_at(signed_in: Callable, core: Application) -> None:
    fill(core)
    browser = signed_in("accounts:view", "runs:view", "act:password.at_next_logon")
    began = browser.post("/act/password.at_next_logon?all=1&type=teacher", {"expected": str(MANY), "must_change": "yes"})
    run_id = int(re.search(r"/runs/(\d+)", began.location)[1])
    worker = threading.Thread(target=advance, args=(core, run_id))
    worker.start()

    seen, lists = set(), []
    while worker.is_alive():
        page = browser.get(f"/runs/{run_id}")
        assert page.status_code == 200
        seen.update(re.findall(r'<progress value="(\d+)"', page.text))
        lists.append(browser.get("/accounts?type=teacher").status_code)
    worker.join()

    with core.db.read() as session:
        counted = select(RunItem.outcome, func.count()).where(RunItem.run_id == run_id).group_by(RunItem.outcome)
        outcomes = dict(session.execute(counted).all())
        reasons = session.execute(select(RunItem.code, RunItem.message).where(RunItem.outcome == "skipped").distinct()).all()
        assert session.get_one(Run, run_id).state == "done"
    assert outcomes == {"done": MANY - UNFIT, "skipped": UNFIT}
    assert reasons == [("sso", "The password of this account lives at the provider that signs it in; change it there.")]
    assert set(lists) == {200}
    assert len(seen) > 2
    assert f"{UNFIT:,}" in browser.get(f"/runs/{run_id}").text
