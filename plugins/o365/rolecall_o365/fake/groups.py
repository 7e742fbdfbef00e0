"""The calls about groups, classes and teams."""

from __future__ import annotations

import re
from typing import Any

from rolecall_o365.fake.routes import Call, listed, route, selected
from rolecall_o365.fake.state import GraphError, Row, bad, conflict, new_id, not_found

GROUP = ("Group.Create", "Group.ReadWrite.All")
MEMBER = ("GroupMember.ReadWrite.All", "Group.ReadWrite.All")
CLASS = ("EduRoster.ReadWrite.All",)
TEAM = ("Team.Create", "Group.ReadWrite.All")
ARCHIVE = ("TeamSettings.ReadWrite.All", "Group.ReadWrite.All")
DEFAULT = "id,displayName,description,mailNickname,securityEnabled"
NICKNAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _new_group(call: Call, body: Row, **fields: Any) -> Row:
    if not body.get("displayName"):
        raise bad("Invalid value specified for property 'displayName' of resource 'Group'.")
    if not NICKNAME.fullmatch(str(body.get("mailNickname", ""))):
        raise bad("Invalid value specified for property 'mailNickname' of resource 'Group'.")
    group = {"id": new_id(), "description": None, **body, "members": set(), "owners": set(), **fields}
    call.state.groups[group["id"]] = group
    return group


