"""A small school, made straight in the tables: what the rules under test are asked about."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from rolecall.store.engine import Database
from rolecall.store.folding import canonical, email_key
from rolecall.store.tables import Account, Period, Person, Role, RolePeriod, RolePermission

MakeAccount = Callable[..., int]


@pytest.fixture
def noon() -> datetime:
    return datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def make_account(db: Database, noon: datetime) -> MakeAccount:
    """A function that makes a person with an account and, unless told otherwise, a role in the current period; returns its id."""

    def make(username: str = "anna.k", *, role: str | None = "Teacher", permissions: tuple[str, ...] = (), **facts: Any) -> int:
        kind = facts.setdefault("type", "teacher")
        email = facts.setdefault("email", None)
        phone, code = facts.pop("phone", None), facts.pop("code", username)
        with db.write() as session:
            person = Person(
                list="teachers", code=code, code_key=canonical(code), first_name="Anna", last_name="Karras", email=email, phone=phone,
                created_at=noon, updated_at=noon,
            )  # fmt: skip
            session.add(person)
            session.flush()
            account = Account(
                key=str(uuid4()), person_id=person.id, username=username, username_key=canonical(username),
                email_key=None if email is None else email_key(email), first_name="Anna", last_name="Karras", created_at=noon, **facts,
            )  # fmt: skip
            session.add(account)
            session.flush()
            if role is not None:
                current = session.scalar(select(Period).where(Period.is_current))
                if current is None:
                    current = Period(
                        code="2026", code_key="2026", name="2025/26", starts_on=date(2025, 9, 1), ends_on=date(2026, 6, 30), is_current=True
                    )
                    session.add(current)
                found = session.scalar(select(Role).where(Role.name == role, Role.user_type == kind))
                if found is None:
                    found = Role(
                        name=role, name_key=canonical(role), user_type=kind, permissions=[RolePermission(permission=p) for p in permissions]
                    )
                    session.add(found)
                session.flush()
                session.add(RolePeriod(account_id=account.id, period_id=current.id, role_id=found.id, created_at=noon))
        return account.id

    return make
