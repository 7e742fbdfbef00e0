"""Tests what classes need of a site, changing nothing; asked only where classes are kept in step (R54, R60a).

Rights inside a course are tried on the front page, which is a course into which nobody can be enrolled: Moodle looks at the rights before
it finds that out. That order is Moodle's code and was not recorded, so these lines only advise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rolecall.errors import NotFound, Permanent, ProviderError
from rolecall.sdk import CheckLine
from rolecall_moodle.client import Client, Denied, rows_of
from rolecall_moodle.enrolments import role_ids

FUNCTIONS = (
    "core_course_create_courses",
    "core_course_update_courses",
    "core_course_get_courses_by_field",
    "core_course_get_categories",
    "enrol_manual_enrol_users",
    "enrol_manual_unenrol_users",
    "core_enrol_get_enrolled_users",
)
GROUP_FUNCTIONS = ("core_group_create_groups", "core_group_get_course_groups", "core_group_add_group_members")

#: The front page of every Moodle is a course, and has this number.
FRONT_PAGE = 1
#: A user id that no Moodle has given out.
NOBODY = 2**31 - 1

ALLOW = "Allow {right} in the role of the token's user: Site administration → Users → Permissions → Define roles."
ASSIGN = (
    "Allow moodle/role:assign, and let the role of the token's user assign this role: Site administration → Users → Permissions → "
    "Define roles → Allow role assignments."
)


def functions(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the functions that classes need besides those of accounts."""
    if not settings.get("classes"):
        return ()
    return FUNCTIONS + (GROUP_FUNCTIONS if settings.get("class_groups") else ())


def lines(client: Client, settings: Mapping[str, Any]) -> Iterator[CheckLine]:
    """Yield a line for each right, role and category; none where classes are not kept in step."""
    if not settings.get("classes"):
        return
    category = int(settings.get("class_category") or 1)
    yield _category(client, category)
    too_long = {"fullname": "Rolecall", "shortname": "rolecall-check-" + "-" * 300, "idnumber": "-" * 300, "categoryid": category}
    yield _tried(client, "Right moodle/course:create", "core_course_create_courses", {"courses": [too_long]}, "moodle/course:create")
    roles = role_ids(settings)
    if len(set(roles.values())) < len(roles):
        fix = "Choose a role of its own for each of students, teachers and assistants."
        yield CheckLine(label="Three different roles", ok=False, detail="Two of the roles are the same.", fix=fix)
    for who, role in roles.items():
        row = {"roleid": role, "userid": NOBODY, "courseid": FRONT_PAGE}
        yield _advice(client, f"Role {role} for {who}s", "enrol_manual_enrol_users", {"enrolments": [row]}, ASSIGN)
    row = {"userid": NOBODY, "courseid": FRONT_PAGE}
    right = "enrol/manual:unenrol"
    yield _advice(client, f"Right {right}", "enrol_manual_unenrol_users", {"enrolments": [row]}, ALLOW.format(right=right))
    if settings.get("class_groups"):
        right = "moodle/course:managegroups"
        wanted = {"courseid": FRONT_PAGE, "name": "Rolecall " * 40, "description": "", "idnumber": "-" * 300}
        yield _advice(client, f"Right {right}", "core_group_create_groups", {"groups": [wanted]}, ALLOW.format(right=right))


def _category(client: Client, number: int) -> CheckLine:
    label = f"Category {number}"
    try:
        found = rows_of(client.read("core_course_get_categories", {"criteria": [{"key": "id", "value": number}]}), "categories")
    except ProviderError as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix="Mend the lines above first.")
    if not found:
        fix = "Choose a category that exists and that the token's user may see: its number is at the end of its address in Moodle."
        return CheckLine(label=label, ok=False, detail="There is none of this number.", fix=fix)
    return CheckLine(label=label, ok=True, detail=str(found[0].get("name", "")))


def _advice(client: Client, label: str, function: str, arguments: Mapping[str, Any], fix: str) -> CheckLine:
    """Try something on the front page that cannot be done there, with every right."""
    try:
        client.write(function, arguments)
    except Denied as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix=fix, required=False)
    except (Permanent, NotFound):
        pass
    except ProviderError as error:
        return CheckLine(label=label, ok=False, detail=error.message, fix="Try again.", required=False)
    return CheckLine(label=label, ok=True, required=False)


def _tried(client: Client, label: str, function: str, arguments: Mapping[str, Any], right: str) -> CheckLine:
    line = _advice(client, label, function, arguments, ALLOW.format(right=right))
    return CheckLine(label=line.label, ok=line.ok, detail=line.detail, fix=line.fix)
