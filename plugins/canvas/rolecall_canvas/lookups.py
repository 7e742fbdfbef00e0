"""Finds users by our SIS id, by login and by e-mail, and reads what Canvas says of them.

Owns which of several logins is ours: Canvas keeps names on the user, but login, SIS id and whether it is suspended on each login.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rolecall.errors import Conflict, NotFound
from rolecall.sdk import Attributes, Remote
from rolecall_canvas.client import PAGE, Query, by_sis, id_of
from rolecall_canvas.site import Site

#: Attributes of the user; the others are its login's.
OF_USER = ("name", "sortable_name", "short_name", "email")
#: What is asked for beside an answer's usual fields.
WITH_EMAIL = ("include[]", "email")


def by_id(site: Site, kind: str, value: str) -> dict[str, Any] | None:
    """Look one living user up by ``sis_user_id`` or ``sis_login_id``."""
    try:
        row = site.client.read(f"/users/{by_sis(kind, value)}", [WITH_EMAIL])
    except NotFound:
        return None
    id_of(row)
    return dict(row)


def by_email(site: Site, email: str) -> dict[str, Any] | None:
    """Look for the one user with this e-mail who carries nobody's SIS id: one who does is somebody else's, and e-mails are not unique.

    :raises Conflict: when there are several.
    """
    query: Query = [("search_term", email), WITH_EMAIL, ("per_page", PAGE)]
    rows = {id_of(row): row for row in site.client.pages(f"{site.root}/users", query)}
    free = {
        number: row for number, row in rows.items() if str(row.get("email") or "").lower() == email.lower() and not row.get("sis_user_id")
    }
    if len(free) > 1:
        raise Conflict(
            f"Several users in Canvas have the e-mail address of this account (user ids {', '.join(sorted(free)[:5])}).",
            hint="Give the right one the login of this account in Canvas, then retry.",
        )
    return next(iter(free.values()), None)


def find(site: Site, wanted: Attributes) -> Remote | None:
    """Look an account up by our SIS id, then by login, then by e-mail (R64)."""
    sis, login, email = str(wanted["sis_user_id"]), wanted.get("unique_id"), wanted.get("email")
    row = by_id(site, "sis_user_id", sis)
    if row is None and login:
        row = by_id(site, "sis_login_id", str(login))
    if row is None and email:
        row = by_email(site, str(email))
    return remote_of(site, row, wanted) if row is not None else None


def remote_of(site: Site, row: Mapping[str, Any], wanted: Attributes | None = None) -> Remote:
    """Read the logins of a user and return the value core knows; ``wanted`` helps to tell which of several logins is meant."""
    number = id_of(row)
    login = chosen(site, logins_of(site, number), wanted or {}) or {}
    attributes = shown(row) | {
        "unique_id": _lower(login.get("unique_id", row.get("login_id"))),
        "sis_user_id": login.get("sis_user_id") or None,
    }
    return Remote(
        external_id=number,
        key=site.key_of(attributes["sis_user_id"]),
        attributes=attributes,
        suspended=login.get("workflow_state") == "suspended",
    )


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that a user's own row shows; where it has several logins, those of one that Canvas chooses."""
    found: dict[str, Any] = {name: row[name] if isinstance(row.get(name), str) else None for name in OF_USER}
    found["email"] = _lower(found["email"])
    return found | {"unique_id": _lower(row.get("login_id")), "sis_user_id": row.get("sis_user_id") or None}


def logins_of(site: Site, number: str) -> list[dict[str, Any]]:
    """Return the living logins of a user."""
    rows = {id_of(row): row for row in site.client.pages(f"/users/{number}/logins")}
    return list(rows.values())


def chosen(site: Site, logins: Sequence[Mapping[str, Any]], wanted: Attributes) -> Mapping[str, Any] | None:
    """Choose the login that is ours: by SIS id, by name, by the form of its SIS id, or because there is no other. None: nobody can tell."""
    tests = (
        lambda row: bool(wanted.get("sis_user_id")) and row.get("sis_user_id") == wanted["sis_user_id"],
        lambda row: bool(wanted.get("unique_id")) and _lower(row.get("unique_id")) == wanted["unique_id"],
        lambda row: site.looks_ours(row.get("sis_user_id")),
        lambda row: bool(row.get("sis_user_id")),
        lambda row: True,
    )
    for test in tests:
        found = [row for row in logins if test(row)]
        if len(found) == 1:
            return found[0]
    return None


def _lower(value: Any) -> str | None:
    return value.lower() if isinstance(value, str) and value else None
