"""Imports at 100,000 accounts on SQLite: from the file to people with search texts, history and audit; and the same file again.

The reference is the bare load: the driver alone reads the same CSV with the standard library and inserts the people with one statement,
without validating, comparing, folding or recording anything.
"""

import csv
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from benchmarks import dataset
from benchmarks.results import Result
from rolecall.accounts.actors import operator
from rolecall.config import load
from rolecall.store.tables import Run
from rolecall.testing.factories import enable_provider
from rolecall.work.application import Application
from rolecall.work.imports.confirm import confirm
from rolecall.work.imports.source import CsvSource
from rolecall.work.imports.stage import Options, stage
from rolecall.work.runs.advance import advance, due
from rolecall.work.runs.opening import start_opening

PEOPLE = 100_000
FEW, MANY = 10_000, 100_000
#: Milliseconds of processor time for 10,000 new people, preview, confirmation and all.
BOUND = 5_000.0
#: An import that changes nothing takes at most this part of the first one.
REPEATED = 1 / 3
ACTOR = operator("benchmark")


def run() -> list[Result]:
    """Measure first and repeated imports of both sizes, and the opening of the accounts."""
    with application() as app:
        few, many = _file(app, "few", FEW), _file(app, "many", MANY)
        reference = {count: _bare(app, path, count) for count, path in ((FEW, few), (MANY, many))}
        first = processor(lambda: bring(app, few))
        again = processor(lambda: bring(app, few))
        opening = processor(lambda: _open(app))
        first_many = processor(lambda: bring(app, many))
        again_many = processor(lambda: bring(app, many))
    return [
        Result(name=f"import, {FEW:,} new people", measured=first, reference=reference[FEW], bound=BOUND),
        Result(name=f"import, {FEW:,} people, nothing new", measured=again, reference=reference[FEW], bound=first * REPEATED),
        Result(name=f"import, {MANY:,} new people", measured=first_many, reference=reference[MANY]),
        Result(name=f"import, {MANY:,} people, nothing new", measured=again_many, reference=reference[MANY], bound=first_many * REPEATED),
        Result(name=f"open, {FEW:,} accounts", measured=opening, reference=reference[FEW]),
    ]


@contextmanager
def application() -> Iterator[Application]:
    """A school of 100,000 accounts, with a provider enabled and every plugin that is installed loaded."""
    with dataset.school(PEOPLE) as db, tempfile.TemporaryDirectory() as folder:
        url = db.url.render_as_string()
        config = load({}, data=folder, database_url=url, secret_key="s" * 32, encryption_keys=Fernet.generate_key().decode())
        with Application(config) as app:
            with app.db.write() as session:
                enable_provider(session, "moodle")
            yield app


def processor(work: Callable[[], object]) -> float:
    """Processor time of one call in ms; other programs on the machine do not count."""
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000


def work_off(app: Application) -> None:
    """Advance every run that is due."""
    while True:
        with app.db.read() as session:
            waiting = due(session)
        if not waiting:
            return
        for run_id in waiting:
            advance(app, run_id)


def bring(app: Application, path: Path) -> None:
    """Import a file from preview to the end."""
    run_id = stage(app, ACTOR, CsvSource(path=path, label=path.name), Options())
    confirm(app, ACTOR, run_id)
    work_off(app)
    with app.db.read() as session:
        found = session.get_one(Run, run_id)
        if found.state != "done" or found.facts["counts"]["rejected"]:
            raise RuntimeError(f"The import ended as {found.state}: {found.facts}.")


def _open(app: Application) -> None:
    start_opening(app, ACTOR, people_list="students")
    work_off(app)


def _file(app: Application, name: str, count: int) -> Path:
    first, last = ("Anna", "Ben", "Cleo", "Άννα", "Мария", "José", "Dora"), ("Smith", "Παπαδοπούλου", "Müller", "Коваль", "Rossi")
    path = app.config.data / f"{name}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("list", "code", "first_name", "last_name", "email", "phone", "language", "active", "status", "no_sync"))
        out.writerows(
            (
                "students",
                f"{name}-{n}",
                first[n % 7],
                f"{last[n % 5]}{n % 997}",
                f"{name}{n}@home.example",
                f"+30691{n:07}",
                "el",
                "yes",
                "",
                "no",
            )
            for n in range(count)
        )
    return path


def _bare(app: Application, path: Path, count: int) -> float:
    insert = (
        "INSERT INTO person (list, code, code_key, first_name, last_name, email, phone, language, active, no_sync, search, version, "
        "created_at, updated_at) VALUES (?, 'bare-' || ?, 'bare-' || ?, ?, ?, ?, ?, ?, 1, 0, '', 1, '2026-03-02', '2026-03-02')"
    )
    driver = sqlite3.connect(str(app.db.url.database), isolation_level=None)

    def bare() -> None:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            next(rows)
            driver.execute("BEGIN IMMEDIATE")
            driver.executemany(insert, ((row[0], row[1], row[1], *row[2:7]) for row in rows))
            driver.execute("COMMIT")

    taken = processor(bare)
    (found,) = driver.execute("SELECT count(*) FROM person WHERE code LIKE 'bare-%'").fetchone()
    driver.execute("DELETE FROM person WHERE code LIKE 'bare-%'")
    driver.close()
    if found != count:
        raise RuntimeError(f"{found} of {count} people were loaded.")
    return taken
