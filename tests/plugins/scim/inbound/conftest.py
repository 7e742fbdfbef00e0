"""A school that takes people in by SCIM, with the web application around it, and a directory that has a token."""

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from rolecall.accounts import tokens
from rolecall.config import load
from rolecall.plugins.state import set_enabled
from rolecall.store.engine import now
from rolecall.store.tables import AuditEntry, Person, RolePermission
from rolecall.testing.factories import give_role, make_account, make_period, make_role, set_plain
from rolecall.work.application import Application
from rolecall_webapp import create_app

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@pytest.fixture
def port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def core(database_url: str, tmp_path: Path, port: int) -> Iterator[Application]:
    """The parts of a process with the plugin enabled and open for teachers."""
    config = load(
        {}, data=str(tmp_path), database_url=database_url, base_url=f"http://127.0.0.1:{port}", secret_key="s" * 40,
        encryption_keys=Fernet.generate_key().decode(), strict="1",
    )  # fmt: skip
    with Application(config) as application:
        with application.db.write() as session:
            make_period(session)
            set_enabled(session, application.plugins, "scim", True, now=now(session))
            set_plain(
                session, "scim", user_types=[], inbound=True, inbound_code="userName", inbound_list="teachers",
                inbound_types=["Pupil = students", "Staff=employees"],
            )  # fmt: skip
        yield application


@pytest.fixture
def flask(core: Application) -> Flask:
    """The web application."""
    return create_app(core)


@pytest.fixture
def save(core: Application) -> Callable[..., None]:
    """A function that changes settings of the plugin."""

    def saving(**values: object) -> None:
        with core.db.write() as session:
            set_plain(session, "scim", **values)

    return saving


@pytest.fixture
def token_for(core: Application) -> Callable[..., str]:
    """A function that makes a token with exactly these permissions."""

    def make(*permissions: str, limited_to: list[str] | None = None) -> str:
        with core.db.write() as session:
            account = make_account(session, "Directory", type="administrator")
            role = make_role(session, f"Role {account.id}", user_type="administrator")
            role.limited_to = limited_to
            session.add_all(RolePermission(role_id=role.id, permission=each) for each in permissions)
            give_role(session, account, role, make_period(session))
            token, _row = tokens.create(session, account.id, name="scim", now=datetime.now(UTC))
        return token

    return make


@dataclass(frozen=True)
class Directory:
    """A directory that hands people in."""

    flask: Flask
    core: Application
    token: str | None

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """Send a request below the prefix; underscores in names of headers are hyphens."""
        head = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            head["Authorization"] = f"Bearer {self.token}"
        sent = (
            {} if body is None else {"data": body if isinstance(body, bytes) else json.dumps(body), "content_type": "application/scim+json"}
        )
        answer = self.flask.test_client().open(f"/scim/v2{path}", method=method, headers=head, **sent)
        if answer.data:
            assert answer.content_type == "application/scim+json", answer.text
        return answer

    def add(self, user_name: str = "anna@school.example", *, given: str = "Anna", family: str = "Berg", **more: Any) -> dict[str, Any]:
        """Hand a user in and return what was answered."""
        schemas = [USER, *(name for name in more if name.startswith("urn:"))]
        body = {"schemas": schemas, "userName": user_name, "name": {"givenName": given, "familyName": family}, **more}
        answer = self("POST", "/Users", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json)

    def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> TestResponse:
        """Send operations."""
        return self("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, **headers)

    def read(self, path: str) -> dict[str, Any]:
        """Read a resource or list."""
        answer = self("GET", path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def names(self, filter: str, endpoint: str = "Users") -> list[str]:
        """User names, or names of groups, that a filter finds."""
        answer = self.flask.test_client().get(
            f"/scim/v2/{endpoint}", query_string={"filter": filter}, headers={"Authorization": f"Bearer {self.token}"}
        )
        assert answer.status_code == 200, answer.text
        found = [each.get("userName") or each["displayName"] for each in answer.json.get("Resources", [])]
        assert answer.json["totalResults"] == len(found)
        return found

    def person(self, code: str) -> Person | None:
        """The record with a code."""
        with self.core.db.read() as session:
            return session.scalar(select(Person).where(Person.code == code))

    def audited(self) -> list[tuple[str, str]]:
        """Kinds and actors of all entries of the audit."""
        with self.core.db.read() as session:
            return [(each.kind, each.actor) for each in session.scalars(select(AuditEntry).order_by(AuditEntry.seq))]


@pytest.fixture
def directory(flask: Flask, core: Application, token_for: Callable[..., str]) -> Directory:
    """A directory with a token that may do what the guide says."""
    return Directory(flask, core, token_for("people:view", "people:create", "people:edit"))


@pytest.fixture
def as_directory(flask: Flask, core: Application) -> Callable[[str | None], Directory]:
    """A function that makes a directory with another token, or none."""
    return lambda token: Directory(flask, core, token)
