"""The members of a class as enrolments in its course, in the section that every course has.

Owns which of Canvas's kinds of enrolment is which of our roles. Observers, designers and the test student are Canvas's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rolecall.errors import NotFound, Permanent
from rolecall.sdk import Member
from rolecall_canvas import courses
from rolecall_canvas.client import PAGE, Fields, Query, id_of
from rolecall_canvas.errors import Denied, Unclear
from rolecall_canvas.site import Site

#: Our roles with Canvas's kinds.
KINDS = {"student": "StudentEnrollment", "teacher": "TeacherEnrollment", "assistant": "TaEnrollment"}
ROLES = {kind: role for role, kind in KINDS.items()}
#: Who is in a course or may come in; concluded, inactive and deleted enrolments count for nobody.
PRESENT = ("active", "invited", "creation_pending")


def members(site: Site, external_id: str) -> frozenset[Member]:
    """Return who is in a course with one of our roles; somebody may have several."""
    return frozenset(member for member, _ in _enrolments(site, external_id))


def add(site: Site, external_id: str, people: Collection[Member]) -> None:
    """Enrol people, active at once and without a mail; who is in already is left alone."""
    present = members(site, external_id)
    for each in people:
        if each not in present:
            _enrol(site, external_id, each)


def remove(site: Site, external_id: str, people: Collection[Member]) -> None:
    """End the enrolments of people in these roles, in every section of the course, as the settings say."""
    task = str(site.settings.get("class_leaving") or "conclude")
    leaving = frozenset(people)
    for member, number in _enrolments(site, external_id):
        if member in leaving:
            _end(site, external_id, number, task)


def _enrolments(site: Site, external_id: str) -> Iterator[tuple[Member, str]]:
    """Yield the present members of a course with the ids of their enrolments, each once."""
    query: Query = [*(("state[]", state) for state in PRESENT), ("per_page", PAGE)]
    seen: set[str] = set()
    rows = list(site.client.pages(f"/courses/{courses.number_of(external_id)}/enrollments", query))
    for row in rows:
        number = id_of(row)
        role = ROLES.get(str(row.get("type")))
        if role is not None and row.get("enrollment_state") in PRESENT and number not in seen:
            seen.add(number)
            yield Member(id_of(row, "user_id"), role), number


def _enrol(site: Site, external_id: str, member: Member) -> None:
    """Enrol one person. An enrolment that had ended becomes active again; Canvas answers with it."""
    if not (member.external_id.isascii() and member.external_id.isdigit()):
        raise Permanent("The link of a member holds no Canvas user id.")
    fields: Fields = {
        "enrollment[user_id]": member.external_id,
        "enrollment[type]": KINDS[member.role],
        "enrollment[enrollment_state]": "active",
        "enrollment[notify]": False,
    }
    try:
        made = site.client.write("POST", f"/courses/{courses.number_of(external_id)}/enrollments", fields)
    except NotFound:
        # Canvas says the same of a course and of a person.
        courses.read(site, external_id)
        raise Permanent(f"Canvas has no user {member.external_id} who can be enrolled.") from None
    except Denied as error:
        if not error.bare:
            raise
        # So Canvas says that a course was concluded by hand, or that the last day of its term has passed.
        raise Permanent(error.message, hint="Open the course or its term in Canvas, then retry.") from None
    if made.get("enrollment_state") == "inactive":
        path = f"/courses/{courses.number_of(external_id)}/enrollments/{id_of(made, unusable=Unclear)}/reactivate"
        site.client.write("PUT", path, repeatable=True)


def _end(site: Site, external_id: str, number: str, task: str) -> None:
    try:
        site.client.write("DELETE", f"/courses/{courses.number_of(external_id)}/enrollments/{number}?task={task}", repeatable=True)
    except NotFound:
        courses.read(site, external_id)  # the course is there, so the enrolment is what has gone
