"""A class as a course: found by its SIS id, which carries the key of the class.

Owns the fields of a course that are Rolecall's. A class that ends has its course concluded, never deleted: people's work stays in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rolecall.errors import Conflict, NotFound, Permanent
from rolecall.sdk import Attributes, ClassSnapshot, Remote
from rolecall_canvas.client import by_sis, id_of
from rolecall_canvas.errors import Denied, Refused, Taken, Unclear
from rolecall_canvas.site import Site

#: What the plugin reads of a course, and sends.
NAMES = ("name", "course_code", "sis_course_id")
#: The longest name and code that Canvas stores.
LONGEST = 255


def attributes(site: Site, school_class: ClassSnapshot) -> Attributes:
    """Return what a course should be: the class's name, its code and period, our SIS id."""
    return {
        "name": school_class.name.strip() or school_class.code,
        "course_code": f"{school_class.code} ({school_class.period.code})",
        "sis_course_id": site.sis_id(school_class.key),
    }


def find(site: Site, school_class: ClassSnapshot) -> Remote | None:
    """Look a course up by our SIS id. Names and codes of courses are not unique in Canvas, so nothing is found by them."""
    try:
        row = site.client.read(f"/courses/{by_sis('sis_course_id', site.sis_id(school_class.key))}")
    except NotFound:
        return None
    number = id_of(row)
    held = {name: row[name] if isinstance(row.get(name), str) else None for name in NAMES}
    return Remote(external_id=number, key=site.key_of(held["sis_course_id"]), attributes=held, suspended=is_concluded(row))


def create(site: Site, wanted: Attributes) -> Remote:
    """Create a course in the account and term of the settings, or bring back the deleted one with our SIS id.

    :raises Conflict: when a course has the SIS id already.
    """
    _screen(wanted)
    fields: dict[str, str | bool] = {f"course[{name}]": str(wanted[name]) for name in NAMES}
    if site.settings.get("class_term"):
        fields["course[term_id]"] = str(site.settings["class_term"])
    fields |= {"offer": bool(site.settings.get("class_publish", True)), "enable_sis_reactivation": True}
    try:
        made = site.client.write("POST", f"{site.class_account}/courses", fields)
    except (Taken, Refused) as error:
        # Of courses Canvas does not say “taken”: it names the attribute, by the name that it has inside, and puts the rest into words.
        if isinstance(error, Refused) and not error.about & {"sis_source_id", "sis_course_id"}:
            raise
        raise Conflict("Canvas has a course with the SIS id of this class already.", hint="Clear it there, or retry.") from None
    number = id_of(made, unusable=Unclear)
    if made.get("sis_course_id") != wanted["sis_course_id"]:
        # Without the permission Canvas leaves the SIS id out and says nothing: every attempt would make another course.
        raise Denied(
            f"Canvas made course {number} without our SIS id.",
            hint="Allow “SIS data - manage” and “SIS Data - read” for the token's user in the account of courses, and delete that course.",
        )
    # A course that comes back has the names of old.
    differing = {f"course[{name}]": str(wanted[name]) for name in ("name", "course_code") if made.get(name) != wanted[name]}
    if differing:
        site.client.write("PUT", f"/courses/{number}", differing, repeatable=True)
    return Remote(external_id=number, key=site.key_of(wanted["sis_course_id"]), attributes=wanted)


def update(site: Site, external_id: str, changes: Attributes) -> None:
    """Change a course, and open it again if it was concluded; raise ``NotFound`` when it is gone."""
    _screen(changes)
    row = read(site, external_id)
    fields = {f"course[{name}]": str(changes[name]) for name in NAMES if changes.get(name)}
    if is_concluded(row):
        fields["course[event]"] = "offer"
    if fields:
        site.client.write("PUT", f"/courses/{id_of(row)}", fields, repeatable=True)


def archive(site: Site, external_id: str) -> None:
    """Conclude a course: it can be read and no longer be worked in. One that is concluded or gone is no error."""
    try:
        row = read(site, external_id)
        if not is_concluded(row):
            site.client.write("PUT", f"/courses/{id_of(row)}", {"course[event]": "conclude"}, repeatable=True)
    except NotFound:
        return


def read(site: Site, external_id: str) -> dict[str, Any]:
    """Return a course; raise ``NotFound`` when it is gone."""
    row = site.client.read(f"/courses/{number_of(external_id)}")
    id_of(row)
    return dict(row)


def is_concluded(row: Mapping[str, Any]) -> bool:
    """Tell whether a course was concluded."""
    return row.get("workflow_state") == "completed"


def number_of(external_id: str) -> str:
    """Return an id as addresses take it; what is no number never was a course there."""
    if not (external_id.isascii() and external_id.isdigit()):
        raise NotFound("The link holds no Canvas course id.")
    return external_id


def _screen(fields: Attributes) -> None:
    for name, label in (("name", "name"), ("course_code", "code")):
        if len(str(fields.get(name) or "")) > LONGEST:
            raise Permanent(
                f"Canvas takes a course {label} of at most {LONGEST} characters; this one is longer.",
                hint="Shorten it here; it is then sent by itself.",
            )
