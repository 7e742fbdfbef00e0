"""The one role of an account in a period: assign, take away, disable and enable it for many accounts at once (R15, R35, R37, R59).

Owns which account a role fits. Every function answers with the accounts it left alone and why; the others are done.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, literal, select, true, update
from sqlalchemy.orm import Session

from rolecall.errors import Invalid, Refused
from rolecall.sdk.words import USER_TYPES
from rolecall.store.bulk import among, chunks, insert_into
from rolecall.store.engine import now as database_now
from rolecall.store.tables import Account, Period, Role, RolePeriod

MODES = ("add", "replace", "remove")


def assign(
    session: Session, ids: Sequence[int], period_id: int, role_id: int | None, mode: str, *, now: datetime | None = None
) -> dict[int, str]:
    """Give accounts a role in a period, or take it away; return the accounts left as they are, each with the reason.

    ``add`` touches only accounts without any role in the period, remembered ones included; ``replace`` sets the role whatever was
    there and enables it; ``remove`` takes away this role, or whichever there is where ``role_id`` is none. An account whose user type
    the role is not for is left alone. Set-based: a few statements for up to 5,000 ids.

    :raises Refused: when the period is closed, or the role that would be given is inactive.
    :raises Invalid: when there is no such mode, period or role.
    """
    if mode not in MODES:
        raise Invalid(f"{mode!r} is not a way to assign roles.", hint=f"Use {', '.join(MODES)}.")
    period = session.get(Period, period_id)
    role = None if role_id is None else session.get(Role, role_id)
    if period is None or (role is None and (mode != "remove" or role_id is not None)):
        raise Invalid("There is no such period or role any more.", hint="Reload the page and choose again.")
    if not period.is_open:
        raise Refused(f"The period {period.code} is closed.", hint="Choose an open period.")
    if mode != "remove" and role is not None and not role.active:
        raise Refused(f"The role {role.name} is not active.", hint="Activate it, or choose another role.")
    session.flush()
    moment = now or database_now(session)
    left: dict[int, str] = {}
    for chunk in chunks(ids):
        if mode == "remove" or role is None:
            left |= _remove(session, chunk, period, role)
        else:
            left |= _give(session, chunk, period, role, replace=mode == "replace", now=moment)
    session.expire_all()
    return left


def disable(session: Session, ids: Sequence[int], period_ids: Collection[int]) -> dict[int, str]:
    """Close periods for accounts; their roles there are remembered (R37). Return the accounts that had nothing to close."""
    return _switch(session, ids, period_ids, enabled=False, none="Has no enabled role in these periods.")


def enable(session: Session, ids: Sequence[int], period_ids: Collection[int] | None = None) -> dict[int, str]:
    """Give remembered roles back, of these periods or of all (R20). Return the accounts that had none."""
    return _switch(session, ids, period_ids, enabled=True, none="Has no remembered role in these periods.")


def _give(session: Session, ids: list[int], period: Period, role: Role, *, replace: bool, now: datetime) -> dict[int, str]:
    types = dict(session.execute(select(Account.id, Account.type).where(Account.id.in_(among(session, ids)))).all())
    held = _held(session, ids, period)
    left: dict[int, str] = {}
    given: list[int] = []
    for account_id in ids:
        if types.get(account_id) != role.user_type:
            left[account_id] = f"The role {role.name} is for {USER_TYPES[role.user_type].lower()} only."
        elif account_id in held and not replace:
            left[account_id] = f"Has the role {held[account_id][1]} in {period.code} already."
        elif held.get(account_id, (0, "", False))[::2] == (role.id, True):
            left[account_id] = f"Has the role {role.name} in {period.code} already."
        else:
            given.append(account_id)
    _upsert(session, given, period, role, now)
    return left


def _remove(session: Session, ids: list[int], period: Period, role: Role | None) -> dict[int, str]:
    held = _held(session, ids, period)
    having = {account_id for account_id, (role_id, _, _) in held.items() if role is None or role_id == role.id}
    session.execute(
        delete(RolePeriod).where(RolePeriod.account_id.in_(among(session, having)), RolePeriod.period_id == period.id),
        execution_options={"synchronize_session": False},
    )
    none = f"Has no role in {period.code}." if role is None else f"Does not have the role {role.name} in {period.code}."
    return {account_id: none for account_id in ids if account_id not in having}


def _switch(session: Session, ids: Sequence[int], periods: Collection[int] | None, *, enabled: bool, none: str) -> dict[int, str]:
    session.flush()
    touched: set[int] = set()
    for chunk in chunks(ids):
        within = [RolePeriod.account_id.in_(among(session, chunk)), RolePeriod.enabled.is_(not enabled)]
        if periods is not None:
            within.append(RolePeriod.period_id.in_(periods))
        touched.update(session.scalars(select(RolePeriod.account_id).where(*within)))
        session.execute(update(RolePeriod).where(*within).values(enabled=enabled), execution_options={"synchronize_session": False})
    session.expire_all()
    return {account_id: none for account_id in ids if account_id not in touched}


def _held(session: Session, ids: list[int], period: Period) -> dict[int, tuple[int, str, bool]]:
    rows = session.execute(
        select(RolePeriod.account_id, RolePeriod.role_id, Role.name, RolePeriod.enabled)
        .join(Role, Role.id == RolePeriod.role_id)
        .where(RolePeriod.account_id.in_(among(session, ids)), RolePeriod.period_id == period.id)
    )
    return {account_id: (role_id, name, enabled) for account_id, role_id, name, enabled in rows}


def _upsert(session: Session, ids: Sequence[int], period: Period, role: Role, now: datetime) -> None:
    rows = (
        select(Account.id, literal(period.id), literal(role.id), true(), literal(now, RolePeriod.created_at.type))
        .where(Account.id.in_(among(session, ids)))
        .order_by(Account.id)
    )
    insert = insert_into(session, RolePeriod).from_select(["account_id", "period_id", "role_id", "enabled", "created_at"], rows)
    keep = {column: insert.excluded[column] for column in ("role_id", "enabled")}
    session.connection().execute(insert.on_conflict_do_update(index_elements=["account_id", "period_id"], set_=keep))
