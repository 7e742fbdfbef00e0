"""The user functions of the fake site, each refusing and answering as the recorded Moodle did."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rolecall_moodle.fake.php import MoodleError, invalid_parameter, no_record, rows, structure, typed, write_failed
from rolecall_moodle.fake.site import Caller, Site
from rolecall_moodle.fake.state import State, User, scramble

#: Columns of the user table and their widths.
WIDTHS = {"username": 100, "firstname": 100, "lastname": 100, "email": 100, "idnumber": 255}

#: Kinds of values that a user may be given; ``auth`` and ``lang`` depend on what the site has installed.
USER_TYPES = {
    "username": "username", "password": "raw", "firstname": "notags", "lastname": "notags", "email": "raw", "idnumber": "raw",
    "city": "raw", "country": "alpha", "timezone": "raw", "department": "raw", "institution": "raw", "phone1": "notags",
    "phone2": "notags", "address": "raw", "description": "raw", "customfields": "any", "preferences": "any",
}  # fmt: skip

#: What is kept of them and shown.
KEPT = ("username", "firstname", "lastname", "email", "idnumber", "auth", "lang", "city", "department", "institution", "timezone")

SEARCHABLE = ("id", "lastname", "firstname", "idnumber", "username", "email", "auth")


def create_users(site: Site, caller: Caller, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """All or nothing; but the ids are used up and the passwords mailed on the way."""
    types = {**USER_TYPES, "createpassword": "bool", **_installed(site)}
    required = ("username", "firstname", "lastname", "email")
    wanted = [structure(row, types, required, "users") for row in rows(arguments, "users")]
    caller.need("Create users", "moodle/user:create")
    made: list[User] = []
    for row in wanted:
        user = _new_user(site, row, made)
        made.append(user)
        if row.get("createpassword"):
            site.state.mails.append(user["email"])
    for user in made:
        site.state.put_user(user)
    return [{"id": user["id"], "username": user["username"]} for user in made]


def _installed(site: Site) -> dict[str, str]:
    return {"auth": f"auth:{'|'.join(site.auths)}", "lang": f"lang:{'|'.join(site.languages)}"}


def _new_user(site: Site, row: dict[str, Any], before: Iterable[User]) -> User:
    state = site.state
    for name in ("firstname", "lastname"):
        if not row[name].strip():
            raise invalid_parameter(f"The field {name} cannot be blank")
    if any(True for _ in state.like("username", row["username"])) or any(user["username"] == row["username"] for user in before):
        raise invalid_parameter(f"Username already exists: {row['username']}")
    if row.get("auth", "manual") in ("manual", "email") and not row.get("createpassword"):
        if not row.get("password"):
            raise invalid_parameter("Invalid password: you must provide a password, or set createpassword.")
        check_password(site, row["password"])
    email = row["email"].strip()
    if re.fullmatch(r"[^@\s]+@[^@\s]+", email) is None:
        raise invalid_parameter(f"Email address is invalid: {email}")
    if any(True for _ in _with_email(state, email)) or any(user["email"].lower() == email.lower() for user in before):
        raise invalid_parameter(f"Email address already exists: {email}")
    _check_widths(row)
    number = state.number("user")
    fields = {name: row[name] for name in KEPT if name in row}
    user = state.new_user(id=number, **fields)
    user["email"] = email
    user["password"] = scramble(row.get("password", ""))
    return _with_extras(site, user, row)


def _with_extras(site: Site, user: User, row: dict[str, Any]) -> User:
    """Take over what Moodle takes without a word, whether it makes sense or not."""
    changed = dict(user)
    if "country" in row:
        changed["country"] = row["country"] if re.fullmatch(r"[A-Z]{2}", row["country"]) else "0"
    custom = {entry.get("type"): entry.get("value") for entry in _entries(row, "customfields")}
    known = {name: value for name, value in custom.items() if name in site.profile_fields}
    changed["customfields"] = {**user["customfields"], **known}
    preferences = {str(entry.get("type")): entry.get("value") for entry in _entries(row, "preferences")}
    changed["preferences"] = {**user["preferences"], **preferences}
    return changed


def _entries(row: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = row.get(name)
    return [entry for entry in value.values() if isinstance(entry, dict)] if isinstance(value, dict) else []


def _with_email(state: State, email: str) -> Iterable[User]:
    return (user for user in state.like("email", email) if user["email"].lower() == email.lower() and not user["deleted"])


def _check_widths(row: dict[str, Any]) -> None:
    for name, width in WIDTHS.items():
        if len(row.get(name, "")) > width:
            raise write_failed(f"ERROR:  value too long for type character varying({width})")


def check_password(site: Site, password: str) -> None:
    """Refuse a password as the default policy does: its sentences, as HTML, are the error code."""
    faults = []
    if len(password) < 8:
        faults.append("Passwords must be at least 8 characters long.")
    if not re.search(r"\d", password):
        faults.append("Passwords must have at least 1 digit(s).")
    if not re.search(r"[a-z]", password):
        faults.append("Passwords must have at least 1 lower case letter(s).")
    if not re.search(r"[A-Z]", password):
        faults.append("Passwords must have at least 1 upper case letter(s).")
    if password.isalnum():
        faults.append("The password must have at least 1 special character(s) such as *, -, or #.")
    if faults and site.password_policy:
        html = "".join(f"<div>{fault}</div>" for fault in faults)
        raise MoodleError("moodle_exception", html, f"error/{html}")


def update_users(site: Site, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Row by row: the good ones are written, the others give warnings, and a bad password spoils the whole answer."""
    types = {**USER_TYPES, "id": "int", "suspended": "bool", **_installed(site)}
    wanted = [structure(row, types, ("id",), "users") for row in rows(arguments, "users")]
    caller.need("Update user profiles", "moodle/user:update")
    warnings = []
    spoiled = False
    for row in wanted:
        try:
            site.state.put_user(_updated(site, row))
        except MoodleError as error:
            spoiled = spoiled or "<" in error.code
            warnings.append({"item": "user", "itemid": row["id"], "warningcode": error.code, "message": error.message})
    if spoiled:
        raise MoodleError("invalid_response_exception", "invalidresponse", "Invalid response value detected", "warnings")
    return {"warnings": warnings}


