"""What the safety limits cost: one decision about a few accounts, and about a mass, at a provider that has everybody.

The reference is one count of all accounts that are there, by user type: what a share is a share of.
"""

from collections.abc import Callable

from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.orm import Session

from benchmarks import dataset
from benchmarks.results import Result, milliseconds
from rolecall.sdk.provider import Provider
from rolecall.store.engine import Database, now
from rolecall.store.tables import Account, Link, PluginState
from rolecall.work.sync import limits

PEOPLE = 100_000
#: Milliseconds of a decision about one account, or twenty; and, for each of a mass, of finding and marking it.
BOUND, BOUND_EACH = 40.0, 0.2


class Bench(Provider):
    """Closes accounts; it is never called."""

    id = "bench"
    label = "Bench"

    def suspend(self, external_id: str) -> None:
        """Not called."""

    def delete(self, external_id: str) -> None:
        """Not called."""


def run(people: int = PEOPLE) -> list[Result]:
    """Measure decisions about one student, twenty students, five of a rare user type, and a mass of students."""
    with dataset.school(people) as db:
        _link_all(db)
        provider = Bench({}, None)  # type: ignore[arg-type]
        everybody = milliseconds(lambda: _undone(db, _count_all), repeat=5)
        results = []
        for name, user_type, number in (
            ("one student", "student", 1), ("twenty students", "student", 20), ("five of a rare type", "partner", 5),
            ("a mass of students", "student", 2_000),
        ):  # fmt: skip

            def work(user_type: str = user_type, number: int = number) -> None:
                _undone(db, lambda session: _decide(session, provider, user_type, number))

            taken = milliseconds(work, repeat=5)
            results.append(Result(name=f"limits: {name}", measured=taken, reference=everybody, bound=max(BOUND, number * BOUND_EACH)))
        return results


def _link_all(db: Database) -> None:
    with db.write() as session:
        if session.get(PluginState, Bench.id) is None:
            session.execute(insert(PluginState).values(plugin=Bench.id, enabled=True, is_provider=True))
        moment = now(session)
        rows = select(
            Account.id, literal(Bench.id), literal("present"), literal(1), literal(1), literal(0), literal(0), Account.key, literal(moment),
            literal(False), literal(False),
        )  # fmt: skip
        names = [
            "account_id",
            "provider",
            "goal",
            "wanted",
            "synced",
            "attempts",
            "fence",
            "external_id",
            "changed_at",
            "blocked",
            "converts",
        ]
        session.execute(insert(Link).from_select(names, rows))
    with db.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")


class _UndoneError(Exception):
    pass


def _undone(db: Database, work: Callable[[Session], object]) -> None:
    try:
        with db.write() as session:
            work(session)
            raise _UndoneError
    except _UndoneError:
        pass


def _decide(session: Session, provider: Provider, user_type: str, number: int) -> None:
    some = select(Account.id).where(Account.type == user_type).limit(number)
    behind = update(Link).where(Link.provider == Bench.id, Link.account_id.in_(some))
    session.execute(behind.values(goal="suspended", wanted=Link.wanted + 1), execution_options={"synchronize_session": False})
    limits.decide(session, provider, now(session))


def _count_all(session: Session) -> object:
    statement = select(Account.type, func.count()).join(Link, Link.account_id == Account.id)
    return session.execute(statement.where(Link.provider == Bench.id, Link.external_id.is_not(None)).group_by(Account.type)).all()
