"""A code signs in once; which ones there are, who must have one, and what is kept of it (RFC 6238, R53, A-22)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count

import pyotp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import false, select, true

from rolecall.accounts import passwords, second_factor, second_step, sessions, sign_in, tokens
from rolecall.accounts.sealing import Keyring
from rolecall.errors import Busy, Invalid, Refused
from rolecall.store.engine import Database
from rolecall.store.tables import Account, RecoveryCode, SecondFactor, SignIn
from rolecall.testing.factories import set_plain

_RIGHT = "quiet-Tuesday-marmalade"
_HASH = passwords.hash_password(_RIGHT)
_HERE = "192.0.2.7"
#: Somebody new for each example.
_NAMES = (f"somebody.{n}" for n in count())


class Phone:
    """Somebody with a second factor: their app, their recovery codes, and what they do at the sign-in."""

    def __init__(self, db: Database, keyring: Keyring, account_id: int, now: datetime) -> None:
        self.db, self.keyring, self.id = db, keyring, account_id
        with db.write() as session:
            second_factor.begin(session, keyring, account_id)
            key = second_factor.next_key(session, keyring, account_id)
            assert key is not None
            self.app = pyotp.TOTP(key)
            codes = second_factor.turn_on(session, keyring, account_id, self.code(now), now=now)
        assert codes is not None
        self.recovery = codes

    def code(self, at: datetime) -> str:
        return self.app.at(at)

    def use(self, code: str, now: datetime) -> str | None:
        return self.db.attempt(lambda session: second_factor.use(session, self.keyring, self.id, code, now=now))

    def password(self, now: datetime, password: str = _RIGHT) -> sign_in.Outcome:
        return sign_in.sign_in(
            self.db, self.keyring, identifier="anna.k", password=password, address=_HERE, agent="Firefox", now=now
        )  # fmt: skip

    def half(self, now: datetime) -> str:
        """The token of a half session, after the right password."""
        assert self.password(now).needs_code
        with self.db.write() as session:
            return sessions.await_code(session, self.id, address=_HERE, agent="Firefox", now=now)

    def step(self, token: str, code: str, now: datetime) -> sign_in.Outcome:
        return second_step.take_code(self.db, self.keyring, token=token, code=code, address=_HERE, agent="Firefox", now=now)

    def history(self) -> list[tuple[str, str]]:
        with self.db.read() as session:
            return [(row.method, row.result) for row in session.scalars(select(SignIn).order_by(SignIn.id))]


@pytest.fixture
def phone(db: Database, keyring: Keyring, make_account: Callable[..., int], noon: datetime) -> Phone:
    return Phone(db, keyring, make_account(password_hash=_HASH), noon - timedelta(hours=1))


def test_the_codes_are_those_of_the_standard(db: Database, keyring: Keyring, make_account: Callable[..., int]) -> None:
    """The test vectors of RFC 6238, Appendix B, for SHA-1: their last six digits."""
    account = make_account()
    key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    with db.write() as session:
        sealed = keyring.seal(key, f"second_factor:{account}:sealed_key")
        session.add(SecondFactor(account_id=account, sealed_key=sealed))
    vectors = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"}

    taken = []
    for seconds, code in vectors.items():
        now = datetime.fromtimestamp(seconds, UTC)
        with db.write() as session:
            taken.append(second_factor.use(session, keyring, account, code, now=now))

    assert taken == ["code"] * 6


@pytest.mark.parametrize(("off", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_clocks_may_be_one_code_off(phone: Phone, noon: datetime, off: int, taken: bool) -> None:
    assert (phone.use(phone.code(noon + timedelta(seconds=off)), noon) is not None) == taken


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 2)), max_size=12))
def test_no_code_is_taken_twice_and_none_that_is_older_than_one_taken(
    db: Database, keyring: Keyring, make_account: Callable[..., int], noon: datetime, steps: list[tuple[int, int]]
) -> None:
    """Time goes on by some codes, and one from around now is given: it is taken exactly if it is around now and newer than all before."""
    phone = Phone(db, keyring, make_account(next(_NAMES)), noon)
    current = last = int(noon.timestamp()) // 30

    for ahead, around in steps:
        current += ahead
        given_step = current + around
        taken = phone.use(phone.app.generate_otp(given_step), datetime.fromtimestamp(current * 30, UTC))

        assert (taken is not None) == (abs(around) <= 1 and given_step > last)
        last = given_step if taken else last


def test_each_recovery_code_signs_in_once_however_it_is_written(phone: Phone, noon: datetime) -> None:
    assert len(set(phone.recovery)) == 10

    first = [phone.use(f" {each.upper().replace('-', ' ')} ", noon) for each in phone.recovery]
    again = [phone.use(each, noon) for each in phone.recovery]

    assert first == ["recovery-code"] * 10
    assert again == [None] * 10


def test_new_recovery_codes_end_the_old_ones(phone: Phone, noon: datetime) -> None:
    with phone.db.write() as session:
        new = second_factor.new_recovery_codes(session, phone.id)

    assert phone.use(phone.recovery[0], noon) is None
    assert phone.use(new[0], noon) == "recovery-code"
    with phone.db.read() as session:
        assert second_factor.codes_left(session, phone.id) == 9


@pytest.mark.parametrize("made_by", ["app", "recovery"])
def test_of_twenty_at_once_with_one_code_one_comes_in(phone: Phone, noon: datetime, made_by: str) -> None:
    code = phone.code(noon) if made_by == "app" else phone.recovery[0]

    with ThreadPoolExecutor(20) as pool:
        taken = list(pool.map(lambda _: phone.use(code, noon), range(20)))

    assert sum(each is not None for each in taken) == 1


def test_codes_of_others_and_what_is_no_code_are_not_taken(
    phone: Phone, db: Database, keyring: Keyring, make_account: Callable[..., int], noon: datetime
) -> None:
    other = Phone(db, keyring, make_account("ben"), noon - timedelta(hours=1))

    taken = [phone.use(each, noon) for each in (other.recovery[0], "000 000 0", "abcdef", "٣٣٣٣٣٣", "x" * 100)]

    assert taken == [None] * 5


def test_neither_key_nor_code_is_kept_in_the_clear(phone: Phone) -> None:
    with phone.db.read() as session:
        row = session.get_one(SecondFactor, phone.id)
        digests = session.scalars(select(RecoveryCode.digest)).all()

    assert phone.app.secret.encode() not in (row.sealed_key or b"")
    assert not {each.replace("-", "") for each in phone.recovery} & set(digests)


def test_the_app_in_use_goes_on_until_a_code_of_the_new_one_was_given(phone: Phone, noon: datetime) -> None:
    with phone.db.write() as session:
        second_factor.begin(session, phone.keyring, phone.id)
        wrong = second_factor.turn_on(session, phone.keyring, phone.id, phone.code(noon), now=noon)

    assert wrong is None
    assert phone.use(phone.code(noon), noon) == "code"


def test_where_it_is_not_offered_none_is_set_up(db: Database, keyring: Keyring, make_account: Callable[..., int]) -> None:
    account = make_account()
    with db.write() as session:
        set_plain(session, "core", second_factor_teacher="off")

    with pytest.raises(Refused, match="not offered"), db.write() as session:
        second_factor.begin(session, keyring, account)


@pytest.mark.parametrize(
    ("facts", "vouched", "wanted", "due"),
    [
        ({}, False, "required", True), ({}, False, "offered", False), ({}, False, "off", False),
        ({"type": "student"}, False, "required", False), ({}, True, "required", True),
        ({"sso_provider": "o365"}, False, "required", True), ({"sso_provider": "o365"}, True, "required", False),
    ],
)  # fmt: skip
def test_who_must_set_one_up(
    db: Database, make_account: Callable[..., int], facts: dict[str, str], vouched: bool, wanted: str, due: bool
) -> None:
    account = make_account(**facts)
    with db.write() as session:
        set_plain(session, "core", second_factor_teacher=wanted)

    with db.read() as session:
        found = select(second_factor.is_due(true() if vouched else false())).where(Account.id == account)
        assert session.scalar(found) == due


def test_the_password_alone_signs_nobody_in_and_the_code_does(phone: Phone, noon: datetime) -> None:
    token = phone.half(noon)
    with phone.db.read() as session:
        half = sessions.load(session, token, noon)
        last_login = session.get_one(Account, phone.id).last_login_at

    wrong, right = phone.step(token, "123456", noon), phone.step(token, phone.code(noon), noon)

    assert (half, last_login) == (None, None)
    assert (wrong.result, right.result, right.account_id) == ("wrong", "ok", phone.id)
    assert phone.history() == [("password", "code-due"), ("code", "wrong-code"), ("code", "ok")]


def test_a_half_session_is_over_after_five_minutes_when_it_was_used_and_with_the_others(phone: Phone, noon: datetime) -> None:
    late, used, ended = phone.half(noon), phone.half(noon), phone.half(noon)
    after = noon + timedelta(minutes=5)

    assert phone.step(used, phone.code(noon), noon).ok
    with phone.db.write() as session:
        sessions.end(session, sessions.digest_of(ended))

    assert phone.step(used, phone.recovery[0], noon).result == "over"
    assert phone.step(ended, phone.recovery[0], noon).result == "over"
    assert phone.step(late, phone.recovery[0], after).result == "over"
    assert phone.use(phone.recovery[0], after) == "recovery-code"


def test_giving_the_password_again_does_not_buy_more_guesses_at_the_code(phone: Phone, noon: datetime) -> None:
    """Passwords and codes are counted together until a code was right: ten in five minutes, half of them right passwords."""
    results = []
    for _ in range(6):
        outcome = phone.password(noon)
        results.append(outcome.result)
        if outcome.needs_code:
            with phone.db.write() as session:
                token = sessions.await_code(session, phone.id, address=_HERE, agent=None, now=noon)
            results.append(phone.step(token, "123456", noon).result)

    assert results == ["code", "wrong"] * 5 + ["throttled"]
    assert phone.password(noon + timedelta(minutes=5)).needs_code


def test_what_was_right_counts_for_nobody(phone: Phone, noon: datetime) -> None:
    for minute in range(30):
        now = noon + timedelta(seconds=30 * minute)
        assert phone.step(phone.half(now), phone.code(now), now).ok


@pytest.mark.parametrize("change", [{"active": False}, {"deleted_at": datetime(2026, 3, 2, tzinfo=UTC)}])
def test_who_was_closed_meanwhile_does_not_come_in(phone: Phone, noon: datetime, change: dict[str, object]) -> None:
    token = phone.half(noon)
    with phone.db.write() as session:
        for name, value in change.items():
            setattr(session.get_one(Account, phone.id), name, value)

    assert phone.step(token, phone.code(noon), noon).result == "over"


def test_without_a_role_meanwhile_the_sentence_says_so(phone: Phone, noon: datetime) -> None:
    token = phone.half(noon)
    with phone.db.write() as session:
        session.get_one(Account, phone.id).must_verify_email = True

    assert phone.step(token, phone.code(noon), noon).result == "unverified"


@pytest.mark.parametrize("code", ["", "  ", "1" * 101, "123\x00456"])
def test_what_is_no_code_is_refused_and_counts_for_nobody(phone: Phone, noon: datetime, code: str) -> None:
    token = phone.half(noon)

    with pytest.raises(Invalid):
        phone.step(token, code, noon)

    assert phone.history() == [("password", "code-due")]


def test_asking_again_wants_both_and_counts_together(phone: Phone, noon: datetime) -> None:
    def confirm(password: str, code: str) -> bool:
        return sign_in.confirm(phone.db, phone.keyring, account_id=phone.id, password=password, code=code, address=_HERE, now=noon)

    assert not confirm(_RIGHT, "123456")
    assert not confirm("something else", phone.code(noon))
    assert confirm(_RIGHT, phone.code(noon))
    assert not confirm(_RIGHT, phone.code(noon))
    for _ in range(9):
        assert not confirm(_RIGHT, "123456")
    with pytest.raises(Busy):
        confirm(_RIGHT, phone.recovery[0])


def test_a_key_that_cannot_be_read_leaves_the_recovery_codes(phone: Phone, noon: datetime) -> None:
    with phone.db.write() as session:
        session.get_one(SecondFactor, phone.id).sealed_key = b"nonsense"

    assert phone.use(phone.code(noon), noon) is None
    assert phone.use(phone.recovery[0], noon) == "recovery-code"


def test_a_link_that_signs_in_asks_for_the_code_too(phone: Phone, noon: datetime) -> None:
    with phone.db.write() as session:
        link = tokens.create_link(session, sign_in.LINK, phone.id, lasts=timedelta(hours=1), now=noon)

    assert sign_in.by_link(phone.db, token=link, address=_HERE, agent=None, now=noon).needs_code