def _updated(site: Site, row: dict[str, Any]) -> User:
    user = site.state.users.get(row["id"])
    if user is None:
        raise _warning("invaliduserid", "Invalid user ID")
    if user["deleted"]:
        raise _warning("usernotupdateddeleted", "error/usernotupdateddeleted")
    if user["username"] == "admin":
        raise _warning("usernotupdatedadmin", "Cannot update admin accounts")
    if "email" in row and any(other["id"] != user["id"] for other in _with_email(site.state, row["email"])):
        raise _warning("useremailduplicate", "Duplicate address")
    if "password" in row:
        check_password(site, row["password"])
    if "username" in row and any(other["id"] != user["id"] for other in site.state.like("username", row["username"])):
        raise write_failed()
    _check_widths(row)
    changed = {**user, **{name: row[name] for name in (*KEPT, "suspended") if name in row}}
    if "password" in row:
        changed["password"] = scramble(row["password"])
    return _with_extras(site, changed, row)


def _warning(code: str, message: str) -> MoodleError:
    return MoodleError("moodle_exception", code, message)


def delete_users(site: Site, caller: Caller, arguments: dict[str, Any]) -> None:
    """All or nothing."""
    numbers = [typed(value, "int", "userids") for value in rows(arguments, "userids")]
    caller.need("Delete users", "moodle/user:delete")
    doomed: dict[int, User] = {}
    for number in numbers:
        user = site.state.users.get(number)
        if user is None or user["deleted"] or number in doomed:
            raise no_record("user")
        if user["username"] == "admin":
            raise MoodleError("moodle_exception", "useradminodelete", "Administrator accounts cannot be deleted.")
        if number == caller.user["id"]:
            raise MoodleError("moodle_exception", "usernotdeletederror", "User not deleted - error")
        doomed[number] = user
    for user in doomed.values():
        site.state.delete_user(user)


