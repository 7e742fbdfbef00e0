"""The Google Workspace provider: the verbs core asks for, and the door to the batches.

Owns the mapping from an account to a user's attributes. How changes travel together is `batches`, how users are found is `users`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any, ClassVar

from rolecall.errors import ProviderError
from rolecall.sdk import (
    AccountSnapshot,
    Attributes,
    Change,
    CheckLine,
    ClassSnapshot,
    Limits,
    Member,
    Provider,
    Remote,
    Result,
    Secret,
    Verb,
)
from rolecall_google import checks, classes, groups, licences, names, users
from rolecall_google.batches import Courier
from rolecall_google.client import BATCH, USERS
from rolecall_google.settings import DIRECTORY, GoogleSettings, unit_of
from rolecall_google.workspace import Workspace

if TYPE_CHECKING:
    from rolecall.sdk.http import Http


class GoogleProvider(Provider):
    """Users, licences, groups and Classroom courses of one Workspace."""

    id: ClassVar[str] = "google"
    label: ClassVar[str] = "Google Workspace"
    sign_in_attribute: ClassVar[str | None] = "primaryEmail"
    guide: ClassVar[str] = resources.files("rolecall_google").joinpath("guide.md").read_text(encoding="utf-8")
    limits: ClassVar[Limits] = Limits(
        batch=BATCH[DIRECTORY],
        concurrency=1,  # so that no two batches of new users fall into the same second
        rate=3,  # with two look-ups before each batch of ten new users: ten a second, which is what a domain takes
        settling=timedelta(seconds=60),  # a fresh user is not shown for seconds, a renamed one refuses changes for a minute
        calls=24,  # look up by key and address, deleted users, create, who has the address, read, update, licences, groups
    )
    signs_in: ClassVar[bool] = True
    gives_mailbox: ClassVar[bool] = True
    settings_schema = GoogleSettings
    mapping = users.MAPPING
    matched_by: ClassVar[Sequence[str]] = ("primaryEmail",)

    def __init__(self, settings: Mapping[str, Any], http: Http) -> None:
        super().__init__(settings, http)
        self.workspace = Workspace(settings, http)

    def check(self) -> Iterable[CheckLine]:
        """Try each scope, the administrator, and what the settings name, changing nothing (R54)."""
        return checks.lines(self.workspace)

    def attributes(self, account: AccountSnapshot) -> Attributes:
        """Return what Google should hold: the mapped fields, the address, the organisational unit, our key, licences and groups."""
        wanted: dict[str, str | frozenset[str] | None] = {
            **self.mapped(account),
            "primaryEmail": self.workspace.address_of(account),
            users.KEY: account.key,
        }
        for name in users.NAMES:
            wanted[name] = names.cut(wanted[name], self.settings)  # type: ignore[arg-type] # a mapped one is a text or none
        if wanted.get("language", "") is None:
            del wanted["language"]  # Google gives everybody a language: that of a person without one is not ours to say
        unit = unit_of(self.settings, account.type)
        if unit is not None:
            wanted["orgUnitPath"] = unit
        chosen = licences.wanted(account, self.settings)
        if chosen is not None:
            wanted["licences"] = chosen
        if self.workspace.keeps_groups:
            wanted["groups"] = groups.group_keys(account)
        return wanted

    def find(self, account: AccountSnapshot) -> Remote | None:
        """Look the account up by our key, then by address; who has it as an alias only is another person (R64)."""
        work = self.workspace
        addresses = {account.id: work.address_of(account)}
        row = users.find_all(work.google, [account], addresses, work.key_type, work.customer).get(account.id)
        if row is None or isinstance(row, users.AliasOf):
            return None
        if isinstance(row, ProviderError):
            raise row
        remote = users.remote_of(row, work.key_type)
        held: dict[str, frozenset[str]] = {}
        if work.licences.managed:
            held["licences"] = _or_raise(work.licences.held([users.primary_of(row)])[users.primary_of(row)])
        if work.keeps_groups:
            held["groups"] = frozenset(_or_raise(work.groups.of_users([remote.external_id])[remote.external_id]))
        return replace(remote, attributes={**remote.attributes, **held})

    def create(self, account: AccountSnapshot, wanted: Attributes, password: Secret | None) -> Remote:
        """Create the account, take over the one that is ours, or bring it back after a deletion; raise ``Conflict`` for another's."""
        (result,) = self.apply([Change(link_id=0, verb=Verb.CREATE, account=account, wanted=wanted, after=wanted, password=password)])
        if result.error is not None:
            raise result.error
        return Remote(external_id=str(result.external_id), key=account.key, attributes=wanted)

    def update(self, external_id: str, changes: Attributes) -> None:
        """Change these attributes; raise ``NotFound`` when the user is gone, ``Conflict`` when an address is taken."""
        Courier(self.workspace).one(Verb.UPDATE, external_id, changes)

    def suspend(self, external_id: str) -> None:
        """Suspend the user, and archive it where the settings say so."""
        Courier(self.workspace).one(Verb.SUSPEND, external_id, {})

    def resume(self, external_id: str) -> None:
        """Open a suspended user again, unless Google itself suspended it."""
        Courier(self.workspace).one(Verb.RESUME, external_id, {})

    def delete(self, external_id: str) -> None:
        """Delete the user, who can be restored for 20 days."""
        Courier(self.workspace).one(Verb.DELETE, external_id, {})

    def accounts(self) -> Iterator[Remote]:
        """Walk every user, each once, with licences and groups."""
        work = self.workspace
        members = work.groups.memberships() if work.keeps_groups else {}
        licensed = work.licences.all_held()
        seen: set[str] = set()
        for row in work.google.pages(USERS, "users", customer=work.customer, maxResults=users.PAGE, projection="full"):
            remote = users.remote_of(row, work.key_type)
            if remote.external_id in seen:
                continue
            seen.add(remote.external_id)
            held: dict[str, frozenset[str]] = {}
            if work.licences.managed:
                held["licences"] = licensed.get(users.primary_of(row), frozenset())
            if work.keeps_groups:
                held["groups"] = members.get(remote.external_id, frozenset())
            yield replace(remote, attributes={**remote.attributes, **held})

    def ensure_groups(self, keys: Collection[str]) -> Mapping[str, str]:
        """Return the id of each group key, making the groups that are missing."""
        return self.workspace.groups.ensure(keys)

    def apply(self, plan: Sequence[Change]) -> Iterator[Result]:
        """Carry the plan out in batches; each change has its own outcome (R64, R66)."""
        return Courier(self.workspace).carry(plan)

    def class_attributes(self, school_class: ClassSnapshot) -> Attributes:
        """Return what Classroom should hold of a class (R60a)."""
        return classes.attributes(school_class)

    def class_role(self, role: str) -> str:
        """Return what an assistant is in a course; teachers and students stay what they are."""
        return classes.kept_role(self.workspace, role)

    def find_class(self, school_class: ClassSnapshot) -> Remote | None:
        """Look a class up by our key."""
        return classes.find(self.workspace, school_class)

    def create_class(self, school_class: ClassSnapshot, wanted: Attributes) -> Remote:
        """Create a course without members; raise ``Conflict`` when it is there already."""
        return classes.create(self.workspace, school_class, wanted)

    def update_class(self, external_id: str, changes: Attributes) -> None:
        """Change a course, and open it again if it was archived."""
        classes.update(self.workspace, external_id, changes)

    def archive_class(self, external_id: str) -> None:
        """Archive a course."""
        classes.archive(self.workspace, external_id)

    def members(self, external_id: str) -> frozenset[Member]:
        """Return who is in a course, but for its owner."""
        return classes.members(self.workspace, external_id)

    def add_members(self, external_id: str, members: Collection[Member]) -> None:
        """Put people into a course."""
        classes.add(self.workspace, external_id, members)

    def remove_members(self, external_id: str, members: Collection[Member]) -> None:
        """Take people out of a course."""
        classes.remove(self.workspace, external_id, members)


def _or_raise(found: Any) -> Any:
    if isinstance(found, ProviderError):
        raise found
    return found
