"""Makes people, accounts and what belongs to them directly in the tables, for tests that are not about making them.

Every name that is not given is made up, and different each time. Nothing here commits.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.sdk.words import TYPE_OF_LIST
from rolecall.store import listing
from rolecall.store.folding import canonical
from rolecall.store.tables import (
    Account,
    ClassMember,
    Period,
    Person,
    PluginState,
    Role,
    RolePeriod,
    RolePermission,
    SchoolClass,
    Setting,
    StudentStatus,
    UsernameClaim,
)

_numbers = count(1)
_LISTS = {user_type: name for name, user_type in TYPE_OF_LIST.items()} | {"administrator": "employees"}
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def make_status(session: Session, label: str = "Registered", *, type: str = "registered", provider_action: str = "create") -> StudentStatus:
    """Make a student status, or return the one with this label."""
    known = session.scalar(select(StudentStatus).where(StudentStatus.label == label))
    if known is not None:
        return known
    status = StudentStatus(label=label, label_key=label.casefold(), type=type, provider_action=provider_action)
    session.add(status)
    session.flush()
    return status


def make_person(session: Session, first_name: str = "", **values: Any) -> Person:
    """Make a person; students are registered unless a ``status`` is given."""
    number = next(_numbers)
    people_list = values.setdefault("list", "students")
    if people_list == "students" and "status" not in values:
        values["status"] = make_status(session)
    status = values.pop("status", None)
    first_name = first_name or f"First{number}"
    facts = {"code": f"P{number}", "last_name": f"Last{number}", "email": f"{first_name.lower()}.{number}@home.example"} | values
    person = Person(
        first_name=first_name,
        code_key=facts["code"].casefold(),
        status_id=status.id if status else None,
        created_at=_LONG_AGO,
        updated_at=_LONG_AGO,
        **facts,
    )
    session.add(person)
    session.flush()
    return person


def make_account(session: Session, first_name: str = "", *, type: str = "student", person: Person | None = None, **values: Any) -> Account:
    """Make an account with its person and its row of the accounts list. ``no_sync``, ``status`` and ``last_name`` go to the person."""
    theirs = {name: values.pop(name) for name in ("no_sync", "status", "last_name", "language", "code", "phone") if name in values}
    person = person or make_person(session, first_name, list=_LISTS[type], **theirs)
    username = values.pop("username", f"{person.first_name.lower()}{next(_numbers)}")
    facts = {"email": f"{username}@school.example", "first_name": person.first_name, "last_name": person.last_name} | values
    account = Account(
        key=str(uuid4()),
        person_id=person.id,
        type=type,
        username=username,
        username_key=canonical(username),
        email_key=facts["email"].casefold() if facts["email"] else None,
        created_at=_LONG_AGO,
        **facts,
    )
    session.add(account)
    session.flush()
    session.add(UsernameClaim(key=account.username_key, username=username, account_id=account.id, claimed_at=_LONG_AGO))
    listing.refresh(session, [account.id])
    return account


def make_accounts(session: Session, number: int, **values: Any) -> list[int]:
    """Make many accounts and return their ids."""
    return [make_account(session, **values).id for _ in range(number)]


def make_period(session: Session, code: str = "2026", *, current: bool = True, **values: Any) -> Period:
    """Make a period, or return the one with this code."""
    known = session.scalar(select(Period).where(Period.code == code))
    if known is not None:
        return known
    facts = {"name": f"Year {code}", "starts_on": date(2026, 9, 1), "ends_on": date(2027, 6, 30)} | values
    period = Period(code=code, code_key=code.casefold(), is_current=current, **facts)
    session.add(period)
    session.flush()
    return period


def make_role(session: Session, name: str = "Main student", *, user_type: str = "student", **values: Any) -> Role:
    """Make a role, or return the one with this name of this user type."""
    known = session.scalar(select(Role).where(Role.name == name, Role.user_type == user_type))
    if known is not None:
        return known
    role = Role(name=name, name_key=name.casefold(), user_type=user_type, **values)
    session.add(role)
    session.flush()
    return role


def make_clerk(session: Session, *permissions: str, limited_to: Sequence[str] | None = None, **values: Any) -> Account:
    """Make an account with a role of its own that holds these permissions in the current period; by default an administrator's."""
    account = make_account(session, **({"type": "administrator"} | values))
    reach = None if limited_to is None else list(limited_to)
    role = make_role(session, f"Clerk {account.id}", user_type=account.type, limited_to=reach)
    session.add_all(RolePermission(role_id=role.id, permission=each) for each in permissions)
    give_role(session, account, role, make_period(session))
    return account


def give_role(session: Session, account: Account, role: Role, period: Period, *, enabled: bool = True) -> None:
    """Give an account a role in a period."""
    session.add(RolePeriod(account_id=account.id, period_id=period.id, role_id=role.id, enabled=enabled, created_at=_LONG_AGO))
    session.flush()


def make_class(
    session: Session, code: str = "", *, period: Period | None = None, members: Mapping[int, str] | None = None, **values: Any
) -> SchoolClass:
    """Make a class in the period (the one that :func:`make_period` makes, unless another is given); ``members`` are roles by person."""
    code = code or f"C{next(_numbers)}"
    facts = {"name": f"Class {code}"} | values
    made = SchoolClass(
        key=str(uuid4()), period_id=(period or make_period(session)).id, code=code, code_key=code.casefold(), created_at=_LONG_AGO, **facts
    )
    session.add(made)
    session.flush()
    session.add_all(ClassMember(class_id=made.id, person_id=person_id, role=role) for person_id, role in (members or {}).items())
    session.flush()
    return made


def enable_provider(session: Session, provider: str, **settings: Any) -> None:
    """Enable a provider by its row alone, with these settings; for tests without plugins."""
    session.merge(PluginState(plugin=provider, enabled=True, is_provider=True))
    set_plain(session, provider, **settings)


def set_plain(session: Session, plugin: str, **settings: Any) -> None:
    """Store settings that are no secrets, as the settings page would."""
    for key, value in settings.items():
        session.merge(Setting(plugin=plugin, key=key, value={"value": value}, changed_at=datetime.now(UTC), changed_by="a test"))
    session.flush()


def ids_of(accounts: Sequence[Account]) -> list[int]:
    """The ids of accounts, in their order."""
    return [account.id for account in accounts]
