"""Signing in: counted before it is checked, the same answer for all who may not, and a sentence for who has no role."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from rolecall.accounts import audit, passwords, sign_in, tokens
from rolecall.accounts import settings as stored_settings
from rolecall.accounts.actors import WORKER
from rolecall.accounts.core_settings import CoreSettings
from rolecall.accounts.sealing import Keyring
from rolecall.errors import Invalid
from rolecall.store.engine import Database
from rolecall.store.tables import Account, AuditEntry, Listing, Period, RolePeriod, SignIn

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


@pytest.fixture
def first_password(db: Database, keyring: Keyring, noon: datetime) -> Callable[[int], str]:
    """A function that gives an account a first-time password at noon and returns it."""

    def give(account: int) -> str:
        with db.write() as session:
            return passwords.seal_first(session, keyring, [account], now=noon)[account]

    return give


def _account(db: Database, account: int) -> Account:
    with db.read() as session:
        return session.get_one(Account, account)


def _history(db: Database) -> list[tuple[int | None, str]]:
    with db.read() as session:
        return [(row.account_id, row.result) for row in session.scalars(select(SignIn).order_by(SignIn.id))]


def test_the_right_password_signs_in(db: Database, make_account: Callable[..., int], enter: _SignIn, noon: datetime) -> None:
    anna = make_account(password_hash=_HASH)

    outcome = enter("ANNA.K ")

    assert outcome == sign_in.Outcome(result="ok", account_id=anna)
    assert _account(db, anna).last_login_at == noon
    with db.read() as session:
        assert session.get_one(Listing, anna).logged_on
        row = session.scalars(select(SignIn)).one()
        assert (row.account_id, row.at, row.method, row.result, row.address, row.agent) == (
            anna, noon, "password", "ok", _HERE, "Firefox",
        )  # fmt: skip
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.kind, entry.actor, entry.account_id, entry.address) == ("sign-in", f"account:{anna}", anna, _HERE)
        assert audit.verify(session).ok


def test_the_first_sign_in_replaces_the_sealed_password_by_its_hash(
    db: Database, make_account: Callable[..., int], enter: _SignIn, first_password: Callable[[int], str]
) -> None:
    anna = make_account()
    first = first_password(anna)

    wrong = enter(password=first.upper())
    untouched = _account(db, anna).sealed_password
    right = enter(password=first)

    assert (wrong.result, right.result, right.must_change_password) == ("wrong", "ok", True)
    assert untouched is not None
    account = _account(db, anna)
    assert account.sealed_password is None
    assert passwords.verify(account.password_hash or "", first)
    assert enter(password=first).ok


def test_the_copy_is_kept_where_the_institution_says_so_and_signs_nobody_in(
    db: Database, keyring: Keyring, make_account: Callable[..., int], enter: _SignIn, first_password: Callable[[int], str]
) -> None:
    anna = make_account()
    with db.write() as session:
        stored_settings.write(session, "core", CoreSettings, {"keep_first_password": True}, actor=WORKER, keyring=keyring)
    first = first_password(anna)
    assert enter(password=first).ok

    with db.write() as session:
        passwords.put(session, [anna], _HASH)

    assert _account(db, anna).sealed_password is not None
    assert enter(password=first).result == "wrong"
    assert enter().ok


@pytest.mark.parametrize("is_used", [False, True])
def test_a_first_password_is_taken_for_seven_days(
    make_account: Callable[..., int], enter: _SignIn, first_password: Callable[[int], str], noon: datetime, is_used: bool
) -> None:
    first = first_password(make_account())
    if is_used:
        enter(password=first)

    week = noon + timedelta(days=7)
    before = enter(password=first, now=week - timedelta(seconds=1))
    after = enter(password=first, now=week)

    assert before.ok
    assert (after.result, after.message) == ("expired", sign_in.EXPIRED)


def test_a_first_password_that_need_not_be_changed_becomes_an_ordinary_one(
    db: Database, keyring: Keyring, make_account: Callable[..., int], enter: _SignIn, first_password: Callable[[int], str], noon: datetime
) -> None:
    with db.write() as session:
        stored_settings.write(session, "core", CoreSettings, {"must_change_first_password": False}, actor=WORKER, keyring=keyring)
    anna = make_account()
    first = first_password(anna)
    assert not enter(password=first).must_change_password

    with db.write() as session:
        session.execute(update(Account).values(must_change_password=True))

    assert enter(password=first, now=noon + timedelta(days=400)).ok


def test_two_at_once_with_the_same_first_password_both_come_in(
    make_account: Callable[..., int], enter: _SignIn, first_password: Callable[[int], str]
) -> None:
    first = first_password(make_account())

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: enter(password=first), range(4)))

    assert [each.result for each in outcomes] == ["ok"] * 4


def test_a_sealed_password_whose_key_is_lost_signs_nobody_in(
    db: Database, make_account: Callable[..., int], first_password: Callable[[int], str], noon: datetime
) -> None:
    first = first_password(make_account())
    other = Keyring([Fernet.generate_key().decode()])

    outcome = sign_in.sign_in(db, other, identifier="anna.k", password=first, address=_HERE, agent=None, now=noon)

    assert outcome.result == "wrong"


def test_a_weak_hash_is_made_anew_at_the_next_sign_in(db: Database, make_account: Callable[..., int], enter: _SignIn) -> None:
    anna = make_account(password_hash=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(_RIGHT))

    enter(password="wrong")
    assert passwords.needs_rehash(_account(db, anna).password_hash or "")
    assert enter().ok

    assert not passwords.needs_rehash(_account(db, anna).password_hash or "")
    assert enter().ok


#: Who may not come in, each with the word that the history keeps.
_CLASSES: dict[str, dict[str, Any]] = {
    "unknown": {"username": "somebody.else"},
    "disabled": {"active": False},
    "deleted": {"deleted_at": datetime.fromisoformat("2026-01-01T00:00:00+00:00")},
    "sso": {"sso_provider": "o365"},
    "no-password": {"password_hash": None},
}


@pytest.mark.parametrize("reason", _CLASSES)
@pytest.mark.parametrize("password", [_RIGHT, "wrong"])
def test_who_may_not_come_in_gets_the_answer_to_a_wrong_password(
    db: Database, make_account: Callable[..., int], enter: _SignIn, reason: str, password: str
) -> None:
    make_account("boris", password_hash=_HASH)
    make_account(**{"password_hash": _HASH} | _CLASSES[reason])

    outcome = enter(password=password)

    assert outcome == enter("boris", "wrong") == sign_in.Outcome(result="wrong", message=sign_in.WRONG)
    assert [result for _, result in _history(db)] == [reason, "wrong-password"]


def test_everybody_costs_exactly_one_hash(
    make_account: Callable[..., int], enter: _SignIn, first_password: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for reason, facts in _CLASSES.items():
        make_account(**{"password_hash": _HASH, "code": reason} | {"username": f"user.{reason}"} | facts)
    first_password(make_account("first.timer"))
    make_account("ordinary", password_hash=_HASH)
    passwords.dummy_verify("x")
    hashed: list[str] = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda *facts: hashed.append("x") or verify(*facts))

    names = [*(f"user.{reason}" for reason in _CLASSES), "nobody", "first.timer", "ordinary", "mixed-аlphabet"]
    costs = []
    for name in names:
        hashed.clear()
        assert enter(name, "wrong").result == "wrong"
        costs.append(len(hashed))

    assert costs == [1] * len(names)


def test_without_a_role_in_the_current_period_the_sentence_says_so_once_the_password_was_right(
    db: Database, make_account: Callable[..., int], enter: _SignIn, first_password: Callable[[int], str]
) -> None:
    anna = make_account(password_hash=_HASH)
    newcomer = make_account("newcomer")
    first = first_password(newcomer)
    with db.write() as session:
        session.execute(update(RolePeriod).values(enabled=False))

    right, wrong = enter(), enter(password="wrong")

    assert (right.result, right.account_id) == ("no-role", None)
    assert "2025/26" in right.message
    assert wrong.result == "wrong"
    assert _history(db) == [(anna, "no-role"), (anna, "wrong-password")]
    assert _account(db, anna).last_login_at is None
    assert enter("newcomer", first).result == "no-role"
    assert _account(db, newcomer).sealed_password is not None


def test_without_a_current_period_only_the_owner_comes_in(db: Database, make_account: Callable[..., int], enter: _SignIn) -> None:
    make_account(password_hash=_HASH)
    make_account("owner", type="administrator", role=None, is_owner=True, password_hash=_HASH)
    with db.write() as session:
        session.execute(update(Period).values(is_current=False))

    assert enter().result == "no-role"
    assert "No academic period" in enter().message
    assert enter("owner").ok


def test_an_address_signs_in_where_exactly_one_account_holds_it_verified(
    db: Database, make_account: Callable[..., int], enter: _SignIn
) -> None:
    anna = make_account(email="Family@example.org", password_hash=_HASH)
    sibling = make_account("sibling", email="family@example.org", password_hash=_HASH)

    def verified(*accounts: int) -> None:
        with db.write() as session:
            session.execute(update(Account).values(email_verified=Account.id.in_(accounts)))

    assert enter("family@example.org").result == "wrong"
    verified(anna)
    assert enter("FAMILY@example.org").account_id == anna
    verified(anna, sibling)
    assert enter("family@example.org").result == "wrong"
    with db.write() as session:
        session.execute(update(Account).where(Account.id == anna).values(deleted_at=_account(db, anna).created_at))
    assert enter("family@example.org").account_id == sibling


@pytest.mark.parametrize(
    ("identifier", "password"),
    [("", _RIGHT), ("  ", _RIGHT), ("anna.k", ""), ("a" * 255, _RIGHT), ("anna.k", "x" * 1025), ("anna\0", _RIGHT), ("anna.k", "a\0")],
)
def test_what_is_no_input_is_refused_and_counts_for_nobody(
    db: Database, make_account: Callable[..., int], enter: _SignIn, identifier: str, password: str
) -> None:
    make_account(password_hash=_HASH)

    with pytest.raises(Invalid):
        enter(identifier, password)

    assert _history(db) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(identifier=st.text(min_size=1, max_size=30), password=st.text(min_size=1, max_size=30))
def test_odd_input_never_signs_in(make_account: Callable[..., int], enter: _SignIn, identifier: str, password: str) -> None:
    try:
        outcome = enter(identifier, password, address=str(random.random()))
    except Invalid:
        return

    assert outcome.result in {"wrong", "throttled"}


def test_nothing_that_was_typed_is_kept(db: Database, make_account: Callable[..., int], enter: _SignIn) -> None:
    make_account(password_hash=_HASH)
    enter("canary-in-the-wrong-field", "canary-wrong")
    enter(password="canary-wrong")

    with db.read() as session:
        rows = [*session.scalars(select(AuditEntry)), *session.scalars(select(SignIn))]
        assert "canary" not in repr([vars(row) for row in rows])


def test_a_link_signs_in_once(db: Database, make_account: Callable[..., int], noon: datetime) -> None:
    anna = make_account()
    with db.write() as session:
        token = tokens.create_link(session, sign_in.LINK, anna, lasts=timedelta(minutes=30), now=noon)

    outcomes = [sign_in.by_link(db, token=token, address=_HERE, agent=None, now=noon) for _ in range(2)]

    assert [each.result for each in outcomes] == ["ok", "wrong"]
    assert outcomes[0].account_id == anna
    assert _history(db) == [(anna, "ok"), (None, "wrong-link")]
    assert _account(db, anna).last_login_at == noon


@pytest.mark.parametrize(("days", "is_due"), [(0, False), (364, False), (365, True), (400, True)])
def test_a_password_that_is_too_old_is_to_be_changed(
    db: Database, keyring: Keyring, make_account: Callable[..., int], enter: _SignIn, noon: datetime, days: int, is_due: bool
) -> None:
    with db.write() as session:
        stored_settings.write(session, "core", CoreSettings, {"password_max_age_days": 365}, actor=WORKER, keyring=keyring)
    anna = make_account(password_hash=_HASH, password_changed_at=noon - timedelta(days=days))

    outcome = enter()

    assert (outcome.result, outcome.must_change_password) == ("ok", is_due)
    assert _account(db, anna).must_change_password is is_due
    with db.write() as session:
        passwords.put(session, [anna], _HASH, now=noon)
    assert not enter().must_change_password


def test_the_age_counts_from_the_opening_where_nobody_noted_a_change(
    db: Database, keyring: Keyring, make_account: Callable[..., int], enter: _SignIn, noon: datetime
) -> None:
    with db.write() as session:
        stored_settings.write(session, "core", CoreSettings, {"password_max_age_days": 30}, actor=WORKER, keyring=keyring)
    make_account(password_hash=_HASH)

    assert [enter(now=noon + timedelta(days=days)).must_change_password for days in (29, 30)] == [False, True]


def test_no_password_grows_too_old_unless_the_institution_says_so(make_account: Callable[..., int], enter: _SignIn, noon: datetime) -> None:
    make_account(password_hash=_HASH, password_changed_at=noon - timedelta(days=400))

    assert not enter().must_change_password


def test_a_first_password_that_need_not_be_changed_grows_old_like_ones_own(
    db: Database, keyring: Keyring, make_account: Callable[..., int], enter: _SignIn, first_password: Callable[[int], str], noon: datetime
) -> None:
    values = {"password_max_age_days": 30, "must_change_first_password": False}
    with db.write() as session:
        stored_settings.write(session, "core", CoreSettings, values, actor=WORKER, keyring=keyring)
    first = first_password(make_account())

    assert not enter(password=first).must_change_password
    assert [enter(password=first, now=noon + timedelta(days=days)).must_change_password for days in (29, 30)] == [False, True]
