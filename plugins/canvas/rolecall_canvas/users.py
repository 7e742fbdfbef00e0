"""A user and its login: what is sent of an account, and how it is made, changed, suspended, deleted and restored.

Owns the order of calls, and why Canvas refused one. How users are found and read is `lookups`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rolecall.errors import Conflict, Misconfigured, NotFound, Permanent, ProviderError
from rolecall.sdk import Attributes, Remote, Secret
from rolecall.sdk.mapping import MappedAttribute, Mode
from rolecall_canvas.client import PAGE, Fields, Query, id_of, rows_of
from rolecall_canvas.errors import Denied, Refused, Unclear
from rolecall_canvas.lookups import OF_USER, chosen, find, logins_of, shown
from rolecall_canvas.settings import own_password
from rolecall_canvas.site import Site

#: What an institution may map, with what holds until it does.
MAPPING = (
    MappedAttribute(
        name="unique_id",
        label="Login",
        template="{username}",
        required=True,
        help="Where people sign in elsewhere, it is what that service calls them, such as {username}@school.example. "
        "It is sent in small letters.",
    ),
    MappedAttribute(name="name", label="Full name", template="{first_name} {last_name}", required=True),
    MappedAttribute(name="sortable_name", label="Name in lists", template="{last_name}, {first_name}"),
    MappedAttribute(name="short_name", label="Display name", template="{first_name} {last_name}", mode=Mode.IGNORE),
)

#: Attributes of the login.
OF_LOGIN = ("unique_id", "sis_user_id")


def create(site: Site, wanted: Attributes, password: Secret | None) -> str:
    """Make a user with its login and its e-mail, or bring back the deleted one with our SIS id; returns the id.

    :raises Conflict: when the login or the SIS id is taken.
    :raises Misconfigured: when Canvas demands what only settings or permissions can mend.
    """
    fields: dict[str, str | bool] = {
        "pseudonym[unique_id]": str(wanted["unique_id"]),
        "pseudonym[sis_user_id]": str(wanted["sis_user_id"]),
        "pseudonym[send_confirmation]": False,
        "user[skip_registration]": True,
        "force_validations": bool(site.settings.get("force_validations", True)),
        "enable_sis_reactivation": True,
    }
    for name in ("name", "sortable_name", "short_name"):
        if wanted.get(name):
            fields[f"user[{name}]"] = str(wanted[name])
    if wanted.get("email"):
        # Without skip_confirmation Canvas mails the person.
        fields |= {
            "communication_channel[type]": "email",
            "communication_channel[address]": str(wanted["email"]),
            "communication_channel[skip_confirmation]": True,
        }
    if password is not None and own_password(site.settings):
        fields["pseudonym[password]"] = password.reveal()
    if site.settings.get("authentication_provider"):
        fields["pseudonym[authentication_provider_id]"] = str(site.settings["authentication_provider"])
    try:
        made = site.client.write("POST", f"{site.root}/users", fields)
    except Refused as error:
        if "terms_of_use" not in error.about:
            raise
        raise Misconfigured(
            "Canvas demands that new users accept its terms of use, which nobody can do for them.",
            hint="Switch “Have Canvas check new users strictly” off in the settings.",
        ) from None
    number = id_of(made, unusable=Unclear)
    if made.get("sis_user_id", wanted["sis_user_id"]) != wanted["sis_user_id"]:
        raise Denied(
            f"Canvas made user {number} without our SIS id.",
            hint="Allow “SIS data - manage” for the role of the token's user, then resume.",
        )
    # A user who comes back may have the names of old.
    held = shown(made)
    stale = {name: wanted[name] for name in (*OF_USER, "unique_id") if wanted.get(name) and held[name] not in (None, wanted[name])}
    update(site, number, stale, wanted)
    return number


def update(site: Site, number: str, changes: Attributes, wanted: Attributes | None = None) -> None:
    """Change attributes of a user and of the login that is ours. An e-mail without a value stays: Canvas removes none.

    :raises NotFound: when the user is gone.
    :raises Conflict: when a login or SIS id is taken, or nobody can tell which login is ours.
    """
    number = number_of(number)
    # The login first: it is what may be refused, and then nothing was changed.
    login = {f"login[{name}]": str(changes[name]) for name in OF_LOGIN if changes.get(name)}
    if login:
        ours = _our_login(site, number, {**changes, **(wanted or {})})
        _on_user(site, number, "PUT", f"{site.root}/logins/{id_of(ours)}", login)
    user = {f"user[{name}]": str(changes[name] or "") for name in OF_USER if name in changes and (name != "email" or changes[name])}
    if user:
        _on_user(site, number, "PUT", f"/users/{number}", user)


def event(site: Site, number: str, name: str) -> None:
    """Have all logins of a user suspended (``suspend``) or opened again (``unsuspend``)."""
    number = number_of(number)
    _on_user(site, number, "PUT", f"/users/{number}", {"user[event]": name})


def delete(site: Site, number: str) -> None:
    """Delete a user; Canvas keeps it, and it can come back."""
    number = number_of(number)
    _on_user(site, number, "DELETE", f"{site.root}/users/{number}")


def restore(site: Site, wanted: Attributes) -> Remote | None:
    """Bring back the deleted user that still holds our SIS id, if there is one.

    Only for a Canvas that did not do so when the user was made. That a list shows the SIS ids of deleted users is written nowhere.
    """
    sis = str(wanted["sis_user_id"])
    query: Query = [("search_term", sis), ("include_deleted_users", "true"), ("per_page", PAGE)]
    for row in site.client.pages(f"{site.root}/users", query):
        if row.get("sis_user_id") == sis:
            site.client.write("PUT", f"{site.root}/users/{id_of(row)}/restore", repeatable=True)
            return find(site, wanted)
    return None


def number_of(external_id: str) -> str:
    """Return an id as addresses take it; what is no number never was a user there."""
    if not (external_id.isascii() and external_id.isdigit()):
        raise NotFound("The link holds no Canvas user id.")
    return external_id


def _our_login(site: Site, number: str, wanted: Attributes) -> Mapping[str, Any]:
    try:
        logins = logins_of(site, number)
    except ProviderError as error:
        raise _explained(site, number, error) from None
    if not logins:
        raise NotFound("This user has no login in Canvas any more.")
    found = chosen(site, logins, wanted)
    if found is None:
        names = ", ".join(sorted(str(row.get("unique_id")) for row in logins)[:5])
        raise Conflict(
            f"This user has several logins in Canvas ({names}), and none of them is known to be Rolecall's.",
            hint="Give the right one the login of this account in Canvas, then retry.",
        )
    return found


def _on_user(site: Site, number: str, method: str, path: str, fields: Fields | None = None) -> None:
    try:
        site.client.write(method, path, fields, repeatable=True)
    except ProviderError as error:
        raise _explained(site, number, error) from None


def _explained(site: Site, number: str, error: ProviderError) -> ProviderError:
    """Return why a call about one user was refused: Canvas says *not permitted* also of users who are gone or stand above the token's.

    While others may still be looked at, the refusal concerns this user alone.
    """
    if not isinstance(error, Denied):
        return error
    # A term of digits is looked up as an id first; the shortest that Canvas takes has three.
    term: Query = [("search_term", number)] if len(number) > 2 else []
    try:
        seen = [id_of(row) for row in rows_of(site.client.read(f"{site.root}/users", [*term, ("per_page", PAGE)]))]
    except ProviderError:
        return error
    if term and number not in seen:
        return NotFound("Canvas has no such user any more.")
    return Permanent(
        f"Canvas protects this user from the token's: {error.message}",
        hint="Users with more permissions than the token's user are changed in Canvas by hand, or by a token that may.",
    )
