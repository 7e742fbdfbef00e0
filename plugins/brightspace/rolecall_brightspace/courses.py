"""A class as a course offering, known again by its code, which is made of the key of the class.

Owns the fields of a course that are Rolecall's. A class that ends is closed (not active), never deleted: people's work stays in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rolecall.errors import Conflict, Misconfigured, NotFound
from rolecall.sdk import Attributes, ClassSnapshot, Remote
from rolecall_brightspace.client import Client, Row, made_of, number_of, object_of
from rolecall_brightspace.errors import Garbled, Refused, Unclear, is_taken

#: What the code of a course of ours begins with.
PREFIX = "rolecall-"
#: The most that a code may hold, and what it may not.
LONGEST_CODE = 50
_FORBIDDEN = re.compile(r"""[\\:*?"<>|'#,%&\s]""")


def code_of(key: str) -> str:
    """Return the code of the course of a class: a prefix and the key, within what Brightspace takes as a code."""
    return (PREFIX + _FORBIDDEN.sub("-", key))[:LONGEST_CODE]


def attributes(school_class: ClassSnapshot) -> Attributes:
    """Return what a course should be."""
    name = school_class.name.strip() or school_class.code
    return {"Name": f"{name} ({school_class.period.code})", "Code": code_of(school_class.key)}


def find(client: Client, school_class: ClassSnapshot) -> Remote | None:
    """Look a course up by its code.

    :raises Conflict: when several org units have it, or one that is no course.
    """
    number = _number(client, code_of(school_class.key))
    if number is None:
        return None
    try:
        row = read(client, number)
    except NotFound:
        raise Conflict(
            f"An org unit in Brightspace that is no course offering has the code of this class (id {number}).",
            hint="Change its code there, then retry.",
        ) from None
    held = {name: row[name] if isinstance(row.get(name), str) else None for name in ("Name", "Code")}
    return Remote(external_id=str(number), key=school_class.key, attributes=held, suspended=row["IsActive"] is False)


def create(client: Client, school_class: ClassSnapshot, wanted: Attributes, settings: Mapping[str, Any]) -> Remote:
    """Create an open course from the template of the settings; raise ``Conflict`` when its code is taken."""
    template = settings.get("course_template")
    if not template:
        raise Misconfigured(
            "No template of new courses is set.", hint="Enter the org unit id of a course template in the integration's settings."
        )
    body = {
        "Name": wanted["Name"],
        "Code": wanted["Code"],
        "Path": "",
        "CourseTemplateId": int(template),
        "SemesterId": settings.get("semester"),
        "StartDate": None,
        "EndDate": None,
        "LocaleId": None,
        "ForceLocale": False,
        "ShowAddressBook": False,
        "Description": {"Content": "", "Type": "Text"},
        "CanSelfRegister": False,
    }
    try:
        made = made_of(client.post("courses/", body))
    except Refused as error:
        if is_taken(error) and _number(client, str(wanted["Code"])) is not None:
            raise Conflict("Brightspace has a course with the code of this class already.") from None
        raise
    return Remote(external_id=str(number_of(made, "Identifier", Unclear)), key=school_class.key, attributes=wanted)


def change(client: Client, number: int, changes: Attributes, *, active: bool) -> None:
    """Change a course, and open or close it. Brightspace replaces all fields, so dates and description are sent back as they were read."""
    now = read(client, number)
    description = now.get("Description")
    html = str(description.get("Html") or "") if isinstance(description, dict) else ""
    text = str(description.get("Text") or "") if isinstance(description, dict) else ""
    body = {
        "Name": changes.get("Name", now.get("Name")),
        "Code": changes.get("Code", now.get("Code")),
        "StartDate": now.get("StartDate"),
        "EndDate": now.get("EndDate"),
        "IsActive": active,
        "Description": {"Content": html or text, "Type": "Html" if html else "Text"},
        "CanSelfRegister": bool(now.get("CanSelfRegister", False)),
    }
    if all(now.get(name) == value for name, value in body.items() if name != "Description"):
        return
    client.call("PUT", f"courses/{number}", body=body, repeatable=True)


def read(client: Client, number: int) -> Row:
    """Return a course; raise ``NotFound`` when it is gone."""
    row = object_of(client.get(f"courses/{number}"))
    if not isinstance(row.get("IsActive"), bool):
        raise Garbled("Brightspace did not say whether a course is active.")
    return row


def _number(client: Client, code: str) -> int | None:
    """Return the org unit with this code. Whether the look-up is exact is not left to it."""
    rows = [row for row in client.pages("orgstructure/", exactOrgUnitCode=code) if row.get("Code") == code]
    numbers = sorted({number_of(row, "Identifier") for row in rows})
    if len(numbers) > 1:
        raise Conflict(
            f"Several org units in Brightspace have the code of this class (ids {', '.join(map(str, numbers[:5]))}).",
            hint="Change the code of all but the right one there, then retry.",
        )
    return numbers[0] if numbers else None
