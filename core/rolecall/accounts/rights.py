"""What an account may do in a period: the permissions of its one enabled role there (R15, R58, R59).

Owns the join from an account over its role-period to the role, which sessions, tokens and sign-in share. Knows no permission by name.
"""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, ScalarSelect, and_, func, join, outerjoin, select
from sqlalchemy.orm import Session

from rolecall.store.tables import Account, Period, Role, RolePeriod, RolePermission


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


def split(text: str | None) -> frozenset[str]:
    """Read what :func:`permissions_text` gave."""
    return frozenset(text.split("\n")) if text else frozenset()


def permissions_of(session: Session, account_id: int, period_id: int | None = None) -> frozenset[str] | None:
    """Return an account's permissions in a period, by default the current one; none means all of them (the Global Owner).

    Account state counts: who is inactive or deleted may do nothing.
    """
    role, on = role_in(current_period() if period_id is None else select(Period.id).where(Period.id == period_id).scalar_subquery())
    row = session.execute(
        select(Account.is_owner, permissions_text())
        .select_from(outerjoin(Account, role, on))
        .where(Account.id == account_id, Account.active, Account.deleted_at.is_(None))
    ).one_or_none()
    if row is None:
        return frozenset()
    return None if row[0] else split(row[1])
