"""The SCIM provider: the verbs core asks for, and the door to the courier.

Owns the mapping from an account to a user's attributes. How changes travel is `courier`, how users are found is `lookups`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any, ClassVar

from rolecall.errors import ProviderError
from rolecall.sdk import AccountSnapshot, Attributes, Change, CheckLine, Limits, Provider, Remote, Result, Secret, Verb
from rolecall.sdk.mapping import Mode, mode_of
from rolecall_scim import checks, users
from rolecall_scim.client import USERS, Client
from rolecall_scim.courier import Courier
from rolecall_scim.groups import Groups, group_keys
from rolecall_scim.lookups import Lookups
from rolecall_scim.service import Service
from rolecall_scim.settings import ScimSettings

if TYPE_CHECKING:
    from rolecall.sdk.http import Http


class ScimProvider(Provider):
    """Users and groups of one service, through SCIM 2.0."""

    id: ClassVar[str] = "scim"
    label: ClassVar[str] = "SCIM 2.0"
    sign_in_attribute: ClassVar[str | None] = "userName"
    guide: ClassVar[str] = resources.files("rolecall_scim").joinpath("guide.md").read_text(encoding="utf-8")
    limits: ClassVar[Limits] = Limits(
        batch=50,  # one by one, where the service has no bulk, these are still some minutes at most
        concurrency=2,  # nobody knows what stands behind it
        calls=32,  # describe, look up by key and name, create, look up again, read, write, open, groups with their members
    )
    settings_schema = ScimSettings
    mapping = users.MAPPING
    matched_by = ("userName",)

    def __init__(self, settings: Mapping[str, Any], http: Http) -> None:
        super().__init__(settings, http)
        self.service = Service(Client(http, settings), settings)
        self.groups = Groups(self.service)
        self.keeps_groups = bool(settings.get("groups", True))

    def check(self) -> Iterable[CheckLine]:
        """Try the address, the token, what the service says of itself and every kind of call, changing nothing (R54)."""
        return checks.lines(self.service, self.wanted_names())

    def wanted_names(self) -> tuple[str, ...]:
        """Return the attributes that are sent: those of the mapping that are not ignored, and where our key is kept."""
        chosen: Mapping[str, Any] = self.settings.get("mapping") or {}
        sent = [each.name for each in self.mapping if mode_of(each, chosen) is not Mode.IGNORE]
        return tuple(dict.fromkeys((*sent, self.service.slot) if self.service.slot else sent))

    def attributes(self, account: AccountSnapshot) -> Attributes:
        """Return what the service should hold: the mapped attributes, our key, and a group per enabled role."""
        wanted: dict[str, str | frozenset[str] | None] = {name: users.folded(name, value) for name, value in self.mapped(account).items()}
        if self.service.slot is not None:
            wanted[self.service.slot] = account.key
        if self.keeps_groups:
            wanted["groups"] = group_keys(account)
        return wanted

    def find(self, account: AccountSnapshot) -> Remote | None:
        """Look the account up by our key, then by user name (R64)."""
        name = users.folded("userName", self.mapped(account).get("userName")) or ""
        row = Lookups(self.service).find({account.id: (account.key, name)}).get(account.id)
        if isinstance(row, ProviderError):
            raise row
        if row is None:
            return None
        remote = users.remote_of(row, self.service.slot)
        return self._with_groups(remote, self.groups.memberships()) if self.keeps_groups else remote

    def create(self, account: AccountSnapshot, wanted: Attributes, password: Secret | None) -> Remote:
        """Create the account, or take over the one that is ours or nobody's; raise ``Conflict`` for another's."""
        (result,) = self.apply([Change(link_id=0, verb=Verb.CREATE, account=account, wanted=wanted, after=wanted, password=password)])
        if result.error is not None:
            raise result.error
        return Remote(external_id=str(result.external_id), key=account.key, attributes=wanted)

    def update(self, external_id: str, changes: Attributes) -> None:
        """Change these attributes; raise ``NotFound`` when the user is gone, ``Conflict`` when a name is taken."""
        self._courier().one(Verb.UPDATE, external_id, changes)

    def suspend(self, external_id: str) -> None:
        """Close the account."""
        self._courier().one(Verb.SUSPEND, external_id, {})

    def resume(self, external_id: str) -> None:
        """Open a suspended account again."""
        self._courier().one(Verb.RESUME, external_id, {})

    def delete(self, external_id: str) -> None:
        """Delete the user; what that means is the service's choice."""
        self._courier().one(Verb.DELETE, external_id, {})

    def accounts(self) -> Iterator[Remote]:
        """Walk every user that the token may see, each once, with its groups."""
        groups = self.groups.memberships() if self.keeps_groups else {}
        for row in self.service.client.pages(USERS, count=self.service.can.page):
            remote = users.remote_of(row, self.service.slot)
            yield self._with_groups(remote, groups) if self.keeps_groups else remote

    def ensure_groups(self, keys: Collection[str]) -> Mapping[str, str]:
        """Return the id of each group key, making the groups that are missing."""
        return self.groups.ensure(keys)

    def apply(self, plan: Sequence[Change]) -> Iterator[Result]:
        """Carry the plan out, by bulk where the service can; each change has its own outcome (R64, R66)."""
        return self._courier().carry(plan)

    def _courier(self) -> Courier:
        return Courier(self.service, self.groups)

    def _with_groups(self, remote: Remote, groups: Mapping[str, frozenset[str]]) -> Remote:
        return replace(remote, attributes={**remote.attributes, "groups": groups.get(remote.external_id, frozenset())})
