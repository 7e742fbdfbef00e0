"""Signing in as somebody else and back: each is one transaction with its audit entry (R27).

Owns that the action's own requirements are asked again in the transaction. The rest of the rules is in ``accounts.acting``.
"""

from sqlalchemy.orm import Session

from rolecall.accounts import acting
from rolecall.accounts.actors import Actor
from rolecall.accounts.sessions import SessionView
from rolecall.errors import Forbidden, Refused
from rolecall.store.engine import now
from rolecall.work.application import Application
from rolecall.work.runs.plan import find_action, why_not

ACTION = "account.sign_in_as"


def begin(app: Application, actor: Actor, view: SessionView, account_id: int, reason: str) -> str:
    """Let the session of the Global Owner show what an account shows; return its new token.

    :raises Refused: (and its subclasses) when it is not for the actor, or does not apply to the account; without a reason.
    """

    def unit(session: Session) -> str:
        refuse(app, session, actor, account_id)
        return acting.start(session, view, account_id, reason=reason, actor=actor, now=now(session))

    return app.db.attempt(unit)


def stop(app: Application, actor: Actor, view: SessionView) -> str:
    """Make the session its owner's own again; return its new token."""
    return app.db.attempt(lambda session: acting.stop(session, view, actor=actor, now=now(session)))


def refuse(app: Application, session: Session, actor: Actor, account_id: int) -> None:
    """Refuse where it does not apply.

    :raises Forbidden: for anybody but the Global Owner.
    :raises Refused: with the sentence.
    """
    if actor.permissions is not None:
        raise Forbidden("Only the Global Owner signs in as somebody else.")
    action = find_action(app.plugins.view(session), actor, ACTION)
    if (sentence := why_not(session, actor, [action], account_id)[action.id]) is not None:
        raise Refused(sentence)
