"""Tests a connection without changing anything: one line per permission, and how to mend it (R54).

Canvas itself says which permissions the token's user has in an account. Those of courses have other names in older releases, so their
lines only advise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rolecall.errors import Misconfigured, NotFound, ProviderError
from rolecall.sdk import CheckLine
from rolecall_canvas.client import id_of, rows_of
from rolecall_canvas.errors import Denied
from rolecall_canvas.settings import class_account, root_account
from rolecall_canvas.site import Site

#: What accounts need, with the words on Canvas's page of permissions.
FOR_SIS: Mapping[str, str] = {"read_sis": "SIS Data - read", "manage_sis": "SIS data - manage"}
FOR_USERS: Mapping[str, str] = {"read_roster": "Users - view list", "manage_user_logins": "Users - manage login details", **FOR_SIS}
FOR_IMPORTS: Mapping[str, str] = {"import_sis": "SIS Data - import"}
FOR_CLASSES: Mapping[str, str] = {
    "manage_courses_add": "Courses - add",
    "manage_courses_admin": "Courses - manage / update",
    "manage_courses_publish": "Courses - publish",
    "manage_courses_conclude": "Courses - conclude",
    "add_student_to_course": "Users - add students to courses",
    "add_teacher_to_course": "Users - add teachers to courses",
    "add_ta_to_course": "Users - add TAs to courses",
    "remove_student_from_course": "Users - remove students from courses",
    "remove_teacher_from_course": "Users - remove teachers from courses",
    "remove_ta_from_course": "Users - remove TAs from courses",
}
ALLOW = "In Canvas, Admin → Permissions → Account Roles: allow “{words}” for the role of the token's user."
OLDER = " An older Canvas calls it otherwise; if people come into courses nevertheless, all is well."


def lines(site: Site) -> Iterator[CheckLine]:
    """Yield the lines; where Canvas cannot be reached or the token is refused there is nothing more to try."""
    try:
        me = site.client.read("/users/self")
        number = id_of(me)
    except Denied as error:
        yield CheckLine(label="Reach Canvas", ok=True)
        fix = "Make a new access token in Canvas, as the user made for Rolecall, and enter it here. A token may have expired."
        yield CheckLine(label="Token accepted", ok=False, detail=error.message, fix=fix)
        return
    except ProviderError as error:
        fix = error.hint or "Check the address, and that it can be reached from here."
        yield CheckLine(label="Reach Canvas", ok=False, detail=error.message, fix=fix)
        return
    yield CheckLine(label="Reach Canvas", ok=True)
    yield CheckLine(label="Token accepted", ok=True, detail=f"It belongs to {me.get('name', '?')}.")
    account = root_account(site.settings)
    yield from _permissions(site, site.root, FOR_USERS, f"account {account}")
    if site.settings.get("sis_import_from"):
        yield from _permissions(site, site.root, FOR_IMPORTS, f"account {account}")
    yield from _account(site, number, account)
    if site.settings.get("classes"):
        if site.class_account != site.root:
            yield from _permissions(site, site.class_account, FOR_SIS, f"account {class_account(site.settings)}")
        yield from _permissions(site, site.class_account, FOR_CLASSES, f"account {class_account(site.settings)}", advice=True)
        yield _tried(
            site, f"Courses of account {class_account(site.settings)} can be looked at", f"{site.class_account}/courses", (("per_page", 1),)
        )


def _account(site: Site, number: str, account: str) -> Iterator[CheckLine]:
    yield _tried(site, f"Users of account {account} can be looked at", f"{site.root}/users", (("per_page", 1),))
    yield _tried(
        site,
        f"Account {account} is a root account",
        f"{site.root}/logins",
        (("user[id]", number),),
        fix="Enter self, or the number of the root account: logins belong to it, not to sub-accounts.",
    )
    if site.settings.get("sis_import_from"):
        yield _tried(site, "SIS imports can be looked at", f"{site.root}/sis_imports", ())


def _permissions(site: Site, account: str, wanted: Mapping[str, str], where: str, *, advice: bool = False) -> Iterator[CheckLine]:
    try:
        held = site.client.read(f"{account}/permissions", [("permissions[]", name) for name in wanted])
    except NotFound as error:
        fix = "Check the number of the account. An old Canvas cannot say which permissions there are."
        yield CheckLine(label=f"Permissions in {where}", ok=False, detail=error.message, fix=fix, required=not advice)
        return
    except ProviderError as error:
        fix = "Give the token's user an account role: Admin → Settings → Admins." if isinstance(error, Misconfigured) else "Try again."
        yield CheckLine(label=f"Permissions in {where}", ok=False, detail=error.message, fix=fix, required=not advice)
        return
    for name, words in wanted.items():
        ok = isinstance(held, dict) and held.get(name) is True
        fix = "" if ok else ALLOW.format(words=words) + (OLDER if advice else "")
        yield CheckLine(label=f"Permission {name}", ok=ok, detail=words, fix=fix, required=not advice)


def _tried(site: Site, label: str, path: str, query: Any, fix: str = "Mend the lines above first.") -> CheckLine:
    """Make a call that only looks."""
    try:
        answer = site.client.read(path, query)
        rows_of(answer.get("sis_imports") if isinstance(answer, dict) else answer)
    except ProviderError as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix=fix)
    return CheckLine(label=label, ok=True)
