"""Fills the frozen views of accounts that providers, validators and news hooks receive.

Owns the reading: two statements for a chunk of accounts. Never holds a secret.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.sdk.snapshots import AccountSnapshot, PersonSnapshot, RoleSnapshot
from rolecall.store.bulk import among, chunks
from rolecall.store.tables import Account, Period, Person, Role, RolePeriod, StudentStatus

_ACCOUNT = (
    Account.key,
    Account.type,
    Account.username,
    Account.email,
    Account.email_verified,
    Account.first_name,
    Account.last_name,
    Account.active,
    Account.must_change_password,
    Account.sso_provider,
    Account.is_owner,
    Account.invited_at,
    Account.version,
)
_PERSON = (
    Person.id,
    Person.list,
    Person.code,
    Person.first_name,
    Person.last_name,
    Person.email,
    Person.phone,
    Person.language,
    Person.active,
    Person.no_sync,
)
_ACCOUNT_NAMES = tuple(column.key for column in _ACCOUNT)
_PERSON_NAMES = tuple(column.key for column in _PERSON)


def account_snapshots(session: Session, ids: Sequence[int]) -> dict[int, AccountSnapshot]:
    """Return the accounts as they are in this transaction, by id; ids that belong to none are absent."""
    session.flush()
    snapshots: dict[int, AccountSnapshot] = {}
    for part in chunks(ids):
        snapshots.update(_read(session, part))
    return snapshots


def _read(session: Session, ids: Sequence[int]) -> dict[int, AccountSnapshot]:
    roles = _roles(session, ids)
    status = (StudentStatus.label, StudentStatus.type)
    statement = (
        select(Account.id, Account.deleted_at.is_not(None), *status, *_ACCOUNT, *_PERSON)
        .join(Person, Person.id == Account.person_id)
        .outerjoin(StudentStatus, StudentStatus.id == Person.status_id)
        .where(Account.id.in_(among(session, ids)))
    )
    middle = 4 + len(_ACCOUNT)
    found = {}
    for row in session.connection().execute(statement).all():
        account_id, deleted, label, status_type = row[:4]
        person = PersonSnapshot(status=label, status_type=status_type, **_named(_PERSON_NAMES, row[middle:]))
        found[account_id] = AccountSnapshot(
            id=account_id,
            deleted=deleted,
            person=person,
            roles=tuple(roles[account_id]),
            **_named(_ACCOUNT_NAMES, row[4:middle]),
        )
    return found


def _named(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


def _roles(session: Session, ids: Sequence[int]) -> dict[int, list[RoleSnapshot]]:
    statement = (
        select(RolePeriod.account_id, Period.code, Role.name, RolePeriod.enabled, Period.is_current, Period.is_open)
        .join(Period, Period.id == RolePeriod.period_id)
        .join(Role, Role.id == RolePeriod.role_id)
        .where(RolePeriod.account_id.in_(among(session, ids)))
        .order_by(Period.starts_on, Period.id)
    )
    roles: dict[int, list[RoleSnapshot]] = defaultdict(list)
    for account_id, code, name, enabled, is_current, is_open in session.connection().execute(statement).all():
        roles[account_id].append(
            RoleSnapshot(period=code, role=name, enabled=enabled, period_is_current=is_current, period_is_open=is_open)
        )
    return roles
