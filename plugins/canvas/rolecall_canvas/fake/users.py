"""Answers calls about users and their logins."""

from __future__ import annotations

from typing import Any

from rolecall_canvas.fake.routes import Call, listed, number_in, route, truth
from rolecall_canvas.fake.state import LONGEST_NAME, CanvasError, Row, invalid, not_found, unauthorized

ME = 1
ACCOUNT = "/accounts/{}"


def shown(call: Call, user: Row) -> Row:
    """Return a user as answers show it, with the login that has a SIS id, else the first."""
    logins = call.state.logins_of(user["id"]) or [row for row in call.state.logins.values() if row["user_id"] == user["id"]]
    login = next((row for row in logins if row["sis_user_id"]), logins[0] if logins else {})
    names = ("id", "name", "sortable_name", "short_name", "email", "created_at")
    return {name: user[name] for name in names} | {"login_id": login.get("unique_id"), "sis_user_id": login.get("sis_user_id")}


def login_shown(call: Call, login: Row) -> Row:
    """Return a login as answers show it, without the password."""
    return {"account_id": call.site.account, **{name: value for name, value in login.items() if name != "password"}}


@route("GET", "/users/self")
def me(call: Call) -> Row:
    """The token's user."""
    return {"id": ME, "name": "Rolecall", "login_id": "rolecall"}


@route("GET", ACCOUNT + "/permissions")
def permissions(call: Call, account: str) -> Row:
    """Which of the permissions that are asked for the token's user holds."""
    call.site.check_account(account)
    if not call.site.permissions:
        raise unauthorized()
    return {name: name in call.site.permissions for name in call.query.get("permissions[]", ())}


@route("GET", ACCOUNT + "/users", "read_roster")
def everybody(call: Call, account: str) -> list[Row]:
    """All users, or those whom a term fits; a number is tried as an id first."""
    call.site.check_account(account)
    with_deleted = truth(call.asked("include_deleted_users"))
    rows = [shown(call, row) for row in call.state.users.values() if with_deleted or row["workflow_state"] != "deleted"]
    if (call.asked("sort"), call.asked("order")) == ("id", "desc"):
        rows.reverse()
    term = call.asked("search_term").lower()
    if term:
        by_number = [row for row in rows if str(row["id"]) == term]
        rows = by_number or [row for row in rows if any(term in str(row[name] or "").lower() for name in _SEARCHED)]
    return listed(call, rows)


_SEARCHED = ("name", "email", "login_id", "sis_user_id")


def _one(call: Call, step: str) -> Row:
    def by_sis(value: str) -> int | None:
        login = call.state.by_sis(value)
        return login["user_id"] if login is not None and login["workflow_state"] != "deleted" else None

    def by_login(value: str) -> int | None:
        login = call.state.by_login(value)
        return login["user_id"] if login is not None else None

    is_login = "sis_login_id:" in step
    number = number_in(step, "sis_login_id", by_login) if is_login else number_in(step, "sis_user_id", by_sis)
    if number in call.state.protected and call.method != "GET":
        raise unauthorized()
    try:
        return call.state.living(number)
    except CanvasError:
        if call.site.hides_the_gone and number in call.state.users:
            raise unauthorized() from None
        raise


@route("GET", "/users/{}", "read_roster")
def one(call: Call, step: str) -> Row:
    """One user."""
    return shown(call, _one(call, step))


@route("GET", "/users/{}/logins", "manage_user_logins")
def logins(call: Call, step: str) -> list[Row]:
    """The logins of a user."""
    return listed(call, [login_shown(call, row) for row in call.state.logins_of(_one(call, step)["id"])])


@route("GET", ACCOUNT + "/logins", "manage_user_logins")
def account_logins(call: Call, account: str) -> list[Row]:
    """The logins of a user in an account, which must be the root."""
    call.site.check_account(account, root=True)
    number = int(call.asked("user[id]"))
    return listed(call, [login_shown(call, row) for row in call.state.logins_of(number)])


