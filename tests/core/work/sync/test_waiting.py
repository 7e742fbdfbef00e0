"""What has not reached a provider, one by one (R61)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from rolecall import hookimpl
from rolecall.accounts import people
from rolecall.accounts.actors import operator
from rolecall.config import load
from rolecall.sdk.provider import Provider
from rolecall.store.tables import Link
from rolecall.work.application import Application
from rolecall.work.changes import set_plugin
from rolecall.work.runs.opening import start_opening
from rolecall.work.sync.waiting import accounts_with, waiting


class Service(Provider):
    id = "service"
    label = "Service"

    def attributes(self, account):
        return {}

    def find(self, account):
        return None

    def create(self, account, wanted, password):
        raise NotImplementedError


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Application]:
    """Four accounts, made one after the other: queued, retrying, blocked and done."""
    module = ModuleType("service")
    module.register_providers = hookimpl(lambda: [Service], specname="register_providers")
    config = load({}, data=str(tmp_path), database_url=database_url, secret_key="s" * 40, encryption_keys=Fernet.generate_key().decode())
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    with Application(config, plugins={"service": module}) as application:
        set_plugin(application, operator("tester"), "service", enabled=True)
        with application.db.write() as session:
            for name in ("A", "B", "C", "D"):
                people.create(session, {"list": "teachers", "code": name, "first_name": "Ann", "last_name": name}, now=noon)
        start_opening(application, operator("tester"), people_list="teachers")
        with application.db.write() as session:
            found = session.scalars(select(Link).order_by(Link.account_id)).all()
            for number, link in enumerate(found):
                link.changed_at = noon - timedelta(hours=number)
            found[1].attempts, found[1].error = 3, "It is down."
            found[2].blocked, found[2].error = True, "It is taken."
            found[3].synced = found[3].wanted
        yield application


def test_what_is_not_done_is_listed_oldest_first(app: Application) -> None:
    with app.db.read() as session:
        rows, total = waiting(session, "service")

    assert total == 3
    assert [(row.name, row.state) for row in rows] == [("Ann C", "blocked"), ("Ann B", "retrying"), ("Ann A", "queued")]
    assert [row.next_at is None for row in rows] == [True, False, False]


def test_pages_states_and_errors_narrow_the_list(app: Application) -> None:
    with app.db.read() as session:
        assert [row.name for row in waiting(session, "service", limit=1, offset=1)[0]] == ["Ann B"]
        assert [row.name for row in waiting(session, "service", state="blocked")[0]] == ["Ann C"]
        assert waiting(session, "service", error="It is down.")[1] == 1
        assert waiting(session, "nothing") == ([], 0)


def test_the_accounts_with_one_trouble_are_named(app: Application) -> None:
    with app.db.read() as session:
        (row,) = waiting(session, "service", state="blocked")[0]
        assert accounts_with(session, "service", "It is taken.") == [row.account_id]
