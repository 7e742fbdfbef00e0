"""Finds users in Google Workspace, reads what the Directory API says of them and writes what they should be.

Owns the fields of a user and the look-ups with their traps: an address may be somebody else's alias, an index lags, and lists in a user
(external ids, organisations, phones) are written whole, so what others keep in them is read first and kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rolecall.errors import Conflict, NotFound, Permanent, ProviderError
from rolecall.sdk import AccountSnapshot, Attributes, Remote, Secret
from rolecall.sdk.mapping import MappedAttribute, Mode
from rolecall_google.client import USERS, Google, Part, id_of, next_page, rows_of, segment, with_query
from rolecall_google.errors import Taken

#: What an institution may map, with what holds until it does.
MAPPING = (
    MappedAttribute(name="givenName", label="First name", template="{first_name}", required=True),
    MappedAttribute(name="familyName", label="Last name", template="{last_name}", required=True),
    MappedAttribute(name="title", label="Job title", template="{role}", mode=Mode.IGNORE),
    MappedAttribute(name="department", label="Department", template="{type}", mode=Mode.IGNORE),
    MappedAttribute(name="costCenter", label="Cost centre", template="", mode=Mode.IGNORE),
    MappedAttribute(name="employeeType", label="Kind of employee", template="{list}", mode=Mode.IGNORE),
    MappedAttribute(name="phone", label="Mobile phone", template="{phone}", mode=Mode.IGNORE, help="Everybody in the directory sees it."),
    MappedAttribute(name="language", label="Language", template="{language}", mode=Mode.IGNORE, help="A code such as el or en-GB."),
)
#: The account's key, among the external ids of its user.
KEY = "externalId"
#: Attributes that stand in the user's main organisation, with the names they have there.
ORGANISATION: Mapping[str, str] = {
    "title": "title",
    "department": "department",
    "costCenter": "costCenter",
    "employeeType": "description",
}
#: Attributes that stand in lists: writing one needs the list as it is.
IN_LISTS = frozenset({KEY, "phone", "language", *ORGANISATION})
NAMES = ("givenName", "familyName")
#: The most that a page of users holds.
PAGE = 500


class AliasOf(Taken):
    """An address is the alias of somebody else."""


def key_of(row: Mapping[str, Any], key_type: str) -> str | None:
    """Return our key in a user, none where there is none."""
    return _text(_entry(row, "externalIds", _is_key(key_type)), "value")


def remote_of(row: Mapping[str, Any], key_type: str) -> Remote:
    """Turn one user of an answer into the value core knows; licences and groups are read elsewhere."""
    name = row.get("name")
    organisation = _entry(row, "organizations", bool, best=_is_primary)
    attributes: dict[str, Any] = {each: _text(name if isinstance(name, dict) else {}, each) for each in NAMES}
    attributes |= {each: _text(organisation, there) for each, there in ORGANISATION.items()}
    attributes |= {
        "primaryEmail": primary_of(row) or None,
        "orgUnitPath": _text(row, "orgUnitPath"),
        "phone": _text(_entry(row, "phones", _is_mobile), "value"),
        "language": _text(_entry(row, "languages", _is_language, best=_is_preferred), "languageCode"),
        KEY: key_of(row, key_type),
    }
    return Remote(external_id=id_of(row), key=attributes[KEY], attributes=attributes, suspended=is_closed(row))


def primary_of(row: Mapping[str, Any]) -> str:
    """Return the primary address of a user, in lower case."""
    value = row.get("primaryEmail")
    return value.lower() if isinstance(value, str) else ""


def is_closed(row: Mapping[str, Any]) -> bool:
    """Tell whether a user is suspended or archived."""
    return row.get("suspended") is True or row.get("archived") is True


def suspended_by_google(row: Mapping[str, Any]) -> str | None:
    """Return why Google itself suspended a user, none where an administrator did or nobody."""
    reason = row.get("suspensionReason")
    return str(reason) if row.get("suspended") is True and reason and str(reason).upper() != "ADMIN" else None


def is_administrator(row: Mapping[str, Any]) -> bool:
    """Tell whether a user holds an administrator's role."""
    return row.get("isAdmin") is True or row.get("isDelegatedAdmin") is True


