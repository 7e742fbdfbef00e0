"""Enrolments by hand and course groups of the fake site, each refusing and answering as the recorded Moodle did."""

from __future__ import annotations

from typing import Any

from rolecall_moodle.fake.courses import enter
from rolecall_moodle.fake.php import MoodleError, invalid_parameter, rows, structure, typed, write_failed
from rolecall_moodle.fake.site import Caller, Site
from rolecall_moodle.fake.users import described

#: Roles that may be given in a course, as a new Moodle numbers them.
ROLES = {3: "editingteacher", 4: "teacher", 5: "student"}
#: The front page is a course without enrolments.
FRONT_PAGE = 1


def enrol_users(site: Site, caller: Caller, arguments: dict[str, Any]) -> None:
    """All or nothing; who is enrolled already gets the role as well."""
    types = dict.fromkeys(("roleid", "userid", "courseid", "timestart", "timeend", "suspend"), "int")
    wanted = [structure(row, types, ("roleid", "userid", "courseid"), "enrolments") for row in rows(arguments, "enrolments")]
    changed = {number: _copy(course) for number, course in site.state.courses.items() if number in {row["courseid"] for row in wanted}}
    for row in wanted:
        course = _course(caller, changed, row["courseid"], "Enrol users", "enrol/manual:enrol")
        if row["roleid"] not in ROLES or not caller.may("moodle/role:assign"):
            message = "You don't have the permission to assign this role ({roleid}) to this user ({userid}) in this course ({courseid})."
            raise MoodleError("moodle_exception", "wsusercannotassign", message.format(**row))
        if course is None:
            raise _no_instance()
        user = site.state.users.get(row["userid"])
        if user is None or user["deleted"]:
            said = "Coding error detected, it must be fixed by a programmer: User ID does not exist or is deleted!"
            raise MoodleError("coding_exception", "codingerror", said)
        who = str(row["userid"])
        course["enrolled"][who] = sorted({*course["enrolled"].get(who, ()), row["roleid"]})
        if "suspend" in row:
            course["suspended"] = [each for each in course["suspended"] if each != row["userid"]] + [row["userid"]] * bool(row["suspend"])
    for course in changed.values():
        site.state.put_course(course)


def unenrol_users(site: Site, caller: Caller, arguments: dict[str, Any]) -> None:
    """Takes people out with every role they have there; who is not in it is no error."""
    types = dict.fromkeys(("userid", "courseid", "roleid"), "int")
    wanted = [structure(row, types, ("userid", "courseid"), "enrolments") for row in rows(arguments, "enrolments")]
    changed = {number: _copy(course) for number, course in site.state.courses.items() if number in {row["courseid"] for row in wanted}}
    for row in wanted:
        course = _course(caller, changed, row["courseid"], "Unenrol users from the course", "enrol/manual:unenrol")
        if course is None:
            raise _no_instance()
        if row["userid"] not in site.state.users:
            raise invalid_parameter(f"User id not exist: {row['userid']}")
        leave(course, row["userid"])
    for course in changed.values():
        site.state.put_course(course)


def leave(course: dict[str, Any], user: int) -> None:
    """Take somebody out of a course and its groups."""
    course["enrolled"].pop(str(user), None)
    course["suspended"] = [each for each in course["suspended"] if each != user]
    for group in course["groups"]:
        group["members"] = [each for each in group["members"] if each != user]


def _copy(course: dict[str, Any]) -> dict[str, Any]:
    groups = [{**group, "members": list(group["members"])} for group in course["groups"]]
    return {**course, "enrolled": dict(course["enrolled"]), "suspended": list(course["suspended"]), "groups": groups}


def _course(caller: Caller, courses: dict[int, dict[str, Any]], number: int, words: str, right: str) -> dict[str, Any] | None:
    """Return the course; none for the front page, in which rights are looked at and nobody can be enrolled."""
    course = courses.get(number)
    if course is None and number != FRONT_PAGE:
        raise invalid_parameter("Context does not exist")
    if course is not None:
        enter(caller, course)
    caller.need(words, right)
    return course


def _no_instance() -> MoodleError:
    said = "Manual enrolment plugin instance doesn't exist or is disabled for the course"
    return MoodleError("moodle_exception", "wsnoinstance", said)


