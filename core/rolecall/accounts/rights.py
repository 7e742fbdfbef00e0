"""What an account may do in a period, and with whose accounts: the rights of its one enabled role there (R15, R58, R59).

Owns the join from an account over its role-period to the role, which sessions, tokens and sign-in share, and that a session for reading
shows an actor only whom the rights reach. Knows no permission by name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, ScalarSelect, and_, func, join, outerjoin, select
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.store import reach
from rolecall.store.tables import Account, Period, Role, RolePeriod, RolePermission


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Permissions, and the user types that they reach; none means all of them."""

    permissions: frozenset[str] | None
    types: frozenset[str] | None


#: Of whoever may do nothing.
NOTHING = Rights(permissions=frozenset(), types=frozenset())
#: Of the Global Owner (R26).
EVERYTHING = Rights(permissions=None, types=None)


def current_period() -> ScalarSelect[int]:
    """The id of the current period, as part of a statement."""
    return select(Period.id).where(Period.is_current).scalar_subquery()


def permissions_text() -> ScalarSelect[str]:
    """The permissions of the ``Role`` of the enclosing statement, in one text; read it with :func:`split`."""
    joined = func.aggregate_strings(RolePermission.permission, "\n")
    return select(joined).where(RolePermission.role_id == Role.id).correlate(Role).scalar_subquery()


def role_in(period: ColumnElement[Any] | ScalarSelect[Any]) -> tuple[FromClause, ColumnElement[bool]]:
    """What to join to ``Account``, and on what, to have its ``Role`` in a period: enabled there, and active."""
    in_period = join(RolePeriod, Role, and_(Role.id == RolePeriod.role_id, Role.active))
    return in_period, and_(RolePeriod.account_id == Account.id, RolePeriod.period_id == period, RolePeriod.enabled)


def has_role_now() -> ColumnElement[bool]:
    """Whether an account has an enabled role in the current period and no address to verify first, as SQL over account."""
    held = select(RolePeriod.account_id).join(Role, and_(Role.id == RolePeriod.role_id, Role.active))
    held = held.where(RolePeriod.account_id == Account.id, RolePeriod.period_id == current_period(), RolePeriod.enabled)
    return and_(held.correlate(Account).exists(), Account.must_verify_email.is_(False))


def split(text: str | None) -> frozenset[str]:
    """Read what :func:`permissions_text` gave."""
    return frozenset(text.split("\n")) if text else frozenset()


def types_of(limited_to: Iterable[str] | None) -> frozenset[str] | None:
    """Read ``Role.limited_to``."""
    return None if limited_to is None else frozenset(limited_to)


def of_account(session: Session, account_id: int, period_id: int | None = None) -> Rights:
    """Return an account's rights in a period, by default the current one.

    Account state counts: who is inactive or deleted may do nothing.
    """
    role, on = role_in(current_period() if period_id is None else select(Period.id).where(Period.id == period_id).scalar_subquery())
    row = session.execute(
        select(Account.is_owner, permissions_text(), Role.limited_to)
        .select_from(outerjoin(Account, role, on))
        .where(Account.id == account_id, Account.active, Account.deleted_at.is_(None))
    ).one_or_none()
    if row is None:
        return NOTHING
    return EVERYTHING if row[0] else Rights(permissions=split(row[1]), types=types_of(row[2]))


def narrow(session: Session, actor: Actor) -> None:
    """Let a session read only the accounts and people that the actor's rights reach; nothing happens where they reach all (R58, Z-09)."""
    if actor.types is not None and actor.account_id is not None:
        reach.limit(session, reach.Reach(types=actor.types, account_id=actor.account_id, actor=actor.name))
