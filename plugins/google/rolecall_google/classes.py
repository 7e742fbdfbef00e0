"""Keeps classes as courses of Google Classroom, with teachers and students (R60a).

A course is known again by an alias made of our key, which the domain holds only once: creating it again is refused, not repeated. The
owner of a course is a teacher of it whom nobody put in: Rolecall neither counts nor removes that one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from rolecall.errors import Conflict, NotFound, Permanent, ProviderError
from rolecall.sdk import Attributes, ClassSnapshot, Member, Remote
from rolecall_google.client import Answer, Part, id_of, segment, with_query
from rolecall_google.errors import Garbled, Settling, Taken, Unclear
from rolecall_google.settings import CLASSROOM, owner_of
from rolecall_google.users import by_address
from rolecall_google.workspace import Workspace

COURSES = "/v1/courses"
TEACHER, STUDENT = "teacher", "student"
#: Where the members of each role are.
LISTS: Mapping[str, str] = {TEACHER: "teachers", STUDENT: "students"}
#: What a course holds besides its members, and how long Classroom lets it be.
LONGEST: Mapping[str, int] = {"name": 750, "section": 2800}
PAGE = 100


def alias(key: str) -> str:
    """Return the alias of a class's course; d: says that it belongs to the domain."""
    return f"d:{key.lower()}"


def attributes(school_class: ClassSnapshot) -> Attributes:
    """Return what Classroom should hold of a class."""
    named = {"name": f"{school_class.name} ({school_class.period.code})", "section": school_class.code}
    return {name: value[: LONGEST[name]] for name, value in named.items()}


def find(workspace: Workspace, school_class: ClassSnapshot) -> Remote | None:
    """Look a class up by the alias of its course; a course that is not open counts as archived, so that an update opens it."""
    try:
        row = workspace.google.read(_path(alias(school_class.key)), api=CLASSROOM)
    except NotFound:
        return None
    held = {name: row[name] if isinstance(row.get(name), str) else None for name in LONGEST}
    return Remote(external_id=id_of(row), key=school_class.key, attributes=held, suspended=not _is_open(row))


def create(workspace: Workspace, school_class: ClassSnapshot, wanted: Attributes) -> Remote:
    """Create a course that is open and has no members but its owner."""
    body = {name: wanted[name] for name in LONGEST if wanted.get(name)}
    body |= {"id": alias(school_class.key), "ownerId": owner_of(workspace.settings), "courseState": "ACTIVE"}
    try:
        made = workspace.google.call(Part(method="POST", path=COURSES, body=body, api=CLASSROOM))
    except Taken as error:
        raise Conflict("Classroom has this class already.", hint=error.hint) from None
    return Remote(external_id=id_of(made, Unclear), key=school_class.key, attributes=wanted)


def update(workspace: Workspace, external_id: str, changes: Attributes) -> None:
    """Change a course; one that is not open is opened first, because an archived course takes no change."""
    if not _is_open(workspace.google.read(_path(external_id), api=CLASSROOM)):
        _patch(workspace, external_id, {"courseState": "ACTIVE"})
    body = {name: changes[name] for name in LONGEST if changes.get(name)}
    if body:
        _patch(workspace, external_id, body)


def archive(workspace: Workspace, external_id: str) -> None:
    """Archive a course; one that is archived or gone is no error."""
    try:
        if workspace.google.read(_path(external_id), api=CLASSROOM).get("courseState") != "ARCHIVED":
            _patch(workspace, external_id, {"courseState": "ARCHIVED"})
    except NotFound:
        return


def members(workspace: Workspace, external_id: str) -> frozenset[Member]:
    """Return who is in a course but for its owner. Classroom knows teachers and students: an assistant is one of the two."""
    owner = workspace.google.read(_path(external_id), api=CLASSROOM).get("ownerId")
    found = set()
    for role, name in LISTS.items():
        for row in workspace.google.pages(f"{_path(external_id)}/{name}", name, api=CLASSROOM, pageSize=PAGE):
            found.add(Member(_user_of(row), role))
    return frozenset(member for member in found if member.external_id != owner)


