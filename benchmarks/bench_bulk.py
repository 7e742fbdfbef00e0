"""Bulk actions at 100,000 accounts on SQLite: role for a period and deactivation of everything that a filter matches.

Everything is measured: request, frozen selection, batches with snapshots, a provider's validator, links, list rows, before -> after per
account, audit. The reference is SQL alone over the same accounts: the change, one row per account for its history, one for its link.
"""

import sqlite3
from datetime import date

from sqlalchemy import func, select

from benchmarks.bench_import import ACTOR, application, processor, work_off
from benchmarks.results import Result
from rolecall.store.tables import Link, Period, Role, RolePeriod, Run, RunItem
from rolecall.work.application import Application
from rolecall.work.runs.selection import of_words
from rolecall.work.runs.start import Request, start
from rolecall.work.runs.undo import start_undo

#: Milliseconds of processor time for 10,000 accounts.
BOUND = 2_000.0
WORDS = {"type": "student", "active": "yes", "verified": "yes", "login": "never"}
TIMES = 5


def run() -> list[Result]:
    """Measure a role for new periods, its undo, and deactivation; times are per 10,000 accounts, the best of a few."""
    with application() as app:
        role = _prepare(app)
        count = 0
        assigning, undoing, bare = [], [], []
        for n in range(TIMES):
            begun: list[int] = []
            assigning.append(processor(lambda n=n, begun=begun: begun.append(_act(app, "roles.assign", period=f"new-{n}", role=role))))
            count = _check(app, begun[0])
            undoing.append(processor(lambda begun=begun: (start_undo(app, ACTOR, begun[0]), work_off(app))))
            bare.append(_bare(app, begun[0]))
        closing = processor(lambda: _act(app, "account.deactivate"))
    reference = _per(min(bare), count)
    note = f"{count:,} accounts"
    return [
        Result(
            name="bulk, role for a period, per 10,000", measured=_per(min(assigning), count), reference=reference, bound=BOUND, note=note
        ),
        Result(name="bulk, the same taken back, per 10,000", measured=_per(min(undoing), count), reference=reference, note=note),
        Result(name="bulk, deactivate, per 10,000", measured=_per(closing, count), reference=reference, note=note),
    ]


def _per(milliseconds: float, count: int) -> float:
    return milliseconds * 10_000 / count


def _prepare(app: Application) -> str:
    with app.db.write() as session:
        for n in range(TIMES):
            code = f"new-{n}"
            dates = {"starts_on": date(2030 + n, 9, 1), "ends_on": date(2031 + n, 6, 30)}
            session.add(Period(code=code, code_key=code, name=code, is_open=True, is_current=False, **dates))
        return session.scalars(select(Role.name).where(Role.user_type == "student").order_by(Role.id)).first() or ""


def _act(app: Application, action: str, **params: str) -> int:
    run_id = start(app, ACTOR, Request(action=action, selection=of_words(WORDS), params=params))
    work_off(app)
    return run_id


def _check(app: Application, run_id: int) -> int:
    with app.db.read() as session:
        done = session.scalar(select(func.count()).select_from(RunItem).where(RunItem.run_id == run_id, RunItem.outcome == "done")) or 0
        state = session.get_one(Run, run_id).state
        given = session.scalar(select(func.count()).select_from(RolePeriod).join(Period).where(Period.code == "new-0")) or 0
        linked = session.scalar(select(func.count()).select_from(Link).where(Link.run_id == run_id)) or 0
    if state != "done" or not done or not linked or (given != done and given):
        raise RuntimeError(f"The run ended as {state}: {done} done, {given} roles, {linked} links.")
    return done


def _bare(app: Application, run_id: int) -> float:
    """The same change once more, by the driver alone, and thrown away."""
    driver = sqlite3.connect(str(app.db.url.database), isolation_level=None)
    chosen = f"SELECT account_id FROM run_item WHERE run_id = {run_id} AND outcome = 'done'"
    (period,) = driver.execute("SELECT max(id) FROM period").fetchone()

    def bare() -> None:
        driver.execute("BEGIN IMMEDIATE")
        driver.execute(
            "INSERT INTO role_period (account_id, period_id, role_id, enabled, created_at) "
            f"SELECT account_id, {period}, (SELECT min(id) FROM role), 1, '2026-03-02' FROM ({chosen}) "
            "WHERE true ON CONFLICT (account_id, period_id) DO UPDATE SET role_id = excluded.role_id"
        )
        driver.execute(f"UPDATE account SET version = version + 1 WHERE id IN ({chosen})")
        driver.execute(f"UPDATE link SET wanted = wanted + 1, changed_at = '2026-03-02' WHERE account_id IN ({chosen})")
        driver.execute(
            "INSERT INTO run_item (run_id, n, account_id, outcome, before, after, salt) "
            f"""SELECT run_id, n + 1000000, account_id, 'done', '{{"role:x": null}}', '{{"role:x": {{"role": "y", "enabled": true}}}}', """
            f"lower(hex(randomblob(8))) FROM run_item WHERE run_id = {run_id} AND outcome = 'done'"
        )

    try:
        return processor(bare)
    finally:
        driver.execute("ROLLBACK")
        driver.close()
