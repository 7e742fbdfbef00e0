"""Anna, who can sign in: a teacher with a role in the current period and a password of her own; and what may happen to her."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from rolecall.accounts import passwords, sign_in
from rolecall.testing.factories import give_role, make_account, make_period, make_role
from rolecall.work.doctor.diagnose import diagnose
from rolecall.work.doctor.finding import Diagnosis

RIGHT = "quiet-Tuesday-marmalade"
_HASH = passwords.hash_password(RIGHT)
#: From where Anna signs in.
HERE = "192.0.2.7"


@pytest.fixture
def noon() -> datetime:
    return datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def anna(office) -> int:
    """Anna's account."""
    with office.app.db.write() as session:
        account = make_account(session, "Anna", type="teacher", username="anna.k", email="anna@school.example", password_hash=_HASH)
        account.email_verified = True
        give_role(session, account, make_role(session, "Teacher", user_type="teacher"), make_period(session, name="2025/26"))
        return account.id


@pytest.fixture
def examine(office, noon: datetime) -> Callable[[int], Diagnosis]:
    """A function that asks the doctor about an account at noon."""

    def ask(account_id: int, now: datetime = noon) -> Diagnosis:
        with office.app.db.read() as session:
            return diagnose(office.app, session, account_id, now=now)

    return ask


@pytest.fixture
def enter(office, noon: datetime) -> Callable[..., sign_in.Outcome]:
    """A function that signs in to anna.k, by default with the password that is right."""

    def go(password: str = RIGHT, *, identifier: str = "anna.k", address: str | None = HERE, now: datetime = noon) -> sign_in.Outcome:
        return sign_in.sign_in(
            office.app.db, office.app.keyring, identifier=identifier, password=password, address=address, agent=None, now=now
        )

    return go


@pytest.fixture
def change(office) -> Callable[..., None]:
    """A function that writes columns of a row: ``change(Account, anna, active=False)``."""

    def write(table: type[Any], key: object, **values: Any) -> None:
        with office.app.db.write() as session:
            row = session.get_one(table, key)
            for name, value in values.items():
                setattr(row, name, value)

    return write
