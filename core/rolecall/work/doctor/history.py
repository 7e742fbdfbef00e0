"""Who closed or deleted an account, and when: what the lines of runs and the audit tell of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.store.tables import Account, AuditEntry, Run, RunItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Who did it, when, and why if they said so."""

    actor: str
    at: datetime
    reason: str = ""


def last_deed(session: Session, account: Account) -> Deed | None:
    """Return who deleted or else closed an account, or changed the person so that the rule closed it (R7).

    None when it is open, or what was written down is gone by now.
    """
    if account.deleted_at is not None:
        return _of_run(session, account, RunItem.after["deleted"].as_boolean().is_(True))
    if account.active:
        return None
    if not account.closed_by_rule:
        return _of_run(session, account, RunItem.after["active"].as_boolean().is_(False))
    found = [
        _of_run(session, account, RunItem.after[("account", "active")].as_boolean().is_(False)),
        _of_audit(session, account, AuditEntry.payload[("after", "account", "active")].as_boolean().is_(False)),
    ]
    return max(filter(None, found), key=lambda deed: deed.at, default=None)


def _of_run(session: Session, account: Account, left_so: Any) -> Deed | None:
    row = session.execute(
        select(Run.actor_label, Run.created_at, Run.reason)
        .join(RunItem, RunItem.run_id == Run.id)
        .where(RunItem.account_id == account.id, RunItem.outcome == "done", left_so)
        .order_by(Run.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Deed(actor=row.actor_label, at=row.created_at, reason=row.reason or "")


def _of_audit(session: Session, account: Account, left_so: Any) -> Deed | None:
    entry = session.scalar(select(AuditEntry).where(AuditEntry.account_id == account.id, left_so).order_by(AuditEntry.seq.desc()).limit(1))
    return None if entry is None else Deed(actor=entry.actor_label, at=entry.at)
