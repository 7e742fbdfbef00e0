"""What Canvas can hold of a login and a name. It takes every letter there is; only the length is limited.

Pure functions on values; nothing here calls anybody. The lengths are those of Canvas's own code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rolecall.errors import Permanent
from rolecall.sdk import AccountChange, Attributes, Refusal

#: The longest value of each attribute, with the word for it.
LONGEST: Mapping[str, tuple[str, int]] = {
    "unique_id": ("login", 100),
    "name": ("name", 255),
    "sortable_name": ("sortable name", 255),
    "short_name": ("display name", 255),
    "email": ("e-mail address", 255),
}


def fault(wanted: Attributes) -> str | None:
    """Say why Canvas could never take an account with these attributes, or return none."""
    for name in ("unique_id", "name"):
        if name in wanted and not wanted[name]:
            return f"Canvas needs a {LONGEST[name][0]}, and this account has none."
    for name, (label, most) in LONGEST.items():
        value = wanted.get(name)
        if isinstance(value, str) and len(value) > most:
            return f"Canvas takes at most {most} characters as {label}; this one has {len(value)}."
    return None


def refusals(changes: Sequence[AccountChange]) -> Iterable[Refusal]:
    """Refuse the changes that bring in a value Canvas cannot hold (R21); an old one that the change leaves alone may stay."""
    for change in changes:
        if change.after.deleted:
            continue
        found = _brought_in(change)
        if found:
            yield Refusal(account_id=change.after.id, message=found, code="canvas-name")


def _brought_in(change: AccountChange) -> str | None:
    before, after = change.before, change.after
    if before is None or after.username != before.username:
        found = fault({"unique_id": after.username})
        if found:
            return found
    full = f"{after.person.first_name} {after.person.last_name}".strip()
    old = f"{before.person.first_name} {before.person.last_name}".strip() if before else None
    return fault({"name": full}) if full != old else None


def refused(fault: str) -> Permanent:
    """Return the error for a value that Canvas can never hold."""
    return Permanent(fault, hint="Correct it here; the change is then sent by itself.")
