"""An institution behind the web application: a period, roles, a few accounts; and browsers that are signed in with chosen rights."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from rolecall.accounts import passwords, sessions
from rolecall.config import load
from rolecall.store import listing
from rolecall.store.tables import Account, Period, Person, Role, RolePeriod, RolePermission, UsernameClaim
from rolecall.testing.school import School
from rolecall.work.application import Application
from rolecall_webapp import create_app

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Browser:
    """A signed-in browser: the client, its account, and a way to post forms with their token."""

    client: FlaskClient
    account_id: int
    username: str

    def get(self, path: str, **more: object):  # type: ignore[no-untyped-def]
        return self.client.get(path, **more)

    def post(self, path: str, data: dict[str, object] | None = None, **more: object):  # type: ignore[no-untyped-def]
        return self.client.post(path, data={"csrf_token": token_of(self.client), **(data or {})}, **more)


def token_of(client: FlaskClient) -> str:
    """The CSRF token of this browser, as its pages carry it."""
    page = client.get("/login").get_data(as_text=True)
    return page.split('name="csrf_token" value="')[1].split('"')[0]


@pytest.fixture
def core(database_url: str, tmp_path: Path) -> Iterator[Application]:
    """The parts of a process on a database of its own."""
    config = load(
        {}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode(), strict="1"
    )
    with Application(config) as application:
        yield application


@pytest.fixture
def application(core: Application) -> Flask:
    """The web application with an institution that has a current period."""
    with core.db.write() as session:
        session.add(
            Period(code="2026", code_key="2026", name="2026–27", starts_on=date(2026, 9, 1), ends_on=date(2027, 6, 30), is_current=True)
        )
    return create_app(core)


@pytest.fixture
def school(application: Flask, core: Application) -> School:
    """The accounts behind the pages, in the words of the domain."""
    return School(core)


@pytest.fixture
def client(application: Flask) -> FlaskClient:
    """A browser that nobody is signed in with."""
    return application.test_client()


@pytest.fixture(name="token_of")
def token_of_fixture() -> Callable[[FlaskClient], str]:
    """A function that reads the CSRF token of a browser."""
    return token_of


@pytest.fixture
def password() -> str:
    """The password of every account that ``signed_in`` makes."""
    return PASSWORD


@pytest.fixture
def signed_in(application: Flask, core: Application) -> Callable[..., Browser]:
    """A function that makes an administrator with exactly these permissions and signs them in; ``owner`` has all of them."""

    def sign_in(*permissions: str, owner: bool = False) -> Browser:
        now = datetime.now(UTC)
        with core.db.write() as session:
            username = f"admin-{uuid4().hex[:8]}"
            account_id = add_account(session, "administrator", username, first_name="Ada", last_name="Office", owner=owner)
            role = Role(name=f"Role {account_id}", name_key=f"role {account_id}", user_type="administrator")
            role.permissions = [RolePermission(permission=each) for each in permissions]
            session.add(role)
            session.flush()
            give_role(session, account_id, role.id)
            token = sessions.create(session, account_id, address="127.0.0.1", agent="test", now=now)
        client = application.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"] = token
            cookie["_fresh"] = True
        return Browser(client=client, account_id=account_id, username=username)

    return sign_in


def add_account(
    session: Session,
    user_type: str,
    username: str,
    *,
    first_name: str = "Anna",
    last_name: str = "Kowalska",
    owner: bool = False,
    **facts: object,
) -> int:
    """Write a person with an account as opening would, and return the account's id."""
    now = datetime.now(UTC)
    people_list = {"administrator": "employees", "staff": "employees"}.get(user_type, f"{user_type}s")
    person = Person(
        list=people_list, code=username, code_key=username, first_name=first_name, last_name=last_name, email=f"{username}@example.org",
        created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(person)
    session.flush()
    values = {"password_hash": _hash(), "email": f"{username}@example.org", "email_key": f"{username}@example.org", **facts}
    account = Account(
        key=str(uuid4()), person_id=person.id, type=user_type, username=username, username_key=username, first_name=first_name,
        last_name=last_name, is_owner=owner, created_at=now, **values,
    )  # fmt: skip
    session.add(account)
    session.flush()
    session.add(UsernameClaim(key=username, username=username, account_id=account.id, claimed_at=now))
    listing.refresh(session, [account.id])
    return account.id


def give_role(session: Session, account_id: int, role_id: int) -> None:
    """Give an account a role in the current period."""
    period = session.query(Period).filter(Period.is_current).one()
    session.add(RolePeriod(account_id=account_id, period_id=period.id, role_id=role_id, enabled=True, created_at=datetime.now(UTC)))
    session.flush()


_HASHED: list[str] = []


def _hash() -> str:
    """The hash of :data:`PASSWORD`, made once: it is slow on purpose."""
    if not _HASHED:
        _HASHED.append(passwords.hash_password(PASSWORD))
    return _HASHED[0]
