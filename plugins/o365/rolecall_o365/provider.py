"""The Microsoft 365 provider: the verbs core asks for, and the door to the batches.

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
    Changes,
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
from rolecall_o365 import checks, classes, delta, groups, licences, users
from rolecall_o365.batches import Courier
from rolecall_o365.client import BATCH
from rolecall_o365.settings import MicrosoftSettings
from rolecall_o365.tenant import Tenant

if TYPE_CHECKING:
    from rolecall.sdk.http import Http


class MicrosoftProvider(Provider):
    """Users, licences, groups, classes and teams of one tenant, through Microsoft Graph v1.0."""

    id: ClassVar[str] = "o365"
    label: ClassVar[str] = "Microsoft 365"
    sign_in_attribute: ClassVar[str | None] = "userPrincipalName"
    guide: ClassVar[str] = resources.files("rolecall_o365").joinpath("guide.md").read_text(encoding="utf-8")
    limits: ClassVar[Limits] = Limits(
        batch=BATCH,  # what one batch of Graph holds
        concurrency=4,
        rate=20,  # 3,000 writes in 150 seconds for an app and a tenant; a batch weighs what it writes
        settling=timedelta(seconds=60),  # a fresh user may be invisible for seconds to minutes
        calls=24,  # look up by key and name, recycle bin, create, look up again, licences, groups
    )
    signs_in: ClassVar[bool] = True
    gives_mailbox: ClassVar[bool] = True
    settings_schema = MicrosoftSettings
    mapping = users.MAPPING
    matched_by = ("userPrincipalName",)

    def __init__(self, settings: Mapping[str, Any], http: Http) -> None:
        super().__init__(settings, http)
        self.tenant = Tenant(settings, http)

    def check(self) -> Iterable[CheckLine]:
        """Try the sign-in of the app, every permission, the domains and the licences, changing nothing (R54)."""
        return checks.lines(self.tenant)

    def attributes(self, account: AccountSnapshot) -> Attributes:
        """Return what Microsoft 365 should hold: the mapped fields, the sign-in name, the country, our key, licences and groups."""
        wanted: dict[str, str | frozenset[str] | None] = {
            **self.mapped(account),
            "userPrincipalName": self.tenant.sign_in_name(account),
            "usageLocation": str(self.settings["usage_location"]).upper(),
            self.tenant.slot: account.key,
        }
        chosen = licences.wanted(account, self.settings)
        if chosen is not None:
            wanted["licences"] = chosen
        if self.tenant.keeps_groups:
            wanted["groups"] = groups.group_keys(account)
        return wanted

    def find(self, account: AccountSnapshot) -> Remote | None:
        """Look the account up by our key, then by sign-in name (R64)."""
        upn = self.tenant.sign_in_name(account)
        row = users.find_all(self.tenant.graph, [account], {account.id: upn}, self.tenant.slot).get(account.id)
        if isinstance(row, ProviderError):
            raise row
        if row is None:
            return None
        remote = self._remote(row)
        if not self.tenant.keeps_groups:
            return remote
        mine = self.tenant.groups.of_users([remote.external_id])[remote.external_id]
        if isinstance(mine, ProviderError):
            raise mine
        return replace(remote, attributes={**remote.attributes, "groups": frozenset(mine)})

    def create(self, account: AccountSnapshot, wanted: Attributes, password: Secret | None) -> Remote:
        """Create the account, take over the one that is ours, or bring it back from the recycle bin; raise ``Conflict`` for another's."""
        (result,) = self.apply([Change(link_id=0, verb=Verb.CREATE, account=account, wanted=wanted, after=wanted, password=password)])
        if result.error is not None:
            raise result.error
        return Remote(external_id=str(result.external_id), key=account.key, attributes=wanted)

    def update(self, external_id: str, changes: Attributes) -> None:
        """Change these attributes; raise ``NotFound`` when the user is gone, ``Conflict`` when a name is taken."""
        Courier(self.tenant).one(Verb.UPDATE, external_id, changes)

    def suspend(self, external_id: str) -> None:
        """Close the account and end its sessions."""
        Courier(self.tenant).one(Verb.SUSPEND, external_id, {})

    def resume(self, external_id: str) -> None:
        """Open a suspended account again."""
        Courier(self.tenant).one(Verb.RESUME, external_id, {})

    def delete(self, external_id: str) -> None:
        """Delete the user, who can be restored for 30 days."""
        Courier(self.tenant).one(Verb.DELETE, external_id, {})

    def accounts(self) -> Iterator[Remote]:
        """Walk every user, each once, with licences and groups."""
        members = self.tenant.groups.memberships() if self.tenant.keeps_groups else {}
        seen: set[str] = set()
        for row in self.tenant.graph.pages("/users", select=users.SELECT, top=999):
            remote = self._remote(row)
            if remote.external_id in seen:
                continue
            seen.add(remote.external_id)
            if self.tenant.keeps_groups:
                mine = members.get(remote.external_id, frozenset())
                remote = replace(remote, attributes={**remote.attributes, "groups": mine})
            yield remote

    def changes(self, token: str | None) -> Iterator[Changes]:
        """Walk the users that changed since a token, by Graph's delta."""
        return delta.changes(self.tenant, token, self._remote)

    def ensure_groups(self, keys: Collection[str]) -> Mapping[str, str]:
        """Return the id of each group key, making the groups that are missing."""
        return self.tenant.groups.ensure(keys)

    def apply(self, plan: Sequence[Change]) -> Iterator[Result]:
        """Carry the plan out in batches; each change has its own outcome (R64, R66)."""
        return Courier(self.tenant).carry(plan)

    def class_attributes(self, school_class: ClassSnapshot) -> Attributes:
        """Return what Microsoft 365 should hold of a class (R60a)."""
        return classes.attributes(school_class)

    def class_role(self, role: str) -> str:
        """Return what an assistant is in a class there; teachers and students stay what they are."""
        return classes.kept_role(self.tenant, role)

    def find_class(self, school_class: ClassSnapshot) -> Remote | None:
        """Look a class up by our key."""
        return classes.find(self.tenant, school_class)

    def create_class(self, school_class: ClassSnapshot, wanted: Attributes) -> Remote:
        """Create a class without members; raise ``Conflict`` when it is there already."""
        return classes.create(self.tenant, school_class, wanted)

    def update_class(self, external_id: str, changes: Attributes) -> None:
        """Change a class, and open its team again if it was archived."""
        classes.update(self.tenant, external_id, changes)

    def archive_class(self, external_id: str) -> None:
        """Archive the team of a class."""
        classes.archive(self.tenant, external_id)

    def members(self, external_id: str) -> frozenset[Member]:
        """Return who is in a class."""
        return classes.members(self.tenant, external_id)

    def add_members(self, external_id: str, members: Collection[Member]) -> None:
        """Put people into a class, and make its team when it has a teacher."""
        classes.add(self.tenant, external_id, members)

    def remove_members(self, external_id: str, members: Collection[Member]) -> None:
        """Take people out of a class."""
        classes.remove(self.tenant, external_id, members)

    def _remote(self, row: Mapping[str, Any]) -> Remote:
        remote = users.remote_of(row, self.tenant.slot)
        if not self.tenant.licences.managed:
            return remote
        return replace(remote, attributes={**remote.attributes, "licences": self.tenant.licences.held(row)})
