"""Attempts are counted before the secret is looked at, and strangers lock nobody out for good."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from rolecall.accounts import throttle
from rolecall.errors import Busy
from rolecall.store.engine import Database
from rolecall.store.tables import SignIn, Throttle

_HERE = "192.0.2.7"


def _count(db: Database, now: datetime, *, account: int | None = 1, address: str | None = _HERE) -> int:
    """Count an attempt; return the seconds to wait, 0 when it counted."""
    tried = throttle.attempt(account_id=account, name="anna", address=address)
    try:
        db.attempt(lambda session: throttle.count(session, tried, now=now))
    except Busy as busy:
        return busy.retry_after
    return 0


def test_the_eleventh_attempt_waits_until_the_window_ends(db: Database, noon: datetime) -> None:
    first = [_count(db, noon) for _ in range(10)]
    eleventh = _count(db, noon + timedelta(minutes=2))
    later = _count(db, noon + timedelta(minutes=5))

    assert first == [0] * 10
    assert 170 <= eleventh <= 181
    assert later == 0


def test_the_limit_holds_for_forty_at_once(db: Database, noon: datetime) -> None:
    with ThreadPoolExecutor(40) as pool:
        counted = list(pool.map(lambda _: _count(db, noon), range(40)))

    assert counted.count(0) == 10


def test_a_refused_attempt_uses_nothing_up(db: Database, noon: datetime) -> None:
    for _ in range(30):
        _count(db, noon)

    with db.read() as session:
        counts = dict(session.execute(select(Throttle.key, Throttle.count)).all())
    assert set(counts.values()) == {10}


def test_what_was_right_is_taken_back(db: Database, noon: datetime) -> None:
    tried = throttle.attempt(account_id=1, name="anna", address=_HERE)
    for _ in range(300):
        with db.write() as session:
            throttle.count(session, tried, now=noon)
        with db.write() as session:
            throttle.succeeded(session, tried, now=noon)

    with db.read() as session:
        counts = dict(session.execute(select(Throttle.key, Throttle.count)).all())
    assert counts == {"everybody": 0, f"address:{_HERE}": 0}


def test_a_network_that_tries_many_accounts_is_stopped(db: Database, noon: datetime) -> None:
    counted = [_count(db, noon, account=account) for account in range(120)]

    assert counted.count(0) == 100
    assert _count(db, noon, account=500, address="192.0.2.8") == 0


def test_strangers_reach_a_ceiling_for_one_account_that_lifts_by_itself(db: Database, noon: datetime) -> None:
    counted = [_count(db, noon, address=f"198.51.100.{n}") for n in range(120)]

    assert counted.count(0) == 100
    assert _count(db, noon, account=1) > 0
    assert _count(db, noon, account=2) == 0
    assert _count(db, noon + timedelta(minutes=15), account=1) == 0


def test_failures_without_a_pause_add_up_to_the_ceiling(db: Database, noon: datetime) -> None:
    counted = [_count(db, noon + timedelta(minutes=5 * (n // 10))) for n in range(110)]

    assert counted.count(0) == 100


def test_an_account_is_never_locked_where_it_signed_in_before(db: Database, noon: datetime, make_account: Callable[..., int]) -> None:
    anna = make_account()
    with db.write() as session:
        session.add(SignIn(account_id=anna, at=noon, method="password", result="ok", address=_HERE))
        session.add(SignIn(account_id=anna, at=noon, method="password", result="wrong-password", address="203.0.113.1"))
    for n in range(100):
        _count(db, noon, account=anna, address=f"198.51.100.{n}")

    assert _count(db, noon, account=anna, address=_HERE) == 0
    assert _count(db, noon, account=anna, address="203.0.113.1") > 0
    assert [_count(db, noon, account=anna, address=_HERE) for _ in range(10)].count(0) == 9


def test_everybody_together_reaches_a_limit_that_familiar_networks_pass(
    db: Database, noon: datetime, make_account: Callable[..., int]
) -> None:
    anna = make_account()
    with db.write() as session:
        session.add(SignIn(account_id=anna, at=noon, method="password", result="ok", address=_HERE))
        session.add(Throttle(key="everybody", count=1_000, window_ends_at=noon + timedelta(minutes=5)))

    assert _count(db, noon, account=anna, address="203.0.113.1") > 0
    assert _count(db, noon, account=None, address="203.0.113.1") > 0
    assert _count(db, noon, account=anna, address=_HERE) == 0


def test_releasing_an_account_forgets_its_attempts_and_nobody_elses(db: Database, noon: datetime) -> None:
    for account in (1, 10):
        for _ in range(10):
            _count(db, noon, account=account)

    with db.write() as session:
        throttle.release(session, [1])

    assert _count(db, noon, account=1) == 0
    assert _count(db, noon, account=10) > 0


def test_names_that_nobody_has_are_not_kept(db: Database, noon: datetime) -> None:
    with db.write() as session:
        throttle.count(session, throttle.attempt(account_id=None, name="my-secret-password", address=None), now=noon)

    with db.read() as session:
        assert not any("secret" in key for key in session.scalars(select(Throttle.key)))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("a", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
        ("1" * 10_000, "unknown"),
    ],
)
def test_networks(address: str | None, network: str) -> None:
    assert throttle.network(address) == network


@given(address=st.text())
def test_any_text_has_a_network_that_fits_its_column(address: str) -> None:
    assert len(throttle.network(address)) < 60


def test_full_counters_are_told_with_their_end_and_network(db: Database, noon: datetime) -> None:
    for _ in range(throttle.PAIR.count):
        _count(db, noon)
    _count(db, noon, address="192.0.2.8")
    for _ in range(throttle.PAIR.count):
        _count(db, noon, account=12)

    with db.read() as session:
        found = throttle.locks(session, 1, [_HERE], now=noon)
        later = throttle.locks(session, 1, [_HERE], now=noon + throttle.PAIR.window)

    assert found == [throttle.Lock(limit=throttle.PAIR, until=noon + throttle.PAIR.window, network=_HERE)]
    assert later == []
