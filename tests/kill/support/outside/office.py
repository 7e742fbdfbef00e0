"""A school whose worker and web server are processes of their own, at one database, with one Moodle.

Owns the environment that these processes get, the changes that an office makes meanwhile, and what must hold afterwards.
"""

import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import requests
from cryptography.fernet import Fernet
from sqlalchemy import func, select, text, update

from outside.moodle import Site
from outside.nursery import Child, Nursery
from outside.waiting import PATIENCE, eventually
from rolecall.accounts import audit, seed, settings, tokens
from rolecall.accounts.sealing import place
from rolecall.config import load
from rolecall.plugins.state import set_enabled
from rolecall.store.engine import now
from rolecall.store.tables import Account, AuditEntry, AuditHead, ClassLink, Link, PluginState, Run, RunItem
from rolecall.testing import factories
from rolecall.testing.school import School
from rolecall.work.application import Application
from rolecall.work.engine import engine_of
from rolecall.work.runs.opening import start_opening
from rolecall.work.runs.outcomes import item_digest
from rolecall.work.runs.selection import of_ids
from rolecall.work.runs.start import Request, start
from rolecall.work.snapshots import account_snapshots
from rolecall.work.sync import circuit

MOODLE = "moodle"
#: The running period and a role that most of the tests give.
PERIOD, ROLE = "2026", "Main student"


