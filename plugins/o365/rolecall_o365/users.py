"""Finds users in Microsoft 365, reads what Graph says of them and writes what they should be.

Owns the fields of a user and the look-ups with their traps: a filter may be ignored without a word, and an index lags, so each row
is looked at before it is believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rolecall.errors import Conflict, NotFound, Permanent, ProviderError
from rolecall.sdk import AccountSnapshot, Attributes, Remote, Secret
from rolecall.sdk.mapping import MappedAttribute, Mode
from rolecall_o365.client import EVENTUAL, Graph, Part, id_of, list_path, quoted, segment
from rolecall_o365.names import LONGEST_LOCAL

#: What an institution may map, with what holds until it does.
MAPPING = (
    MappedAttribute(name="displayName", label="Display name", template="{first_name} {last_name}", required=True),
    MappedAttribute(name="givenName", label="First name", template="{first_name}"),
    MappedAttribute(name="surname", label="Last name", template="{last_name}"),
    MappedAttribute(name="jobTitle", label="Job title", template="{role}", mode=Mode.IGNORE),
    MappedAttribute(name="department", label="Department", template="{type}", mode=Mode.IGNORE),
    MappedAttribute(name="companyName", label="Company", template="", mode=Mode.IGNORE),
    MappedAttribute(name="officeLocation", label="Office", template="", mode=Mode.IGNORE),
    MappedAttribute(name="employeeType", label="Kind of employee", template="{list}", mode=Mode.IGNORE),
    MappedAttribute(name="preferredLanguage", label="Language", template="{language}", mode=Mode.IGNORE),
    MappedAttribute(
        name="mobilePhone",
        label="Mobile phone",
        template="{phone}",
        mode=Mode.IGNORE,
        help="For users with an administrator's role the app needs User-Phone.ReadWrite.All too.",
    ),
)
PLAIN = ("userPrincipalName", "usageLocation", *(each.name for each in MAPPING))
SELECT = ",".join(
    (
        "id",
        *PLAIN,
        "accountEnabled",
        "onPremisesSyncEnabled",
        "onPremisesExtensionAttributes",
        "assignedLicenses",
        "licenseAssignmentStates",
    )
)


def remote_of(row: Mapping[str, Any], slot: str) -> Remote:
    """Turn one user of an answer into the value core knows; licences and groups are read elsewhere."""
    attributes: dict[str, Any] = {name: row[name] if isinstance(row.get(name), str) else None for name in PLAIN}
    if attributes["userPrincipalName"]:
        attributes["userPrincipalName"] = attributes["userPrincipalName"].lower()
    extensions = row.get("onPremisesExtensionAttributes")
    key = extensions.get(slot) if isinstance(extensions, dict) else None
    attributes[slot] = key if isinstance(key, str) else None
    return Remote(external_id=id_of(row), key=attributes[slot] or None, attributes=attributes, suspended=row.get("accountEnabled") is False)


def body_of(attributes: Attributes, slot: str) -> dict[str, Any]:
    """Return the fields of a user as Graph takes them."""
    body: dict[str, Any] = {name: attributes[name] for name in PLAIN if name in attributes}
    if slot in attributes:
        body["onPremisesExtensionAttributes"] = {slot: attributes[slot]}
    return body


def creation(wanted: Attributes, slot: str, password: Secret, *, force: bool) -> dict[str, Any]:
    """Return the body of a new user; what has no value is left out."""
    body = {name: value for name, value in body_of(wanted, slot).items() if value is not None}
    local = str(wanted["userPrincipalName"]).rpartition("@")[0]
    return body | {
        "accountEnabled": True,
        "mailNickname": "".join(char for char in local if char.isalnum() or char in "._-")[:LONGEST_LOCAL] or "user",
        "passwordProfile": {"password": password.reveal(), "forceChangePasswordNextSignIn": force},
    }


def by_key(key: str, slot: str, *, deleted: bool = False) -> Part:
    """Return the look-up of the users that carry our key, living or in the recycle bin."""
    where = "/directory/deletedItems/microsoft.graph.user" if deleted else "/users"
    name = f"onPremisesExtensionAttributes/{slot}"
    return Part(method="GET", path=list_path(where, filter=f"{name} eq {quoted(key)}", select=SELECT, count=True), headers=EVENTUAL)


def by_name(upn: str) -> Part:
    """Return the look-up of the user with this sign-in name."""
    return Part(method="GET", path=list_path(f"/users/{segment(upn)}", select=SELECT))


def by_address(address: str) -> Part:
    """Return the look-up of whoever has this address as one of theirs."""
    found = f"proxyAddresses/any(p:p eq {quoted(f'smtp:{address}')})"
    return Part(method="GET", path=list_path("/users", filter=found, select=SELECT))


def find_all(
    graph: Graph, accounts: Sequence[AccountSnapshot], names: Mapping[int, str], slot: str
) -> dict[int, Mapping[str, Any] | ProviderError]:
    """Look many accounts up: by our key, then by sign-in name. What is not found is absent; ``names`` are the sign-in names."""
    found: dict[int, Mapping[str, Any] | ProviderError] = {}
    for account, answer in zip(accounts, graph.batch([by_key(account.key, slot) for account in accounts]), strict=True):
        try:
            rows = carrying(answer.rows(), account.key, slot)
        except ProviderError as error:
            found[account.id] = error
            continue
        if rows:
            found[account.id] = _only(rows, names[account.id])
    missing = [account for account in accounts if account.id not in found]
    for account, answer in zip(missing, graph.batch([by_name(names[account.id]) for account in missing]), strict=True):
        if answer.error is None:
            found[account.id] = answer.body
        elif not isinstance(answer.error, NotFound):
            found[account.id] = answer.error
    return found


def carrying(rows: Iterable[Mapping[str, Any]], key: str, slot: str) -> list[Mapping[str, Any]]:
    """Return the rows that carry the key, each user once."""
    return list({id_of(row): row for row in rows if remote_of(row, slot).key == key}.values())


def in_the_bin(graph: Graph, accounts: Sequence[AccountSnapshot], slot: str) -> dict[int, str]:
    """Return the ids of the accounts' users in the recycle bin, by account.

    That the bin can be filtered by our key is not written anywhere; where it cannot, the bin is walked, once.
    """
    answers = graph.batch([by_key(account.key, slot, deleted=True) for account in accounts])
    if any(isinstance(answer.error, Permanent) for answer in answers):
        rows = list(graph.pages("/directory/deletedItems/microsoft.graph.user", select=SELECT, top=999))
        groups = [rows for _ in accounts]
    else:
        groups = [answer.rows() for answer in answers]
    found = {}
    for account, rows in zip(accounts, groups, strict=True):
        ours = carrying(rows, account.key, slot)
        if ours:
            found[account.id] = id_of(ours[0])
    return found


def _only(rows: list[Mapping[str, Any]], upn: str) -> Mapping[str, Any] | Conflict:
    """Choose among users that all carry our key: the one with our sign-in name, if there is exactly one."""
    if len(rows) > 1:
        rows = [row for row in rows if str(row.get("userPrincipalName", "")).lower() == upn] or rows
    if len(rows) > 1:
        return Conflict(
            f"Several users in Microsoft 365 carry the key of this account ({', '.join(str(row.get('id')) for row in rows[:5])}).",
            hint="Clear the key of all but the right one there, then retry.",
        )
    return rows[0]
