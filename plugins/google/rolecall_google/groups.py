"""Keeps groups in step with roles: one per period, user type and role.

Owns the group keys and the addresses made of them. Touches no group whose address does not begin with ours.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rolecall.errors import NotFound, Permanent, ProviderError
from rolecall.sdk import AccountSnapshot
from rolecall_google.client import Answer, Google, Part, id_of, next_page, rows_of, segment, with_query
from rolecall_google.errors import Settling, Taken

GROUPS = "/admin/directory/v1/groups"
#: What marks a group as one that Rolecall made for a role.
PREFIX = "rolecall-g-"
#: Longer keys end in a digest, so that a group's description holds them.
LONGEST_KEY = 1000
#: The most that a page of groups, and of members, holds.
PAGE = 200

#: (user id, key of the group).
Pair = tuple[str, str]


def group_key(period: str, kind: str, role: str) -> str:
    """Return the stable key of a group. The user type is part of it, because each type has roles of its own."""
    key = "rolecall:" + ":".join(part.replace("%", "%25").replace(":", "%3A") for part in (period, kind, role))
    return key if len(key) <= LONGEST_KEY else f"{key[: LONGEST_KEY - 17]}~{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def group_keys(account: AccountSnapshot) -> frozenset[str]:
    """Return the groups an account belongs to: its enabled roles in the periods that are open (R15, R37)."""
    return frozenset(group_key(role.period, account.type, role.role) for role in account.roles if role.enabled and role.period_is_open)


def group_name(key: str) -> str:
    """Return the name that people see: role, user type and period. Google takes neither angle brackets nor an equals sign in it."""
    parts = [part.replace("%3A", ":").replace("%25", "%") for part in key.removeprefix("rolecall:").split(":")]
    name = f"{parts[2]} ({parts[1]}, {parts[0]})" if len(parts) == 3 else key
    return "".join(char for char in name if char not in "<>=")[:73]


def local_part(key: str) -> str:
    """Return what stands before the @ of a key's group: letters, digits and dashes, whatever the role is called."""
    return PREFIX + hashlib.sha256(key.encode()).hexdigest()[:32]


def key_of(row: Mapping[str, Any]) -> str | None:
    """Return the key of a group of ours, none for any other; where its description was changed, its address stands for the key."""
    local = str(row.get("email") or "").partition("@")[0].lower()
    if not local.startswith(PREFIX):
        return None
    key = str(row.get("description") or "")
    return key if local_part(key) == local else local


class Groups:
    """The groups of one Workspace, remembered by this process."""

    def __init__(self, google: Google, customer: str, domain: str) -> None:
        self._google = google
        self._customer = customer
        self._domain = domain
        self._ids: dict[str, str] = {}
        self._lock = threading.Lock()

    def ensure(self, keys: Collection[str]) -> dict[str, str]:
        """Return the id of each key's group, making those that are missing."""
        with self._lock:
            unknown = sorted(set(keys) - set(self._ids))
            for key, answer in zip(unknown, self._google.batch([self._look(key) for key in unknown]), strict=True):
                self._ids[key] = self._create(key) if isinstance(answer.error, NotFound) else id_of(answer.value())
            return {key: self._ids[key] for key in keys}

    def forget(self) -> None:
        """Look again next time: one of the groups was deleted there."""
        with self._lock:
            self._ids.clear()

    def _look(self, key: str) -> Part:
        return Part(method="GET", path=f"{GROUPS}/{segment(f'{local_part(key)}@{self._domain}')}")

    def _create(self, key: str) -> str:
        body = {"email": f"{local_part(key)}@{self._domain}", "name": group_name(key), "description": key}
        try:
            return id_of(self._google.call(Part(method="POST", path=GROUPS, body=body)))
        except Taken:
            found = self._google.batch([self._look(key)])[0]
        if isinstance(found.error, NotFound):
            raise Settling("Google has the group of a role, but does not show it yet.")
        return id_of(found.value())

    def memberships(self) -> dict[str, frozenset[str]]:
        """Return the keys of the groups of ours that each user is in, by user id."""
        members: dict[str, set[str]] = {}
        for row in self._google.pages(GROUPS, "groups", customer=self._customer, maxResults=PAGE):
            key = key_of(row)
            if key is not None:
                for member in self._google.pages(f"{GROUPS}/{segment(id_of(row))}/members", "members", maxResults=PAGE):
                    members.setdefault(str(member.get("id") or ""), set()).add(key)  # guests from elsewhere have no id
        return {user: frozenset(keys) for user, keys in members.items()}

    def of_users(self, users: Sequence[str]) -> dict[str, dict[str, str] | ProviderError]:
        """Return the groups of ours that these users are in, key to id, by user id."""
        parts = [Part(method="GET", path=with_query(GROUPS, userKey=user, maxResults=PAGE)) for user in users]
        found: dict[str, dict[str, str] | ProviderError] = {}
        for user, answer in zip(users, self._google.batch(parts), strict=True):
            try:
                rows = rows_of(answer.value(), "groups")
                if next_page(answer.body):
                    rows = list(self._google.pages(GROUPS, "groups", userKey=user, maxResults=PAGE))
                found[user] = {key: id_of(row) for row in rows if (key := key_of(row)) is not None}
            except ProviderError as error:
                found[user] = error
        return found

    def move(self, add: Sequence[Pair], remove: Sequence[tuple[str, str]]) -> dict[str, ProviderError]:
        """Put users into groups by key and take them out of groups by id; every step may be repeated.

        Returns the users for whom it failed, with the error.
        """
        ids = self.ensure({key for _, key in add}) if add else {}
        parts = [_joining(ids[key], user) for user, key in add]
        parts += [
            Part(method="DELETE", path=f"{GROUPS}/{segment(group)}/members/{segment(user)}", repeatable=True) for user, group in remove
        ]
        failed: dict[str, ProviderError] = {}
        users = [user for user, _ in (*add, *remove)]
        for number, (user, answer) in enumerate(zip(users, self._google.batch(parts), strict=True)):
            error = self._failure(answer, joins=number < len(add))
            if error is not None:
                failed.setdefault(user, error)
        return failed

    def _failure(self, answer: Answer, *, joins: bool) -> ProviderError | None:
        """Return what went wrong with one member: who is in there already has been put in, and who is not has been taken out."""
        error = answer.error
        if error is None or isinstance(error, Taken if joins else NotFound):
            return None
        if isinstance(error, NotFound):
            self.forget()
            return Settling("Google does not show the user or the group everywhere yet.")
        if isinstance(error, Permanent):
            return Permanent(f"The user could not be put into the group of a role: {error.message}", hint=error.hint)
        return error


def _joining(group: str, user: str) -> Part:
    body = {"id": user, "role": "MEMBER"}
    return Part(method="POST", path=f"{GROUPS}/{segment(group)}/members", body=body, repeatable=True)
