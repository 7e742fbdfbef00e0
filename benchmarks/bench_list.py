"""The accounts list at 100,000 accounts on SQLite: from the filter words to fifty rows with the exact total.

The reference is the same statements through the driver alone, without SQLAlchemy and without rows becoming objects.
"""

import sqlite3
from collections.abc import Callable

from sqlalchemy import event

from benchmarks import dataset
from benchmarks.results import Result, milliseconds
from rolecall.sdk.lists import FilterContext
from rolecall.store import accounts_query, filters
from rolecall.store.engine import Database

PEOPLE = 100_000
#: Milliseconds of the query part of a filtered page.
BOUND = 50.0
FIVE = {"type": "student", "role": "student-main", "active": "yes", "verified": "yes", "login": "never"}
#: What is measured, the words, which page (by offset), the bound.
CASES = (
    ("everybody", {}, 0, None),
    ("everybody, page 1000", {}, 49_950, None),
    ("five filters", FIVE, 0, BOUND),
    ("five filters, page 100 by offset", FIVE, 4_950, None),
    ("five filters and a search", FIVE | {"q": "mar"}, 0, BOUND),
    ("common search", {"q": "mar"}, 0, None),
    ("rare search", {"q": "c0012346"}, 0, None),
    ("no hit", {"q": "qqqqqq"}, 0, None),
    ("pending", {"pending": "yes"}, 0, BOUND),
    ("external provider", {"external": "moodle", "type": "teacher"}, 0, BOUND),
)


def run() -> list[Result]:
    """Measure each case beside its floor."""
    results = []
    with dataset.school(PEOPLE) as db, db.read() as session:
        driver = sqlite3.connect(str(db.url.database))
        driver.execute("PRAGMA cache_size=-32000")

        def ask(words: dict[str, str], offset: int) -> accounts_query.Page:
            period_id = filters.chosen_period(session, words)
            context = FilterContext(session=session, period_id=period_id, now=dataset.NOON)
            clauses = filters.compile(filters.CORE_FILTERS, words, context)
            return accounts_query.page(session, clauses, now=dataset.NOON, offset=offset, period_id=period_id)

        for name, words, offset, bound in CASES:
            page = ask(words, offset)
            sent = _statements(db, lambda words=words, offset=offset: ask(words, offset))
            measured = milliseconds(lambda words=words, offset=offset: ask(words, offset))
            floor = milliseconds(lambda sent=sent: [driver.execute(text, values).fetchall() for text, values in sent])
            results.append(Result(name=f"list, {name}", measured=measured, reference=floor, bound=bound, note=f"{page.total:,} match"))
        driver.close()
    return results


def _statements(db: Database, work: Callable[[], object]) -> list[tuple[str, tuple[object, ...]]]:
    sent: list[tuple[str, tuple[object, ...]]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: tuple[object, ...], *_: object) -> None:
        if statement.startswith("SELECT"):
            sent.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return sent
