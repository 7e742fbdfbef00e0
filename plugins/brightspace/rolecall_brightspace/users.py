"""Finds users in Brightspace, reads what it says of them and writes what they should be.

Owns the fields of a user and the look-up with its three shapes: one object for a user name, an array for our key or an e-mail, pages
for everybody. `UniqueIdentifier` follows a new user name by itself, some time later, so it is neither read nor believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rolecall.errors import Conflict, Misconfigured, NotFound, Permanent
from rolecall.sdk import Attributes, Remote, Secret
from rolecall.sdk.mapping import MappedAttribute, Mode
from rolecall_brightspace.client import Client, Row, made_of, number_of, object_of, rows_of
from rolecall_brightspace.errors import Garbled, Refused, Unclear, is_taken

#: Where our key is kept.
KEY = "OrgDefinedId"
#: The role in the organisation, kept as an enrolment in the organisation's own org unit.
ROLE = "organizationRole"

#: What an institution may map, with what holds until it does.
MAPPING = (
    MappedAttribute(name="UserName", label="User name", template="{username}", required=True),
    MappedAttribute(name="FirstName", label="First name", template="{first_name}", required=True),
    MappedAttribute(name="MiddleName", label="Middle name", template="", mode=Mode.IGNORE),
    MappedAttribute(name="LastName", label="Last name", template="{last_name}", required=True),
    MappedAttribute(name="ExternalEmail", label="E-mail", template="{email}"),
)
PLAIN = (KEY, *(each.name for each in MAPPING))
#: What a user cannot be without.
NEEDED = {"UserName": "user name", "FirstName": "first name", "LastName": "last name"}


def remote_of(row: Mapping[str, Any]) -> Remote:
    """Turn one user of an answer into the value core knows; the organisation role is read elsewhere."""
    attributes: dict[str, Any] = {name: row[name] if isinstance(row.get(name), str) and row[name] else None for name in PLAIN}
    return Remote(external_id=str(number_of(row, "UserId")), key=attributes[KEY], attributes=attributes, suspended=not is_active(row))


def is_active(row: Mapping[str, Any], unusable: type[Garbled | Unclear] = Garbled) -> bool:
    """Tell whether a user may sign in, or raise: a wrong guess would open or close somebody."""
    activation = row.get("Activation")
    active = activation.get("IsActive") if isinstance(activation, dict) else None
    if not isinstance(active, bool):
        raise unusable("Brightspace did not say whether a user is active.")
    return active


def find(client: Client, wanted: Attributes, *, by_email: bool) -> Row | None:
    """Look a user up by our key, then by user name, then, where that is allowed, by an e-mail that one keyless user has.

    :raises Conflict: when several users carry our key, or have the e-mail: a person has to choose.
    """
    rows = having(client, "orgDefinedId", KEY, str(wanted[KEY]))
    if len(rows) > 1:
        raise Conflict(
            f"Several users in Brightspace carry the key of this account as their Org Defined ID (user ids {_ids(rows)}).",
            hint="Clear the Org Defined ID of all but the right one there, then retry.",
        )
    if rows:
        return rows[0]
    row = by_name(client, str(wanted["UserName"]))
    if row is not None or not by_email or not wanted.get("ExternalEmail"):
        return row
    keyless = [row for row in having(client, "externalEmail", "ExternalEmail", str(wanted["ExternalEmail"])) if not row.get(KEY)]
    if len(keyless) > 1:
        raise Conflict(
            f"Several users in Brightspace have the e-mail of this account (user ids {_ids(keyless)}).",
            hint="Enter the account's key as Org Defined ID of the right one there, then retry.",
        )
    return keyless[0] if keyless else None


def by_name(client: Client, name: str) -> Row | None:
    """Return the user with this user name: the one look-up that answers with one object, or 404."""
    try:
        row = object_of(client.get("users/", userName=name))
    except NotFound:
        return None
    if str(row.get("UserName", "")).casefold() != name.casefold():
        raise Garbled("Brightspace answered with another user than the one asked for.")
    number_of(row, "UserId")
    return row


def having(client: Client, parameter: str, name: str, value: str) -> list[Row]:
    """Return the users with this value, each once. A look-up that answers with an array has no 404."""
    try:
        rows = rows_of(client.get("users/", **{parameter: value}))
    except NotFound:
        raise Misconfigured(
            "Brightspace does not know the look-up of users.",
            hint="Check the address of the site and the version of its API in the settings.",
        ) from None
    matching = [row for row in rows if str(row.get(name) or "").casefold() == value.casefold()]
    return list({number_of(row, "UserId"): row for row in matching}.values())


def everybody(client: Client) -> Iterator[Row]:
    """Walk every user that the app may see, each once."""
    seen: set[int] = set()
    for row in client.pages("users/"):
        number = number_of(row, "UserId")
        if number not in seen:
            seen.add(number)
            yield row


def create(client: Client, wanted: Attributes, role: int, password: Secret | None, settings: Mapping[str, Any]) -> Row:
    """Create a user with an organisation role and, where the site keeps passwords, the first-time one.

    :raises Conflict: when somebody has the user name.
    """
    screen(wanted)
    body: Row = {name: wanted.get(name) for name in PLAIN}
    body |= {"RoleId": role, "IsActive": True, "SendCreationEmail": bool(settings.get("creation_email", False))}
    if password is not None and settings.get("passwords", True):
        force = bool(settings.get("force_password_change", True))
        body["PasswordData"] = {"Password": password.reveal(), "ForcePasswordReset": force}
    try:
        row = made_of(client.post("users/", body))
    except Refused as error:
        raise _explained(client, error, wanted, but=None, secret=password) from None
    number_of(row, "UserId", Unclear)
    return row


def update(client: Client, number: int, changes: Attributes) -> Row:
    """Change fields of a user. Brightspace replaces all of them, so what is there is read first and sent back with the changes.

    :raises Misconfigured: when the service user does not see all of the fields: writing the rest would erase what is hidden.
    """
    screen(changes)
    now = object_of(client.get(f"users/{number}"))
    body = {name: changes[name] if name in changes else now.get(name) for name in PLAIN}
    hidden = [name for name in PLAIN if name not in changes and name not in now]
    if hidden:
        raise Misconfigured(
            f"Brightspace does not show the app these fields of a user, so a change would erase them: {', '.join(hidden)}.",
            hint="Let the role of the service user see them: Admin Tools → Roles and Permissions → User Information Privacy.",
        )
    body["Activation"] = {"IsActive": is_active(now)}
    if "Pronouns" in now:
        body["Pronouns"] = now["Pronouns"]
    try:
        client.put(f"users/{number}", body)
    except Refused as error:
        raise _explained(client, error, body, but=number) from None
    return now


def activate(client: Client, number: int, *, active: bool) -> None:
    """Open or close a user; who is closed is signed out everywhere."""
    answer = client.put(f"users/{number}/activation", {"IsActive": active})
    if answer.get("IsActive") is not active:
        raise Garbled("Brightspace did not say that it opened or closed the user.")
    if not active:
        try:
            client.delete(f"sessions/{number}")
        except NotFound:
            return  # nobody was signed in


def screen(wanted: Attributes) -> None:
    """Refuse what Brightspace can never hold."""
    for name, label in NEEDED.items():
        if name in wanted and not wanted[name]:
            raise Permanent(f"Brightspace needs a {label}, and this account has none.", hint="Enter one here, or map the field otherwise.")


def _explained(client: Client, error: Refused, wanted: Mapping[str, Any], *, but: int | None, secret: Secret | None = None) -> Exception:
    """Return why a write was refused: somebody has the user name, or the error itself, without a password that it repeats."""
    holder = by_name(client, str(wanted["UserName"])) if is_taken(error) else None
    if holder is not None and number_of(holder, "UserId") != but:
        return Conflict(f"Brightspace has a user with this user name already (user id {holder['UserId']}).", hint="Choose another here.")
    if secret is not None and secret.reveal() in error.message:
        return Refused("Brightspace refused the password.", hint="Give the account one that fits the site's rules.", status=error.status)
    return error


def _ids(rows: Sequence[Row]) -> str:
    return ", ".join(str(row["UserId"]) for row in rows[:5])
