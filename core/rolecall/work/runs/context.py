"""What a handler gets: the batch of accounts, and the context through which it asks and speaks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from rolecall.accounts import escalation, first_password, passwords, settings
from rolecall.accounts.actors import Actor
from rolecall.store.bulk import among
from rolecall.store.tables import Account, Run
from rolecall.work.delivery import asking
from rolecall.work.projection import Fields, project
from rolecall.work.runs.plan import unmet
from rolecall.work.runs.unit import Unit


class Accounts:
    """A batch: ids for set-based statements, rows (with their person) when iterated; rows are loaded once, on demand."""

    def __init__(self, session: Session, ids: Sequence[int]) -> None:
        self._session = session
        self._ids = tuple(ids)

    @property
    def ids(self) -> Sequence[int]:
        """The accounts' ids, in the order of the run."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Account]:
        rows = self._session.scalars(
            select(Account).where(Account.id.in_(among(self._session, self._ids))).options(joinedload(Account.person))
        )
        by_id = {row.id: row for row in rows}
        return iter([by_id[each] for each in self._ids if each in by_id])


class RunContext:
    """The context of one batch. What it collects is written by the runner when the handler has returned."""

    def __init__(self, unit: Unit, plugin: str, before: dict[int, Fields]) -> None:
        self._unit = unit
        self._plugin = plugin
        self.before = before
        self.refused: dict[int, tuple[str, str]] = {}
        self.skipped: dict[int, tuple[str, str]] = {}
        self.records: dict[int, tuple[Fields, Fields]] = {}
        self.secrets: dict[int, str] = {}

    @property
    def session(self) -> Session:
        """The session of the batch's transaction."""
        return self._unit.session

    @property
    def now(self) -> datetime:
        """When the batch began."""
        return self._unit.now

    @property
    def run_id(self) -> int:
        """The run's id."""
        return self._unit.run.id

    @property
    def run(self) -> Run:
        """The run itself."""
        return self._unit.run

    @property
    def actor_account_id(self) -> int | None:
        """The account that acts, when it is one."""
        return self._unit.actor.account_id

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self._unit.actor

    def may(self, permission: str) -> bool:
        """Tell whether the actor holds a permission."""
        return self._unit.actor.may(permission)

    def setting(self, key: str) -> Any:
        """Return a setting of the action's own plugin."""
        schema = self._unit.view.plugins[self._plugin].settings
        return settings.read(self.session, self._plugin, schema).get(key) if schema else None

    def refuse(self, account_id: int, message: str, *, code: str = "refused") -> None:
        """Take one account out of the batch; the batch is repeated without it, so nothing of it is changed."""
        self.refused[account_id] = (code, message)

    def skip(self, account_id: int, message: str, *, code: str = "not-applicable") -> None:
        """Say that an account was left as it is, and why."""
        self.skipped[account_id] = (code, message)

    def include(self, ids: Iterable[int]) -> None:
        """Cover accounts outside the batch, before they are touched; the actor must be allowed to act on them like on the others (Z-05)."""
        new = [each for each in ids if each not in self.before]
        self.session.flush()
        self.before.update(project(self.session, new))
        self.refused.update(unmet(self.session, escalation.requirements(self.session, self._unit.actor), new))

    def record(self, account_id: int, field: str, before: Any, after: Any) -> None:
        """Add a change that lies outside the snapshot to the history."""
        was, becomes = self.records.setdefault(account_id, ({}, {}))
        was[field], becomes[field] = before, after

    def secret(self, account_id: int, value: str) -> None:
        """Hand a value to the run's author, once."""
        self.secrets[account_id] = value

    def first_passwords(self, ids: Sequence[int]) -> Mapping[int, str]:
        """Open the first-time passwords that are still kept."""
        return first_password.open_kept(self.session, self._unit.app.keyring, ids)

    def new_first_passwords(self, ids: Sequence[int]) -> Mapping[int, str]:
        """Give accounts a new first-time password and return the passwords by account."""
        return passwords.seal_first(self.session, self._unit.app.keyring, ids, now=self.now)

    def phone_first_passwords(self, ids: Sequence[int], *, replace: bool = False) -> Mapping[int, str]:
        """Make phones the first-time passwords of accounts and return what became of each."""
        return first_password.use_phones(self.session, self._unit.app.keyring, ids, now=self.now, replace=replace)

    def unusable(self, kind: str, addresses: Mapping[int, str]) -> Mapping[int, str]:
        """Say, by account, why no message can be sent to its address."""
        return asking.unusable(self.session, self._unit.view, kind, addresses)

    def over_limits(self, kind: str, addresses: Mapping[int, str]) -> Mapping[int, str]:
        """Say, by account, which limit stands against a message to its address now."""
        return asking.over_limits(self.session, self._unit.view, kind, addresses)

    def back_to_first_passwords(self, ids: Sequence[int]) -> Mapping[int, str]:
        """Make the kept first-time passwords the passwords again, and return the new ones where they are gone."""
        return first_password.go_back(self.session, self._unit.app.keyring, ids, now=self.now)
