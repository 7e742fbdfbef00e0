"""Keeps security groups in step with roles: one per period, user type and role.

Owns the group keys and their groups. Touches no group whose nickname does not begin with ours.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rolecall.errors import NotFound, ProviderError, Transient
from rolecall.sdk import AccountSnapshot
from rolecall_o365.client import Answer, Graph, Part, id_of, list_path, quoted, segment
from rolecall_o365.errors import Garbled, Refused, Taken
from rolecall_o365.permissions import GROUP, MEMBER

#: What marks a group as one that Rolecall made for a role.
PREFIX = "rolecall-g-"
#: Groups have a description of at most so many characters; a longer key ends in a digest.
LONGEST_KEY = 1000

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
    """Return the name that people see: role, user type and period."""
    parts = [part.replace("%3A", ":").replace("%25", "%") for part in key.removeprefix("rolecall:").split(":")]
    return f"{parts[2]} ({parts[1]}, {parts[0]})"[:256] if len(parts) == 3 else key[:256]


def nickname(key: str) -> str:
    """Return the nickname of a key's group: at most 64 letters and digits, none of them special."""
    return PREFIX + hashlib.sha256(key.encode()).hexdigest()[:32]


def key_of(row: Mapping[str, Any]) -> str | None:
    """Return the key of a group of ours, none for any other; where its description was changed, its nickname stands for the key."""
    name = str(row.get("mailNickname") or "")
    if not name.startswith(PREFIX):
        return None
    key = str(row.get("description") or "")
    return key if nickname(key) == name else name


class Groups:
    """The groups of one tenant, remembered by this process."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._ids: dict[str, str] = {}
        self._lock = threading.Lock()

    def ours(self) -> dict[str, str]:
        """Return the ids of our groups by key; of two with one key, which a lost answer may have made, always the same."""
        found: dict[str, str] = {}
        rows = self._graph.pages(
            "/groups", filter=f"startswith(mailNickname,{quoted(PREFIX)})", select="id,displayName,description,mailNickname", top=999
        )
        for row in rows:
            key = key_of(row)
            if key is not None:
                number = id_of(row)
                found[key] = min(number, found.get(key, number))
        return found

    def ensure(self, keys: Collection[str]) -> dict[str, str]:
        """Return the id of each key's group, making those that are missing."""
        with self._lock:
            if not set(keys) <= set(self._ids):
                self._ids |= self.ours()
                for key in sorted(set(keys) - set(self._ids)):
                    self._ids[key] = self._create(key)
            return {key: self._ids[key] for key in keys}

    def forget(self) -> None:
        """Look again next time: one of the groups was deleted there."""
        with self._lock:
            self._ids.clear()

    def _create(self, key: str) -> str:
        body = {
            "displayName": group_name(key),
            "description": key,
            "mailNickname": nickname(key),
            "mailEnabled": False,
            "securityEnabled": True,
        }
        try:
            return id_of(self._graph.call(Part(method="POST", path="/groups", body=body, needs=GROUP)))
        except Taken:
            found = self.ours().get(key)
            if found is None:
                raise
            return found

    def memberships(self) -> dict[str, frozenset[str]]:
        """Return the keys of the groups of ours that each user is in, by user id."""
        members: dict[str, set[str]] = {}
        for key, number in self.ours().items():
            for row in self._graph.pages(f"/groups/{segment(number)}/members", select="id", top=999):
                members.setdefault(id_of(row), set()).add(key)
        return {user: frozenset(keys) for user, keys in members.items()}

    def of_users(self, users: Sequence[str]) -> dict[str, dict[str, str] | ProviderError]:
        """Return the groups of ours that these users are in, key to id, by user id."""
        select = "id,displayName,description,mailNickname"
        parts = [Part(method="GET", path=list_path(f"/users/{segment(user)}/memberOf", select=select, top=999)) for user in users]
        found: dict[str, dict[str, str] | ProviderError] = {}
        for user, answer in zip(users, self._graph.batch(parts), strict=True):
            try:
                found[user] = {key: id_of(row) for row in answer.rows() if (key := key_of(row)) is not None}
                if answer.body.get("@odata.nextLink"):
                    raise Garbled("Microsoft 365 named more groups of a user than fit on a page.")
            except ProviderError as error:
                found[user] = error
        return found

    def move(self, add: Sequence[Pair], remove: Sequence[tuple[str, str]]) -> dict[str, ProviderError]:
        """Put users into groups by key and take them out of groups by id; every step may be repeated.

        Returns the users for whom it failed, with the error.
        """
        ids = self.ensure({key for _, key in add}) if add else {}
        parts = [joining(f"/groups/{segment(ids[key])}/members", user, self._graph.address) for user, key in add]
        parts += [
            Part(method="DELETE", path=f"/groups/{segment(group)}/members/{segment(user)}/$ref", repeatable=True, needs=MEMBER)
            for user, group in remove
        ]
        failed: dict[str, ProviderError] = {}
        users = [user for user, _ in (*add, *remove)]
        for number, (user, answer) in enumerate(zip(users, self._graph.batch(parts), strict=True)):
            joins = number < len(add)
            error = answer.error
            if error is None or (joins and is_already(answer)) or (not joins and isinstance(error, NotFound)):
                continue
            if isinstance(error, NotFound):
                self.forget()
                error = Transient("Microsoft 365 does not show the user or the group everywhere yet.")
            failed.setdefault(user, error)
        return failed


def joining(path: str, user: str, address: str) -> Part:
    """Return the call that puts a user into a collection of members."""
    reference = {"@odata.id": f"{address}/directoryObjects/{user}"}
    return Part(method="POST", path=f"{path}/$ref", body=reference, repeatable=True, needs=MEMBER)


def is_already(answer: Answer) -> bool:
    """Tell whether an addition was refused because the user is in there already: nothing but the words tells it from other refusals."""
    error = answer.error
    return isinstance(error, Taken) or (isinstance(error, Refused) and "already exist" in error.message)
