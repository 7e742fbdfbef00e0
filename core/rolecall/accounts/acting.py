"""Signing in as somebody else: the Global Owner's own session shows what another account shows, and changes nothing (R27).

Owns how long it lasts and what is written about it. It is no sign-in of the other account. That nothing changes is for the face to see
to: it refuses whatever is not reading.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import audit, sessions
from rolecall.accounts.actors import Actor
from rolecall.accounts.sessions import SessionView
from rolecall.errors import Forbidden, Invalid, Refused
from rolecall.store.tables import Account, SignIn
from rolecall.translation import gettext as _

#: It ends by itself after this long.
LASTS = timedelta(minutes=30)
#: The sentence of every refusal meanwhile.
READ_ONLY = _("You are signed in as somebody else, so nothing can be changed.")
#: The method in the history of the account, where its owner sees it.
METHOD = "sign_in_as"

_LONGEST = 500


def start(session: Session, view: SessionView, account_id: int, *, reason: str, actor: Actor, now: datetime) -> str:
    """Let the Global Owner's session show what an account shows; return its new token.

    That the account can be signed in to, and is nobody's above, is for the caller to see to.

    :raises Forbidden: for anybody but the Global Owner.
    :raises Invalid: without a reason.
    :raises Refused: while the session is somebody else's, or a role is tried.
    """
    if view.acting_for is not None or view.trying is not None:
        raise Refused(_("You are signed in as somebody else, or try a role out."), hint=_("Stop that first."), code="acting")
    if session.scalar(select(Account.id).where(Account.id == view.account_id, Account.is_owner).with_for_update(key_share=True)) is None:
        raise Forbidden("Only the Global Owner signs in as somebody else.")
    reason = reason.strip()
    if not reason or len(reason) > _LONGEST:
        message = f"Say why, in at most {_LONGEST} characters."
        raise Invalid(message, fields={"reason": [message]})
    token = sessions.act_as(session, view.digest, account_id, now + LASTS)
    session.add(SignIn(account_id=account_id, at=now, method=METHOD, result="looked", address=view.address))
    payload = {"reason": reason, "until": now + LASTS}
    audit.append(session, actor=actor, kind="sign_in_as", payload=payload, account_id=account_id, on_behalf=f"account:{account_id}", at=now)
    return token


def stop(session: Session, view: SessionView, *, actor: Actor, now: datetime) -> str:
    """Make the session its owner's own again; return its new token."""
    token = sessions.act_as(session, view.digest, None, None)
    audit.append(session, actor=actor, kind="sign_in_as.end", payload={}, account_id=view.acting_as, at=now)
    return token
