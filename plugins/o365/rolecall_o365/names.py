"""Microsoft's rules for sign-in names and names, and how a sign-in name is made of a user name.

Pure functions on values; nothing here calls anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rolecall.errors import Permanent
from rolecall.sdk import AccountChange, AccountSnapshot, Attributes, Refusal
from rolecall_o365.settings import domain_of

#: What may stand before the @ of a sign-in name.
LOCAL = re.compile(r"[A-Za-z0-9'._!#^~-]+")
LONGEST_LOCAL = 64

#: The longest value of each field that an institution may fill.
LONGEST: Mapping[str, int] = {
    "displayName": 256,
    "givenName": 64,
    "surname": 64,
    "jobTitle": 128,
    "department": 64,
    "companyName": 64,
    "officeLocation": 128,
    "mobilePhone": 64,
    "employeeType": 128,
    "preferredLanguage": 20,
}


def sign_in_name(account: AccountSnapshot, settings: Mapping[str, Any]) -> str:
    """Return the userPrincipalName of an account: its user name in the domain of its user type."""
    return f"{account.username.lower()}@{domain_of(settings, account.type)}"


def username_fault(username: str) -> str | None:
    """Say why Microsoft would refuse this user name, or return none."""
    if not LOCAL.fullmatch(username):
        return f"Microsoft 365 takes only the letters a to z, digits and ' . - _ ! # ^ ~ in a user name; {username!r} has others."
    if len(username) > LONGEST_LOCAL:
        return f"Microsoft 365 takes user names of at most {LONGEST_LOCAL} characters; this one has {len(username)}."
    if username.startswith(".") or username.endswith("."):
        return "Microsoft 365 takes no user name that begins or ends with a dot."
    return None


def fault(wanted: Attributes) -> str | None:
    """Say why Microsoft could never take an account with these attributes, or return none."""
    upn = wanted.get("userPrincipalName")
    if isinstance(upn, str) and (found := username_fault(upn.rpartition("@")[0])):
        return found
    if "displayName" in wanted and not wanted["displayName"]:
        return "Microsoft 365 needs a name to show, and this person has none."
    for name, most in LONGEST.items():
        value = wanted.get(name)
        if isinstance(value, str) and len(value) > most:
            return f"Microsoft 365 takes at most {most} characters as {name}; this person's has {len(value)}."
    return None


def refusals(changes: Sequence[AccountChange]) -> Iterable[Refusal]:
    """Refuse the changes that bring in a value Microsoft 365 cannot hold (R21); an old one that the change leaves alone may stay."""
    for change in changes:
        if change.after.deleted:
            continue
        found = _brought_in(change)
        if found:
            yield Refusal(account_id=change.after.id, message=found, code="o365-name")


def _brought_in(change: AccountChange) -> str | None:
    before, after = change.before, change.after
    if before is None or after.username != before.username:
        found = username_fault(after.username)
        if found:
            return found
    for label, name in (("first name", "first_name"), ("last name", "last_name")):
        value = getattr(after.person, name)
        if (before is None or value != getattr(before.person, name)) and len(value) > LONGEST["givenName"]:
            return f"Microsoft 365 takes a {label} of at most {LONGEST['givenName']} characters; this one has {len(value)}."
    return None


def refused(fault: str) -> Permanent:
    """Return the error for a value that Microsoft can never hold."""
    return Permanent(fault, hint="Correct it here; the change is then sent by itself.")
