"""The course functions of the fake site; updating answers as Moodle's code says, everything else as it was recorded."""

from __future__ import annotations

from typing import Any

from rolecall_moodle.fake.php import MoodleError, invalid_parameter, not_permitted, rows, structure, typed, write_failed
from rolecall_moodle.fake.site import Caller, Site

#: What a course may be given, with the parameter types; more exists, and nobody here sends it.
TYPES = {"fullname": "raw", "shortname": "raw", "categoryid": "int", "idnumber": "raw", "summary": "raw", "visible": "int"}
LONGEST = {"fullname": 254, "shortname": 255, "idnumber": 100}
#: The right that changing a field needs besides ``moodle/course:update``.
CHANGES = {
    "fullname": "moodle/course:changefullname",
    "shortname": "moodle/course:changeshortname",
    "idnumber": "moodle/course:changeidnumber",
    "visible": "moodle/course:visibility",
}


def create_courses(site: Site, caller: Caller, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """All or nothing; short name and ID number are unique."""
    wanted = [structure(row, TYPES, ("fullname", "shortname", "categoryid"), "courses") for row in rows(arguments, "courses")]
    made: list[dict[str, Any]] = []
    for row in wanted:
        if row["categoryid"] not in site.state.categories:
            raise MoodleError("moodle_exception", "errorcatcontextnotvalid", "You cannot execute functions in the category context")
        caller.need("Create courses", "moodle/course:create")
        _check(site, row, [*site.state.courses.values(), *made])
        number = site.state.number("course")
        course = {"idnumber": "", "summary": "", "visible": 1, **row, "id": number, "enrolled": {}, "suspended": [], "groups": []}
        made.append(course)
    for course in made:
        site.state.put_course(course)
    return [{"id": course["id"], "shortname": course["shortname"]} for course in made]


def _check(site: Site, row: dict[str, Any], others: list[dict[str, Any]]) -> None:
    for name, code, label in (("shortname", "shortnametaken", "Short name"), ("idnumber", "courseidnumbertaken", "ID number")):
        value = row.get(name)
        if value and any(site.same(other[name], value) for other in others):
            raise MoodleError("moodle_exception", code, f"{label} is already used for another course ({value})")
    if any(len(str(row.get(name, ""))) > longest for name, longest in LONGEST.items()):
        raise write_failed("ERROR:  value too long for type character varying")


def update_courses(site: Site, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Row by row: what cannot be changed is a warning with the code of the error."""
    types = {"id": "int", **TYPES}
    wanted = [structure(row, types, ("id",), "courses") for row in rows(arguments, "courses")]
    warnings = []
    for row in wanted:
        try:
            _update(site, caller, row)
        except MoodleError as error:
            warnings.append({"item": "course", "itemid": row["id"], "warningcode": error.code, "message": error.message})
    return {"warnings": warnings}


def _update(site: Site, caller: Caller, row: dict[str, Any]) -> None:
    course = site.state.courses.get(row["id"])
    if course is None:
        raise MoodleError("dml_missing_record_exception", "invalidrecord", "Can't find data record in database table course.")
    enter(caller, course)
    caller.need("Update course settings", "moodle/course:update")
    for name, right in CHANGES.items():
        if name in row and row[name] != course[name] and not caller.may(right):
            raise not_permitted(f"Change course {name}")
    _check(site, row, [other for other in site.state.courses.values() if other["id"] != course["id"]])
    site.state.put_course({**course, **row})


def enter(caller: Caller, course: dict[str, Any]) -> None:
    """Refuse who may not enter the course, as Moodle does before nearly everything in it."""
    if not caller.may("moodle/course:view") or (not course["visible"] and not caller.may("moodle/course:viewhiddencourses")):
        raise MoodleError("require_login_exception", "requireloginerror", "Course or activity not accessible.")


def get_courses_by_field(site: Site, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Hidden courses are left out for those who may not see them."""
    field = typed(arguments.get("field", ""), "alpha", "field")
    if field not in ("id", "idnumber", "shortname"):
        raise invalid_parameter("Invalid field name")
    value = typed(arguments.get("value", ""), "raw", "value")
    found = [course for course in site.state.courses.values() if _matches(site, course, field, value)]
    seen = [course for course in found if course["visible"] or caller.may("moodle/course:viewhiddencourses", "moodle/course:update")]
    return {"courses": [_described(site, course) for course in seen], "warnings": []}


def _matches(site: Site, course: dict[str, Any], field: str, value: str) -> bool:
    return str(course["id"]) == value if field == "id" else site.same(course[field], value)


def _described(site: Site, course: dict[str, Any]) -> dict[str, Any]:
    now = int(site.state.clock())
    filters = ("displayh5p", "activitynames", "mathjaxloader", "emoticon", "urltolink", "mediaplugin")
    return {
        "id": course["id"], "fullname": course["fullname"], "displayname": course["fullname"], "shortname": course["shortname"],
        "courseimage": f"{site.base_url}/pluginfile.php/{course['id']}/course/generated/course.svg", "categoryid": course["categoryid"],
        "categoryname": site.state.categories[course["categoryid"]]["name"], "sortorder": 10_000 * course["categoryid"] + course["id"],
        "summary": course["summary"], "summaryformat": 1, "summaryfiles": [], "overviewfiles": [], "showactivitydates": False,
        "showcompletionconditions": True, "contacts": [], "enrollmentmethods": ["manual"], "idnumber": course["idnumber"],
        "format": "topics", "showgrades": 1, "newsitems": 5, "startdate": 0, "enddate": 0, "maxbytes": 0, "showreports": 0,
        "visible": course["visible"], "groupmode": 0, "groupmodeforce": 0, "defaultgroupingid": 0, "enablecompletion": 1,
        "completionnotify": 0, "lang": "", "theme": "", "marker": 0, "legacyfiles": 0, "calendartype": "", "timecreated": now,
        "timemodified": now, "requested": 0, "cacherev": now,
        "filters": [{"filter": each, "localstate": 0, "inheritedstate": 1} for each in filters],
        "courseformatoptions": [
            {"name": "hiddensections", "value": 1}, {"name": "coursedisplay", "value": 0}, {"name": "indentation", "value": "1"},
        ],
    }  # fmt: skip


def get_categories(site: Site, caller: Caller, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that meet all criteria; only looking for an id is known here."""
    wanted = [
        structure(row, {"key": "alpha", "value": "raw"}, ("key", "value"), "criteria") for row in (arguments.get("criteria") or {}).values()
    ]
    found = [each for each in site.state.categories.values() if all(str(each[row["key"]]) == row["value"] for row in wanted)]
    counts = [course["categoryid"] for course in site.state.courses.values()]
    return [
        {
            "id": each["id"], "name": each["name"], "idnumber": each["idnumber"], "description": "", "descriptionformat": 1, "parent": 0,
            "sortorder": 10_000 * each["id"], "coursecount": counts.count(each["id"]), "visible": 1, "visibleold": 1,
            "timemodified": int(site.state.clock()), "depth": 1, "path": f"/{each['id']}", "theme": "",
        }
        for each in found
    ]  # fmt: skip
