"""Sessions live as long as they may, and know what their account may do now."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select, update

from rolecall.accounts import rights, sessions
from rolecall.store.engine import Database
from rolecall.store.tables import Account, Period, Role, RolePeriod, WebSession


def _open(db: Database, account: int, now: datetime) -> str:
    with db.write() as session:
        return sessions.create(session, account, address="192.0.2.7", agent="Firefox", now=now)


def _load(db: Database, token: str, now: datetime) -> sessions.SessionView | None:
    with db.read() as session:
        return sessions.load(session, token, now)


def test_a_session_shows_account_role_and_rights_in_one_query(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna = make_account(permissions=("people:view", "act:account.activate"))
    token = _open(db, anna, noon)
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *facts: statements.append(facts[2]))

    view = _load(db, token, noon)

    assert len([each for each in statements if each.startswith("SELECT")]) == 1
    assert view is not None
    assert (view.account_id, view.username, view.name, view.type) == (anna, "anna.k", "Anna Karras", "teacher")
    assert (view.period, view.role, view.has_access) == ("2025/26", "Teacher", True)
    assert view.permissions == {"people:view", "act:account.activate"}
    actor = sessions.actor_for(view, "192.0.2.7")
    assert actor.may("people:view")
    assert not actor.may("people:edit")
    assert (actor.name, actor.account_id, actor.address) == (f"account:{anna}", anna, "192.0.2.7")


def test_only_the_digest_is_kept(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    token = _open(db, make_account(), noon)

    assert len(token) >= 43
    with db.read() as session:
        row = session.scalars(select(WebSession)).one()
        assert token not in repr(row.__dict__)
        view = sessions.load(session, token, noon)
    assert row.digest not in repr(view)


@given(position=st.integers(0, 42), bit=st.integers(0, 6))
def test_an_altered_token_is_nobodys(position: int, bit: int) -> None:
    token = "A" * 43

    altered = token[:position] + chr(ord(token[position]) ^ (1 << bit)) + token[position + 1 :]

    assert sessions.digest_of(altered) != sessions.digest_of(token)


@pytest.mark.parametrize("token", ["", "x", "\0", "\ud800", "é" * 1000])
def test_foreign_tokens_open_nothing(db: Database, noon: datetime, token: str) -> None:
    assert _load(db, token, noon) is None


@pytest.mark.parametrize(("kind", "idle"), [("teacher", 60), ("administrator", 30)])
def test_idle_sessions_end(db: Database, make_account: Callable[..., int], noon: datetime, kind: str, idle: int) -> None:
    token = _open(db, make_account(type=kind), noon)

    assert _load(db, token, noon + timedelta(minutes=idle - 1)) is not None
    assert _load(db, token, noon + timedelta(minutes=idle)) is None


def test_a_session_ends_after_twelve_hours_however_busy(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    token = _open(db, make_account(), noon)
    with db.write() as session:
        sessions.touch(session, sessions.digest_of(token), noon + timedelta(hours=12) - timedelta(minutes=1))

    assert _load(db, token, noon + timedelta(hours=12) - timedelta(seconds=1)) is not None
    assert _load(db, token, noon + timedelta(hours=12)) is None


def test_last_seen_is_written_once_a_minute(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    token = _open(db, make_account(), noon)
    seen = []
    for seconds in (59, 60, 61):
        with db.write() as session:
            sessions.touch(session, sessions.digest_of(token), noon + timedelta(seconds=seconds))
        view = _load(db, token, noon + timedelta(seconds=seconds))
        assert view is not None
        seen.append((view.last_seen_at - noon).total_seconds())

    assert seen == [0, 60, 60]
    assert not view.is_due(noon + timedelta(seconds=119))
    assert view.is_due(noon + timedelta(seconds=120))


@pytest.mark.parametrize("change", [{"active": False}, {"deleted_at": datetime.fromisoformat("2026-03-02T12:00:00+00:00")}])
def test_a_closed_account_has_no_session_at_once(
    db: Database, make_account: Callable[..., int], noon: datetime, change: dict[str, object]
) -> None:
    anna = make_account()
    token = _open(db, anna, noon)

    with db.write() as session:
        session.execute(update(Account).where(Account.id == anna).values(**change))

    assert _load(db, token, noon) is None


@pytest.mark.parametrize("table", [RolePeriod, Role])
def test_a_lost_role_takes_the_rights_at_once(db: Database, make_account: Callable[..., int], noon: datetime, table: type) -> None:
    anna = make_account(permissions=("people:view",))
    token = _open(db, anna, noon)

    with db.write() as session:
        session.execute(update(table).values({"enabled": False} if table is RolePeriod else {"active": False}))

    view = _load(db, token, noon)
    assert view is not None
    assert (view.role, view.permissions, view.has_access) == (None, frozenset(), False)
    assert sessions.actor_for(view).permissions == frozenset()


def test_who_was_switched_to_a_period_without_a_role_works_in_the_current_one(
    db: Database, make_account: Callable[..., int], noon: datetime
) -> None:
    anna = make_account(permissions=("people:view",))
    token = _open(db, anna, noon)
    with db.write() as session:
        last = Period(code="2025", code_key="2025", name="2024/25", starts_on=date(2024, 9, 1), ends_on=date(2025, 6, 30))
        session.add(last)
        session.flush()
        token = sessions.work_in(session, sessions.digest_of(token), last.id)

    view = _load(db, token, noon)

    assert view is not None
    assert (view.period, view.in_current, view.came_back, view.permissions) == ("2025/26", True, True, {"people:view"})
    with db.read() as session:
        assert rights.of_account(session, anna).permissions == {"people:view"}
        assert rights.of_account(session, anna, last.id).permissions == frozenset()


def test_the_owner_may_everything_without_a_role(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    owner = make_account(type="administrator", role=None, is_owner=True)
    view = _load(db, _open(db, owner, noon), noon)

    assert view is not None
    assert view.has_access
    assert sessions.actor_for(view).may("anything:at-all")
    with db.read() as session:
        assert rights.of_account(session, owner).permissions is None
        assert rights.of_account(session, 999).permissions == frozenset()


def test_until_the_password_is_changed_even_the_owner_may_nothing(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    owner = make_account(type="administrator", is_owner=True, must_change_password=True)
    view = _load(db, _open(db, owner, noon), noon)

    assert view is not None
    assert view.must_change_password
    assert not sessions.actor_for(view).may("people:view")


def test_dangerous_actions_ask_again_after_a_quarter_of_an_hour(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    token = _open(db, make_account(), noon)
    view = _load(db, token, noon)
    later = noon + timedelta(minutes=16)

    assert view is not None
    assert view.is_fresh(noon + timedelta(minutes=15))
    assert not view.is_fresh(later)
    with db.write() as session:
        sessions.authenticated(session, sessions.digest_of(token), later)
    again = _load(db, token, later)
    assert again is not None
    assert again.is_fresh(later)


def test_sessions_end_one_by_one_all_but_one_or_all(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna, boris = make_account("anna"), make_account("boris")
    annas = [_open(db, anna, noon) for _ in range(4)]
    other = _open(db, boris, noon)

    def alive() -> list[int]:
        return [n for n, token in enumerate([*annas, other]) if _load(db, token, noon) is not None]

    with db.write() as session:
        sessions.end(session, sessions.digest_of(annas[0]))
    assert alive() == [1, 2, 3, 4]
    with db.write() as session:
        sessions.end_all(session, [anna], except_digest=sessions.digest_of(annas[2]))
    assert alive() == [2, 4]
    with db.read() as session:
        assert [each.digest for each in sessions.of_account(session, anna, noon)] == [sessions.digest_of(annas[2])]
    with db.write() as session:
        sessions.end_all(session, [anna])
    assert alive() == [4]