def add(workspace: Workspace, external_id: str, people: Collection[Member]) -> None:
    """Put people into a course, teachers first; who is in it already is no error."""
    ordered = sorted(people, key=lambda each: kept_role(workspace, each.role) != TEACHER)
    parts = [
        Part(method="POST", path=_list(workspace, external_id, each), body={"userId": each.external_id}, api=CLASSROOM, repeatable=True)
        for each in ordered
    ]
    answers = workspace.google.batch(parts)
    errors = [answer.error for answer in answers if answer.error is not None and not isinstance(answer.error, Taken)]
    lost = [each for each, answer in zip(ordered, answers, strict=True) if isinstance(answer.error, NotFound)]
    if lost:
        errors = [error for error in errors if not isinstance(error, NotFound)] + _why_lost(workspace, external_id, lost)
    if errors:
        raise _worst(errors)


def remove(workspace: Workspace, external_id: str, people: Collection[Member]) -> None:
    """Take people out of a course; who is not in it is no error. Its owner cannot be taken out."""
    owner = None
    if any(kept_role(workspace, each.role) == TEACHER for each in people):
        owner = workspace.google.read(_path(external_id), api=CLASSROOM).get("ownerId")
    leaving = [each for each in people if each.external_id != owner]
    parts = [
        Part(method="DELETE", path=f"{_list(workspace, external_id, each)}/{segment(each.external_id)}", api=CLASSROOM, repeatable=True)
        for each in leaving
    ]
    answers: list[Answer] = workspace.google.batch(parts)
    if any(isinstance(answer.error, NotFound) for answer in answers):
        workspace.google.read(_path(external_id), api=CLASSROOM)  # the course itself may be what is gone
    errors = [answer.error for answer in answers if answer.error is not None and not isinstance(answer.error, NotFound)]
    if errors:
        raise _worst(errors)
    if len(leaving) < len(people):
        raise Permanent(
            "Somebody who leaves this class owns its course, and Classroom keeps the owner in it.",
            hint="Hand the course over to another teacher in Classroom, then retry.",
        )


def kept_role(workspace: Workspace, role: str) -> str:
    """Return what somebody with this role is in a course: an assistant is a teacher or a student, as the settings say."""
    return str(workspace.settings.get("assistants", TEACHER)) if role == "assistant" else role


def _why_lost(workspace: Workspace, external_id: str, people: Collection[Member]) -> list[ProviderError]:
    """Return the errors of people whom Classroom does not know: it says the same of them and of a course that is gone.

    :raises NotFound: when the course is gone.
    """
    workspace.google.read(_path(external_id), api=CLASSROOM)
    errors: list[ProviderError] = []
    for answer in workspace.google.batch([by_address(each.external_id) for each in people]):
        if answer.error is None:
            errors.append(Settling("Classroom does not know a user yet who was made a moment ago."))
        elif isinstance(answer.error, NotFound):
            errors.append(Permanent("Google Workspace has no such user any more.", hint="Sync the account again, then retry the class."))
        else:
            errors.append(answer.error)
    return errors


def _patch(workspace: Workspace, external_id: str, body: Mapping[str, Any]) -> None:
    path = with_query(_path(external_id), updateMask=",".join(body))
    workspace.google.call(Part(method="PATCH", path=path, body=body, api=CLASSROOM, repeatable=True))


def _is_open(row: Mapping[str, Any]) -> bool:
    return row.get("courseState") == "ACTIVE"


def _user_of(row: Mapping[str, Any]) -> str:
    value = row.get("userId")
    if not isinstance(value, str) or not value:
        raise Garbled("Classroom named a member without an id.")
    return value


def _worst(errors: list[ProviderError]) -> ProviderError:
    """Return the error that says most: one that a person must mend before one that passes."""
    return next((error for error in errors if isinstance(error, Permanent)), errors[0])


def _list(workspace: Workspace, external_id: str, member: Member) -> str:
    return f"{_path(external_id)}/{LISTS[kept_role(workspace, member.role)]}"


def _path(external_id: str) -> str:
    return f"{COURSES}/{segment(external_id)}"