def body_of(attributes: Attributes, row: Mapping[str, Any], key_type: str) -> dict[str, Any]:
    """Return the fields of a user as Google takes them; ``row`` is the user as it is, empty for a new one."""
    body: dict[str, Any] = {name: attributes[name] for name in ("primaryEmail", "orgUnitPath") if attributes.get(name)}
    names = {name: attributes[name] for name in NAMES if attributes.get(name)}
    if names:
        body["name"] = names
    if attributes.get(KEY):
        ours = {"type": "custom", "customType": key_type, "value": attributes[KEY]}
        body["externalIds"] = _with(row, "externalIds", _is_key(key_type), ours)
    organisation = {there: attributes[name] for name, there in ORGANISATION.items() if name in attributes}
    if organisation:
        old = _entry(row, "organizations", bool, best=_is_primary) or {"primary": True, "type": "work"}
        new = {name: value for name, value in {**old, **organisation}.items() if value is not None}
        body["organizations"] = _with(row, "organizations", lambda each: each == old, new if set(new) - {"primary", "type"} else None)
    if "phone" in attributes:
        mobile = _entry(row, "phones", _is_mobile)
        phone = {**mobile, "type": "mobile", "value": attributes["phone"]} if attributes["phone"] else None
        body["phones"] = _with(row, "phones", lambda each: each == mobile, phone)
    if "language" in attributes:
        spoken = _entry(row, "languages", _is_language, best=_is_preferred)
        language = {**spoken, "languageCode": attributes["language"], "preference": "preferred"} if attributes["language"] else None
        body["languages"] = _with(row, "languages", lambda each: each == spoken, language)
    # Google clears a list by none; an empty list leaves it as it is.
    return {name: None if value == [] else value for name, value in body.items()}


def creation(wanted: Attributes, key_type: str, password: Secret, *, force: bool) -> dict[str, Any]:
    """Return the body of a new user; what has no value is left out."""
    body = {name: value for name, value in body_of(wanted, {}, key_type).items() if value is not None}
    return body | {"password": password.reveal(), "changePasswordAtNextLogin": force}


def by_key(key: str, customer: str, *, deleted: bool = False) -> Part:
    """Return the look-up of the users that carry our key, living or deleted within the last 20 days."""
    query = "externalId='" + key.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return Part(
        method="GET",
        path=with_query(USERS, customer=customer, query=query, maxResults=PAGE, projection="full", showDeleted=deleted or None),
    )


def by_address(address: str) -> Part:
    """Return the look-up of whoever has this address, or this id."""
    return Part(method="GET", path=with_query(f"{USERS}/{segment(address)}", projection="full"))


def find_all(
    google: Google, accounts: Sequence[AccountSnapshot], addresses: Mapping[int, str], key_type: str, customer: str
) -> dict[int, Mapping[str, Any] | ProviderError]:
    """Look many accounts up: by our key, then by address. What is not found is absent; ``addresses`` are those they should have."""
    found: dict[int, Mapping[str, Any] | ProviderError] = {}
    for account, answer in zip(accounts, google.batch([by_key(account.key, customer) for account in accounts]), strict=True):
        try:
            rows = carrying(rows_of(answer.value(), "users"), account.key, key_type)
        except ProviderError as error:
            found[account.id] = error
            continue
        if rows:
            found[account.id] = _only(rows, addresses[account.id])
    missing = [account for account in accounts if account.id not in found]
    for account, answer in zip(missing, google.batch([by_address(addresses[account.id]) for account in missing]), strict=True):
        if answer.error is None:
            found[account.id] = holder(answer.body, addresses[account.id], account.key, key_type)
        elif not isinstance(answer.error, NotFound):
            found[account.id] = answer.error
    return found


