"""A class as a course: found by its ID number, which is the key of the class, then by its short name.

Owns the fields of a course that are Rolecall's. A course that ends is hidden, never deleted: people's work stays in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rolecall.errors import Conflict, NotFound, Permanent, ProviderError, Transient
from rolecall.sdk import Attributes, ClassSnapshot, Remote
from rolecall_moodle.client import Client, Garbled, Unclear, classify, number_of, rows_of

#: What the plugin reads of a course, and sends.
NAMES = ("fullname", "shortname", "idnumber")

#: Columns of Moodle's course table; a longer value is refused with an error that names none.
LONGEST = {"fullname": 254, "shortname": 255, "idnumber": 100}

#: Codes of a short name or an ID number that another course has.
TAKEN = frozenset({"shortnametaken", "courseidnumbertaken"})


def attributes(school_class: ClassSnapshot) -> Attributes:
    """Return what a course should be: the class's name; code and period as the short name, which is unique; our key."""
    return {
        "fullname": school_class.name.strip() or school_class.code,
        "shortname": f"{school_class.code} ({school_class.period.code})",
        "idnumber": school_class.key,
    }


def find(client: Client, school_class: ClassSnapshot) -> Remote | None:
    """Look a course up by our key, then by its short name."""
    rows = by_field(client, "idnumber", school_class.key)
    if len(rows) > 1:
        numbers = ", ".join(str(row.get("id")) for row in rows[:5])
        raise Conflict(
            f"Several courses in Moodle carry the ID number of this class (course ids {numbers}).",
            hint="Clear the ID number of all but the right one in Moodle, then retry.",
        )
    rows = rows or by_field(client, "shortname", str(attributes(school_class)["shortname"]))
    return _remote(rows[0]) if rows else None


def create(client: Client, wanted: Attributes, category: int) -> Remote:
    """Create a course in a category; raise ``Conflict`` when a course has its short name or our key."""
    _screen(wanted)
    fields = {name: wanted[name] for name in NAMES if wanted.get(name) is not None}
    try:
        answer = client.write("core_course_create_courses", {"courses": [{**fields, "categoryid": category}]})
    except Permanent as error:
        if error.code in TAKEN:
            raise Conflict(error.message, hint="Rename that course in Moodle, or the class here, and retry.") from None
        raise
    made = rows_of(answer, "courses", Unclear)
    if len(made) != 1:
        raise Unclear("Moodle did not say that it made the course.")
    return Remote(external_id=str(number_of(made[0], unusable=Unclear)), key=str(wanted["idnumber"]), attributes=wanted)


def update(client: Client, number: int, fields: Mapping[str, Any]) -> None:
    """Change fields of a course; raise ``NotFound`` when it is gone. Moodle tells what it did not do in warnings."""
    _screen(fields)
    answer = client.write("core_course_update_courses", {"courses": [{"id": number, **fields}]})
    warnings = rows_of(answer.get("warnings") if isinstance(answer, dict) else None, "warnings", Unclear)
    for warning in warnings:
        told = {"errorcode": warning.get("warningcode"), "message": warning.get("message")}
        raise explained(client, number, classify(told, "core_course_update_courses", Unclear))


def explained(client: Client, number: int, error: ProviderError) -> ProviderError:
    """Return why a call about a course was refused: that the course is gone, which Moodle says in many ways, or the error itself."""
    may_be_gone = isinstance(error, Permanent | NotFound) or type(error) is Transient  # of its kinds, only the row that vanished is bare
    if may_be_gone and not by_field(client, "id", str(number)):
        return NotFound("Moodle has no such course any more.")
    return error


def by_field(client: Client, field: str, value: str) -> list[dict[str, Any]]:
    """Return the courses whose field has this value; those that the token may not see are absent."""
    answer = client.read("core_course_get_courses_by_field", {"field": field, "value": value})
    if not isinstance(answer, dict) or answer.get("warnings"):
        raise Garbled("Moodle did not understand the search, so its answer cannot be used.")
    return rows_of(answer.get("courses"), "courses")


def number_of_course(external_id: str) -> int:
    """Return the number that Moodle knows a course by; what is no number never was a course there."""
    if not (external_id.isascii() and external_id.isdigit()):
        raise NotFound("The link holds no Moodle course id.")
    return int(external_id)


def _remote(row: Mapping[str, Any]) -> Remote:
    shown = {name: str(row[name]) for name in NAMES if row.get(name) is not None}
    # A site shows whether a course is hidden only to those who may change it; they see no hidden one either.
    return Remote(
        external_id=str(number_of(row)), key=shown.get("idnumber") or None, attributes=shown, suspended=row.get("visible", 1) in (0, False)
    )


def _screen(fields: Mapping[str, Any]) -> None:
    for name, longest in LONGEST.items():
        if len(str(fields.get(name) or "")) > longest:
            label = {"fullname": "name", "shortname": "code"}.get(name, name)
            raise Permanent(
                f"Moodle takes a course {label} of at most {longest} characters; this one is longer.",
                hint="Shorten it here; it is then sent by itself.",
            )
