"""Phone numbers as first-time passwords: which text they are, who gets one, how few guesses they stand, what they never replace."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from rolecall.accounts import first_password, passwords, sign_in
from rolecall.accounts import settings as stored_settings
from rolecall.accounts.actors import WORKER
from rolecall.accounts.core_settings import CoreSettings
from rolecall.accounts.sealing import Keyring
from rolecall.store.engine import Database
from rolecall.store.tables import Account, Person, SignIn

_PHONE, _DIGITS = "+30 691 234-5678", "306912345678"
_OWN = "quiet-Tuesday-marmalade"
_HASH = passwords.hash_password(_OWN)
_MakeAccount = Callable[..., int]
_SignIn = Callable[..., sign_in.Outcome]


@pytest.fixture
def allowed(db: Database, keyring: Keyring) -> Callable[..., None]:
    """A function that decides whether phone numbers are allowed; they are from the beginning."""

    def decide(is_allowed: bool = True, **more: object) -> None:
        values = {"phone_first_password": is_allowed, **more}
        with db.write() as session:
            stored_settings.write(session, "core", CoreSettings, values, actor=WORKER, keyring=keyring)

    decide()
    return decide


@pytest.fixture
def enter(db: Database, keyring: Keyring, noon: datetime) -> _SignIn:
    """A function that signs anna.k in at noon, each time from another network, so that no other limit is in the way."""
    tried = iter(range(1, 250))

    def enter(password: str, *, now: datetime = noon) -> sign_in.Outcome:
        address = f"192.0.2.{next(tried)}"
        return sign_in.sign_in(db, keyring, identifier="anna.k", password=password, address=address, agent=None, now=now)

    return enter


@pytest.fixture
def use_phone(db: Database, keyring: Keyring, noon: datetime) -> Callable[..., str | None]:
    """A function that makes the phone the first-time password of an account and says what became of it."""

    def use(account: int, **more: bool) -> str | None:
        with db.write() as session:
            return first_password.use_phones(session, keyring, [account], now=noon, **more).get(account)

    return use


def _account(db: Database, account: int) -> Account:
    with db.read() as session:
        return session.get_one(Account, account)


def _set(db: Database, account: int, **values: object) -> None:
    with db.write() as session:
        session.execute(update(Account).where(Account.id == account).values(**values))


def _first(db: Database, keyring: Keyring, account: int, now: datetime) -> str:
    with db.write() as session:
        return passwords.seal_first(session, keyring, [account], now=now).get(account, "")


def _kept(db: Database, keyring: Keyring, account: int) -> str:
    sealed = _account(db, account).sealed_password
    assert sealed is not None
    return keyring.open(sealed, passwords.sealed_place(account))


@pytest.mark.parametrize(
    ("phone", "text"),
    [
        (_PHONE, _DIGITS),
        ("0691/2345678", "06912345678"),
        ("0030 (691) 234.5678", "00306912345678"),
        ("12345678", "12345678"),
        ("+1 234 567", None),
        ("+", None),
        ("", None),
        (None, None),
    ],
)
def test_a_phone_is_typed_as_its_digits(db: Database, make_account: _MakeAccount, phone: str | None, text: str | None) -> None:
    make_account(phone=phone)

    assert first_password.phone_text(phone) == text
    with db.read() as session:
        assert (session.scalar(select(Person.id).where(first_password.has_phone_text())) is not None) == (text is not None)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "signs-in"),
        ({"phone": "+30 691"}, None),
        ({"phone": None}, None),
        ({"type": "administrator"}, None),
        ({"is_owner": True}, None),
        ({"sso_provider": "o365"}, None),
        ({"type": "student"}, "signs-in"),
        ({"type": "guardian"}, "signs-in"),
    ],
)
def test_who_may_have_a_phone_number(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], noon: datetime,
    facts: dict[str, object], state: str | None,
) -> None:  # fmt: skip
    anna = make_account(**{"phone": _PHONE, **facts})
    _first(db, keyring, anna, noon)

    assert use_phone(anna) == state
    assert _account(db, anna).first_is_phone is (state is not None)


def test_who_never_signed_in_signs_in_with_the_phone_and_must_change_it(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], enter: _SignIn, noon: datetime,
    allowed: Callable[..., None],
) -> None:  # fmt: skip
    allowed(must_change_first_password=False)
    anna = make_account(phone=_PHONE)
    generated = _first(db, keyring, anna, noon - timedelta(days=30))

    assert use_phone(anna) == "signs-in"

    assert enter(generated).result == "wrong"
    _set(db, anna, must_change_password=False)
    outcome = enter(_DIGITS)
    assert (outcome.ok, outcome.must_change_password) == (True, True)
    account = _account(db, anna)
    assert (account.sealed_password, account.first_is_phone, account.must_change_password) == (None, False, True)
    assert enter(_DIGITS, now=noon + timedelta(days=6)).must_change_password
    assert enter(_DIGITS, now=noon + timedelta(days=7)).result == "expired"


def test_the_phone_of_who_uses_the_account_does_not_sign_in(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], enter: _SignIn, noon: datetime
) -> None:
    anna = make_account(phone=_PHONE, password_hash=_HASH, last_login_at=noon)

    assert use_phone(anna) == "kept"

    assert enter(_DIGITS).result == "wrong"
    assert enter(_OWN).ok
    assert _kept(db, keyring, anna) == _DIGITS
    assert _account(db, anna).phone_guesses_left is None


def test_a_used_first_password_goes_on_with_its_seven_days(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], enter: _SignIn, noon: datetime
) -> None:
    anna = make_account(phone=_PHONE)
    generated = _first(db, keyring, anna, noon)
    assert enter(generated).ok

    assert use_phone(anna) == "kept"

    assert enter(_DIGITS).result == "wrong"
    assert enter(generated).must_change_password
    assert enter(generated, now=noon + timedelta(days=7)).result == "expired"


def test_a_password_from_a_reset_that_waits_is_left_alone(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], enter: _SignIn, noon: datetime
) -> None:
    anna = make_account(phone=_PHONE, last_login_at=noon)
    generated = _first(db, keyring, anna, noon)

    assert use_phone(anna) == "waits"

    assert enter(_DIGITS).result == "wrong"
    assert enter(generated).ok


def test_where_nothing_signs_in_the_phone_is_kept_and_does_not_begin_to(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], enter: _SignIn, noon: datetime,
    allowed: Callable[..., None],
) -> None:  # fmt: skip
    anna = make_account(phone=_PHONE, sealed_at=noon)

    assert use_phone(anna) == "kept"

    assert enter(_DIGITS).result == "wrong"
    with db.write() as session:
        assert first_password.go_back(session, keyring, [anna], now=noon) == {}
    assert enter(_DIGITS).must_change_password


def test_an_administrator_may_say_that_the_phone_replaces_what_is_in_use(
    db: Database, make_account: _MakeAccount, use_phone: Callable[..., str | None], enter: _SignIn, noon: datetime
) -> None:
    anna = make_account(phone=_PHONE, password_hash=_HASH, last_login_at=noon)

    assert use_phone(anna, replace=True) == "signs-in"

    assert enter(_OWN).result == "wrong"
    assert enter(_DIGITS).must_change_password


def test_five_wrong_guesses_end_the_phone_whoever_makes_them(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], enter: _SignIn, noon: datetime
) -> None:
    anna = make_account(phone=_PHONE)
    _first(db, keyring, anna, noon)
    use_phone(anna)

    answers = [enter(f"30691234567{n}", now=noon + timedelta(hours=n)) for n in range(5)]

    assert {(each.result, each.message) for each in answers} == {("wrong", sign_in.WRONG)}
    account = _account(db, anna)
    assert (account.password_hash, account.sealed_password, account.sealed_at) == (None, None, None)
    assert (account.first_is_phone, account.phone_guesses_left, account.version) == (False, None, 2)
    assert enter(_DIGITS).result == "wrong"
    with db.read() as session:
        assert session.scalars(select(SignIn.result).order_by(SignIn.id)).all() == [*["wrong-password"] * 4, "burned", "no-password"]


def test_after_a_phone_was_used_it_stands_no_more_guesses_until_it_is_changed(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], enter: _SignIn, noon: datetime
) -> None:
    anna = make_account(phone=_PHONE)
    _first(db, keyring, anna, noon)
    use_phone(anna)
    assert [enter("30691234567").ok for _ in range(2)] == [False, False]
    assert [enter(_DIGITS).ok for _ in range(6)] == [True] * 6
    assert _account(db, anna).phone_guesses_left == 3

    assert not sign_in.confirm(db, keyring, account_id=anna, password="x" * 8, address="192.0.2.251", now=noon)
    assert sign_in.confirm(db, keyring, account_id=anna, password=_DIGITS, address="192.0.2.252", now=noon)
    assert [enter("30691234567").ok for _ in range(2)] == [False, False]

    assert enter(_DIGITS).result == "wrong"
    assert _account(db, anna).password_hash is None


def test_one_s_own_password_stands_as_many_guesses_as_any(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], enter: _SignIn, noon: datetime
) -> None:
    anna = make_account(phone=_PHONE)
    _first(db, keyring, anna, noon)
    use_phone(anna)
    enter(_DIGITS)
    with db.write() as session:
        passwords.put(session, [anna], _HASH, now=noon)

    assert [enter(_DIGITS).ok for _ in range(6)] == [False] * 6
    assert enter(_OWN).ok


def test_guesses_made_at_one_moment_are_not_more_than_five(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], noon: datetime
) -> None:
    anna = make_account(phone=_PHONE)
    _first(db, keyring, anna, noon)
    use_phone(anna)

    def guess(n: int) -> str:
        tried = f"3069123456{n:02}"
        return sign_in.sign_in(db, keyring, identifier="anna.k", password=tried, address=f"198.51.100.{n}", agent=None, now=noon).result

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(guess, range(20)))

    assert set(results) == {"wrong"}
    with db.read() as session:
        history = session.scalars(select(SignIn.result)).all()
    assert sum(result in ("wrong-password", "burned") for result in history) <= first_password.GUESSES
    assert history.count("burned") == 1
    assert _account(db, anna).sealed_password is None


def test_a_count_that_was_used_up_when_a_process_died_is_settled_by_the_next_attempt(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], enter: _SignIn, noon: datetime
) -> None:
    anna = make_account(phone=_PHONE)
    _first(db, keyring, anna, noon)
    use_phone(anna)
    _set(db, anna, phone_guesses_left=0)

    assert enter(_DIGITS).result == "wrong"

    assert _account(db, anna).sealed_password is None


@pytest.mark.parametrize("becomes", [{"type": "administrator"}, {"is_owner": True}])
@pytest.mark.parametrize("is_used", [False, True])
def test_who_becomes_an_administrator_no_longer_signs_in_with_a_phone(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], enter: _SignIn, noon: datetime,
    becomes: dict[str, object], is_used: bool,
) -> None:  # fmt: skip
    anna = make_account(phone=_PHONE)
    _first(db, keyring, anna, noon)
    use_phone(anna)
    if is_used:
        assert enter(_DIGITS).ok

    _set(db, anna, **becomes)

    assert enter(_DIGITS).result == "wrong"


def test_going_back_brings_the_kept_password_and_a_new_one_where_it_is_gone(
    db: Database, keyring: Keyring, make_account: _MakeAccount, enter: _SignIn, noon: datetime, allowed: Callable[..., None]
) -> None:
    allowed(keep_first_password=True)
    anna, boris = make_account(), make_account("boris", password_hash=_HASH)
    generated = _first(db, keyring, anna, noon)
    assert enter(generated).ok
    with db.write() as session:
        passwords.put(session, [anna], _HASH, now=noon)

    with db.write() as session:
        made = first_password.go_back(session, keyring, [anna, boris], now=noon + timedelta(days=30))

    assert list(made) == [boris]
    later = noon + timedelta(days=31)
    assert enter(_OWN, now=later).result == "wrong"
    assert enter(generated, now=later).must_change_password


@pytest.mark.parametrize(
    ("is_allowed", "kind", "comes_back"), [(True, "student", True), (False, "student", False), (True, "administrator", False)]
)
def test_a_kept_phone_comes_back_only_to_who_could_be_given_it(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], enter: _SignIn, noon: datetime,
    allowed: Callable[..., None], is_allowed: bool, kind: str, comes_back: bool,
) -> None:  # fmt: skip
    allowed(is_allowed)
    anna = make_account(phone=_PHONE, password_hash=_HASH, last_login_at=noon)
    use_phone(anna)
    _set(db, anna, type=kind)

    with db.write() as session:
        made = first_password.go_back(session, keyring, [anna], now=noon)

    assert (made == {}) is comes_back
    account = _account(db, anna)
    assert (account.first_is_phone, account.phone_guesses_left) == ((True, first_password.GUESSES) if comes_back else (False, None))


def test_the_password_stays_what_the_phone_was_when_it_was_given(
    db: Database, keyring: Keyring, make_account: _MakeAccount, use_phone: Callable[..., str | None], enter: _SignIn, noon: datetime
) -> None:
    anna = make_account(phone=_PHONE)
    _first(db, keyring, anna, noon)
    use_phone(anna)

    with db.write() as session:
        session.execute(update(Person).values(phone="+30 699 999 9999"))

    assert enter("306999999999").result == "wrong"
    assert enter(_DIGITS).ok
