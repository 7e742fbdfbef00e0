"""Everything that is kept sealed, wherever it is: by which key, and sealed again by the first one (O-08).

Finds the columns by their kind and name, so that a new table cannot be forgotten. Each batch is a transaction of its own and touches
only what is still as it was read: it may be killed, repeated, and done while everybody works.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, bindparam, or_, select, tuple_, update
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.accounts.sealing import Keyring
from rolecall.store.engine import now
from rolecall.store.tables import Base
from rolecall.work.application import Application

#: Values per transaction: a hundredth of a second of writing.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Place:
    """A column that holds sealed values."""

    table: Table
    column: Column[Any]

    @property
    def name(self) -> str:
        """``account.sealed_password``."""
        return f"{self.table.name}.{self.column.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """How many values there are by the fingerprint of their key, and by their place; none of the keys opens ``unreadable``."""

    by_key: Mapping[str, int]
    by_place: Mapping[str, Mapping[str, int]]
    unreadable: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_key.values()) + self.unreadable


def places() -> tuple[Place, ...]:
    """Every column that holds sealed values."""
    return tuple(
        Place(table, column)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name.split("_")[0] == "sealed"
    )


def count(app: Application) -> Sealed:
    """Count what is sealed by which key. Reads every sealed value and keeps none."""
    by_place: dict[str, Counter[str]] = {}
    unreadable = 0
    for place in places():
        found: Counter[str] = Counter()
        for rows in _batches(app, place):
            found.update(app.keyring.sealed_by(row[-1]) or "" for row in rows)
        unreadable += found.pop("", 0)
        by_place[place.name] = found
    by_key = {each: sum(found[each] for found in by_place.values()) for each in app.keyring.fingerprints}
    return Sealed(by_key=by_key, by_place=by_place, unreadable=unreadable)


def reseal(app: Application, actor: Actor, progress: Callable[[int], None] = lambda _done: None) -> int:
    """Seal with the first key what another one sealed; answer how many values that were.

    Left alone, for a later time: what no key opens, and initial passwords of links that a worker is calling a provider for just now,
    because it writes them back as it read them.
    """
    done = 0
    for place in places():
        for rows in _batches(app, place):
            if changes := [_change(app.keyring, row) for row in rows if _is_old(app.keyring, row)]:
                done += app.db.attempt(partial(_write, place, changes))
                progress(done)
    if done:
        payload = {"key": app.keyring.fingerprints[0], "values": done}
        app.db.attempt(lambda session: audit.append(session, actor=actor, kind="keys.reseal", payload=payload))
    return done


def _batches(app: Application, place: Place) -> Iterator[list[Sequence[Any]]]:
    """Rows of primary key and value, each batch read in a unit of its own."""
    keys = list(place.table.primary_key.columns)
    wanted = select(*keys, place.column).where(place.column.is_not(None)).order_by(*keys).limit(BATCH)
    following = wanted
    while True:
        with app.db.read() as session:
            rows: list[Sequence[Any]] = [tuple(row) for row in session.execute(following)]
        if not rows:
            return
        yield rows
        following = wanted.where(tuple_(*keys) > tuple_(*rows[-1][:-1]))


def _is_old(keyring: Keyring, row: Sequence[Any]) -> bool:
    return keyring.sealed_by(row[-1]) not in (None, keyring.fingerprints[0])


def _change(keyring: Keyring, row: Sequence[Any]) -> dict[str, Any]:
    keys = {f"k_{number}": key for number, key in enumerate(row[:-1])}
    return {**keys, "b_old": row[-1], "b_new": keyring.rotate(row[-1])}


def _write(place: Place, changes: list[dict[str, Any]], session: Session) -> int:
    statement = update(place.table).where(place.column == bindparam("b_old")).values({place.column.name: bindparam("b_new")})
    for number, key in enumerate(place.table.primary_key.columns):
        statement = statement.where(key == bindparam(f"k_{number}"))
    if place.table.name == "link":
        leased = place.table.c.leased_until
        statement = statement.where(or_(leased.is_(None), leased <= now(session)))
    return session.connection().execute(statement, changes).rowcount
