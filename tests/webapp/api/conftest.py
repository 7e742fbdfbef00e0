"""Programs with tokens, and a client that holds every answer against the OpenAPI document."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from rolecall.accounts import tokens
from rolecall.store.tables import RolePermission
from rolecall.testing.factories import give_role, make_account, make_period, make_role
from rolecall.work.application import Application


class Described:
    """The OpenAPI document, and whether an answer is one that it tells of."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.read(document)

    def read(self, document: dict[str, Any]) -> None:
        """Go by another document from now on."""
        self.document = document
        self._paths = sorted(document["paths"], key=lambda path: path.count("{"))

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What the document says of a method and address below ``/api/v1``."""
        for each in self._paths:
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each), path) and method.lower() in self.document["paths"][each]:
                return self.document["paths"][each][method.lower()]
        return None

    def check(self, method: str, path: str, answer: TestResponse) -> None:
        """Fail unless status, type and body of an answer are described."""
        operation = self.operation(method, path)
        if operation is None:
            assert answer.status_code in (401, 404, 405), f"{method} {path} is not described"
            return
        described = operation["responses"].get(str(answer.status_code))
        assert described is not None, f"{method} {path} answers {answer.status_code}: {answer.text}"
        assert answer.mimetype in described["content"]
        if not answer.is_json:
            return
        schema = described["content"][answer.mimetype]["schema"]
        Draft202012Validator({**schema, "components": self.document["components"]}).validate(answer.json)


@dataclass(frozen=True)
class Program:
    """A program with a token; it sends JSON and checks what it is answered."""

    flask: Flask
    token: str | None
    account_id: int | None
    described: Described

    def __call__(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **more: Any) -> TestResponse:
        """Send a request to an address below ``/api/v1``; ``body`` is sent as JSON."""
        head = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **(headers or {})}
        sent = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
        answer = self.flask.test_client().open(f"/api/v1{path}", method=method, headers=head, **(sent | more))
        if method != "HEAD":
            self.described.check(method, path.partition("?")[0], answer)
        return answer

    def get(self, path: str, **more: Any) -> TestResponse:
        """Read."""
        return self("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> TestResponse:
        """Send."""
        return self("POST", path, body, **more)

    def patch(self, path: str, body: Any, **more: Any) -> TestResponse:
        """Change."""
        return self("PATCH", path, body, **more)


@pytest.fixture
def described(application: Flask) -> Described:
    """The OpenAPI document."""
    return Described(application.test_client().get("/api/v1/openapi.json").json)


@pytest.fixture
def program_of(application: Flask, core: Application, described: Described) -> Callable[[int], Program]:
    """A function that makes a program that acts as an account."""

    def make(account_id: int) -> Program:
        with core.db.write() as session:
            token, _row = tokens.create(session, account_id, name="test", now=datetime.now(UTC))
        return Program(flask=application, token=token, account_id=account_id, described=described)

    return make


@pytest.fixture
def program(core: Application, program_of: Callable[[int], Program]) -> Callable[..., Program]:
    """A function that makes a program with exactly these permissions; ``owner`` has all of them."""

    def make(*permissions: str, owner: bool = False, **account: Any) -> Program:
        with core.db.write() as session:
            found = make_account(session, type="administrator", is_owner=owner, **account)
            role = make_role(session, f"Role {found.id}", user_type="administrator")
            session.add_all(RolePermission(role_id=role.id, permission=each) for each in permissions)
            give_role(session, found, role, make_period(session))
        return program_of(found.id)

    return make


@pytest.fixture
def owner(program: Callable[..., Program]) -> Program:
    """A program that may do everything."""
    return program(owner=True)


@pytest.fixture
def stranger(application: Flask, described: Described) -> Program:
    """A program without a token."""
    return Program(flask=application, token=None, account_id=None, described=described)


@pytest.fixture
def school(core: Application) -> Callable[..., Any]:
    """A function that runs a factory in a transaction of its own and returns the id of what it made."""

    def make(factory: Callable[..., Any], *args: Any, **values: Any) -> Any:
        with core.db.write() as session:
            made = factory(session, *args, **values)
            session.flush()
            return getattr(made, "id", made)

    return make
