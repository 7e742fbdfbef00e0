"""A provider that lives in memory: what it was asked, what it holds, and what it is told to do wrong.

For tests of core and of plugins' actions that need "some provider". It keeps the rules a real one has: a name belongs to one account,
an id is never given twice, and what was deleted is gone.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from types import ModuleType
from typing import Any, ClassVar

from marshmallow import Schema

from rolecall.errors import Conflict, NotFound, TokenExpired
from rolecall.hookspecs import hookimpl
from rolecall.sdk.provider import Attributes, Changes, CheckLine, Limits, Provider, Remote, Secret
from rolecall.sdk.snapshots import AccountSnapshot

#: An exception to raise, or something to do at that moment; both instead of nothing, and what is done may raise as well.
Fault = Exception | Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that reached the service: the verb, and the account's user name or remote id."""

    verb: str
    who: str


@dataclass(slots=True)
class Planned:
    """A fault that waits for its call."""

    verb: str
    fault: Fault
    after: bool
    who: str | None
    times: int | None


@dataclass(slots=True)
class MemoryService:
    """What stands behind a memory provider: the remote accounts by id, and a journal of calls."""

    accounts: dict[str, Remote] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    #: What was there when each token was given.
    snapshots: dict[str, dict[str, Remote]] = field(default_factory=dict)
    journal: list[Call] = field(default_factory=list)
    #: How many accounts were ever made for each external key: more than one is a duplicate.
    made: Counter[str] = field(default_factory=Counter)
    #: User names for which ``attributes`` raises.
    unmappable: set[str] = field(default_factory=set)
    _faults: deque[Planned] = field(default_factory=deque)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, verb: str, fault: Fault, *, after: bool = False, who: str | None = None, times: int | None = 1) -> None:
        """Raise or do this at the next ``times`` calls of a verb (none: always), before it has its effect or ``after``."""
        self._faults.append(Planned(verb, fault, after, who, times))

    def mend(self) -> None:
        """Forget every fault that is left."""
        self._faults.clear()

    def calls(self, verb: str) -> list[str]:
        """Whom the calls of one verb were about, in their order."""
        return [call.who for call in self.journal if call.verb == verb]

    def of(self, key: str) -> Remote | None:
        """The remote account that carries one of our keys."""
        return next((each for each in self.accounts.values() if each.key == key), None)

    def add(self, username: str, *, key: str | None = None, suspended: bool = False, **attributes: Any) -> Remote:
        """Put an account there that Rolecall did not make."""
        facts = {"username": username, "email": None, "name": username, **attributes}
        remote = Remote(external_id=f"r{next(self._numbers)}", key=key, attributes=facts, suspended=suspended)
        self.accounts[remote.external_id] = remote
        return remote

    def _call(self, verb: str, who: str, effect: Callable[[], Any]) -> Any:
        with self._lock:
            self.journal.append(Call(verb=verb, who=who))
            fault = self._take(verb, who)
        if fault is not None and not fault.after:
            _strike(fault.fault)
        with self._lock:
            result = effect()
        if fault is not None and fault.after:
            _strike(fault.fault)
        return result

    def _take(self, verb: str, who: str) -> Planned | None:
        for fault in self._faults:
            if fault.verb in (verb, "*") and fault.who in (None, who):
                if fault.times is not None:
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                return fault
        return None


def _strike(fault: Fault) -> None:
    if isinstance(fault, Exception):
        raise fault
    fault()


