"""Counts the statements that a rule sends, and an office that acts in the test's database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import event

from rolecall import hookimpl
from rolecall.accounts import rights
from rolecall.accounts.actors import Actor, operator
from rolecall.config import load
from rolecall.plugins.state import set_enabled
from rolecall.store.engine import Database, now
from rolecall.store.tables import Account, Run
from rolecall.testing.factories import make_clerk
from rolecall.work.application import Application
from rolecall.work.runs.advance import advance, due
from rolecall.work.runs.documents import item_documents, items_query, run_document
from rolecall.work.runs.selection import of_ids, of_words
from rolecall.work.runs.start import Request, start


@pytest.fixture
def statements() -> Callable[[Database], AbstractContextManager[list[str]]]:
    """A function that opens a list of every statement sent meanwhile."""

    @contextmanager
    def counting(db: Database) -> Iterator[list[str]]:
        sent: list[str] = []

        def note(_connection, _cursor, statement, *_):
            if not statement.startswith("BEGIN"):
                sent.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(db.engine, "before_cursor_execute", note)

    return counting


class Office:
    """What tests say: act on accounts, import people, work the queue off, look at the outcome."""

    def __init__(self, database_url, tmp_path):
        self._url, self._path = database_url, tmp_path
        self.actor = operator("office")
        self.app = self.open()

    def open(self, **plugins):
        keys = {"encryption_keys": getattr(self, "_keys", None) or Fernet.generate_key().decode(), "secret_key": "s" * 32}
        self._keys = keys["encryption_keys"]
        config = load({}, database_url=self._url, data=str(self._path), **keys)
        return Application(config, plugins=plugins)

    def use(self, name, **hooks):
        """Install and enable a plugin made of functions."""
        module = ModuleType(name)
        for hook, implementation in hooks.items():
            setattr(module, hook, hookimpl(implementation))
        self.app.close()
        self.app = self.open(**{name: module})
        assert self.app.plugins.installed[name].fault is None
        self.enable(name)

    def enable(self, name):
        """Enable an installed plugin."""
        with self.app.db.write() as session:
            set_enabled(session, self.app.plugins, name, True, now=now(session))

    def act(self, action_id, *accounts, words=None, actor=None, agreed=False, expected=None, key=None, **params):
        selection = of_words(words) if words is not None else of_ids([getattr(each, "id", each) for each in accounts])
        request = Request(action=action_id, selection=selection, params=params, agreed=agreed, expected=expected, idempotency_key=key)
        return start(self.app, actor or self.actor, request)

    def work(self):
        while True:
            with self.app.db.read() as session:
                waiting = due(session)
            if not waiting:
                return
            for run_id in waiting:
                advance(self.app, run_id)

    def run(self, run_id):
        with self.app.db.read() as session:
            return run_document(session, session.get_one(Run, run_id))

    def items(self, run_id):
        with self.app.db.read() as session:
            return item_documents(session, items_query(run_id))

    def account(self, account):
        with self.app.db.read() as session:
            return session.get_one(Account, getattr(account, "id", account))

    def make(self, factory, *args, **values):
        with self.app.db.write() as session:
            return factory(session, *args, **values)

    def actor_of(self, account):
        """Whoever acts with an account, with the rights that it has now."""
        with self.app.db.read() as session:
            found = session.get_one(Account, getattr(account, "id", account))
            held = rights.of_account(session, found.id)
        return Actor(
            name=f"account:{found.id}", label=found.first_name, account_id=found.id, permissions=held.permissions, types=held.types
        )

    def clerk(self, *permissions, limited_to=None, **values):
        """Whoever acts with a new account that has exactly these permissions."""
        return self.actor_of(self.make(make_clerk, *permissions, limited_to=limited_to, **values))


@pytest.fixture
def office(database_url, tmp_path):
    office = Office(database_url, tmp_path)
    yield office
    office.app.close()
