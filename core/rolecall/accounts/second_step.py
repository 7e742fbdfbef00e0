"""The second step of signing in: the code of the second factor, after whatever came first was right (R53, A-22).

Owns the order: the attempt is counted, together with those at the password, before the code is looked at (A-11).
"""

from datetime import datetime

from sqlalchemy.orm import Session

from rolecall.accounts import admission, second_factor, sessions, throttle, tokens
from rolecall.accounts.admission import Outcome, Visit
from rolecall.accounts.sealing import Keyring
from rolecall.errors import Busy, Invalid
from rolecall.store.engine import Database
from rolecall.store.tables import Account
from rolecall.translation import gettext as _

WRONG_CODE = _("This code is not right, or was used already. Wait for the next one, or use a recovery code.")
CODE_OVER = _("The code was not given in time. Sign in again.")
#: The purpose of what stands between the proof at a service and the code.
AGAIN = "again-code"


def take_code(db: Database, keyring: Keyring, *, token: str, code: str, address: str | None, agent: str | None, now: datetime) -> Outcome:
    """Take the code of a second factor, which an outcome that ``needs_code`` asked for.

    ``token`` is that of the half session, which ends when the code was right. State and role are asked again.

    :raises Invalid: for input that is no code at all.
    """
    refuse_no_code(code)
    with db.read() as session:
        account_id = sessions.awaiting(session, token, now)
    if account_id is None:
        return Outcome(result="over", message=CODE_OVER)
    tried = throttle.attempt(account_id=account_id, name="", address=address)
    try:
        db.attempt(lambda session: throttle.count(session, tried, now=now))
    except Busy as busy:
        return Outcome(result="throttled", message=busy.message, retry_after=busy.retry_after)

    def settle(session: Session) -> Outcome:
        account = session.get_one(Account, account_id, with_for_update=True)
        if sessions.awaiting(session, token, now) is None or not account.active or account.deleted_at is not None:
            return Outcome(result="over", message=CODE_OVER)
        way = second_factor.use(session, keyring, account_id, code, now=now)
        visit = Visit(method=way or second_factor.APP, address=address, agent=agent, now=now)
        if way is None:
            admission.record(session, account, "wrong-code", visit)
            return Outcome(result="wrong", message=WRONG_CODE)
        throttle.succeeded(session, tried, now=now)
        sessions.end(session, sessions.digest_of(token))
        return admission.hindered(session, account, visit) or admission.arrive(session, account, visit)

    return db.attempt(settle)


def await_again(session: Session, account_id: int, *, now: datetime) -> str:
    """Remember that somebody who is signed in has proved again at a service who they are; return what the next step brings along."""
    return tokens.create_link(session, AGAIN, account_id, lasts=sessions.CODE_WITHIN, now=now)


def take_code_again(
    db: Database, keyring: Keyring, *, token: str, account_id: int, code: str, address: str | None, now: datetime
) -> Outcome:
    """Take the code that is asked for after :func:`await_again`, in whose five minutes it has to be right (S-08).

    :raises Invalid: for input that is no code at all.
    """
    refuse_no_code(code)
    with db.read() as session:
        if tokens.holder(session, token, AGAIN, now) != account_id:
            return Outcome(result="over", message=CODE_OVER)
    tried = throttle.attempt(account_id=account_id, name="", address=address)
    try:
        db.attempt(lambda session: throttle.count(session, tried, now=now))
    except Busy as busy:
        return Outcome(result="throttled", message=busy.message, retry_after=busy.retry_after)

    def settle(session: Session) -> Outcome:
        account = session.get_one(Account, account_id, with_for_update=True)
        if second_factor.use(session, keyring, account_id, code, now=now) is None:
            admission.record(session, account, "wrong-code", Visit(method="confirmation", address=address, agent=None, now=now))
            return Outcome(result="wrong", message=WRONG_CODE)
        if tokens.consume(session, token, AGAIN, now) is None:
            return Outcome(result="over", message=CODE_OVER)
        throttle.succeeded(session, tried, now=now)
        return Outcome(result="ok", account_id=account_id)

    return db.attempt(settle)


def refuse_no_code(code: str) -> None:
    """Refuse what cannot be a code, before anything is counted (A-14).

    :raises Invalid: with what is expected.
    """
    if not code.strip() or len(code) > second_factor.LONGEST or "\0" in code:
        raise Invalid(_("Enter the six digits that your app shows, or a recovery code."))
