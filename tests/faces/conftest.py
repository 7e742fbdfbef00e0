"""A stranger's plugin with one of each object, installed as strangers' plugins are: by an entry point."""

import json
import sys
from importlib import invalidate_caches
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet

from rolecall.accounts import passwords, seed, sessions, tokens
from rolecall.cli import main
from rolecall.config import load
from rolecall.plugins.state import set_enabled
from rolecall.store.engine import now
from rolecall.testing.factories import make_account
from rolecall.work.application import Application
from rolecall_webapp import create_app

SAMPLE = '''"""A plugin that knows nothing of Rolecall but its public API."""

from collections.abc import Mapping, Sequence

from marshmallow import Schema, fields

from rolecall import (
    NOT_DELETED, Account, CheckLine, Column, Filter, PersonRecord, Provider, Refusal, Remote, RosterSource, action, hookimpl,
)

LABEL = "Sample service"
MEMBERS = {}


class Badge(Schema):
    colour = fields.String(required=True, metadata={"label": "Badge colour"})


@action("sample.give_badge", label="Give a badge", params=Badge, bulk=True, requires=(NOT_DELETED,), syncs=False)
def give_badge(context, accounts, params):
    """Pin a badge on the account."""
    for account_id in accounts.ids:
        context.record(account_id, "badge", None, params["colour"])


class SampleSettings(Schema):
    greeting = fields.String(load_default="Hello", metadata={"label": "Greeting of the sample"})
    api_key = fields.String(load_default="", metadata={"label": "Sample key", "secret": True})


class SampleProvider(Provider):
    id = "sample"
    label = "Sample service"
    guide = "Ask the sample service for a key."

    def check(self):
        return [CheckLine(label="Sample answers", ok=True)]

    def attributes(self, account):
        return {"name": f"{account.person.first_name} {account.person.last_name}"}

    def find(self, account):
        held = MEMBERS.get(account.key)
        return Remote(external_id=account.key, key=account.key, attributes=held) if held else None

    def create(self, account, wanted, password):
        MEMBERS[account.key] = dict(wanted)
        return Remote(external_id=account.key, key=account.key)

    def update(self, external_id, changes):
        MEMBERS[external_id].update(changes)


class SampleRoster(RosterSource):
    id = "sample"
    label = "Sample roster"
    help = "Any folder will do."

    def people(self):
        yield PersonRecord(row=1, list="teachers", code="SAMPLE-1", first_name="Sam", last_name="Ample", email="sam@sample.example")


@hookimpl
def register_actions():
    return [give_badge]


@hookimpl
def register_providers():
    return [SampleProvider]


@hookimpl
def register_roster_sources():
    return [SampleRoster]


@hookimpl
def register_filters():
    return [
        Filter(
            id="sample", label="Sample initial", choices=lambda context: [("s", "S"), ("other", "Not S")],
            clause=lambda word, context: Account.username.startswith("s") if word == "s" else ~Account.username.startswith("s"),
        )
    ]


@hookimpl
def register_columns():
    return [Column(id="sample_column", label="Sample column", values=lambda session, ids: {each: f"sample-{each}" for each in ids})]


@hookimpl
def plugin_settings():
    return SampleSettings


@hookimpl
def validate_accounts(changes):
    return [
        Refusal(account_id=change.after.id, message="The sample service has no room for the name Voldemort.")
        for change in changes
        if change.after.first_name == "Voldemort"
    ]
'''


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed plugin, as pip would leave it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sample_plugin.py").write_text(SAMPLE)
    information = folder / "sample_plugin-1.2.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: sample-plugin\nVersion: 1.2\n")
    (information / "entry_points.txt").write_text("[rolecall.plugins]\nsample = sample_plugin\n")
    return folder


@pytest.fixture
def installed(sample_folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Install the sample plugin for this test."""
    monkeypatch.syspath_prepend(sample_folder)
    invalidate_caches()
    yield
    sys.modules.pop("sample_plugin", None)


class Faces:
    """One institution with the sample plugin enabled, and its three faces: pages, API, command line."""

    def __init__(self, app, environment):
        self.app = app
        self._environment = environment
        self.flask = create_app(app)
        with app.db.write() as session:
            seed.seed(session, institution="Sample School")
            hashed = passwords.hash_password("a password nobody uses")
            self.owner_id = seed.create_owner(session, username="owner", password_hash=hashed).id
            set_enabled(session, app.plugins, "sample", True, now=now(session))
            self.anna = make_account(session, "Anna", username="anna").id
            self.sam = make_account(session, "Sam", username="sam").id
            self.token, _ = tokens.create(session, self.owner_id, name="test", now=now(session))
            cookie = sessions.create(session, self.owner_id, address="127.0.0.1", agent="test", now=now(session))
        self.browser = self.flask.test_client()
        with self.browser.session_transaction() as signed:
            signed["_user_id"], signed["_fresh"] = cookie, True

    def page(self, address):
        # An action may have a page of its own to lead to.
        answer = self.browser.get(address, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return answer.text

    def submit(self, address, **fields):
        form = {"csrf_token": self.page("/accounts").split('name="csrf_token" value="')[1].split('"')[0], **fields}
        return self.browser.post(address, data=form)

    def api(self, method, address, body=None, status=200):
        answer = self.flask.test_client().open(
            f"/api/v1/{address}", method=method, json=body, headers={"Authorization": f"Bearer {self.token}"}
        )
        assert answer.status_code == status, answer.text
        return answer.json

    def command(self, *words, status=0):
        result = CliRunner().invoke(main, [*words, "--json"], env=self._environment)
        assert result.exit_code == status, result.output + result.stderr
        return json.loads(result.stdout)


@pytest.fixture
def faces(installed, database_url, tmp_path):
    """The three faces of an institution with the sample plugin."""
    keys = {"secret_key": "s" * 40, "encryption_keys": Fernet.generate_key().decode()}
    config = load({}, data=str(tmp_path), database_url=database_url, strict="1", **keys)
    environment = {
        "ROLECALL_DATA": str(tmp_path), "ROLECALL_DATABASE_URL": database_url, "ROLECALL_SECRET_KEY": keys["secret_key"],
        "ROLECALL_ENCRYPTION_KEYS": keys["encryption_keys"],
    }  # fmt: skip
    with Application(config) as app:
        yield Faces(app, environment)
