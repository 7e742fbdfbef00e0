"""Tells apart what Google's *already exists* (409) means for an address: a user, an alias, a group, a deleted user, or nobody who is shown.

Owns the questions asked after such a refusal and the sentences for a person. Knows nothing of plans.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rolecall.errors import Conflict, NotFound, ProviderError
from rolecall_google.client import Part, id_of, segment
from rolecall_google.errors import Settling, Taken
from rolecall_google.groups import GROUPS
from rolecall_google.users import all_deleted, by_address, holder, primary_of

if TYPE_CHECKING:
    from rolecall_google.workspace import Workspace


def look(workspace: Workspace, wanted: Sequence[tuple[str, str]]) -> list[Mapping[str, Any] | ProviderError]:
    """Return for each (address, our key) the user who has the address as the primary one or carries the key, else the error that says
    who or what has it."""
    known: dict[str, Mapping[str, Any] | ProviderError] = {}
    _ask(workspace, known, {address: by_address(address) for address, _ in wanted}, lambda _, row: row)
    if workspace.keeps_groups:  # without the scope of groups they cannot be asked for
        missing = [address for address, _ in wanted if address not in known]
        _ask(workspace, known, {address: Part(method="GET", path=f"{GROUPS}/{segment(address)}") for address in missing}, _group)
    missing = [address for address, _ in wanted if address not in known]
    if missing:
        known |= _deleted(workspace, missing)
    found: list[Mapping[str, Any] | ProviderError] = []
    for address, key in wanted:
        row = known[address]
        found.append(row if isinstance(row, ProviderError) else holder(row, address, key, workspace.key_type))
    return found


def _ask(
    workspace: Workspace,
    known: dict[str, Mapping[str, Any] | ProviderError],
    parts: Mapping[str, Part],
    meaning: Callable[[str, Mapping[str, Any]], Mapping[str, Any] | ProviderError],
) -> None:
    """Ask one question about each address; what is not found stays unknown."""
    try:
        answers = workspace.google.batch(list(parts.values()))
    except ProviderError as error:
        # Who has the address is not known then: a refusal that only passes must not look like a conflict.
        known |= dict.fromkeys(parts, error)
        return
    for address, answer in zip(parts, answers, strict=True):
        if answer.error is None:
            known[address] = meaning(address, answer.body)
        elif not isinstance(answer.error, NotFound):
            known[address] = answer.error


def renamed(workspace: Workspace, user: str, address: str, key: str) -> ProviderError:
    """Return the error of a user who could not be given an address."""
    (found,) = look(workspace, [(address, key)])
    if isinstance(found, ProviderError):
        return found
    if id_of(found) == user:
        return Settling("Google is still at work on an earlier change of this user's address.")
    return belongs_to(found)


def belongs_to(row: Mapping[str, Any]) -> Conflict:
    """Return the error for an address that belongs to a user of somebody else's."""
    return Conflict(
        f"Google Workspace already has a user with this address, and it belongs to somebody else ({primary_of(row)}, id {row.get('id')}).",
        hint="Change the user name here, or that user there, and retry.",
    )


def _group(address: str, _: Mapping[str, Any]) -> Conflict:
    return Taken(f"{address} is the address of a group in Google Workspace.", hint="Change the user name here, or the group there.")


def _deleted(workspace: Workspace, addresses: Sequence[str]) -> dict[str, ProviderError]:
    try:
        gone = {primary_of(row) for row in all_deleted(workspace.google, workspace.customer)}
    except ProviderError as error:
        return dict.fromkeys(addresses, error)
    return {address: _kept(address) if address in gone else _nobody(address) for address in addresses}


def _kept(address: str) -> Conflict:
    return Taken(
        f"{address} belonged to another user, who was deleted less than 20 days ago; Google keeps the address for so long.",
        hint="Restore that user in the Admin console, wait until the 20 days are over, or change the user name here.",
    )


def _nobody(address: str) -> ProviderError:
    """Return the error for an address that nobody is seen to have: so looks a fresh user for some seconds, a personal account for ever."""
    return Settling(
        f"Google says that {address} is taken, but shows nobody who has it: a user made or renamed a moment ago, or somebody's personal "
        "Google account with this address.",
        hint="It is tried again by itself. If it stays, look for unmanaged users in the Admin console, or change the user name here.",
    )
