"""Trying a connection: with settings that are not saved, and never with a secret that belongs to another address (R54, O-03)."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
from cryptography.fernet import Fernet
from marshmallow import Schema, fields
from sqlalchemy import update

from rolecall import hookimpl
from rolecall.accounts.actors import operator
from rolecall.config import load
from rolecall.errors import Invalid, Misconfigured, NotConnected, Refused, Unknown
from rolecall.sdk.provider import CheckLine, Provider
from rolecall.store.tables import PluginState
from rolecall.work import connection
from rolecall.work.application import Application
from rolecall.work.changes import set_plugin


class ServiceSettings(Schema):
    url = fields.Url(required=True, require_tld=False)
    token = fields.String(required=True, metadata={"secret": True})


class Service(Provider):
    id = "service"
    label = "Service"
    settings_schema = ServiceSettings
    seen: ClassVar[list[dict[str, object]]] = []

    def check(self) -> Iterable[CheckLine]:
        self.seen.append(dict(self.settings))
        if self.settings["token"] == "refused":
            raise Misconfigured("The token is refused.", hint="Make a new one.")
        if self.settings["token"] == "crash":
            raise KeyError("token")
        yield CheckLine(label="Reach the site", ok=True)
        yield CheckLine(label="Optional", ok=False, required=False)

    def attributes(self, account):
        return {}

    def find(self, account):
        return None

    def create(self, account, wanted, password):
        raise NotImplementedError


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Application]:
    module = ModuleType("service")
    module.register_providers = hookimpl(lambda: [Service], specname="register_providers")
    module.plugin_settings = hookimpl(lambda: ServiceSettings, specname="plugin_settings")
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    Service.seen.clear()
    with Application(config, plugins={"service": module}) as application:
        set_plugin(application, operator("tester"), "service", values={"url": "https://old.example", "token": "stored"}, untested=True)
        yield application


def test_a_connection_is_tried_with_what_is_saved(app: Application) -> None:
    lines = connection.check(app, "service")

    assert [(line.label, line.ok) for line in lines] == [("Reach the site", True), ("Optional", False)]
    assert connection.works(lines)
    assert Service.seen[0]["token"] == "stored"


def test_values_are_tried_before_they_are_saved(app: Application) -> None:
    connection.check(app, "service", {"url": "https://new.example", "token": "typed"})

    assert (Service.seen[0]["url"], Service.seen[0]["token"]) == ("https://new.example", "typed")


def test_a_stored_secret_is_not_tried_at_another_address(app: Application) -> None:
    with pytest.raises(Invalid) as caught:
        connection.check(app, "service", {"url": "https://evil.example", "token": ""})

    assert "token" in caught.value.fields
    assert Service.seen == []


@pytest.mark.parametrize(
    ("token", "detail"), [("refused", "The token is refused."), ("crash", "The plugin failed unexpectedly (KeyError).")]
)
def test_whatever_goes_wrong_is_a_line(app: Application, token: str, detail: str) -> None:
    lines = connection.check(app, "service", {"url": "https://old.example", "token": token})

    assert [(line.ok, line.detail) for line in lines] == [(False, detail)]
    assert not connection.works(lines)


def test_what_has_no_connection_is_refused(app: Application) -> None:
    with pytest.raises(Unknown):
        connection.check(app, "nothing")
    with pytest.raises(Refused, match="nothing to try"):
        connection.check(app, "core")


def test_a_call_that_succeeded_since_the_settings_were_saved_proves_as_much_as_a_test(app: Application) -> None:
    plugin = app.plugins.installed["service"]

    def unproved(**success: datetime) -> bool:
        with app.db.write() as session:
            session.execute(update(PluginState).where(PluginState.plugin == "service").values(**success))
        with app.db.read() as session:
            return connection.is_unproved(session, plugin)

    before = unproved(last_success_at=datetime.now(UTC) - timedelta(hours=1))

    assert before
    assert not unproved(last_success_at=datetime.now(UTC) + timedelta(hours=1))
    with pytest.raises(NotConnected, match=r"The token is refused\. Make a new one\."):
        set_plugin(app, operator("tester"), "service", values={"token": "refused"})
    set_plugin(app, operator("tester"), "service", values={"token": "works"})
    assert not unproved(last_success_at=datetime.now(UTC) - timedelta(hours=1))
