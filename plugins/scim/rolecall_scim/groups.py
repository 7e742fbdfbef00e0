"""Keeps groups in step with roles: one per period, user type and role.

Owns the group keys and their groups. Touches no group whose external id does not begin with ``rolecall:``.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from rolecall.errors import Misconfigured, NotFound, ProviderError, Transient
from rolecall.sdk import AccountSnapshot
from rolecall_scim.client import GROUPS, Operation, created_id, id_of, literal, one
from rolecall_scim.errors import Refused, Taken, Unsupported, field_of
from rolecall_scim.members import Membership, Pair
from rolecall_scim.service import Service

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
#: What marks a group as one that Rolecall made for a role.
PREFIX = "rolecall:"
#: A longer key ends in a digest: services keep external ids in columns of 255 characters.
LONGEST_KEY = 255
#: Groups on a page when their members come with them: thousands of members each are still an answer that can be read.
FULL_PAGE = 5


def group_key(period: str, kind: str, role: str) -> str:
    """Return the stable external id of a group. The user type is part of it, because each type has roles of its own."""
    key = PREFIX + ":".join(part.replace("%", "%25").replace(":", "%3A") for part in (period, kind, role))
    return key if len(key) <= LONGEST_KEY else f"{key[: LONGEST_KEY - 17]}~{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def group_keys(account: AccountSnapshot) -> frozenset[str]:
    """Return the groups an account belongs to: its enabled roles in the periods that are open (R15, R37)."""
    return frozenset(group_key(role.period, account.type, role.role) for role in account.roles if role.enabled and role.period_is_open)


def group_name(key: str) -> str:
    """Return the name that people see: role, user type and period."""
    parts = [part.replace("%3A", ":").replace("%25", "%") for part in key.removeprefix(PREFIX).split(":")]
    return f"{parts[2]} ({parts[1]}, {parts[0]})" if len(parts) == 3 else key


class Groups:
    """The groups of one service, remembered by this process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._membership = Membership(service)
        self._ids: dict[str, str] = {}
        self._lock = threading.Lock()

    def ours(self, *, members: bool = False) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the groups Rolecall made, with their keys; their members come only where they are asked for."""
        can = self._service.can
        query = {"count": min(FULL_PAGE, can.page)} if members else {"count": can.page, "excludedAttributes": "members"}
        rows = self._service.client.pages
        found = []
        try:
            if can.filter:
                found = list(self._marked(rows(GROUPS, filter=f"externalId sw {literal(PREFIX)}", **query)))
        except (Refused, Unsupported):
            pass
        # An empty answer may come from a service that does not know this filter and does not say so.
        yield from found or self._marked(rows(GROUPS, **query))

    def _marked(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for row in rows:
            key = field_of(row, "externalId")
            if isinstance(key, str) and key.startswith(PREFIX):
                yield key, row

    def ensure(self, keys: Collection[str]) -> dict[str, str]:
        """Return the id of each key's group, making those that are missing."""
        with self._lock:
            if not set(keys) <= set(self._ids):
                self._ids = self._known()
                for key in sorted(set(keys) - set(self._ids)):
                    self._ids[key] = self._create(key)
            return {key: self._ids[key] for key in keys}

    def _known(self) -> dict[str, str]:
        """Return the ids of our groups by key; of two with one key, which a lost answer may have made, always the same."""
        found: dict[str, str] = {}
        for key, row in self.ours():
            number = id_of(row)
            found[key] = min(number, found.get(key, number))
        return found

    def _create(self, key: str) -> str:
        name = group_name(key)
        body = {"schemas": [GROUP], "externalId": key, "displayName": name}
        answer = self._service.client.ask(Operation(method="POST", path=GROUPS, body=body))
        if isinstance(answer.error, Taken):
            found = self._known().get(key)
            if found is None:
                raise _nameless(name)
            return found
        answer.value()
        if answer.body and field_of(answer.body, "externalId") is None:
            # Without its key the group would be made again and again.
            self._service.client.ask(Operation(method="DELETE", path=one(GROUPS, created_id(answer)), repeatable=True)).value()
            raise _keyless()
        return created_id(answer)

    def memberships(self) -> dict[str, frozenset[str]]:
        """Return the keys of the groups of ours that each user is in, by user id; users in none are absent."""
        members: dict[str, set[str]] = {}
        for key, row in self.ours(members=True):
            for user in self._membership.of(row):
                members.setdefault(user, set()).add(key)
        return {user: frozenset(keys) for user, keys in members.items()}

    def move(self, add: Sequence[Pair], remove: Sequence[Pair]) -> dict[str, ProviderError]:
        """Put users into groups and take them out, as (user id, key) pairs; every step may be repeated.

        Returns the users for whom it failed, with the error.
        """
        ids = self.ensure({key for _, key in add}) if add else {}
        if remove:
            with self._lock:
                known = self._ids if {key for _, key in remove} <= set(self._ids) else self._known()
                self._ids = dict(known)
                ids = {**ids, **known}
        failed = self._membership.change(
            [(user, ids[key]) for user, key in add],
            [(user, ids[key]) for user, key in remove if key in ids],
        )
        if any(isinstance(error, NotFound) for error in failed.values()):
            with self._lock:
                self._ids.clear()
        return {
            user: Transient("The group or its member is gone from the SCIM service.") if isinstance(error, NotFound) else error
            for user, error in failed.items()
        }


def _keyless() -> Misconfigured:
    return Misconfigured(
        "The SCIM service does not keep the external id of a group, so its groups could not be known again.",
        hint="Switch groups off in the settings.",
    )


def _nameless(name: str) -> Misconfigured:
    return Misconfigured(
        f"The SCIM service has a group “{name}” already that does not carry our key.",
        hint="Delete or rename it there, or switch groups off in the settings.",
    )