def get_enrolled_users(site: Site, caller: Caller, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """Page by page, by id; who may not see a user is not told that there is one."""
    number = typed(arguments.get("courseid"), "int", "courseid")
    option = {row["name"]: row["value"] for row in (arguments.get("options") or {}).values()}
    course = site.state.courses.get(number)
    if course is None:
        raise MoodleError("dml_missing_record_exception", "invalidrecord", "Can't find data record in database table course.")
    if not caller.may("moodle/course:view"):
        said = "You cannot execute functions in the course context (course id:{id})."
        raise MoodleError("moodle_exception", "errorcoursecontextnotvalid", said.format(**course))
    enter(caller, course)
    caller.need("View participants", "moodle/course:viewparticipants", "moodle/course:enrolreview")
    people = [int(each) for each in course["enrolled"]]
    if option.get("onlyactive") == "1":
        people = [each for each in people if each not in course["suspended"]]
    start, size = int(option.get("limitfrom", 0)), int(option.get("limitnumber", 0))
    page = sorted(people)[start : start + size if size else None]
    fields = option.get("userfields")
    seen = [each for each in page if caller.may("moodle/user:viewdetails") or each == caller.user["id"]]
    return [_enrolled(site, caller, course, each, fields.split(",") if fields else None) for each in seen]


def _enrolled(site: Site, caller: Caller, course: dict[str, Any], user: int, fields: list[str] | None) -> dict[str, Any]:
    whole = described(site, caller, site.state.users[user])
    names = ("id", "username", "fullname", "email", "department", "institution", "idnumber", "firstaccess", "lastaccess")
    shown: dict[str, Any] = {name: whole[name] for name in names if name in whole} | {"lastcourseaccess": 0}
    shown |= {name: whole[name] for name in ("firstname", "lastname", "city", "country") if name in whole}
    shown |= {name: whole[name] for name in ("profileimageurlsmall", "profileimageurl")}
    roles = course["enrolled"][str(user)]
    shown["roles"] = [{"roleid": each, "name": "", "shortname": ROLES[each], "sortorder": 0} for each in roles]
    if user not in course["suspended"]:
        shown["enrolledcourses"] = [{name: course[name] for name in ("id", "fullname", "shortname")}]
    return shown if fields is None else {name: value for name, value in shown.items() if name in (*fields, "id", "fullname")}


def create_groups(site: Site, caller: Caller, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """All or nothing; the name is unique in its course."""
    types = {"courseid": "int", "name": "raw", "description": "raw", "idnumber": "raw"}
    wanted = [structure(row, types, ("courseid", "name", "description"), "groups") for row in rows(arguments, "groups")]
    made = []
    for row in wanted:
        course = _within(site, caller, row["courseid"])
        if course is not None and any(site.same(group["name"], row["name"]) for group in course["groups"]):
            raise invalid_parameter("Group with the same name already exists in the course")
        if len(row["name"]) > 254 or len(row.get("idnumber", "")) > 100 or course is None:
            raise write_failed("ERROR:  value too long for type character varying(254)")
        group = {"id": site.state.number("group"), "name": row["name"], "idnumber": row.get("idnumber", ""), "members": []}
        site.state.put_course({**course, "groups": [*course["groups"], group]})
        made.append({**_group(course, group), "enrolmentkey": ""})
    return made


def _within(site: Site, caller: Caller, number: int) -> dict[str, Any] | None:
    course = site.state.courses.get(number)
    if course is None and number != FRONT_PAGE:
        raise invalid_parameter("Course does not exist")
    if course is not None and not caller.may("moodle/course:view"):
        said = "You cannot execute functions in the course context (course id:{id})."
        raise MoodleError("moodle_exception", "errorcoursecontextnotvalid", said.format(**course))
    caller.need("Manage groups", "moodle/course:managegroups")
    return course


def _group(course: dict[str, Any], group: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": group["id"], "courseid": course["id"], "name": group["name"], "description": "", "descriptionformat": 1,
        "enrolmentkey": None, "idnumber": group["idnumber"], "visibility": 0, "participation": True,
    }  # fmt: skip


def get_course_groups(site: Site, caller: Caller, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    course = _within(site, caller, typed(arguments.get("courseid"), "int", "courseid"))
    return [_group(course, group) for group in course["groups"]] if course is not None else []


def add_group_members(site: Site, caller: Caller, arguments: dict[str, Any]) -> None:
    """Who is in it already is no error; who is not enrolled is."""
    wanted = [structure(row, {"groupid": "int", "userid": "int"}, ("groupid", "userid"), "members") for row in rows(arguments, "members")]
    for row in wanted:
        course = next((each for each in site.state.courses.values() if any(g["id"] == row["groupid"] for g in each["groups"])), None)
        if course is None:
            raise MoodleError("dml_missing_record_exception", "invalidrecord", "Can't find data record in database table groups.")
        _within(site, caller, course["id"])
        if str(row["userid"]) not in course["enrolled"]:
            said = "Only enrolled users may be members of groups"
            raise MoodleError("moodle_exception", "notenrolledin", said)
        changed = _copy(course)
        group = next(each for each in changed["groups"] if each["id"] == row["groupid"])
        group["members"] = [*(each for each in group["members"] if each != row["userid"]), row["userid"]]
        site.state.put_course(changed)
