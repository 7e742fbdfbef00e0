"""The one role of an account in a period: assign, take away, disable and enable it for many accounts at once (R15, R35, R37, R59).

Owns which account a role fits. Every function answers with the accounts it left alone and why; the others are done.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from rolecall.errors import Invalid, Refused
from rolecall.sdk.words import USER_TYPES
from rolecall.store.bulk import chunks, insert_into
from rolecall.store.engine import now as database_now
from rolecall.store.tables import Account, Period, Role, RolePeriod

MODES = ("add", "replace", "remove")


def assign(session: Session, ids: Sequence[int], period: Period, role: Role, mode: str, *, now: datetime | None = None) -> dict[int, str]:
    """Give accounts a role in a period, or take it away; return the accounts left as they are, each with the reason.

    ``add`` touches only accounts without any role in the period, remembered ones included; ``replace`` sets the role whatever was
    there and enables it; ``remove`` takes away exactly this role. An account whose user type the role is not for is left alone.
    Set-based: a few statements for up to 5,000 ids.

    :raises Refused: when the period is closed, or the role that would be given is inactive.
    :raises Invalid: when there is no such mode.
    """
    if mode not in MODES:
        raise Invalid(f"{mode!r} is not a way to assign roles.", hint=f"Use {', '.join(MODES)}.")
    _require_open(period)
    if mode != "remove" and not role.active:
        raise Refused(f"The role {role.name} is not active.", hint="Activate it, or choose another role.")
    session.flush()
    moment = now or database_now(session)
    left: dict[int, str] = {}
    for chunk in chunks(ids):
        if mode == "remove":
            left |= _remove(session, chunk, period, role)
        else:
            left |= _give(session, chunk, period, role, replace=mode == "replace", now=moment)
    session.expire_all()
    return left


def disable(session: Session, ids: Sequence[int], periods: Collection[Period]) -> dict[int, str]:
    """Close periods for accounts; their roles there are remembered (R37). Return the accounts that had nothing to close."""
    return _switch(session, ids, [period.id for period in periods], enabled=False, none="Has no enabled role in these periods.")


def enable(session: Session, ids: Sequence[int], periods: Collection[Period] | None = None) -> dict[int, str]:
    """Give remembered roles back, of these periods or of all (R20). Return the accounts that had none."""
    within = None if periods is None else [period.id for period in periods]
    return _switch(session, ids, within, enabled=True, none="Has no remembered role in these periods.")


def restore(session: Session, wanted: Mapping[int, Mapping[int, tuple[int, bool] | None]], *, now: datetime | None = None) -> None:
    """Put roles back as an undo found them: for each account, for each period id, (role id, enabled) or none."""
    session.flush()
    moment = now or database_now(session)
    gone = [(account_id, period_id) for account_id, periods in wanted.items() for period_id, held in periods.items() if held is None]
    by_period: dict[int, list[int]] = {}
    for account_id, period_id in gone:
        by_period.setdefault(period_id, []).append(account_id)
    for period_id, account_ids in by_period.items():
        for chunk in chunks(account_ids):
            _execute_delete(session, chunk, period_id)
    rows = [
        {"account_id": account_id, "period_id": period_id, "role_id": held[0], "enabled": held[1], "created_at": moment}
        for account_id, periods in wanted.items()
        for period_id, held in periods.items()
        if held is not None
    ]
    _upsert(session, rows)
    session.expire_all()


def _give(session: Session, ids: list[int], period: Period, role: Role, *, replace: bool, now: datetime) -> dict[int, str]:
    types = dict(session.execute(select(Account.id, Account.type).where(Account.id.in_(ids))).tuples().all())
    held = _held(session, ids, period)
    left: dict[int, str] = {}
    rows = []
    for account_id in ids:
        if types.get(account_id) != role.user_type:
            left[account_id] = f"The role {role.name} is for {USER_TYPES[role.user_type].lower()} only."
        elif account_id in held and not replace:
            left[account_id] = f"Has the role {held[account_id][1]} in {period.code} already."
        elif held.get(account_id, (0, "", False))[::2] == (role.id, True):
            left[account_id] = f"Has the role {role.name} in {period.code} already."
        else:
            rows.append({"account_id": account_id, "period_id": period.id, "role_id": role.id, "enabled": True, "created_at": now})
    _upsert(session, rows)
    return left


def _remove(session: Session, ids: list[int], period: Period, role: Role) -> dict[int, str]:
    held = _held(session, ids, period)
    having = [account_id for account_id in ids if account_id in held and held[account_id][0] == role.id]
    _execute_delete(session, having, period.id)
    return {account_id: f"Does not have the role {role.name} in {period.code}." for account_id in ids if account_id not in set(having)}


def _switch(session: Session, ids: Sequence[int], periods: Sequence[int] | None, *, enabled: bool, none: str) -> dict[int, str]:
    session.flush()
    touched: set[int] = set()
    for chunk in chunks(ids):
        within = [RolePeriod.account_id.in_(chunk), RolePeriod.enabled.is_(not enabled)]
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
        .where(RolePeriod.account_id.in_(ids), RolePeriod.period_id == period.id)
    )
    return {account_id: (role_id, name, enabled) for account_id, role_id, name, enabled in rows}


def _upsert(session: Session, rows: list[dict[str, object]]) -> None:
    if not rows:
        return
    insert = insert_into(session, RolePeriod)
    keep = {column: insert.excluded[column] for column in ("role_id", "enabled")}
    session.connection().execute(insert.on_conflict_do_update(index_elements=["account_id", "period_id"], set_=keep), rows)


def _execute_delete(session: Session, ids: list[int], period_id: int) -> None:
    if ids:
        session.execute(
            delete(RolePeriod).where(RolePeriod.account_id.in_(ids), RolePeriod.period_id == period_id),
            execution_options={"synchronize_session": False},
        )


def _require_open(period: Period) -> None:
    if not period.is_open:
        raise Refused(f"The period {period.code} is closed.", hint="Choose an open period.")
