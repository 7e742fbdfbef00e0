"""Google's rules for addresses and names, and how an address is made of a user name.

Pure functions on values; nothing here calls anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rolecall.errors import Permanent
from rolecall.sdk import AccountChange, AccountSnapshot, Attributes, Refusal
from rolecall_google.settings import domain_of

#: What may stand before the @ of an address.
LOCAL = re.compile(r"[A-Za-z0-9'._-]+")
LONGEST_LOCAL = 64
#: Google's bounds of a password, in characters.
PASSWORD = (8, 100)
NAMES: Mapping[str, str] = {"givenName": "first name", "familyName": "last name"}


def address_of(account: AccountSnapshot, settings: Mapping[str, Any]) -> str:
    """Return the primary address of an account: its user name in the domain of its user type."""
    return f"{account.username.lower()}@{domain_of(settings, account.type)}"


def cut(name: str | None, settings: Mapping[str, Any]) -> str | None:
    """Return a first or last name as long as Google takes it. Its pages name 40 characters and 60: the setting decides."""
    return name[: int(settings.get("longest_name") or 40)].rstrip() if name else None


def username_fault(username: str) -> str | None:
    """Say why Google would refuse this user name, or return none."""
    if not LOCAL.fullmatch(username):
        return f"Google Workspace takes only the letters a to z, digits and ' . - _ in a user name; {username!r} has others."
    if len(username) > LONGEST_LOCAL:
        return f"Google Workspace takes user names of at most {LONGEST_LOCAL} characters; this one has {len(username)}."
    if username.startswith(".") or username.endswith(".") or ".." in username:
        return "Google Workspace takes no user name that begins or ends with a dot or has two dots in a row."
    return None


def fault(wanted: Attributes) -> str | None:
    """Say why Google could never take an account with these attributes, or return none."""
    address = wanted.get("primaryEmail")
    if isinstance(address, str) and (found := username_fault(address.rpartition("@")[0])):
        return found
    for name, said in NAMES.items():
        if name in wanted and not wanted[name]:
            return f"Google Workspace needs a {said}, and this person has none."
    return None


def password_fault(password: str) -> str | None:
    """Say why Google would refuse a password, without naming it, or return none."""
    least, most = PASSWORD
    if least <= len(password) <= most:
        return None
    return f"Google Workspace takes passwords of {least} to {most} characters; the first-time password is shorter or longer."


def refusals(changes: Sequence[AccountChange]) -> Iterable[Refusal]:
    """Refuse the changes that bring in a user name Google cannot hold (R21); an old one that the change leaves alone may stay."""
    for change in changes:
        before, after = change.before, change.after
        if after.deleted or (before is not None and after.username == before.username):
            continue
        found = username_fault(after.username)
        if found:
            yield Refusal(account_id=after.id, message=found, code="google-name")


def refused(fault: str) -> Permanent:
    """Return the error for a value that Google can never hold."""
    return Permanent(fault, hint="Correct it here; the change is then sent by itself.")
