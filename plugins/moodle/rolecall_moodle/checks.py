"""Tests a connection without changing anything: one line per function, right and setting that is needed (R54).

A right to create, change or delete shows in how Moodle refuses a row that it must refuse anyway: *no permission* comes before
*bad data*. The refused rows could not do harm even if a Moodle took them: no password, no name, no such user.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rolecall.errors import NotFound, Permanent, ProviderError
from rolecall.sdk import CheckLine
from rolecall_moodle import class_checks
from rolecall_moodle.client import Client, Denied, rows_of
from rolecall_moodle.settings import languages

#: A user id that no Moodle has given out.
NOBODY = 2**31 - 1

USER_FUNCTIONS = (
    "core_webservice_get_site_info",
    "core_user_get_users_by_field",
    "core_user_get_users",
    "core_user_create_users",
    "core_user_update_users",
    "core_user_delete_users",
)
COHORT_FUNCTIONS = (
    "core_cohort_get_cohorts",
    "core_cohort_create_cohorts",
    "core_cohort_get_cohort_members",
    "core_cohort_add_cohort_members",
    "core_cohort_delete_cohort_members",
)

ADD_FUNCTION = "Add this function to the external service: Site administration → Server → Web services → External services."
ALLOW = "Allow {right} in the role of the token's user: Site administration → Users → Permissions → Define roles."

#: The release that the plugin was proved against.
PROVED = "4.3"


def lines(client: Client, settings: Mapping[str, Any]) -> Iterator[CheckLine]:
    """Yield the lines; where the site cannot be reached or the token is refused there is nothing more to try."""
    try:
        info = client.read("core_webservice_get_site_info")
    except Denied as error:
        yield CheckLine(label="Reach the site", ok=True)
        yield CheckLine(label="Token accepted (webservice/rest:use)", ok=False, detail=error.message, fix=_token_fix(error))
        return
    except ProviderError as error:
        fix = error.hint or "Check the address, and that the site is up and reachable from here."
        yield CheckLine(label="Reach the site", ok=False, detail=error.message, fix=fix)
        return
    functions = _functions(info)
    if functions is None:
        detail = "The site answers, but not as Moodle does."
        yield CheckLine(label="Reach the site", ok=False, detail=detail, fix="Check the address of the site.")
        return
    yield CheckLine(label="Reach the site", ok=True, detail=str(info.get("sitename", "")))
    yield CheckLine(label="Token accepted (webservice/rest:use)", ok=True, detail=f"It belongs to {info.get('username', '?')}.")
    yield _release(str(info.get("release", "")))
    with_cohorts = bool(settings.get("cohorts", True))
    for name in (*USER_FUNCTIONS, *(COHORT_FUNCTIONS if with_cohorts else ()), *class_checks.functions(settings)):
        yield CheckLine(label=f"Function {name}", ok=name in functions, fix="" if name in functions else ADD_FUNCTION)
    yield from _reading(client)
    yield _writing(client, "moodle/user:create", "core_user_create_users", {"users": [_refused_user(info)]})
    yield _writing(client, "moodle/user:update", "core_user_update_users", {"users": [{"id": NOBODY}]})
    yield _writing(client, "moodle/user:delete", "core_user_delete_users", {"userids": [NOBODY]})
    if with_cohorts:
        yield _writing(client, "moodle/cohort:manage", "core_cohort_create_cohorts", {"cohorts": [_refused_cohort()]})
    yield from class_checks.lines(client, settings)
    auth = str(settings.get("auth") or "manual")
    yield _value(client, "auth", auth, f"Login method {auth}", "Install the login method in Moodle, or choose another.")
    for code in languages(settings):
        yield _value(client, "lang", code, f"Language pack {code}", "Install the language pack in Moodle, or take it off the list.")


def _functions(info: Any) -> frozenset[str] | None:
    functions = info.get("functions") if isinstance(info, dict) else None
    if not isinstance(functions, list):
        return None
    return frozenset(str(row.get("name")) for row in functions if isinstance(row, dict))


def _token_fix(error: Denied) -> str:
    return (
        "Check the token, that it has not expired and is not bound to another address, that its user is not suspended, "
        f"has the right webservice/rest:use and may use the service. {error.hint}"
    )


def _release(release: str) -> CheckLine:
    proved = release.startswith(PROVED)
    detail = release or "unknown"
    if not proved:
        detail += f" (this plugin was proved against Moodle {PROVED})"
    return CheckLine(label="Moodle release", ok=proved, detail=detail, required=False)


def _reading(client: Client) -> Iterator[CheckLine]:
    """Look at the first two users of the site, who exist in every Moodle: what is missing of them is a missing right."""
    rights = {
        "moodle/user:viewdetails and moodle/user:viewalldetails": "id",
        "moodle/site:viewuseridentity": "email",
        "moodle/site:viewfullnames": "firstname",
    }
    try:
        answer = client.read("core_user_get_users_by_field", {"field": "id", "values": [1, 2]})
        rows = rows_of(answer, "users")
    except ProviderError as error:
        yield CheckLine(label="Read users", ok=False, detail=error.message, fix=error.hint)
        return
    for right, name in rights.items():
        seen = any(name in row for row in rows)
        yield CheckLine(
            label=f"Right {right}",
            ok=seen,
            detail="" if seen else "Without it Moodle hides users or their names and says nothing.",
            fix="" if seen else ALLOW.format(right=right),
        )


def _refused_user(info: Mapping[str, Any]) -> dict[str, str]:
    """Return a new user that Moodle must refuse four times over: the name is taken, blank, and neither address nor password."""
    return {"username": str(info.get("username") or "guest"), "firstname": " ", "lastname": " ", "email": "none"}


def _refused_cohort() -> dict[str, Any]:
    """Return a cohort whose ID number and name are longer than Moodle can store."""
    return {"categorytype": {"type": "system", "value": ""}, "name": "Rolecall " * 40, "idnumber": "rolecall-check-" + "-" * 300}


def _writing(client: Client, right: str, function: str, arguments: Mapping[str, Any]) -> CheckLine:
    label = f"Right {right}"
    try:
        client.write(function, arguments)
    except Denied as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix=ALLOW.format(right=right))
    except (Permanent, NotFound):
        pass
    except ProviderError as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix="Try again; if it stays, look into Moodle's own log.")
    return CheckLine(label=label, ok=True)


def _value(client: Client, name: str, value: str, label: str, fix: str) -> CheckLine:
    """Ask for a field of a user who does not exist: an unknown value is refused before the user is looked for."""
    try:
        client.write("core_user_update_users", {"users": [{"id": NOBODY, name: value}]})
    except Permanent:
        return CheckLine(label=label, ok=False, detail="Moodle does not know it.", fix=fix)
    except ProviderError as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix="Mend the lines above first.")
    return CheckLine(label=label, ok=True)
