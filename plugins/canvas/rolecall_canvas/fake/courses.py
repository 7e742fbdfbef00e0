"""Answers calls about courses and enrolments."""

from __future__ import annotations

from rolecall_canvas.fake.routes import Call, listed, number_in, route, truth
from rolecall_canvas.fake.state import LONGEST_NAME, CanvasError, Row, invalid, not_found, unauthorized

KINDS = {"StudentEnrollment": "student", "TeacherEnrollment": "teacher", "TaEnrollment": "ta"}
EVENTS = {"offer": "available", "claim": "unpublished", "conclude": "completed", "delete": "deleted"}
ENDS = {"conclude": "completed", "delete": "deleted", "inactivate": "inactive", "deactivate": "inactive"}


def _course(call: Call, step: str) -> Row:
    def by_sis(value: str) -> int | None:
        found = (row["id"] for row in call.state.courses.values() if row["sis_course_id"] == value)
        return next(found, None)

    return call.state.course(number_in(step, "sis_course_id", by_sis))


@route("GET", "/accounts/{}/courses", "read_roster")
def everything(call: Call, account: str) -> list[Row]:
    """All courses."""
    call.site.check_account(account)
    return listed(call, [row for row in call.state.courses.values() if row["workflow_state"] != "deleted"])


@route("POST", "/accounts/{}/courses", "manage_courses_add")
def create(call: Call, account: str) -> Row:
    """Make a course, or bring a deleted one back."""
    call.site.check_account(account)
    wanted = call.under("course")
    _check(wanted)
    if "manage_sis" not in call.site.permissions:
        wanted.pop("sis_course_id", None)
    sis = wanted.get("sis_course_id")
    held = next((row for row in call.state.courses.values() if sis and row["sis_course_id"] == sis), None)
    if held is not None and not (held["workflow_state"] == "deleted" and truth(call.form.get("enable_sis_reactivation", ""))):
        said = f'SIS ID "{sis}" is already in use'
        raise invalid("sis_source_id", said, said)
    term = wanted.pop("term_id", None)
    course = held or {"id": call.state.new_id(), "name": "Unnamed Course", "course_code": None, "sis_course_id": None}
    course |= {"account_id": account, "enrollment_term_id": term, "workflow_state": "unpublished"} | ({} if held else wanted)
    if truth(call.form.get("offer", "")):
        course["workflow_state"] = "available"
    call.state.courses[course["id"]] = course
    return course


def _check(wanted: Row) -> None:
    for name in ("name", "course_code"):
        if len(wanted.get(name, "")) > LONGEST_NAME:
            raise invalid(name, "too_long", f"{name} is too long")


@route("GET", "/courses/{}")
def one(call: Call, step: str) -> Row:
    """One course."""
    return _course(call, step)


@route("PUT", "/courses/{}", "manage_courses_admin")
def update(call: Call, step: str) -> Row:
    """Change a course, or publish or conclude it."""
    course, wanted = _course(call, step), call.under("course")
    _check(wanted)
    happens = wanted.pop("event", None)
    if happens == "conclude" and "manage_courses_conclude" not in call.site.permissions:
        raise unauthorized()
    course |= wanted
    if happens:
        course["workflow_state"] = EVENTS[happens]
    return course


def _shown(enrolment: Row) -> Row:
    return {
        **{name: value for name, value in enrolment.items() if name != "workflow_state"},
        "enrollment_state": enrolment["workflow_state"],
    }


@route("GET", "/courses/{}/enrollments", "read_roster")
def enrolments(call: Call, step: str) -> list[Row]:
    """The enrolments of a course in the states that are asked for."""
    course = _course(call, step)
    states = call.query.get("state[]", ("active", "invited"))
    rows = [row for row in call.state.enrolments.values() if row["course_id"] == course["id"]]
    return listed(call, [_shown(row) for row in rows if row["workflow_state"] in states])


@route("POST", "/courses/{}/enrollments")
def enrol(call: Call, step: str) -> Row:
    """Enrol somebody; who was enrolled in this way once gets that enrolment back."""
    course, wanted = _course(call, step), call.under("enrollment")
    kind = wanted["type"]
    if f"add_{KINDS[kind]}_to_course" not in call.site.permissions:
        raise unauthorized()
    if course["workflow_state"] == "completed":
        raise CanvasError(403, {"message": "Can't add an enrollment to a concluded course."})
    user = call.state.living(int(wanted["user_id"]))
    state = wanted.get("enrollment_state", "invited")
    if truth(wanted.get("notify", "")):
        call.state.mailed.append(user["email"])
    for row in call.state.enrolments.values():
        if (row["course_id"], row["user_id"], row["type"]) == (course["id"], user["id"], kind):
            if row["workflow_state"] != "inactive" or call.site.reactivates:
                row["workflow_state"] = state
            return _shown(row)
    made = {"id": call.state.new_id(), "course_id": course["id"], "user_id": user["id"], "type": kind, "workflow_state": state}
    call.state.enrolments[made["id"]] = made
    return _shown(made)


def _enrolment(call: Call, step: str, number: str) -> Row:
    row = call.state.enrolments.get(int(number))
    if row is None or row["course_id"] != _course(call, step)["id"] or row["workflow_state"] == "deleted":
        raise not_found()
    return row


@route("DELETE", "/courses/{}/enrollments/{}")
def end(call: Call, step: str, number: str) -> Row:
    """End an enrolment."""
    row = _enrolment(call, step, number)
    if f"remove_{KINDS[row['type']]}_from_course" not in call.site.permissions:
        raise unauthorized()
    row["workflow_state"] = ENDS[call.asked("task", "conclude")]
    return _shown(row)


@route("PUT", "/courses/{}/enrollments/{}/reactivate")
def reactivate(call: Call, step: str, number: str) -> Row:
    """Make an inactive enrolment active."""
    row = _enrolment(call, step, number)
    row["workflow_state"] = "active"
    return _shown(row)