class MemoryProvider(Provider):
    """Accounts in a :class:`MemoryService`. Make a class of your own with :func:`memory_provider`."""

    service: ClassVar[MemoryService]
    sign_in_attribute: ClassVar[str | None] = "username"
    matched_by = ("username", "email")

    def check(self) -> Iterable[CheckLine]:
        """Say that all is well."""
        return [CheckLine(label="Connection", ok=True)]

    def attributes(self, account: AccountSnapshot) -> Attributes:
        """User name, e-mail, name, and a group per enabled role."""
        if account.username in self.service.unmappable:
            raise KeyError("unmappable")
        return {
            "username": account.username,
            "email": account.email,
            "name": f"{account.person.first_name} {account.person.last_name}",
            "groups": frozenset(f"{role.period}/{role.role}" for role in account.roles if role.enabled),
        }

    def find(self, account: AccountSnapshot) -> Remote | None:
        """By key, then by user name."""

        def look() -> Remote | None:
            every = self.service.accounts.values()
            by_key = (each for each in every if each.key == account.key)
            by_name = (each for each in every if each.attributes.get("username") == account.username)
            return next(by_key, None) or next(by_name, None)

        found: Remote | None = self.service._call("find", account.username, look)
        return found

    def create(self, account: AccountSnapshot, wanted: Attributes, password: Secret | None) -> Remote:
        """Make the account, unless its name is taken."""

        def make() -> Remote:
            if any(each.attributes.get("username") == wanted["username"] for each in self.service.accounts.values()):
                raise Conflict("The user name is taken.")
            remote = Remote(external_id=f"r{next(self.service._numbers)}", key=account.key, attributes=dict(wanted))
            self.service.accounts[remote.external_id] = remote
            self.service.made[account.key] += 1
            if password is not None:
                self.service.passwords[remote.external_id] = password.reveal()
            return remote

        made: Remote = self.service._call("create", account.username, make)
        return made

    def update(self, external_id: str, changes: Attributes) -> None:
        """Change attributes."""
        self._change("update", external_id, lambda known: replace(known, attributes={**known.attributes, **changes}))

    def suspend(self, external_id: str) -> None:
        """Close the account."""
        self._change("suspend", external_id, lambda known: replace(known, suspended=True))

    def resume(self, external_id: str) -> None:
        """Open the account again."""
        self._change("resume", external_id, lambda known: replace(known, suspended=False))

    def delete(self, external_id: str) -> None:
        """Remove the account for good."""
        self.service._call("delete", external_id, lambda: self.service.accounts.pop(self._known(external_id).external_id))

    def accounts(self) -> Iterator[Remote]:
        """Walk all accounts; a fault for ``accounts`` with ``who`` strikes before the account with this remote id."""
        for each in list(self.service.accounts.values()):
            self.service._call("accounts", each.external_id, lambda: None)
            yield each

    def changes(self, token: str | None) -> Iterator[Changes]:
        """Tell what changed since a token, which is the number of a snapshot; one that was forgotten has expired."""
        known = self.service.snapshots.get(token or "")
        if token is not None and known is None:
            raise TokenExpired("That token is too old.")
        now = dict(self.service.accounts)
        following = str(len(self.service.snapshots) + 1)
        self.service.snapshots[following] = now
        if known is not None:
            for each in now.values():
                if known.get(each.external_id) != each:
                    self.service._call("changes", each.external_id, lambda: None)
                    yield Changes(accounts=[each])
            yield Changes(removed=[each for each in known if each not in now])
        yield Changes(token=following)

    def ensure_groups(self, keys: Collection[str]) -> Mapping[str, str]:
        """Make the groups that are missing."""
        self.service._call("ensure_groups", ",".join(sorted(keys)), lambda: self.service.groups.update(keys))
        return {key: key for key in keys}

    def _change(self, verb: str, external_id: str, change: Callable[[Remote], Remote]) -> None:
        def apply() -> None:
            self.service.accounts[external_id] = change(self._known(external_id))

        self.service._call(verb, external_id, apply)

    def _known(self, external_id: str) -> Remote:
        if external_id not in self.service.accounts:
            raise NotFound("There is no such account any more.")
        return self.service.accounts[external_id]


def memory_provider(provider_id: str = "memory", **members: Any) -> type[MemoryProvider]:
    """Make a provider class with a service of its own; ``members`` are class attributes such as ``limits``."""
    facts = {"id": provider_id, "label": provider_id.capitalize(), "limits": Limits(), "service": MemoryService(), **members}
    return type(f"{provider_id.capitalize()}Provider", (MemoryProvider,), facts)


def plugin_of(provider: type[Provider], settings: type[Schema] | None = None) -> ModuleType:
    """Wrap a provider in a plugin module, as ``Application(config, plugins={provider.id: plugin_of(provider)})`` takes it."""
    module = ModuleType(f"rolecall_{provider.id}")

    @hookimpl
    def register_providers() -> Iterable[type[Provider]]:
        return [provider]

    @hookimpl
    def plugin_settings() -> type[Schema] | None:
        return settings

    module.register_providers = register_providers  # type: ignore[attr-defined]
    module.plugin_settings = plugin_settings  # type: ignore[attr-defined]
    return module
