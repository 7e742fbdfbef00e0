"""Finds users in Moodle and reads what it says of them.

Owns the look-ups and their traps: users that the token may not see are left out silently, deleted ones still come back by id,
``idnumber`` is not unique, and an e-mail is compared with its case on one database and without it on the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from rolecall.errors import Conflict, Transient
from rolecall.sdk import AccountSnapshot, Remote
from rolecall_moodle.client import FIELDS, Client, Garbled, Unreachable, number_of, rows_of
from rolecall_moodle.names import USERNAME

#: What the plugin reads of a user, and sends.
NAMES = ("username", "firstname", "lastname", "email", "idnumber", "lang")

#: Every character an e-mail address may begin or go on with; the wildcards ``%`` and ``_`` are escaped when used.
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789@._-+!#$%&'*/=?^`{|}~"


def remote_of(row: Mapping[str, Any]) -> Remote:
    """Turn one user of an answer into the value core knows; what the token may not see is simply absent."""
    attributes = {name: str(row[name]) for name in NAMES if row.get(name) is not None}
    if "email" in attributes:
        attributes["email"] = attributes["email"].lower()
    return Remote(
        external_id=str(number_of(row)),
        key=attributes.get("idnumber") or None,
        attributes=attributes,
        suspended=bool(row.get("suspended")),
    )


def is_deleted(row: Mapping[str, Any]) -> bool:
    """Tell whether this is a deleted user, which Moodle keeps with a hash for an e-mail and no other sign."""
    email = row.get("email")
    return isinstance(email, str) and bool(email) and "@" not in email


def by_field(client: Client, field: str, values: Collection[str]) -> list[dict[str, Any]]:
    """Return the living users whose field is one of these values; a missing one is absent and no error."""
    found: list[dict[str, Any]] = []
    wanted = sorted(values)
    for start in range(0, len(wanted), FIELDS):
        part = wanted[start : start + FIELDS]
        answer = client.read("core_user_get_users_by_field", {"field": field, "values": part})
        found += [row for row in rows_of(answer, "users") if not is_deleted(row)]
    return found


def search_email(client: Client, pattern: str) -> list[dict[str, Any]]:
    """Return the users whose e-mail matches a LIKE pattern in any case. A warning is an error: it means *everybody* (R65)."""
    answer = client.read("core_user_get_users", {"criteria": [{"key": "email", "value": pattern}]})
    if not isinstance(answer, dict) or answer.get("warnings"):
        raise Garbled("Moodle did not understand the search, so its answer cannot be used.")
    return rows_of(answer.get("users"), "users")


def escaped(text: str) -> str:
    """Return the text as a literal inside a LIKE pattern."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def by_email(client: Client, email: str) -> list[dict[str, Any]]:
    """Return the users with this e-mail in any case: what Moodle compares with when it refuses a duplicate."""
    return [row for row in search_email(client, escaped(email)) if str(row.get("email", "")).lower() == email.lower()]


def find_all(client: Client, accounts: Iterable[AccountSnapshot]) -> dict[int, Remote | Conflict]:
    """Look many accounts up in at most three calls: by our key, then by user name, then by e-mail as it is written.

    Accounts that are not found are absent. An e-mail in other capitals is not seen here; Moodle refuses the creation and
    :func:`holder` then finds it.
    """
    found: dict[int, Remote | Conflict] = {}
    missing = {account.key.lower(): account for account in accounts}
    by_key: dict[str, list[dict[str, Any]]] = {}
    for row in by_field(client, "idnumber", [account.key for account in missing.values()]):
        by_key.setdefault(str(row.get("idnumber", "")).lower(), []).append(row)
    for key, rows in by_key.items():
        account = missing.pop(key, None)
        if account is not None:
            found[account.id] = _only(account, rows)
    for field in ("username", "email"):
        names = {name: account for account in missing.values() if (name := _name(account, field))}
        for row in by_field(client, field, names):
            named = names.get(str(row.get(field, "")).lower())
            if named is not None and missing.pop(named.key.lower(), None) is not None:
                found[named.id] = remote_of(row)
    return found


def _name(account: AccountSnapshot, field: str) -> str | None:
    if field == "username":
        name = account.username.lower()
        return name if USERNAME.fullmatch(name) else None
    return account.email.lower() if account.email else None


def _only(account: AccountSnapshot, rows: list[dict[str, Any]]) -> Remote | Conflict:
    """Choose among users that all carry our key: the one with our user name, if there is exactly one."""
    if len(rows) > 1:
        rows = [row for row in rows if row.get("username") == account.username.lower()] or rows
    if len(rows) > 1:
        ids = ", ".join(str(row.get("id")) for row in rows[:5])
        return Conflict(
            f"Several users in Moodle carry the ID number of this account (user ids {ids}).",
            hint="Clear the ID number of all but the right one in Moodle, then retry.",
        )
    return remote_of(rows[0])


def holder(client: Client, username: str | None, email: str | None) -> Remote | None:
    """Return who holds this user name or, failing that, this e-mail in any case; none if nobody does that we may see."""
    rows: list[dict[str, Any]] = []
    if username and USERNAME.fullmatch(username):
        rows = by_field(client, "username", [username])
    if not rows and email:
        rows = by_email(client, email)
    return remote_of(rows[0]) if rows else None


def everybody(client: Client, prefix: str = "") -> Iterator[dict[str, Any]]:
    """Yield every user. Moodle has no pages, so a site that is too large for one answer is walked by beginnings of e-mails.

    A user may come twice when a beginning had to be divided.
    """
    try:
        rows = search_email(client, f"{escaped(prefix)}%")
    except Unreachable:
        raise
    except Transient:
        if len(prefix) > 2:  # three letters of a very large site are a few users: it is not the size that fails
            raise
        for letter in LETTERS:
            yield from everybody(client, prefix + letter)
        return
    yield from rows
