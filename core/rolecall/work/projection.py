"""The one fixed view of an account that histories are made of: its columns and its role per period, as plain values.

Owns before -> after. Never holds a secret: a password is only ``none``, ``first-time`` or ``own``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from rolecall.store.bulk import among
from rolecall.store.tables import Account, Period, Role, RolePeriod

Fields = dict[str, Any]
#: Prefix of the fields that tell the role in a period: ``role:2026``.
ROLE = "role:"

_PASSWORD = case(
    (Account.password_hash.is_not(None), "own"),
    (Account.sealed_password.is_not(None), "first-time"),
    else_="none",
)
_COLUMNS = {
    "type": Account.type,
    "username": Account.username,
    "email": Account.email,
    "email_verified": Account.email_verified,
    "email_verified_by": Account.email_verified_by,
    "must_verify_email": Account.must_verify_email,
    "former_email": Account.former_email,
    "sender_email": Account.sender_email,
    "first_name": Account.first_name,
    "last_name": Account.last_name,
    "name_by_hand": Account.name_by_hand,
    "active": Account.active,
    "closed_by_rule": Account.closed_by_rule,
    "deleted": Account.deleted_at.is_not(None),
    "must_change_password": Account.must_change_password,
    "sso": Account.sso_provider,
    "owner": Account.is_owner,
    "protected": Account.protected,
    "password": _PASSWORD,
}
_NAMES = tuple(_COLUMNS)


def project(session: Session, ids: Sequence[int]) -> dict[int, Fields]:
    """Return the fields of these accounts by id, in two statements however many there are."""
    if not ids:
        return {}
    session.flush()
    rows = session.connection().execute(select(Account.id, *_COLUMNS.values()).where(Account.id.in_(among(session, ids)))).all()
    projected = {row[0]: dict(zip(_NAMES, row[1:], strict=True)) for row in rows}
    roles = (
        select(RolePeriod.account_id, Period.code, Role.name, RolePeriod.role_id, RolePeriod.enabled)
        .join(Period, Period.id == RolePeriod.period_id)
        .join(Role, Role.id == RolePeriod.role_id)
        .where(RolePeriod.account_id.in_(among(session, ids)))
    )
    for account_id, code, name, role_id, enabled in session.connection().execute(roles).all():
        projected[account_id][ROLE + code] = {"role": name, "role_id": role_id, "enabled": enabled}
    return projected


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Fields, Fields]:
    """Return the fields that differ, as they were and as they are; a field that is missing on one side is none there."""
    if before == after:
        return {}, {}
    names = [name for name, value in after.items() if before.get(name) != value]
    names += [name for name, value in before.items() if name not in after and value is not None]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}
