"""Moodle's rules for user names, names and languages, checked here because Moodle does not say which one was broken.

Pure functions on values; nothing here calls anybody.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from rolecall.errors import Permanent
from rolecall.sdk import AccountChange, AccountSnapshot, Attributes, Refusal

#: Columns of Moodle's user table; PostgreSQL and MariaDB both refuse a longer value with an error that names none.
LONGEST = 100

#: What Moodle lets into a user name after lower-casing (without its setting "extended characters in usernames").
USERNAME = re.compile(r"[a-z0-9._@-]+")


def username_fault(username: str) -> str | None:
    """Say why Moodle would refuse this user name, or return none; capitals are no fault, they are sent in lower case."""
    if not USERNAME.fullmatch(username.lower()):
        return f"Moodle takes only the letters a to z, digits and - _ . @ in a user name; {username!r} has others."
    if len(username) > LONGEST:
        return f"Moodle takes user names of at most {LONGEST} characters; this one has {len(username)}."
    return None


def length_fault(label: str, value: str) -> str | None:
    """Say that a first or last name is too long for Moodle, or return none."""
    if len(value) > LONGEST:
        return f"Moodle takes a {label} of at most {LONGEST} characters; this one has {len(value)}."
    return None


def fault(wanted: Attributes) -> str | None:
    """Say why Moodle could never take an account with these attributes, or return none."""
    username = wanted.get("username")
    if isinstance(username, str) and (found := username_fault(username)):
        return found
    for name, label in (("firstname", "first name"), ("lastname", "last name")):
        value = wanted.get(name)
        if isinstance(value, str):
            if not value.strip():
                return f"Moodle needs a {label}, and this person has none."
            if "<" in value:
                return f"Moodle takes no “<” in a {label}."
            if found := length_fault(label, value):
                return found
    email = wanted.get("email")
    if isinstance(email, str) and (len(email) > LONGEST or "@" not in email.strip("@")):
        return f"Moodle needs an e-mail address of at most {LONGEST} characters; {email!r} is none."
    return None


def refusals(changes: Sequence[AccountChange]) -> Iterable[Refusal]:
    """Refuse the changes that bring in a value Moodle cannot hold (R21); an old one that the change leaves alone may stay."""
    for change in changes:
        after = change.after
        if after.deleted:
            continue
        for label, value, before in _values(change.before, after):
            if value == before:
                continue
            found = username_fault(value) if label == "user name" else length_fault(label, value)
            if found:
                yield Refusal(account_id=after.id, message=found, code="moodle-name")
                break


def _values(before: AccountSnapshot | None, after: AccountSnapshot) -> Iterable[tuple[str, str, str | None]]:
    yield "user name", after.username, before.username if before else None
    yield "first name", after.person.first_name, before.person.first_name if before else None
    yield "last name", after.person.last_name, before.person.last_name if before else None


def language(wanted: str | None, installed: Collection[str]) -> str | None:
    """Return Moodle's code for a person's language if that language pack is installed: ``pt-BR`` is ``pt_br``, else ``pt``."""
    if not wanted:
        return None
    code = wanted.strip().lower().replace("-", "_")
    for candidate in (code, code.split("_")[0]):
        if candidate in installed:
            return candidate
    return None


def refused(fault: str) -> Permanent:
    """Return the error for a value that Moodle can never hold."""
    return Permanent(fault, hint="Correct it here; the change is then sent by itself.")
