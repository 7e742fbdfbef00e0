"""The calls about Classroom's courses and who is in them."""

from __future__ import annotations

from typing import Any

from rolecall_google.fake.routes import Call, listed, route
from rolecall_google.fake.state import GoogleError, Row, new_id

COURSES, ROSTERS = "classroom.courses", "classroom.rosters"
BASE = "/v1/courses"
#: What may be changed, by the update mask.
WRITABLE = frozenset({"name", "section", "courseState", "description", "room", "ownerId"})


def _denied(message: str) -> GoogleError:
    return GoogleError(400, "FAILED_PRECONDITION", message)


def _user(call: Call, key: str) -> Row:
    user = call.state.by_key(key)
    if user is None or not call.state.seen(user["id"]):
        raise GoogleError(404, "NOT_FOUND", "Requested entity was not found.")
    return user


@route("GET", BASE, COURSES, "courses")
def find(call: Call) -> Any:
    """List courses."""
    return listed(call, "courses", list(call.state.courses.values()), size="pageSize", default=30)


@route("GET", f"{BASE}/{{}}", COURSES, "courses")
def read(call: Call, key: str) -> Any:
    """Read one course, by id or alias."""
    return 200, call.state.course(key)


@route("POST", BASE, COURSES, "courses")
def create(call: Call) -> Any:
    """Create a course; its owner becomes a teacher of it."""
    alias = str(call.body.get("id") or "")
    if not call.body.get("name") or not call.body.get("ownerId"):
        raise GoogleError(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    if "://" in call.body["name"]:
        raise _denied("@CourseTitleCannotContainUrl The course title cannot contain a URL.")
    if alias and not alias.startswith("d:"):
        raise GoogleError(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    if alias in call.state.aliases:
        raise GoogleError(409, "ALREADY_EXISTS", "Requested entity already exists")
    owner = _user(call, call.body["ownerId"])
    if owner["suspended"]:
        raise _denied("@IneligibleOwner The requested user account is ineligible to own a course.")
    course: Row = {"courseState": "PROVISIONED", **call.body, "id": new_id(), "ownerId": owner["id"]}
    call.state.courses[course["id"]] = course
    call.state.teachers[course["id"]], call.state.students[course["id"]] = [owner["id"]], []
    if alias:
        call.state.aliases[alias] = course["id"]
    return 200, course


@route("PATCH", f"{BASE}/{{}}", COURSES, "courses")
def change(call: Call, key: str) -> Any:
    """Change what the update mask names; an archived course takes only another state."""
    course = call.state.course(key)
    names = set(filter(None, call.query.get("updateMask", "").split(",")))
    if not names or names - WRITABLE or names - set(call.body):
        raise GoogleError(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    if course["courseState"] == "ARCHIVED" and names != {"courseState"}:
        raise _denied("@CourseNotModifiable Course cannot be modified due to its current state.")
    course |= {name: call.body[name] for name in names}
    return 200, course


def _join(call: Call, key: str, rows: dict[str, list[str]]) -> Any:
    course = call.state.course(key)
    user = _user(call, str(call.body.get("userId")))
    if course["courseState"] == "ARCHIVED":
        raise _denied("@CourseNotModifiable Course cannot be modified due to its current state.")
    if user["suspended"]:
        raise _denied("The requested user's account is disabled.")
    if user["id"] in (*call.state.teachers[course["id"]], *call.state.students[course["id"]]):
        raise GoogleError(409, "ALREADY_EXISTS", "Requested entity already exists")
    rows[course["id"]].append(user["id"])
    return 200, {"courseId": course["id"], "userId": user["id"]}


def _leave(call: Call, key: str, member: str, rows: dict[str, list[str]]) -> Any:
    course, user = call.state.course(key), call.state.by_key(member)
    if user is None or user["id"] not in rows[course["id"]]:
        raise GoogleError(404, "NOT_FOUND", "Requested entity was not found.")
    if user["id"] == course["ownerId"]:
        raise _denied("The course owner cannot be removed.")
    rows[course["id"]].remove(user["id"])
    return 200, {}


def _list(call: Call, key: str, name: str, rows: dict[str, list[str]]) -> Any:
    course = call.state.course(key)
    people = [{"courseId": course["id"], "userId": each} for each in rows[course["id"]]]
    return listed(call, name, people, size="pageSize", default=30)


@route("GET", f"{BASE}/{{}}/teachers", ROSTERS, "rosters")
def teachers(call: Call, key: str) -> Any:
    """List the teachers of a course."""
    return _list(call, key, "teachers", call.state.teachers)


@route("GET", f"{BASE}/{{}}/students", ROSTERS, "rosters")
def students(call: Call, key: str) -> Any:
    """List the students of a course."""
    return _list(call, key, "students", call.state.students)


@route("POST", f"{BASE}/{{}}/teachers", ROSTERS, "rosters")
def add_teacher(call: Call, key: str) -> Any:
    """Put a teacher into a course."""
    return _join(call, key, call.state.teachers)


@route("POST", f"{BASE}/{{}}/students", ROSTERS, "rosters")
def add_student(call: Call, key: str) -> Any:
    """Put a student into a course."""
    return _join(call, key, call.state.students)


@route("DELETE", f"{BASE}/{{}}/teachers/{{}}", ROSTERS, "rosters")
def remove_teacher(call: Call, key: str, member: str) -> Any:
    """Take a teacher out of a course."""
    return _leave(call, key, member, call.state.teachers)


@route("DELETE", f"{BASE}/{{}}/students/{{}}", ROSTERS, "rosters")
def remove_student(call: Call, key: str, member: str) -> Any:
    """Take a student out of a course."""
    return _leave(call, key, member, call.state.students)
