"""How often somebody may try to sign in, and who is not kept out by others' attempts (R53, A-09 to A-12)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from rolecall.accounts import passwords, sign_in
from rolecall.accounts.sealing import Keyring
from rolecall.errors import Busy
from rolecall.store.engine import Database
from rolecall.store.tables import SignIn

_RIGHT = "quiet-Tuesday-marmalade"
_HASH = passwords.hash_password(_RIGHT)
_HERE = "192.0.2.7"
_SignIn = Callable[..., sign_in.Outcome]


@pytest.fixture
def enter(db: Database, keyring: Keyring, noon: datetime) -> _SignIn:
    """A function that signs in; by default anna.k with the right password, from one address, at noon."""

    def enter(identifier: str = "anna.k", password: str = _RIGHT, *, address: str = _HERE, now: datetime = noon) -> sign_in.Outcome:
        return sign_in.sign_in(db, keyring, identifier=identifier, password=password, address=address, agent="Firefox", now=now)

    return enter


def _history(db: Database) -> list[tuple[int | None, str]]:
    with db.read() as session:
        return [(row.account_id, row.result) for row in session.scalars(select(SignIn).order_by(SignIn.id))]


def test_of_forty_guesses_at_once_ten_are_looked_at(db: Database, make_account: Callable[..., int], enter: _SignIn) -> None:
    make_account(password_hash=_HASH)

    with ThreadPoolExecutor(40) as pool:
        outcomes = list(pool.map(lambda n: enter(password=f"guess-{n}"), range(40)))

    assert [each.result for each in outcomes].count("wrong") == 10
    assert len(_history(db)) == 10
    assert enter().result == "throttled"


def test_the_right_password_is_refused_until_the_window_ends_and_counts_as_nothing_then(
    make_account: Callable[..., int], enter: _SignIn, noon: datetime
) -> None:
    make_account(email="anna@example.org", email_verified=True, password_hash=_HASH)
    for n in range(10):
        enter("anna@example.org" if n % 2 else "anna.k", "wrong")

    refused = enter()
    elsewhere = enter(address="192.0.2.8")

    assert refused.result == "throttled"
    assert refused.account_id is None
    assert 295 <= (refused.retry_after or 0) <= 301
    assert elsewhere.ok
    for _ in range(10):
        assert enter(now=noon + timedelta(minutes=6)).ok


def test_a_school_behind_one_address_signs_in_more_often_than_it_may_fail(make_account: Callable[..., int], enter: _SignIn) -> None:
    make_account(password_hash=PasswordHasher(time_cost=1, memory_cost=19_456, parallelism=1).hash(_RIGHT))

    assert all(enter().ok for _ in range(110))


def test_after_a_hundred_failures_of_strangers_the_owner_comes_in_from_elsewhere_in_time(
    make_account: Callable[..., int], enter: _SignIn, noon: datetime
) -> None:
    make_account(password_hash=_HASH)
    for n in range(100):
        enter(password="wrong", address=f"198.51.100.{n // 10}")

    assert enter(address="203.0.113.5").result == "throttled"
    assert enter(address="203.0.113.5", now=noon + timedelta(minutes=15)).ok


def test_asking_again_counts_together_with_signing_in(
    db: Database, keyring: Keyring, make_account: Callable[..., int], enter: _SignIn, noon: datetime
) -> None:
    anna = make_account(password_hash=_HASH)

    def confirm(password: str) -> bool:
        return sign_in.confirm(db, keyring, account_id=anna, password=password, address=_HERE, now=noon)

    assert confirm(_RIGHT)
    assert not any(confirm("wrong") for _ in range(5))
    assert not any(enter(password="wrong").ok for _ in range(5))
    with pytest.raises(Busy):
        confirm(_RIGHT)
    assert _history(db).count((anna, "wrong-password")) == 10
