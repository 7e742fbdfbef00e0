"""Org units, course offerings, roles and enrolments of the pretended site."""

from __future__ import annotations

import re
from typing import Any

from rolecall_brightspace.fake.routes import Call, paged, route, texts
from rolecall_brightspace.fake.state import Row, ValenceError, unit

_CODE = re.compile(r"""[^\\:*?"<>|'#,%&]{1,50}""")


@route("GET", "roles/", "role:detail:read")
def roles(call: Call) -> list[Row]:
    """List the roles of the site."""
    return [{"Identifier": str(number), "DisplayName": name, "Code": None} for number, name in call.state.roles.items()]


@route("GET", "orgstructure/", "organizations:organization:read")
def units(call: Call) -> Row:
    """List org units, all of them or those with a code."""
    wanted = call.query.get("exactOrgUnitCode")
    rows = list(call.state.units.values())
    if wanted is not None:
        rows = [row for row in rows if row["Code"].casefold() == wanted.casefold()]
    return paged(call, rows)


@route("GET", "orgstructure/{}", "organizations:organization:read")
def one_unit(call: Call, number: str) -> Row:
    """Show one org unit."""
    return call.state.unit(int(number) if number.isdigit() else 0)


@route("GET", "courses/{}", "orgunits:course:read")
def read(call: Call, number: str) -> Row:
    """Show one course offering."""
    return call.state.course(number)


@route("POST", "courses/", "orgunits:course:create")
def create(call: Call) -> Row:
    """Create an active course offering from a template."""
    body = call.body
    _checked(call, body, but=0)
    template = call.state.unit(body["CourseTemplateId"])
    if template["Type"]["Name"] != "Course Template":
        raise ValenceError(400, "This is no course template.")
    number = next(call.state.numbers)
    call.state.units[number] = unit(number, body["Name"], body["Code"], "Course Offering")
    row = {
        "Identifier": str(number),
        "Name": body["Name"],
        "Code": body["Code"],
        "IsActive": True,
        "Path": f"/content/{number}/",
        "StartDate": body["StartDate"],
        "EndDate": body["EndDate"],
        "CourseTemplate": _basic(template),
        "Semester": _basic(call.state.unit(body["SemesterId"])) if body["SemesterId"] else None,
        "Department": None,
        "Description": {"Text": body["Description"]["Content"], "Html": ""},
        "CanSelfRegister": body["CanSelfRegister"],
    }
    call.state.courses[number] = row
    return row


@route("PUT", "courses/{}", "orgunits:course:update")
def replace(call: Call, number: str) -> None:
    """Replace the fields of a course offering."""
    row, body = call.state.course(number), call.body
    _checked(call, body, but=int(number))
    row |= {name: body[name] for name in ("Name", "Code", "StartDate", "EndDate", "IsActive", "CanSelfRegister")}
    kind = body["Description"]["Type"]
    row["Description"] = {"Text": "", "Html": "", kind: body["Description"]["Content"]}
    call.state.units[int(number)] |= {"Name": body["Name"], "Code": body["Code"]}


@route("POST", "enrollments/", "enrollment:orgunit:create")
def enrol(call: Call) -> Row:
    """Enrol one user; one who is enrolled gets the other role."""
    return _enrol(call, call.body)


@route("POST", "enrollments/batch/", "enrollment:orgunit:create")
def enrol_many(call: Call) -> list[Row]:
    """Enrol up to 1,000 users and answer with the failures alone."""
    if len(call.body) > 1_000:
        raise ValenceError(400, "Too many enrolments.")
    failures = []
    for row in call.body:
        try:
            _enrol(call, row)
        except ValenceError as error:
            failures.append({call.site.failure_name: error.status, "StatusMessage": error.message})
    return failures


@route("GET", "enrollments/orgUnits/{}/users/", "enrollment:orgunit:read")
def enrolled(call: Call, number: str) -> Row:
    """List who is enrolled in an org unit."""
    call.state.unit(int(number))
    return paged(call, [_member(call, user, role) for (place, user), role in call.state.enrolments.items() if place == int(number)])


@route("GET", "enrollments/orgUnits/{}/users/{}", "enrollment:orgunit:read")
def enrolment(call: Call, number: str, user: str) -> Row:
    """Show one enrolment."""
    key = int(number), int(user)
    if key not in call.state.enrolments:
        raise ValenceError(404, "The user is not enrolled.")
    return {"OrgUnitId": key[0], "UserId": key[1], "RoleId": call.state.enrolments[key], "IsCascading": False}


@route("DELETE", "enrollments/orgUnits/{}/users/{}", "enrollment:orgunit:delete")
def unenrol(call: Call, number: str, user: str) -> Row:
    """Take a user out of an org unit and answer with the enrolment as it was."""
    row: Row = enrolment(call, number, user)
    del call.state.enrolments[int(number), int(user)]
    return row


def _enrol(call: Call, row: Row) -> Row:
    state = call.state
    state.unit(row["OrgUnitId"])
    state.user(str(row["UserId"]))
    if row["RoleId"] not in state.roles:
        raise ValenceError(400, "The role does not exist.")
    if row["UserId"] in call.site.protected:
        raise ValenceError(403, "This user may not be enrolled.")
    key = row["OrgUnitId"], row["UserId"]
    if key not in state.enrolments or call.site.changes_roles:
        state.enrolments[key] = row["RoleId"]
    return {"OrgUnitId": key[0], "UserId": key[1], "RoleId": state.enrolments[key], "IsCascading": False}


def _member(call: Call, user: int, role: int) -> Row:
    row = call.state.users[user]
    number: str | None = None if "Identifier" in call.site.hidden else str(user)
    names: dict[str, Any] = {"DisplayName": f"{row['FirstName']} {row['LastName']}", "EmailAddress": row["ExternalEmail"]}
    person = {"Identifier": number, **names, "OrgDefinedId": row["OrgDefinedId"], "UserName": row["UserName"]}
    return {"User": person, "Role": {"Id": role, "Code": None, "Name": call.state.roles[role]}}


def _basic(row: Row) -> Row:
    return {name: row[name] for name in ("Identifier", "Name", "Code")}


def _checked(call: Call, body: Row, *, but: int) -> None:
    texts(body, "Name", "Code")
    if not _CODE.fullmatch(body["Code"]):
        raise ValenceError(400, "The code is too long or has characters that are not allowed.")
    if any(row["Code"].casefold() == body["Code"].casefold() and number != but for number, row in call.state.units.items()):
        raise ValenceError(call.site.taken_status, "The code is in use.")
