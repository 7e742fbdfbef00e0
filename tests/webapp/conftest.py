"""An institution behind the web application: a period, roles, a few accounts; and browsers that are signed in with chosen rights."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import once
import pytest
from axe_playwright_python.sync_playwright import Axe
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from rolecall.accounts import passwords, sessions
from rolecall.config import load
from rolecall.store import listing
from rolecall.store.tables import Account, Period, Person, Role, RolePeriod, RolePermission, UsernameClaim
from rolecall.testing.school import School
from rolecall.work.application import Application
from rolecall_webapp import create_app

PASSWORD = "correct horse battery staple"
#: Chromium starts without asking anybody for anything.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip


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
    flask = create_app(core)
    flask.jinja_env.bytecode_cache = once.TEMPLATES
    return flask


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


@pytest.fixture(scope="module")
def chromium(requires_service: Callable[[str], None]) -> Iterator[Chromium]:
    """One Chromium for all tests of a module."""
    requires_service("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def address(application: Flask) -> Iterator[str]:
    """Where the application answers a real browser."""
    server: Any = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def new_page(chromium: Chromium, address: str) -> Iterator[Callable[..., Page]]:
    """A function that opens a window of its own in Chromium; what the browser complains of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_one(**options: Any) -> Page:
        context = chromium.new_context(base_url=address, **{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def violations() -> Callable[[Page], list[str]]:
    """A function that tells what axe finds on the page in a window."""

    def find(page: Page) -> list[str]:
        found = Axe().run(page).response["violations"]
        return [f"{page.url} {each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]

    return find


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