@route("POST", ACCOUNT + "/users", "manage_user_logins")
def create(call: Call, account: str) -> Row:
    """Make a user with a login and an e-mail, or bring a deleted one back."""
    call.site.check_account(account)
    login, channel = call.under("pseudonym"), call.under("communication_channel")
    sis = login.get("sis_user_id") if "manage_sis" in call.site.permissions else None
    if call.site.wants_terms and truth(call.form.get("force_validations", "")):
        raise invalid("terms_of_use", "Must be accepted", "Must be accepted", of="user")
    names = {name: value for name, value in call.under("user").items() if name != "skip_registration"}
    _check_names(names, of="user")
    held = call.state.by_sis(sis) if sis else None
    revive = truth(call.form.get("enable_sis_reactivation", "")) and call.site.reactivates
    if held is not None and held["workflow_state"] == "deleted" and revive:
        call.state.check_login(login.get("unique_id", ""), sis, but=held["id"], of="pseudonym")
        user = call.state.restore_user(held["user_id"])
        if call.site.keeps_old_names:
            return shown(call, user)
        held["unique_id"] = login["unique_id"]
    else:
        call.state.check_login(login.get("unique_id", ""), sis, of="pseudonym")
        user = call.state.add_user(name=names.get("name") or login["unique_id"], created_at=call.site.now())
        provider = login.get("authentication_provider_id")
        held = call.state.add_login(
            user["id"], login["unique_id"], sis, password=login.get("password"), authentication_provider_id=provider
        )
    user |= names
    _sorted(user, names)
    if channel.get("address"):
        user["email"] = channel["address"]
        if not truth(channel.get("skip_confirmation", "")):
            call.state.mailed.append(channel["address"])
    return shown(call, user)


def _check_names(names: Row, of: str = "") -> None:
    for name, value in names.items():
        if len(value) > LONGEST_NAME:
            raise invalid(name, "too_long", f"{name} is too long", of=of)


def _sorted(user: Row, names: Row) -> None:
    """Infer the sortable name from the name where none is given, as Canvas does."""
    if "sortable_name" not in names and not user["sortable_name"]:
        first, _, last = str(user["name"]).rpartition(" ")
        user["sortable_name"] = f"{last}, {first}" if first else last


@route("PUT", "/users/{}", "manage_user_logins")
def update(call: Call, step: str) -> Row:
    """Change a user, or suspend it or open it again with all its logins."""
    user = _one(call, step)
    names = call.under("user")
    happens = names.pop("event", None)
    _check_names(names)
    user |= names
    if happens:
        for login in call.state.logins_of(user["id"]):
            login["workflow_state"] = "suspended" if happens == "suspend" else "active"
    return shown(call, user)


@route("PUT", ACCOUNT + "/logins/{}", "manage_user_logins")
def update_login(call: Call, account: str, step: str) -> Row:
    """Change a login; its SIS id needs a permission of its own."""
    call.site.check_account(account, root=True)
    login = call.state.logins.get(int(step))
    if login is None or login["workflow_state"] == "deleted":
        raise not_found()
    changes = call.under("login")
    if "sis_user_id" in changes and "manage_sis" not in call.site.permissions:
        raise unauthorized()
    unique, sis = str(changes.get("unique_id", login["unique_id"])), changes.get("sis_user_id", login["sis_user_id"])
    call.state.check_login(unique, sis, but=login["id"])
    login |= changes
    return login_shown(call, login)


@route("DELETE", ACCOUNT + "/users/{}", "manage_user_logins")
def delete(call: Call, account: str, step: str) -> Row:
    """Delete a user."""
    call.site.check_account(account, root=True)
    user = _one(call, step)
    call.state.delete_user(user["id"])
    return shown(call, user)


@route("PUT", ACCOUNT + "/users/{}/restore", "manage_user_logins")
def restore(call: Call, account: str, step: str) -> Any:
    """Bring a deleted user back."""
    call.site.check_account(account, root=True)
    user = call.state.users.get(int(step))
    if user is None:
        raise not_found()
    if user["workflow_state"] != "deleted":
        raise CanvasError(400, {"errors": "User not deleted"})
    return shown(call, call.state.restore_user(user["id"]))
