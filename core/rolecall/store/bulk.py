"""Helpers for statements over many rows at once: chunks of ids, and the insert that both databases can turn into an upsert.

Knows the two dialects and no table.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import Integer, Select, String, Table, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session

from rolecall.store.engine import is_sqlite

T = TypeVar("T")

#: Values in one IN list: far below what either database takes, and enough that the number of statements does not matter.
CHUNK = 5_000


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Cut ``items`` into lists of at most ``size``."""
    walk = iter(items)
    while part := list(islice(walk, size)):
        yield part


def ids_of(session: Session, ids: Iterable[int] | Select[Any]) -> list[int]:
    """Return ids as a list, each once and in rising order; a select is asked for its first column."""
    if isinstance(ids, Select):
        ids = session.scalars(ids)
    return sorted(set(ids))


def among(session: Session, ids: Iterable[int]) -> Select[Any]:
    """Return ids as a subselect to be used with ``in_``: one parameter, however many there are.

    A written-out list of thousands leads SQLite to plans that take minutes, and takes longer to send than to answer.
    """
    return _among(session, list(ids), Integer)


def among_texts(session: Session, texts: Iterable[str]) -> Select[Any]:
    """Return texts as :func:`among` does ids."""
    return _among(session, list(texts), String)


def _among(session: Session, values: list[Any], kind: type[Integer] | type[String]) -> Select[Any]:
    if is_sqlite(session):
        return select(func.json_each(json.dumps(values)).table_valued("value").c.value)
    return select(func.unnest(literal(values, postgresql.ARRAY(kind))))


def insert_into(session: Session, table: type[DeclarativeBase]) -> "sqlite.Insert | postgresql.Insert":
    """An insert that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``, which both databases have and spell alike."""
    target = cast(Table, table.__table__)
    return sqlite.insert(target) if is_sqlite(session) else postgresql.insert(target)
