"""Changing one's own password asks for the present one and ends everything else."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from rolecall.accounts import passwords, sessions, tokens
from rolecall.accounts.actors import Actor
from rolecall.accounts.own_password import change_own
from rolecall.accounts.sealing import Keyring
from rolecall.errors import Busy, Invalid, Refused
from rolecall.store.engine import Database
from rolecall.store.tables import Account, AuditEntry

_OLD, _NEW = "quiet-Tuesday-marmalade", "loud-Wednesday-honeycomb"
_HASH = passwords.hash_password(_OLD)
_Change = Callable[..., None]


@pytest.fixture
def change(db: Database, keyring: Keyring, noon: datetime) -> _Change:
    """A function that changes an account's own password from an address."""

    def change(account: int, current: str = _OLD, new: str = _NEW, *, digest: str | None = None) -> None:
        actor = Actor(name=f"account:{account}", label="Anna Karras", account_id=account, address="192.0.2.7")
        change_own(db, keyring, actor=actor, account_id=account, current=current, new=new, session_digest=digest, now=noon)

    return change


def _account(db: Database, account: int) -> Account:
    with db.read() as session:
        return session.get_one(Account, account)


def test_the_new_password_works_and_everything_else_ends(
    db: Database, make_account: Callable[..., int], change: _Change, noon: datetime
) -> None:
    anna = make_account(password_hash=_HASH, must_change_password=True)
    with db.write() as session:
        here, elsewhere = (sessions.create(session, anna, address=None, agent=None, now=noon) for _ in range(2))
        link = tokens.create_link(session, "reset", anna, lasts=timedelta(hours=1), now=noon)

    change(anna, digest=sessions.digest_of(here))

    account = _account(db, anna)
    assert passwords.verify(account.password_hash or "", _NEW)
    assert (account.must_change_password, account.version) == (False, 2)
    with db.read() as session:
        assert sessions.load(session, here, noon) is not None
        assert sessions.load(session, elsewhere, noon) is None
        assert not tokens.is_usable(session, link, "reset", noon)
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.kind, entry.account_id, entry.address) == ("password", anna, "192.0.2.7")
        assert _NEW not in repr(vars(entry))


def test_a_first_password_that_is_changed_is_wiped_and_may_not_be_the_new_one(
    db: Database, keyring: Keyring, make_account: Callable[..., int], change: _Change, noon: datetime
) -> None:
    anna = make_account()
    with db.write() as session:
        first = passwords.seal_first(session, keyring, [anna], now=noon)[anna]

    with pytest.raises(Invalid):
        change(anna, first, first)
    change(anna, first)

    account = _account(db, anna)
    assert (account.sealed_password, account.sealed_at, account.must_change_password) == (None, None, False)


def test_a_first_password_whose_copy_is_kept_may_not_come_back(
    db: Database, keyring: Keyring, make_account: Callable[..., int], change: _Change, noon: datetime
) -> None:
    anna = make_account()
    with db.write() as session:
        first = passwords.seal_first(session, keyring, [anna], now=noon)[anna]
        session.execute(update(Account).values(password_hash=_HASH))

    with pytest.raises(Invalid):
        change(anna, new=first)


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("wrong", _NEW, "current"),
        (_OLD, _OLD, "password"),
        (_OLD, "short", "password"),
        (_OLD, "password123", "password"),
        (_OLD, "anna.k2026", "password"),
        (_OLD, "x" * 2000, "password"),
    ],
)
def test_what_breaks_a_rule_changes_nothing(
    db: Database, make_account: Callable[..., int], change: _Change, current: str, new: str, field: str
) -> None:
    anna = make_account(password_hash=_HASH)

    with pytest.raises(Invalid) as caught:
        change(anna, current, new)

    assert list(caught.value.fields) == [field]
    assert _account(db, anna).password_hash == _HASH


def test_wrong_present_passwords_are_counted(make_account: Callable[..., int], change: _Change) -> None:
    anna = make_account(password_hash=_HASH)
    for _ in range(10):
        with pytest.raises(Invalid):
            change(anna, "wrong")

    with pytest.raises(Busy):
        change(anna)


def test_a_provider_that_keeps_the_password_is_named_as_the_place_to_change_it(make_account: Callable[..., int], change: _Change) -> None:
    with pytest.raises(Refused) as caught:
        change(make_account(sso_provider="o365", password_hash=_HASH))

    assert not isinstance(caught.value, Invalid)
