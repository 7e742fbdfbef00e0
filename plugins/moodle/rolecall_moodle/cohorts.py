"""Keeps site-wide cohorts in step with roles: one per period, user type and role.

Owns the group keys and their cohorts. Touches no cohort whose ID number does not begin with ``rolecall:``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from rolecall.errors import Conflict, NotFound, Permanent, ProviderError, Transient
from rolecall.sdk import AccountSnapshot
from rolecall_moodle.client import BadData, Client, Garbled, Unclear, number_of, portions, rows_of

#: What marks a cohort as ours.
PREFIX = "rolecall:"

#: The width of a cohort's ID number in Moodle; a longer key ends in a digest instead.
LONGEST_KEY = 100

#: Adds or removes (user id, cohort id) pairs.
Step = Callable[[Client, Sequence[tuple[int, int]]], None]

#: Answers to an addition: the member was there already.
ALREADY = "3"


def group_key(period: str, kind: str, role: str) -> str:
    """Return the stable ID number of a cohort. The user type is part of it, because each type has roles of its own."""
    parts = (part.replace("%", "%25").replace(":", "%3A") for part in (period, kind, role))
    key = PREFIX + ":".join(parts)
    if len(key) <= LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return f"{key[: LONGEST_KEY - 17]}~{digest}"


def group_keys(account: AccountSnapshot) -> frozenset[str]:
    """Return the cohorts an account belongs to: its enabled roles in the periods that are open (R15, R37)."""
    return frozenset(group_key(role.period, account.type, role.role) for role in account.roles if role.enabled and role.period_is_open)


def group_name(key: str) -> str:
    """Return the name that Moodle shows for a cohort: role, user type and period."""
    parts = [part.replace("%3A", ":").replace("%25", "%") for part in key.removeprefix(PREFIX).split(":")]
    if len(parts) != 3:
        return key
    period, kind, role = parts
    return f"{role} ({kind}, {period})"


def ours(client: Client) -> dict[str, int]:
    """Return the ids of the cohorts Rolecall made, by their key."""
    rows = rows_of(client.read("core_cohort_get_cohorts"), "cohorts")
    return {str(row["idnumber"]): number_of(row) for row in rows if str(row.get("idnumber") or "").startswith(PREFIX)}


def ensure(client: Client, keys: Collection[str]) -> dict[str, int]:
    """Return the id of each key's cohort, creating those that are missing; a race with another worker has one winner."""
    known, refused = _ensure(client, keys)
    for error in refused.values():
        raise error
    return {key: known[key] for key in keys}


def _ensure(client: Client, keys: Collection[str]) -> tuple[dict[str, int], dict[str, ProviderError]]:
    """Return the ids of our cohorts, and why Moodle refused those of the keys that have none."""
    known = ours(client)
    refused: dict[str, ProviderError] = {}
    missing = sorted(key for key in keys if key not in known)
    for portion in portions(missing, _cohort):
        try:
            known.update(_create(client, portion))
        except BadData:
            known.update(ours(client))
            for key in portion:
                if key not in known:
                    try:
                        known.update(_create(client, [key]))
                    except BadData as error:
                        refused[key] = _unmakeable(key, error)
    return known, refused


def _cohort(key: str) -> dict[str, Any]:
    return {
        "categorytype": {"type": "system", "value": ""},
        "name": group_name(key)[:254],
        "idnumber": key,
        "description": "Kept by Rolecall. Changes to its members are overwritten.",
    }


def _create(client: Client, keys: Sequence[str]) -> dict[str, int]:
    answer = client.write("core_cohort_create_cohorts", {"cohorts": [_cohort(key) for key in keys]})
    made = {str(row.get("idnumber")): number_of(row, unusable=Unclear) for row in rows_of(answer, "cohorts", Unclear)}
    if set(made) != set(keys):
        raise Unclear("Moodle did not say that it made every cohort.")
    return made


def _unmakeable(key: str, error: BadData) -> Conflict:
    return Conflict(
        f"Moodle will not make the cohort “{group_name(key)}”: {error.message}",
        hint="Look for a cohort whose ID number differs from it only in capitals or accents, and delete it.",
    )


def memberships(client: Client) -> dict[int, frozenset[str]]:
    """Return which of our cohorts each user is in; users in none are absent."""
    cohorts = ours(client)
    keys = {number: key for key, number in cohorts.items()}
    members: dict[int, set[str]] = {}
    for portion in portions(list(keys), lambda number: number):
        for row in rows_of(client.read("core_cohort_get_cohort_members", {"cohortids": portion}), "members"):
            key = keys.get(number_of(row, "cohortid"))
            users = row.get("userids")
            if key is None or not isinstance(users, list):
                raise Garbled("Moodle's list of cohort members cannot be used.")
            for user in users:
                members.setdefault(number_of({"id": user}), set()).add(key)
    return {user: frozenset(groups) for user, groups in members.items()}


def move(client: Client, moves: Mapping[int, tuple[Iterable[str], Iterable[str]]]) -> dict[int, ProviderError]:
    """Put users into cohorts and take them out: ``moves`` is user id → (keys to add, keys to remove).

    Only what differs is sent and every step may be repeated. Returns the users for whom it failed, with the error;
    raises what concerns all of them.
    """
    add = [(user, key) for user, (added, _) in moves.items() for key in sorted(added) if key.startswith(PREFIX)]
    remove = [(user, key) for user, (_, removed) in moves.items() for key in sorted(removed) if key.startswith(PREFIX)]
    if not add and not remove:
        return {}
    known, refused = _ensure(client, {key for _, key in add})
    failed = {user: refused[key] for user, key in add if key in refused}
    failed |= _each(client, _add, [(user, known[key]) for user, key in add if key in known])
    failed |= _each(client, _remove, [(user, known[key]) for user, key in remove if key in known])
    return failed


def _each(client: Client, step: Step, members: Sequence[tuple[int, int]]) -> dict[int, ProviderError]:
    """Do a step for as many members as one call holds; where it fails over a member, do it again one by one."""
    failed: dict[int, ProviderError] = {}
    for portion in portions(list(members), lambda member: {"cohort": {"a": 0, "b": 0}, "user": {"a": 0, "b": 0}}):
        try:
            step(client, portion)
        except (Permanent, NotFound) as error:
            if len(portion) == 1:
                failed[portion[0][0]] = error
                continue
            for member in portion:
                try:
                    step(client, [member])
                except (Permanent, NotFound) as single:
                    failed[member[0]] = single
    return failed


def _add(client: Client, members: Sequence[tuple[int, int]]) -> None:
    rows = [{"cohorttype": {"type": "id", "value": cohort}, "usertype": {"type": "id", "value": user}} for user, cohort in members]
    answer = client.write("core_cohort_add_cohort_members", {"members": rows})
    warnings = answer.get("warnings") if isinstance(answer, dict) else None
    for warning in rows_of(warnings, "warnings", Unclear):
        code, said = str(warning.get("warningcode")), str(warning.get("message"))
        if code == "2" and said.startswith("user "):
            raise NotFound("Moodle has no such user any more.")
        if code == "2":
            raise Transient("A cohort vanished from Moodle while users were added to it.")
        if code != ALREADY:
            raise Permanent(f"Moodle did not add the user to a cohort: {said}")


def _remove(client: Client, members: Sequence[tuple[int, int]]) -> None:
    rows = [{"cohortid": cohort, "userid": user} for user, cohort in members]
    client.write("core_cohort_delete_cohort_members", {"members": rows})
