"""Counts the statements that a rule sends."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy import event

from rolecall.store.engine import Database


@pytest.fixture
def statements() -> Callable[[Database], AbstractContextManager[list[str]]]:
    """A function that opens a list of every statement sent meanwhile."""

    @contextmanager
    def counting(db: Database) -> Iterator[list[str]]:
        sent: list[str] = []

        def note(_connection, _cursor, statement, *_):
            if not statement.startswith("BEGIN"):
                sent.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(db.engine, "before_cursor_execute", note)

    return counting
