"""Whoever was locked out gets in again at once, and whoever was left signed in is out (R34a)."""

from datetime import UTC, datetime

import pyotp
import pytest

from rolecall.accounts import second_factor, throttle
from rolecall.errors import Busy, Refused
from rolecall.testing.factories import make_account


def _try(case, account_id, times=1):
    """Attempts at the secret of an account; answers how many were counted."""
    counted, now = 0, datetime.now(UTC)
    for _ in range(times):
        tried = throttle.attempt(account_id=account_id, name="", address="192.0.2.7")
        try:
            case.office.app.db.attempt(lambda session, tried=tried: throttle.count(session, tried, now=now))
        except Busy:
            break
        counted += 1
    return counted


def test_whoever_is_locked_out_may_try_again_at_once_and_nobody_else(case):
    other = case.office.make(make_account, "Ben").id
    assert (_try(case, case.id, 12), _try(case, other, 12)) == (10, 10)

    assert case.changed_by("account.unlock") == {}

    assert (_try(case, case.id), _try(case, other)) == (1, 0)


def test_sessions_end_and_nothing_else_is_touched(case):
    assert case.sessions == 1

    assert case.changed_by("account.end_sessions") == {}

    assert case.sessions == 0


def test_the_second_factor_goes_with_every_session(case):
    with case.office.app.db.write() as session:
        second_factor.begin(session, case.office.app.keyring, case.id)
        key = second_factor.next_key(session, case.office.app.keyring, case.id)
        codes = second_factor.turn_on(session, case.office.app.keyring, case.id, pyotp.TOTP(key).now(), now=datetime.now(UTC))

    assert case.changed_by("account.reset_second_factor") == {}

    assert case.sessions == 0
    with case.office.app.db.write() as session:
        assert not second_factor.has(session, case.id)
        assert second_factor.use(session, case.office.app.keyring, case.id, codes[0], now=datetime.now(UTC)) is None


@pytest.mark.parametrize(
    ("action_id", "code", "sentence"),
    [
        ("account.unlock", "not-locked", "nothing is locked"),
        ("account.end_sessions", "not-signed-in", "not signed in anywhere"),
        ("account.reset_second_factor", "no-second-factor", "has no second factor"),
    ],
)
def test_there_has_to_be_something_to_take_back(case, action_id, code, sentence):
    if action_id == "account.end_sessions":
        case.act(action_id)

    refused = case.refusal(action_id)

    assert sentence in str(refused)
    assert refused.code == code


def test_nobody_signs_themselves_out_in_the_middle_of_an_action(case):
    oneself = case.acting("act:account.end_sessions")

    with pytest.raises(Refused, match="the account you are working with"):
        case.office.act("account.end_sessions", case.id, actor=oneself)

    assert case.sessions == 1
