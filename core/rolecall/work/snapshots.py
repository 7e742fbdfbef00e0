"""Fills the frozen views of accounts and classes that providers, validators and news hooks receive.

Owns the reading: two statements for a chunk of accounts. Never holds a secret.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.sdk.snapshots import AccountSnapshot, ClassSnapshot, PeriodSnapshot, PersonSnapshot, RoleSnapshot
from rolecall.store.bulk import among, chunks
from rolecall.store.tables import Account, Period, Person, Role, RolePeriod, SchoolClass, StudentStatus
from rolecall.work.projection import ROLE, Fields

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
#: The snapshot's name for a projected field, where it has one under another name.
_RENAMED = {"sso": "sso_provider", "owner": "is_owner"}


def account_snapshots(session: Session, ids: Sequence[int]) -> dict[int, AccountSnapshot]:
    """Return the accounts as they are in this transaction, by id; ids that belong to none are absent."""
    session.flush()
    snapshots: dict[int, AccountSnapshot] = {}
    for part in chunks(ids):
        snapshots.update(_read(session, part))
    return snapshots


def class_snapshots(session: Session, ids: Sequence[int]) -> dict[int, ClassSnapshot]:
    """Return the classes as they are in this transaction, by id; ids that belong to none are absent."""
    columns = (SchoolClass.id, SchoolClass.key, SchoolClass.code, SchoolClass.name, SchoolClass.active)
    period = (Period.code, Period.name, Period.starts_on, Period.ends_on, Period.is_current, Period.is_open)
    statement = select(*columns, *(column.label(f"period_{column.key}") for column in period))
    rows = session.execute(statement.join(Period, Period.id == SchoolClass.period_id).where(SchoolClass.id.in_(among(session, ids))))
    return {
        row.id: ClassSnapshot(
            id=row.id, key=row.key, code=row.code, name=row.name, active=row.active,
            period=PeriodSnapshot(**{column.key: getattr(row, f"period_{column.key}") for column in period}),
        )
        for row in rows
    }  # fmt: skip


def snapshot_fields(names: Iterable[str]) -> set[str]:
    """Name the fields of a snapshot that hold these projected fields; roles of whatever period are ``roles``."""
    return {"roles" if name.startswith(ROLE) else _RENAMED.get(name, name) for name in names}


def as_they_were(session: Session, after: Mapping[int, AccountSnapshot], were: Mapping[int, Fields]) -> dict[int, AccountSnapshot]:
    """Return the snapshots with the projected fields in ``were`` put back, by account."""
    known = {row.code: row for row in session.execute(select(Period.code, Period.is_current, Period.is_open, Period.starts_on, Period.id))}

    def roles(snapshot: AccountSnapshot, was: Fields) -> tuple[RoleSnapshot, ...]:
        held = {role.period: role for role in snapshot.roles}
        for name, role in was.items():
            if not name.startswith(ROLE):
                continue
            code = name.removeprefix(ROLE)
            held.pop(code, None)
            if role is not None:
                held[code] = RoleSnapshot(
                    period=code, role=role["role"], enabled=role["enabled"],
                    period_is_current=known[code].is_current, period_is_open=known[code].is_open,
                )  # fmt: skip
        return tuple(held[code] for code in sorted(held, key=lambda code: (known[code].starts_on, known[code].id)))

    before = {}
    for account_id, snapshot in after.items():
        was = were[account_id]
        values = {_RENAMED.get(name, name): value for name, value in was.items()}
        own = {name: value for name, value in values.items() if name == "deleted" or name in _ACCOUNT_NAMES}
        before[account_id] = replace(snapshot, roles=roles(snapshot, was), **own)
    return before


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
        select(RolePeriod.account_id, Period.code, Role.name, RolePeriod.enabled, Period.is_current, Period.is_open, Role.id)
        .join(Period, Period.id == RolePeriod.period_id)
        .join(Role, Role.id == RolePeriod.role_id)
        .where(RolePeriod.account_id.in_(among(session, ids)))
        .order_by(Period.starts_on, Period.id)
    )
    roles: dict[int, list[RoleSnapshot]] = defaultdict(list)
    for account_id, code, name, enabled, is_current, is_open, role_id in session.connection().execute(statement).all():
        roles[account_id].append(
            RoleSnapshot(period=code, role=name, enabled=enabled, period_is_current=is_current, period_is_open=is_open, role_id=role_id)
        )
    return roles
