"""The audit's chain: what is edited, removed or moved is named."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from rolecall.accounts import audit
from rolecall.accounts.actors import WORKER, Actor, operator
from rolecall.store.engine import Database
from rolecall.store.tables import AuditEntry

_texts = st.text(alphabet=st.characters(), max_size=20)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=10,
)
_payloads = st.dictionaries(_texts, _values, max_size=4)
#: Each example writes a few rows more into the same database: that is what a chain is for.
_same_database = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


def _write(db: Database, count: int) -> None:
    for n in range(count):
        with db.write() as session:
            audit.append(session, actor=WORKER, kind="test", payload={"n": n}, account_id=n)


@pytest.fixture
def tamper(db: Database) -> Callable[..., None]:
    """A function that runs SQL as somebody who can take the triggers away."""

    def run(*statements: str) -> None:
        with db.write() as session:
            if db.is_sqlite:
                for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                    session.execute(text(f"DROP TRIGGER {name}"))
            else:
                session.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                session.execute(text(statement))

    return run


def test_an_untouched_chain_verifies(db: Database) -> None:
    _write(db, 5)

    with db.read() as session:
        verdict = audit.verify(session)

    assert (verdict.ok, verdict.checked, verdict.seq) == (True, 5, None)


def test_a_chain_that_is_longer_than_one_reading_verifies(db: Database) -> None:
    with db.write() as session:
        for n in range(2_100):
            audit.append(session, actor=WORKER, kind="test", payload={"n": n})

    with db.read() as session:
        verdict = audit.verify(session)

    assert (verdict.ok, verdict.checked) == (True, 2_100)


def test_an_empty_chain_verifies(db: Database) -> None:
    with db.read() as session:
        assert audit.verify(session).ok


@_same_database
@given(payload=_payloads, label=_texts, address=st.none() | _texts)
def test_whatever_is_written_verifies_on_either_database(db: Database, payload: dict[str, Any], label: str, address: str | None) -> None:
    with db.write() as session:
        audit.append(session, actor=Actor(name="cli:x", label=label, address=address), kind="test", payload=payload)

    with db.read() as session:
        assert audit.verify(session).ok


@given(value=_payloads)
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict[str, Any]) -> None:
    assert audit.canonical(dict(reversed(list(value.items())))) == audit.canonical(value)


@given(first=_payloads, second=_payloads)
def test_different_values_have_different_texts(first: dict[str, Any], second: dict[str, Any]) -> None:
    same_text = audit.canonical(first) == audit.canonical(second)

    if repr(first) == repr(second):
        assert same_text
    elif same_text:
        # Only what no database keeps apart: 1.0 and 1, NUL and its replacement, nan and "nan".
        assert audit._plain(first) == audit._plain(second)


@pytest.mark.parametrize("seq", [1, 3, 5])
@pytest.mark.parametrize(
    "change",
    [
        "actor = 'cli:mallory'",
        "actor_label = 'Mallory'",
        "at = '2020-01-01 00:00:00.000000'",
        "kind = 'other'",
        "account_id = 99",
        "run_id = 7",
        "address = '192.0.2.1'",
        "on_behalf = 'account:1'",
        "payload = '{\"n\": 77}'",
        "salt = 'other'",
        "salt = NULL",
        "digest = 'other'",
        "chain = 'other'",
        "seq = 50",
    ],
)
def test_an_edited_entry_is_named(db: Database, tamper: Callable[..., None], seq: int, change: str) -> None:
    _write(db, 5)
    tamper(f"UPDATE audit SET {change} WHERE seq = {seq}")

    with db.read() as session:
        verdict = audit.verify(session)

    assert (verdict.ok, verdict.seq) == (False, seq)
    assert str(seq) in verdict.message


@pytest.mark.parametrize("seq", [1, 3, 5])
def test_a_removed_entry_is_named_even_the_last(db: Database, tamper: Callable[..., None], seq: int) -> None:
    _write(db, 5)
    tamper(f"DELETE FROM audit WHERE seq = {seq}")

    with db.read() as session:
        verdict = audit.verify(session)

    assert (verdict.ok, verdict.seq) == (False, seq)


def test_entries_that_changed_places_are_named(db: Database, tamper: Callable[..., None]) -> None:
    _write(db, 5)
    tamper("UPDATE audit SET seq = 99 WHERE seq = 2", "UPDATE audit SET seq = 2 WHERE seq = 4", "UPDATE audit SET seq = 4 WHERE seq = 99")

    with db.read() as session:
        assert audit.verify(session).seq == 2


@pytest.mark.parametrize("seq", [0, 6])
def test_an_entry_that_was_added_by_hand_is_named(db: Database, tamper: Callable[..., None], seq: int) -> None:
    _write(db, 5)
    tamper(
        "INSERT INTO audit (seq, at, actor, actor_label, kind, digest, chain) "
        f"VALUES ({seq}, '2026-01-01 00:00:00.000000', 'a', 'a', 'k', 'd', 'c')"
    )

    with db.read() as session:
        verdict = audit.verify(session)

    assert (verdict.ok, verdict.seq) == (False, seq)


def test_a_chain_that_was_cut_off_and_whose_head_is_gone_is_noticed(db: Database, tamper: Callable[..., None]) -> None:
    _write(db, 2)
    tamper("DELETE FROM audit", "DELETE FROM audit_head")

    with db.read() as session:
        assert not audit.verify(session).ok


def test_erasing_a_payload_keeps_the_chain_right(db: Database) -> None:
    _write(db, 3)
    with db.write() as session:
        session.execute(text("UPDATE audit SET payload = NULL, salt = NULL WHERE seq = 2"))

    with db.read() as session:
        assert audit.verify(session).ok


def test_many_writers_make_one_chain(db: Database) -> None:
    def write(n: int) -> None:
        db.attempt(lambda session: audit.append(session, actor=WORKER, kind="test", payload={"n": n}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))

    with db.read() as session:
        assert audit.verify(session) == audit.Verdict(ok=True, checked=40, seq=None, message="All 40 entries are as they were written.")


def test_an_entry_is_gone_with_the_change_it_tells_of(db: Database) -> None:
    def fail() -> None:
        with db.write() as session:
            audit.append(session, actor=WORKER, kind="test", payload={})
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    with db.read() as session:
        assert session.scalars(select(AuditEntry)).all() == []
        assert audit.verify(session).ok


def test_entries_are_found_by_kind_actor_account_time_and_text(db: Database, noon: datetime) -> None:
    facts = [
        ("settings", operator("olga"), 1, {"before": "Лицей"}, 0),
        ("sign-in", Actor(name="account:7", label="Anna Karras"), 7, {"result": "ok"}, 1),
        ("sign-in", Actor(name="account:7", label="Anna Karras"), 7, {"result": "100%_sure"}, 2),
    ]
    for kind, actor, account, payload, hours in facts:
        with db.write() as session:
            audit.append(session, actor=actor, kind=kind, account_id=account, payload=payload, at=noon + timedelta(hours=hours))

    def found(**filters: Any) -> list[int]:
        with db.read() as session:
            wanted = audit.Filters(**filters)
            entries = audit.entries(session, wanted).items
            assert audit.count(session, wanted) == len(entries)
            return [entry.seq for entry in entries]

    assert found() == [3, 2, 1]
    assert found(kind="sign-in") == [3, 2]
    assert found(actor="cli:olga") == [1]
    assert found(actor="karras") == [3, 2]
    assert found(account_id=7, text="ok") == [2]
    assert found(text="Лицей") == [1]
    assert found(text="100%_") == [3]
    assert found(text="%") == [3]
    assert found(since=noon + timedelta(hours=1), until=noon + timedelta(hours=2)) == [2]


def test_pages_follow_each_other_without_gap_or_repetition(db: Database) -> None:
    _write(db, 5)
    seen: list[int] = []
    cursor: str | None = None

    with db.read() as session:
        while True:
            page = audit.entries(session, audit.Filters(), cursor=cursor, limit=2)
            seen += [entry.seq for entry in page.items]
            cursor = page.next
            if cursor is None:
                break

    assert seen == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("cursor", ["x", "-1", "99999999999999999999", "²", ""])
def test_a_foreign_cursor_begins_at_the_newest(db: Database, cursor: str) -> None:
    _write(db, 1)

    with db.read() as session:
        assert len(audit.entries(session, audit.Filters(), cursor=cursor).items) == 1


def test_what_json_cannot_say_is_a_mistake_of_the_caller(db: Database) -> None:
    with db.write() as session, pytest.raises(TypeError):
        audit.append(session, actor=WORKER, kind="test", payload={"x": object()})


def test_dates_and_sets_are_translated(db: Database) -> None:
    with db.write() as session:
        entry = audit.append(session, actor=WORKER, kind="test", payload={"on": datetime(2026, 1, 2, tzinfo=UTC), "ids": {2, 1}})

    assert entry.payload == {"on": "2026-01-02T00:00:00+00:00", "ids": [1, 2]}
