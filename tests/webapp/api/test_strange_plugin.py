"""What a stranger's plugin registers is in the API without the API knowing of it; one that breaks is named and stops nothing (R68, R69)."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.fernet import Fernet
from marshmallow import Schema, fields, validate
from sqlalchemy import update

from rolecall import hookimpl
from rolecall.config import load
from rolecall.sdk.action import Grade, action
from rolecall.sdk.lists import Filter
from rolecall.store.tables import Account, Listing
from rolecall.testing.factories import make_account
from rolecall.work.application import Application


class Badge(Schema):
    """What is written on a badge; its name is one that the API has too."""

    text = fields.String(required=True, validate=validate.Length(max=20), metadata={"label": "Text"})


class Account_(Schema):  # noqa: N801 - a plugin's settings may be called as they like
    """Settings called like a document of the API."""

    printer = fields.String(load_default="", metadata={"label": "Printer"})
    pin = fields.String(load_default="", metadata={"secret": True})


Account_.__name__ = "Account"


@action("badge.print", label="Print a badge", params=Badge, bulk=True, grade=Grade.AGREE, confirm="Paper is used.")
def print_badge(context, accounts, params):
    """Print a badge."""
    context.session.execute(update(Account).where(Account.id.in_(accounts.ids)).values(last_name=params["text"]))


def plugin() -> ModuleType:
    """A plugin with one of each, as a module."""
    module = ModuleType("rolecall_badge")
    module.LABEL = "Badges"
    hooks = {
        "register_actions": lambda: [print_badge],
        "register_filters": lambda: [Filter(id="badge", label="Badge", clause=lambda value, _context: Listing.search.contains(value))],
        "plugin_settings": lambda: Account_,
    }
    for name, hook in hooks.items():
        hook.__name__ = name
        setattr(module, name, hookimpl(hook))
    return module


def broken() -> ModuleType:
    """A plugin whose registration raises."""
    module = ModuleType("rolecall_broken")

    @hookimpl
    def register_actions():
        raise RuntimeError("no ink")

    module.register_actions = register_actions
    return module


@pytest.fixture
def core(database_url: str, tmp_path: Path) -> Iterator[Application]:
    """The parts of a process with both plugins installed."""
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    with Application(config, plugins={"badge": plugin(), "broken": broken()}) as application:
        yield application


def test_plugin_is_there_from_the_moment_it_is_enabled(owner, school):
    anna = school(make_account, "Anna")
    assert "/actions/badge.print" not in owner.described.document["paths"]

    owner.patch("/plugins/badge", {"enabled": True, "settings": {"printer": "room 12", "pin": "4711"}})

    document = owner.flask.test_client().get("/api/v1/openapi.json").json
    owner.described.read(document)
    assert document["paths"]["/actions/badge.print"]["post"]["x-permissions"] == ["act:badge.print"]
    assert "pin" in document["components"]["schemas"]["settings_badge"]["properties"]
    assert "username" in document["components"]["schemas"]["Account"]["properties"], "not the plugin's"
    (listed,) = [each for each in owner.get("/actions").json["items"] if each["plugin"] == "badge"]
    assert (listed["grade"], listed["confirm"], listed["params"]["required"]) == ("agree", "Paper is used.", ["text"])
    assert owner.post("/actions/badge.print", {"accounts": [anna], "params": {"text": "Guest"}}).json["code"] == "consent-required"
    assert owner.post("/actions/badge.print", {"accounts": [anna], "params": {"text": "Guest"}, "agreed": True}).json["state"] == "done"
    assert owner.get("/accounts?badge=guest").json["total"] == 1
    assert owner.get("/plugins/badge").json["secrets_set"] == ["pin"]

    owner.patch("/plugins/badge", {"enabled": False})

    assert owner.post("/actions/badge.print", {"accounts": [anna], "params": {"text": "x"}, "agreed": True}).status_code == 404
    assert owner.get("/accounts?badge=guest").status_code == 422
    assert owner.get("/plugins/badge").json["settings"]["printer"] == "room 12"


def test_permission_of_its_action_is_granted_to_nobody_until_somebody_does(program, owner, school):
    anna = school(make_account, "Anna")
    owner.patch("/plugins/badge", {"enabled": True})
    clerk = program("accounts:view", "act:account.deactivate")

    refused = clerk.flask.test_client().post(
        "/api/v1/actions/badge.print",
        json={"accounts": [anna], "params": {"text": "x"}, "agreed": True},
        headers={"Authorization": f"Bearer {clerk.token}"},
    )

    assert refused.status_code == 403


def test_plugin_that_cannot_be_used_is_named_with_the_reason(owner):
    document = owner.get("/plugins/broken").json
    answer = owner.patch("/plugins/broken", {"enabled": True})

    assert "no ink" in document["fault"]
    assert (document["enabled"], answer.status_code) == (False, 409)
    assert owner.get("/actions").status_code == 200
