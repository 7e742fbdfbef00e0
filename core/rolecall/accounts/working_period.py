"""The period that somebody works in: which ones they may choose from, and switching between them (R59).

Owns who may switch where. What holds in a period is the role's there, which a session reads anew at every request.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import join, outerjoin, select
from sqlalchemy.orm import Session

from rolecall.accounts import audit, rights, sessions
from rolecall.accounts.actors import Actor
from rolecall.accounts.sessions import SessionView
from rolecall.errors import Refused
from rolecall.store.tables import Account, Period, Role
from rolecall.translation import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A period somebody may work in, open or closed, and the role that they have there; the Global Owner may have none."""

    id: int
    code: str
    name: str
    role: str | None
    is_current: bool


def choices(session: Session, account_id: int) -> list[Choice]:
    """The periods in which an account has an enabled role, the current one first, then the newest; all of them for the Global Owner."""
    in_period, on = rights.role_in(Period.id.expression)
    found = session.execute(
        select(Period.id, Period.code, Period.name, Role.name, Period.is_current)
        .select_from(outerjoin(join(Period, Account, Account.id == account_id), in_period, on))
        .where(Account.is_owner | Role.id.is_not(None))
        .order_by(Period.is_current.desc(), Period.starts_on.desc(), Period.id.desc())
    )
    return [Choice(id=id_, code=code, name=name, role=role, is_current=current) for id_, code, name, role, current in found]


def switch(session: Session, view: SessionView, period_id: int, *, actor: Actor, now: datetime) -> str:
    """Let a session work in another period, with the rights of the role there from now on; return its new token (S-01).

    :raises Refused: when the account has no role there.
    """
    chosen = next((each for each in choices(session, view.account_id) if each.id == period_id), None)
    if chosen is None:
        raise Refused(_("You have no role in that period."), hint=_("Ask the office for one, or choose another period."))
    token = sessions.work_in(session, view.digest, None if chosen.is_current else chosen.id)
    payload = {"from": view.period, "to": chosen.name, "role": chosen.role}
    audit.append(session, actor=actor, kind="session.period", payload=payload, account_id=view.account_id, at=now)
    return token