@route("GET", "/groups", MEMBER)
def find(call: Call) -> Any:
    """List groups, all or those of a filter on the nickname."""
    text = call.query.get("$filter", "startswith(mailNickname,'')")
    found = re.fullmatch(r"startswith\(mailNickname,'(.*)'\)", text)
    same = re.fullmatch(r"mailNickname eq '(.*)'", text)
    if not found and not same:
        raise GraphError(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified.")
    rows = [
        row
        for row in call.state.groups.values()
        if (found and row["mailNickname"].startswith(found[1])) or (same and row["mailNickname"] == same[1])
    ]
    return listed(call, [selected(call, row, DEFAULT) for row in rows])


@route("POST", "/groups", GROUP)
def create(call: Call) -> Any:
    """Create a security group; two may have one nickname."""
    return 201, selected(call, _new_group(call, call.body), DEFAULT)


@route("GET", "/groups/{}/members", MEMBER)
def members(call: Call, number: str) -> Any:
    """List the members of a group."""
    return listed(call, [{"@odata.type": "#microsoft.graph.user", "id": each} for each in sorted(call.state.group(number)["members"])])


@route("GET", "/users/{}/memberOf", ("User.Read.All", "User.ReadWrite.All"))
def member_of(call: Call, key: str) -> Any:
    """List the groups of a user."""
    number = call.state.user(key)["id"]
    rows = [row for row in call.state.groups.values() if number in row["members"]]
    return listed(call, [{"@odata.type": "#microsoft.graph.group", **selected(call, row, DEFAULT)} for row in rows])


def _referred(call: Call) -> str:
    number = str(call.body.get("@odata.id", "")).rpartition("/")[2]
    return str(call.state.user(number)["id"])


def _join(call: Call, people: set[str]) -> Any:
    number = _referred(call)
    if number in people:
        raise bad("One or more added object references already exist for the following modified properties: 'members'.")
    people.add(number)
    return 204, None


def _leave(people: set[str], user: str) -> Any:
    if user not in people:
        raise not_found(user)
    people.discard(user)
    return 204, None


@route("POST", "/groups/{}/members/$ref", MEMBER)
def join(call: Call, number: str) -> Any:
    """Put a user into a group."""
    return _join(call, call.state.group(number)["members"])


@route("DELETE", "/groups/{}/members/{}/$ref", MEMBER)
def leave(call: Call, number: str, user: str) -> Any:
    """Take a user out of a group."""
    return _leave(call.state.group(number)["members"], user)


def _people(call: Call, number: str, kind: str) -> set[str]:
    call.state.school_class(number)
    people: set[str] = call.state.group(number)["owners" if kind == "teachers" else "members"]
    return people


@route("GET", "/education/classes", CLASS)
def classes(call: Call) -> Any:
    """List classes."""
    return listed(call, list(call.state.classes.values()))


@route("POST", "/education/classes", CLASS)
def create_class(call: Call) -> Any:
    """Create a class with its group, whose nickname is the tenant's only one."""
    if any(row["mailNickname"] == call.body.get("mailNickname") for row in call.state.groups.values()):
        raise conflict("mailNickname")
    names = ("displayName", "mailNickname")
    group = _new_group(call, {name: call.body.get(name) for name in names}, groupTypes=["Unified"])
    call.state.classes[group["id"]] = {"id": group["id"], **call.body}
    call.state.hidden[f"team:{group['id']}"] = call.site.team_lag
    return 201, call.state.classes[group["id"]]


@route("GET", "/education/classes/{}", CLASS)
def read_class(call: Call, number: str) -> Any:
    """Read one class."""
    return 200, call.state.school_class(number)


@route("PATCH", "/education/classes/{}", CLASS)
def change_class(call: Call, number: str) -> Any:
    """Change a class."""
    call.state.school_class(number).update(call.body)
    return 200, call.state.classes[number]


@route("GET", "/education/classes/{}/members", CLASS)
def class_members(call: Call, number: str) -> Any:
    """List everybody in a class."""
    return listed(call, [{"id": each} for each in sorted(_people(call, number, "members"))])


@route("GET", "/education/classes/{}/teachers", CLASS)
def class_teachers(call: Call, number: str) -> Any:
    """List the teachers of a class."""
    return listed(call, [{"id": each} for each in sorted(_people(call, number, "teachers"))])


@route("POST", "/education/classes/{}/members/$ref", CLASS)
def join_class(call: Call, number: str) -> Any:
    """Put somebody into a class."""
    return _join(call, _people(call, number, "members"))


@route("POST", "/education/classes/{}/teachers/$ref", CLASS)
def teach_class(call: Call, number: str) -> Any:
    """Make somebody a teacher of a class."""
    return _join(call, _people(call, number, "teachers"))


@route("DELETE", "/education/classes/{}/members/{}/$ref", CLASS)
def leave_class(call: Call, number: str, user: str) -> Any:
    """Take somebody out of a class."""
    return _leave(_people(call, number, "members"), user)


@route("DELETE", "/education/classes/{}/teachers/{}/$ref", CLASS)
def stop_teaching(call: Call, number: str, user: str) -> Any:
    """Take a teacher of a class out of its teachers."""
    return _leave(_people(call, number, "teachers"), user)


@route("PUT", "/groups/{}/team", TEAM)
def make_team(call: Call, number: str) -> Any:
    """Make the team of a group that has an owner, once the group is seen everywhere."""
    group = call.state.group(number)
    if not call.state.seen(f"team:{number}"):
        raise not_found(number)
    if not group["owners"]:
        raise bad("Group has no owner.")
    if number in call.state.teams:
        raise GraphError(409, "Conflict", "A team for this group already exists.")
    call.state.teams[number] = False
    return 201, {"id": number}


def _team(call: Call, number: str) -> None:
    if number not in call.state.teams:
        raise GraphError(404, "NotFound", "No team found with Group id.")


@route("GET", "/teams/{}", ARCHIVE)
def read_team(call: Call, number: str) -> Any:
    """Read a team."""
    _team(call, number)
    return 200, {"id": number, "isArchived": call.state.teams[number]}


@route("POST", "/teams/{}/archive", ARCHIVE)
def archive(call: Call, number: str) -> Any:
    """Archive a team."""
    _team(call, number)
    call.state.teams[number] = True
    return 202, None


@route("POST", "/teams/{}/unarchive", ARCHIVE)
def unarchive(call: Call, number: str) -> Any:
    """Open a team again."""
    _team(call, number)
    call.state.teams[number] = False
    return 202, None