def get_users_by_field(site: Site, caller: Caller, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """Users that the caller may not see are left out without a word; deleted ones come back by id."""
    field = typed(arguments.get("field"), "alpha", "field")
    if field not in ("id", "idnumber", "username", "email"):
        raise invalid_parameter(f"field: the value {field} is not supported")
    kind = {"id": "int", "username": "username"}.get(field, "raw")
    values = [typed(value, kind, "values") for value in rows(arguments, "values")]
    found: dict[int, User] = {}
    for value in values:
        if field == "id":
            matches = [site.state.users[value]] if value in site.state.users else []
        else:
            matches = [user for user in site.state.like(field, value) if site.same(user[field], value) and not user["deleted"]]
        found.update({user["id"]: user for user in matches})
    visible = caller.may("moodle/user:viewdetails") and caller.may("moodle/user:viewalldetails")
    return [described(site, caller, user) for number, user in sorted(found.items()) if visible or number == caller.user["id"]]


def get_users(site: Site, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Everybody who meets all criteria; a criterion with an unknown key is only a warning, and everybody meets it."""
    warnings = []
    users = list(site.state.living())
    hidden = not caller.may("moodle/user:viewdetails")
    for row in rows(arguments, "criteria"):
        criterion = structure(row, {"key": "alpha", "value": "raw"}, ("key", "value"), "criteria")
        key, value = criterion["key"], criterion["value"]
        if key not in SEARCHABLE:
            message = f"The search key '{key}' is not supported, look at the web service documentation"
            warnings.append({"item": key, "warningcode": "invalidfieldparameter", "message": message})
            continue
        if key in ("email", "firstname", "lastname"):
            pattern = _like(value)
            users = [user for user in users if pattern.fullmatch(user[key])]
        else:
            users = [user for user in users if site.same(str(user[key]), value)]
        hidden = hidden or (key == "email" and not caller.may("moodle/site:viewuseridentity"))
        hidden = hidden or (key in ("firstname", "lastname") and not caller.may("moodle/site:viewfullnames"))
    shown = [] if hidden else [described(site, caller, user) for user in users]
    return {"users": shown, "warnings": warnings}


def _like(pattern: str) -> re.Pattern[str]:
    """Turn an SQL LIKE pattern without case into a regular expression."""
    parts = re.findall(r"\\.|%|_|[^\\%_]+|\\", pattern, re.DOTALL)
    regex = "".join({"%": ".*", "_": "."}.get(part) or re.escape(re.sub(r"^\\(.)", r"\1", part)) for part in parts)
    return re.compile(regex, re.IGNORECASE | re.DOTALL)


def described(site: Site, caller: Caller, user: User) -> dict[str, Any]:
    """Return what the caller sees of a user: keys without permission, and most empty ones, are absent."""
    shown: dict[str, Any] = {"id": user["id"], "username": user["username"]}
    if caller.may("moodle/site:viewfullnames"):
        shown |= {"firstname": user["firstname"], "lastname": user["lastname"]}
    shown["fullname"] = f"{user['firstname']} {user['lastname']}"
    if caller.may("moodle/site:viewuseridentity"):
        shown["email"] = user["email"]
    shown["department"] = user["department"]
    shown |= {name: user[name] for name in ("institution", "idnumber") if user[name]}
    shown |= {"firstaccess": 0, "lastaccess": 0, "auth": user["auth"], "suspended": user["suspended"], "confirmed": True}
    shown |= {"lang": user["lang"], "theme": "", "timezone": user["timezone"], "mailformat": 1}
    shown |= {name: user[name] for name in ("city", "country") if user[name] not in ("", "0")}
    image = f"{site.base_url}/theme/image.php/boost/core/1/u"
    shown |= {"profileimageurlsmall": f"{image}/f2", "profileimageurl": f"{image}/f1"}
    if user["customfields"]:
        shown["customfields"] = [
            {"type": "text", "value": value, "displayvalue": value, "name": name, "shortname": name}
            for name, value in user["customfields"].items()
        ]
    if user["id"] == caller.user["id"]:
        shown["preferences"] = [{"name": "_lastloaded", "value": int(site.state.clock())}]
    return shown
