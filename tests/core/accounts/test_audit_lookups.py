"""Finding entries of the audit: by number, and which kinds there are (R67)."""

import pytest

from rolecall.accounts import audit
from rolecall.accounts.actors import operator
from rolecall.errors import Unknown
from rolecall.store.engine import Database


def test_the_kinds_of_entries_are_named_once_each(db: Database) -> None:
    with db.write() as session:
        for kind in ("settings", "person.edit", "settings", "person.create"):
            audit.append(session, actor=operator("tester"), kind=kind, payload={})

    with db.read() as session:
        assert audit.kinds(session) == ["person.create", "person.edit", "settings"]


def test_an_entry_is_found_by_its_number(db: Database) -> None:
    with db.write() as session:
        audit.append(session, actor=operator("tester"), kind="settings", payload={"a": 1})

    with db.read() as session:
        assert audit.get(session, 1).payload == {"a": 1}
        assert audit.kinds(session) == ["settings"]
        with pytest.raises(Unknown):
            audit.get(session, 2)


def test_an_empty_audit_has_no_kinds(db: Database) -> None:
    with db.read() as session:
        assert audit.kinds(session) == []
