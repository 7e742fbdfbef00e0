"""Trying a role out: one's own session has the role's menu and rights for a while, and nothing can be changed meanwhile (R57).

Owns who may try which role. That nothing changes is for the face to see to: it refuses whatever is not reading.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from rolecall.accounts import audit, roles, sessions
from rolecall.accounts.actors import Actor
from rolecall.accounts.sessions import SessionView
from rolecall.errors import Refused
from rolecall.translation import gettext as _

#: The sentence of every refusal while a role is tried.
READ_ONLY = _("You are trying a role out, so nothing can be changed.")


def start(session: Session, view: SessionView, role_id: int, *, actor: Actor, now: datetime) -> str:
    """Let a session have the menu and the rights of a role; return its new token.

    :raises Unknown: when there is no such role.
    :raises Forbidden: when the role holds or reaches more than the actor: trying it would show what the actor may not see (Z-04).
    :raises Refused: while another role is tried.
    """
    if view.trying is not None:
        raise Refused(READ_ONLY, hint=_("Stop trying it first."), code="trying")
    role = roles.get(session, role_id)
    roles.require_grantable(session, [role.id], actor)
    token = sessions.try_role(session, view.digest, role.id)
    audit.append(session, actor=actor, kind="role.try", payload={"role": role.id, "name": role.name}, account_id=actor.account_id, at=now)
    return token


def stop(session: Session, view: SessionView, *, actor: Actor, now: datetime) -> str:
    """Give a session its own rights back; return its new token."""
    token = sessions.try_role(session, view.digest, None)
    audit.append(session, actor=actor, kind="role.try_end", payload={"role": view.role_id}, account_id=actor.account_id, at=now)
    return token
