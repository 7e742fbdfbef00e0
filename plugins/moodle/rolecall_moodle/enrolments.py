"""The members of a class as enrolments by hand in its course, each with the role that the settings name.

Owns which of Moodle's roles is which of ours, and the course group. Enrolments by other methods are Moodle's own and are not taken away.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rolecall.errors import NotFound, Permanent, ProviderError
from rolecall.sdk import Member
from rolecall_moodle.client import BadData, Client, Unclear, number_of, portions, rows_of
from rolecall_moodle.courses import by_field, explained

#: Users in one answer: about as much as Moodle answers in a second.
PAGE = 200

#: Our roles with the setting that names Moodle's.
SETTINGS = {"student": "role_student", "teacher": "role_teacher", "assistant": "role_assistant"}


def role_ids(settings: Mapping[str, Any]) -> dict[str, int]:
    """Return Moodle's role id for each of our roles; a new Moodle's own where nothing is set."""
    usual = {"student": 5, "teacher": 3, "assistant": 4}
    return {role: int(settings.get(name) or usual[role]) for role, name in SETTINGS.items()}


def members(client: Client, course: int, roles: Mapping[str, int]) -> frozenset[Member]:
    """Return who is enrolled with one of our roles, page by page; somebody may have several."""
    ours = {number: role for role, number in roles.items()}
    found: set[Member] = set()
    start = 0
    while True:
        page = _page(client, course, start)
        for row in page:
            user = str(number_of(row))
            for role in rows_of(row.get("roles", []), "roles"):
                if role.get("roleid") in ours:
                    found.add(Member(user, ours[role["roleid"]]))
        if len(page) < PAGE:
            return frozenset(found)
        start += PAGE


def _page(client: Client, course: int, start: int) -> list[dict[str, Any]]:
    options = [{"name": "limitfrom", "value": start}, {"name": "limitnumber", "value": PAGE}]
    try:
        return rows_of(client.read("core_enrol_get_enrolled_users", {"courseid": course, "options": options}), "users")
    except ProviderError as error:
        raise explained(client, course, error) from None


def add(client: Client, course: int, people: Collection[Member], roles: Mapping[str, int]) -> None:
    """Enrol people; who is enrolled already gets the role as well. One unknown user makes Moodle refuse all of a call."""
    rows = [{"roleid": roles[each.role], "userid": _user(each), "courseid": course} for each in people]
    _send(client, course, "enrol_manual_enrol_users", rows)


def remove(client: Client, course: int, people: Collection[Member]) -> None:
    """Take people out of the course and its groups; Moodle takes them out with every role, and their marks come back with them."""
    users = sorted({_user(each) for each in people})
    _send(client, course, "enrol_manual_unenrol_users", [{"userid": user, "courseid": course} for user in users])


def group(client: Client, course: int, people: Collection[Member]) -> None:
    """Put people into the course group that carries the key of the class, making it where it is missing."""
    row = next(iter(by_field(client, "id", str(course))), None)
    if row is None:
        raise NotFound("Moodle has no such course any more.")
    key, name = str(row.get("idnumber") or ""), str(row.get("fullname") or "")
    number = _group_number(client, course, key)
    if number is None:
        wanted = {"courseid": course, "name": name[:254], "description": "", "idnumber": key}
        try:
            made = rows_of(client.write("core_group_create_groups", {"groups": [wanted]}), "groups", Unclear)
            number = number_of(made[0], unusable=Unclear) if made else None
        except BadData as error:
            number = _group_number(client, course, key)
            if number is None:
                raise Permanent(f"Moodle will not make the course group “{name}”: {error.message}") from None
    if number is None:
        raise Unclear("Moodle did not say that it made the course group.")
    rows = [{"groupid": number, "userid": user} for user in sorted({_user(each) for each in people})]
    for portion in portions(rows, lambda row: row):
        client.write("core_group_add_group_members", {"members": portion})


def _group_number(client: Client, course: int, key: str) -> int | None:
    rows = rows_of(client.read("core_group_get_course_groups", {"courseid": course}), "groups")
    return next((number_of(row) for row in rows if row.get("idnumber") == key), None)


def _send(client: Client, course: int, function: str, rows: Sequence[dict[str, int]]) -> None:
    for portion in portions(rows, lambda row: row):
        try:
            answer = client.write(function, {"enrolments": portion})
        except ProviderError as error:
            raise explained(client, course, error) from None
        if answer is not None:
            raise Unclear(f"Moodle's answer to {function} cannot be used, so nobody knows what it did.")


def _user(member: Member) -> int:
    if not (member.external_id.isascii() and member.external_id.isdigit()):
        raise Permanent("The link of a member holds no Moodle user id.")
    return int(member.external_id)