class Office:
    """The school. Everything it does itself is done in the test's process; what it starts are others."""

    def __init__(
        self, nursery: Nursery, site: Site, folder: Path, database_url: str, *, lease_seconds: int, base_url: str, **environment: str
    ) -> None:
        self.nursery, self.site, self.folder = nursery, site, folder
        self.base_url = base_url
        self._log = folder / "processes.log"
        self._log.touch()
        self.environment = {
            "PATH": os.environ["PATH"],
            "ROLECALL_DATA": str(folder),
            "ROLECALL_DATABASE_URL": database_url,
            "ROLECALL_BASE_URL": base_url,
            "ROLECALL_SECRET_KEY": "s" * 40,
            "ROLECALL_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "ROLECALL_OUTBOUND_ALLOW": site.host,
            "ROLECALL_LEASE_SECONDS": str(lease_seconds),
            **environment,
        }
        self.app = Application(load({name: value for name, value in self.environment.items() if name != "PATH"}))
        self.engine = engine_of(self.app, work=False)
        if self.engine is not None:
            self.engine.start()
        self.school = School(self.app)
        with self.app.db.write() as session:
            seed.seed(session, institution="School", academic_year=int(PERIOD))
            owner = seed.create_owner(session, username="owner", password_hash="none", email="owner@school.example")
            owner.active = True
            self.owner_id = owner.id
            self.token, _ = tokens.create(session, owner.id, name="test", now=now(session))
            factories.make_role(session, ROLE)
            set_enabled(session, self.app.plugins, MOODLE, True, now=now(session))
        # Nobody is there to approve what these tests close.
        limits = {"suspensions_percent": 100, "suspensions_number": 1_000, "deletions_percent": 100, "deletions_number": 1_000}
        self.configure(**site.settings, **limits, user_types=["student"], on_deletion="delete", delete_after=0)

    def close(self) -> None:
        """Give the connections back."""
        if self.engine is not None:
            self.engine.stop()
        self.app.close()

    def configure(self, **values: Any) -> None:
        """Save settings of the integration."""
        with self.app.db.write() as session:
            schema = self.app.plugins.view(session).plugins[MOODLE].settings_schema
            assert schema is not None
            settings.write(session, MOODLE, schema, values, actor=self.school.actor, keyring=self.app.keyring)

    def worker(self, name: str = "worker", *options: str, **environment: str) -> Child:
        """Start ``rolecall worker``."""
        return self.nursery.start("worker", *options, folder=self.folder, environment=self.environment | environment, name=name)

    def web(self, *options: str) -> Child:
        """Start ``rolecall run`` and wait until it answers."""
        port = self.base_url.rpartition(":")[2]
        before = self._log.stat().st_size
        child = self.nursery.start("run", "--port", port, *options, folder=self.folder, environment=self.environment, name="web")
        ready = f"Rolecall is at {self.base_url}".encode()
        eventually("the web server listens", lambda: child.has_ended or ready in self._log.read_bytes()[before:])
        assert not child.has_ended, self._log.read_bytes()[before:].decode()
        return child

    def enrol(self, number: int) -> list[int]:
        """Make students whose accounts Moodle does not know yet."""
        ids = self.school.students(number)
        self.school.sync(*ids)
        return ids

    def open_accounts(self, number: int) -> list[int]:
        """Take in so many students and open their accounts, as an office does it; return the accounts' ids."""
        with self.app.db.write() as session:
            for _ in range(number):
                factories.make_person(session)
        run_id = start_opening(self.app, self.school.actor)
        self.school.work_runs(run_id)
        with self.app.db.read() as session:
            return list(session.scalars(select(RunItem.account_id).where(RunItem.run_id == run_id).order_by(RunItem.n)))

    def pause(self) -> None:
        """Leave Moodle alone, so that what falls behind stays behind."""
        with self.app.db.write() as session:
            circuit.pause(session, MOODLE, self.school.actor)

    def start(self, action: str, ids: Sequence[int], **params: Any) -> int:
        """Begin a run and return its id."""
        return start(self.app, self.school.actor, Request(action=action, selection=of_ids(ids), params=params, agreed=True))

    def post(self, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        """Ask the web server for something as its owner; the answer is the document.

        :raises requests.ConnectionError: when the server is gone before it has answered.
        """
        with self.ask("POST", path, json=body, headers=headers) as answer:
            assert answer.status_code < 300, answer.text
            document: dict[str, Any] = answer.json()
            return document

    def ask(self, method: str, path: str, *, headers: Mapping[str, str] = MappingProxyType({}), **more: Any) -> requests.Response:
        """Send the web server a request of its owner."""
        authorized = {"Authorization": f"Bearer {self.token}", **headers}
        return requests.request(method, f"{self.base_url}/api/v1{path}", headers=authorized, timeout=60, **more)

    def hurry(self) -> None:
        """Let the time be over for which the provider or a link waits: tests do not wait for minutes. What is blocked stays blocked."""
        with self.app.db.write() as session:
            moment = now(session)
            for table in (Link, ClassLink):
                waiting = (table.synced < table.wanted, ~table.blocked, table.attempts > 0, table.not_before > moment)
                session.execute(update(table).where(*waiting).values(not_before=moment), execution_options={"synchronize_session": False})
            session.execute(update(PluginState).where(PluginState.state == circuit.OPEN).values(until=moment))

    def behind(self) -> int:
        """How many links, of accounts and classes, are not done."""
        with self.app.db.read() as session:
            counts = [select(func.count()).select_from(each).where(each.synced < each.wanted) for each in (Link, ClassLink)]
            return sum(session.scalar(count) or 0 for count in counts)

    def blocked(self) -> dict[int, str | None]:
        """The accounts and classes that were given up, with the reasons."""
        with self.app.db.read() as session:
            accounts = select(Link.account_id, Link.error).where(Link.synced < Link.wanted, Link.blocked)
            classes = select(-ClassLink.class_id, ClassLink.error).where(ClassLink.synced < ClassLink.wanted, ClassLink.blocked)
            return {row[0]: row[1] for statement in (accounts, classes) for row in session.execute(statement)}

    def until_in_step(self, *, seconds: float = PATIENCE) -> None:
        """Wait until nothing is pending."""

        def done() -> bool:
            if not self.behind():
                return True
            assert not self.blocked(), self.blocked()
            self.hurry()
            return False

        eventually("everything is in step", done, seconds=seconds, between=0.25)

    def run(self, run_id: int) -> Run:
        """A run as it is now."""
        with self.app.db.read() as session:
            return session.get_one(Run, run_id)

    def outcomes(self, run_id: int) -> Counter[str]:
        """How many items of a run ended how."""
        with self.app.db.read() as session:
            grouped = select(RunItem.outcome, func.count()).where(RunItem.run_id == run_id).group_by(RunItem.outcome)
            return Counter(dict(session.execute(grouped).all()))

    def until_ended(self, run_id: int) -> Run:
        """Wait until a run has ended, whoever works it off."""
        eventually(f"run {run_id} has ended", lambda: self.run(run_id).state not in ("queued", "running"))
        return self.run(run_id)

    def done_ids(self, number: int) -> list[int]:
        """So many accounts that are active and in step."""
        with self.app.db.read() as session:
            settled = (
                select(Link.account_id)
                .join(Account, Account.id == Link.account_id)
                .where(Link.synced >= Link.wanted, Link.goal == "present", Account.active, Account.deleted_at.is_(None))
            )
            return list(session.scalars(settled.order_by(Link.settled_at, Link.account_id).limit(number)))

    def check_in_step(self) -> None:
        """Check that Moodle holds exactly what it should, each once, under the right link, and that nothing is pending."""
        users = self.site.users
        for name in ("idnumber", "username", "email", "id"):
            twice = [value for value, times in Counter(str(user[name]).casefold() for user in users).items() if times > 1]
            assert not twice, f"Moodle holds two users with one {name}: {twice}"
        by_key = {user["idnumber"]: user for user in users}
        with self.app.db.read() as session:
            rows = list(session.scalars(select(Link).where(Link.provider == MOODLE)))
            instance = self.app.instances.get(session, self.app.plugins.view(session), MOODLE)
            snapshots = account_snapshots(session, [row.account_id for row in rows])
        assert instance is not None
        assert instance.provider is not None
        for row in rows:
            account = snapshots[row.account_id]
            assert (row.synced, row.blocked, row.error, row.leased_until) == (row.wanted, False, None, None), (
                f"{account.username} is pending"
            )
            user = by_key.pop(account.key, None)
            if account.deleted or (not account.active and row.external_id is None):
                # Who was closed before Moodle heard of them is never made.
                assert user is None, f"{account.username} should not be there"
                assert row.external_id is None
                continue
            assert user is not None, f"{account.username} is missing"
            assert row.external_id == str(user["id"]), f"{account.username} is linked to somebody else"
            assert user["suspended"] is not account.active, account.username
            if account.active:
                wanted = instance.provider.attributes(account)
                held = {name: user[name] for name in wanted if name != "groups"} | {"groups": frozenset(user["groups"])}
                assert held == wanted
            if row.sealed_password is not None:
                password = self.app.keyring.open(row.sealed_password, place("link", row.id, "sealed_password"))
                assert user["password"] == hashlib.sha256(password.encode()).hexdigest(), f"{account.username} has another password there"
        assert not by_key, f"Moodle holds users that belong to nobody: {[user['username'] for user in by_key.values()]}"
        self.check_audit()

    def check_audit(self) -> None:
        """Check that the chain of the audit holds."""
        with self.app.db.read() as session:
            verdict = audit.verify(session)
        assert verdict.ok, verdict.message

    def check_items(self, run_id: int, changed: Collection[int], wanted: dict[int, int]) -> Counter[str]:
        """Check that each account of a run is entirely changed or untouched: row, item, audit and link tell the same.

        ``changed`` are the accounts whose rows carry the change, ``wanted`` are the numbers of the links from before the run.
        """
        with self.app.db.read() as session:
            items = list(session.scalars(select(RunItem).where(RunItem.run_id == run_id)))
            payloads = session.scalars(select(AuditEntry.payload).where(AuditEntry.run_id == run_id, AuditEntry.kind == "run.action"))
            audited = Counter(tuple(each) for payload in payloads for each in (payload or {})["items"])
            behind = {row.account_id: row.wanted - wanted[row.account_id] for row in session.scalars(select(Link))}
        for item in items:
            touched = item.outcome == "done"
            assert item.account_id is not None
            assert (item.account_id in changed) == touched, f"Item {item.n} is {item.outcome}, and the row says otherwise."
            assert (item.after is not None) == touched
            assert behind[item.account_id] == (1 if touched else 0), f"Item {item.n} is {item.outcome}, and the link says otherwise."
            digest = (item.n, item_digest(item.salt, item)) if item.salt else None
            assert audited.pop(digest, 0) == (1 if touched else 0), f"Item {item.n} is {item.outcome}, and the audit says otherwise."
        assert not audited, "The audit tells of items that are not so."
        self.check_audit()
        return Counter(item.outcome for item in items)

    def newest_run(self, *, after: int = 0) -> Run | None:
        """The run that was begun last, if that was after the run with this number."""
        with self.app.db.read() as session:
            return session.scalar(select(Run).where(Run.id > after).order_by(Run.id.desc()).limit(1))

    @contextmanager
    def batch_held_open(self) -> Iterator[Callable[[], bool]]:
        """Catch a batch of a run in its transaction; the value tells whether one is caught.

        On PostgreSQL it then waits with everything written but its audit entry, until this context ends. On SQLite nobody can make it
        wait: that another process is writing while the run is worked off is all that can be seen.
        """
        if self.app.db.is_sqlite:
            yield self._somebody_writes
            return
        with self.app.db.write() as session:
            session.execute(select(AuditHead).with_for_update())
            yield self._somebody_waits

    def _somebody_writes(self) -> bool:
        run = self.newest_run()
        if run is None or run.state != "running":
            return False
        with closing(sqlite3.connect(str(self.app.db.url.database), timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return True
        return False

    def _somebody_waits(self) -> bool:
        with self.app.db.read() as session:
            waiting = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
            return bool(session.scalar(waiting))

    def wanted(self) -> dict[int, int]:
        """The number of each account's link."""
        with self.app.db.read() as session:
            return dict(session.execute(select(Link.account_id, Link.wanted)).all())

    @property
    def log(self) -> str:
        """What the processes wrote."""
        return self._log.read_text()

    def complaints(self) -> list[str]:
        """Lines of the log that tell of an error."""
        return [line for line in self.log.splitlines() if _is_complaint(line)]


def _is_complaint(line: str) -> bool:
    try:
        return json.loads(line).get("level") in ("error", "critical")
    except (ValueError, AttributeError):
        return "Traceback" in line or "Error" in line