def holder(row: Mapping[str, Any], address: str, key: str, key_type: str) -> Mapping[str, Any] | AliasOf:
    """Return the user that an address led to, unless it is an alias there: then it is another person, or ourselves under a newer name."""
    if primary_of(row) == address or key_of(row, key_type) == key:
        return row
    return AliasOf(
        f"{address} is an alias of another user of Google Workspace, {primary_of(row) or id_of(row)}.",
        hint="Remove the alias there or change the user name here, and retry.",
    )


def carrying(rows: Iterable[Mapping[str, Any]], key: str, key_type: str) -> list[Mapping[str, Any]]:
    """Return the rows that carry the key, each user once."""
    return list({id_of(row): row for row in rows if key_of(row, key_type) == key}.values())


def all_deleted(google: Google, customer: str) -> list[Mapping[str, Any]]:
    """Return every user who was deleted within the last 20 days."""
    return list(google.pages(USERS, "users", customer=customer, maxResults=PAGE, projection="full", showDeleted=True))


def deleted(google: Google, accounts: Sequence[AccountSnapshot], key_type: str, customer: str) -> dict[int, str]:
    """Return the ids of the accounts' users among the deleted ones, by account; of several the one deleted last.

    That deleted users can be searched by our key is not written anywhere; where they cannot, they are walked, once.
    """
    groups: list[list[Mapping[str, Any]]] = []
    for account, answer in zip(accounts, google.batch([by_key(each.key, customer, deleted=True) for each in accounts]), strict=True):
        rows = None if isinstance(answer.error, Permanent) else rows_of(answer.value(), "users")
        if rows is None or next_page(answer.body) or len(carrying(rows, account.key, key_type)) < len(rows):
            every = all_deleted(google, customer)
            groups = [every for _ in accounts]
            break
        groups.append(rows)
    found = {}
    for account, rows in zip(accounts, groups, strict=True):
        ours = sorted(carrying(rows, account.key, key_type), key=lambda row: str(row.get("deletionTime") or ""))
        if ours:
            found[account.id] = id_of(ours[-1])
    return found


def _only(rows: list[Mapping[str, Any]], address: str) -> Mapping[str, Any] | Conflict:
    """Choose among users that all carry our key: the one with our address, if there is exactly one."""
    if len(rows) > 1:
        rows = [row for row in rows if primary_of(row) == address] or rows
    if len(rows) > 1:
        return Conflict(
            f"Several users in Google Workspace carry the key of this account ({', '.join(primary_of(row) for row in rows[:5])}).",
            hint="Remove the external id of all but the right one there, then retry.",
        )
    return rows[0]


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return value if isinstance(value, str) and value else None


def _list(row: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = row.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _entry(row: Mapping[str, Any], name: str, ours: Any, *, best: Any = bool) -> Mapping[str, Any]:
    """Return the entry of a list that is ours to write, the best of several; empty where there is none."""
    found = [each for each in _list(row, name) if ours(each)]
    return next(iter([each for each in found if best(each)] or found), {})


def _with(row: Mapping[str, Any], name: str, ours: Any, entry: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Return a whole list with our entry in the place of the old one, or without one."""
    rest = [each for each in _list(row, name) if not ours(each)]
    return rest if entry is None else [*rest, entry]


def _is_key(key_type: str) -> Any:
    return lambda each: each.get("type") == "custom" and each.get("customType") == key_type


def _is_primary(each: Mapping[str, Any]) -> bool:
    return each.get("primary") is True


def _is_mobile(each: Mapping[str, Any]) -> bool:
    return each.get("type") == "mobile"


def _is_language(each: Mapping[str, Any]) -> bool:
    return bool(each.get("languageCode"))


def _is_preferred(each: Mapping[str, Any]) -> bool:
    return each.get("preference") == "preferred"
