"""Setting up one's own second factor, replacing and removing it: each is one transaction with its audit entry and its notice (R53, A-22).

Owns that it is always the account of whoever asks. That the password was given just now is for the face to see to.
"""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from rolecall.accounts import audit, second_factor, security_notices, sessions
from rolecall.accounts.actors import Actor
from rolecall.accounts.sessions import SessionView
from rolecall.errors import Invalid, Refused
from rolecall.store.engine import now
from rolecall.work.application import Application

_WRONG = "This is not the code that the app shows now."


def begin(app: Application, view: SessionView) -> None:
    """Make the key of an app that is to be set up; one that is in use goes on until :func:`turn_on`.

    :raises Refused: where a second factor is not offered.
    """
    app.db.attempt(lambda session: second_factor.begin(session, app.keyring, view.account_id))


def turn_on(app: Application, actor: Actor, view: SessionView, code: str) -> tuple[str, list[str]]:
    """Let the new app count from now on, and return the session's new token and ten recovery codes, shown this once.

    Every other session of the account ends: none of them was opened with this app.

    :raises Invalid: when the code is not the app's; a key that somebody types wrong gives wrong codes.
    """

    def unit(session: Session) -> tuple[str, list[str]] | None:
        replaces = second_factor.has(session, view.account_id)
        codes = second_factor.turn_on(session, app.keyring, view.account_id, code, now=datetime.now(UTC))
        if codes is None:
            return None
        sessions.end_all(session, [view.account_id], except_digest=view.digest)
        token = sessions.gave_factor(session, view.digest)
        _note(session, actor, view, "second_factor.replaced" if replaces else "second_factor.on")
        return token, codes

    done = app.db.attempt(unit)
    if done is None:
        raise Invalid(_WRONG, hint="Wait for the next one, or type the key again.", fields={"code": [_WRONG]})
    return done


def new_recovery_codes(app: Application, actor: Actor, view: SessionView) -> list[str]:
    """Make ten recovery codes in place of those there are; they are shown this once.

    :raises Refused: without a second factor.
    """

    def unit(session: Session) -> list[str]:
        _require_one(session, view)
        codes = second_factor.new_recovery_codes(session, view.account_id)
        _note(session, actor, view, "second_factor.codes")
        return codes

    return app.db.attempt(unit)


def turn_off(app: Application, actor: Actor, view: SessionView) -> None:
    """Sign in with the password alone from now on.

    :raises Refused: without a second factor, or where the institution requires one.
    """

    def unit(session: Session) -> None:
        _require_one(session, view)
        if second_factor.mode(session, view.type) == second_factor.REQUIRED:
            raise Refused("Your institution requires a second factor.", hint="Set up another app in place of this one.")
        second_factor.remove(session, [view.account_id])
        _note(session, actor, view, "second_factor.off")

    app.db.attempt(unit)


def _require_one(session: Session, view: SessionView) -> None:
    if not second_factor.has(session, view.account_id):
        raise Refused("You have no second factor.", hint="Set one up first.")


def _note(session: Session, actor: Actor, view: SessionView, kind: str) -> None:
    security_notices.queue(session, security_notices.FACTOR, [view.account_id], now=now(session))
    audit.append(session, actor=actor, kind=kind, payload={}, account_id=view.account_id)
