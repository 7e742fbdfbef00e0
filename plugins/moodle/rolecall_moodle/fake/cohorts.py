"""The cohort functions of the fake site, each refusing and answering as the recorded Moodle did."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rolecall_moodle.fake.php import invalid_parameter, no_record, rows, structure, typed, write_failed
from rolecall_moodle.fake.site import Caller, Site
from rolecall_moodle.fake.state import State, User

#: The right that includes seeing cohorts and changing their members.
MANAGE = "moodle/cohort:manage"


def create_cohorts(site: Site, caller: Caller, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """All or nothing; the ID number is unique."""
    types = {"categorytype": "any", "name": "raw", "idnumber": "raw", "description": "raw", "visible": "bool"}
    wanted = [structure(row, types, ("categorytype", "name", "idnumber"), "cohorts") for row in rows(arguments, "cohorts")]
    made: list[dict[str, Any]] = []
    for row in wanted:
        category = structure(row["categorytype"], {"type": "raw", "value": "raw"}, ("type", "value"), "categorytype")
        if category["type"] != "system":
            raise invalid_parameter(f"category not exists: category {category['type']} = {category['value']}")
        if any(site.same(other["idnumber"], row["idnumber"]) for other in (*site.state.cohorts.values(), *made)):
            raise invalid_parameter(f"record already exists: idnumber={row['idnumber']}")
        caller.need("Create, delete and move cohorts", MANAGE)
        if len(row["idnumber"]) > 100 or len(row["name"]) > 254:
            raise write_failed("ERROR:  value too long for type character varying(100)")
        made.append(
            {
                "id": site.state.number("cohort"),
                "name": row["name"],
                "idnumber": row["idnumber"],
                "description": row.get("description", ""),
                "visible": row.get("visible", True),
                "members": [],
            }
        )
    for cohort in made:
        site.state.put_cohort(cohort)
    return [_cohort(cohort) for cohort in made]


def _cohort(cohort: dict[str, Any]) -> dict[str, Any]:
    shown = {name: cohort[name] for name in ("id", "name", "idnumber", "description", "visible")}
    return {**shown, "descriptionformat": 1, "theme": ""}


def get_cohorts(site: Site, caller: Caller, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    asked = arguments.get("cohortids")
    numbers = {typed(value, "int", "cohortids") for value in asked.values()} if isinstance(asked, dict) else set(site.state.cohorts)
    found = [cohort for number, cohort in sorted(site.state.cohorts.items()) if number in numbers]
    if found:
        caller.need("View site-wide cohorts", MANAGE, "moodle/cohort:view")
    return [{**_cohort(cohort), "customfields": []} for cohort in found]


def get_cohort_members(site: Site, caller: Caller, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    answer = []
    for value in rows(arguments, "cohortids"):
        number = typed(value, "int", "cohortids")
        cohort = site.state.cohorts.get(number)
        if cohort is None:
            raise no_record("cohort")
        caller.need("View site-wide cohorts", MANAGE, "moodle/cohort:view")
        members = [site.state.users[member] for member in cohort["members"]]
        members.sort(key=lambda user: (user["lastname"], user["firstname"]))
        answer.append({"cohortid": number, "userids": [user["id"] for user in members]})
    return answer


def add_cohort_members(site: Site, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """A member that is there already and one that is nowhere are both only warnings."""
    warnings: list[dict[str, str]] = []
    for row in rows(arguments, "members"):
        member = structure(row, {"cohorttype": "any", "usertype": "any"}, ("cohorttype", "usertype"), "members")
        pair = {"type": "raw", "value": "raw"}
        where = structure(member["cohorttype"], pair, ("type", "value"), "cohorttype")
        who = structure(member["usertype"], pair, ("type", "value"), "usertype")
        cohort = next((c for c in site.state.cohorts.values() if str(c.get(where["type"])) == where["value"]), None)
        user = next((u for u in _users_by(site.state, who) if not u["deleted"]), None)
        if cohort is None:
            warnings.append({"warningcode": "2", "message": f"cohort {where['type']}={where['value']} not exists"})
        elif user is None:
            warnings.append({"warningcode": "2", "message": f"user {who['type']}={who['value']} not exists"})
        elif user["id"] in cohort["members"]:
            said = f"cohort({where['type']}={where['value']} {who['type']}={who['value']})"
            warnings.append({"warningcode": "3", "message": f"record already exists: {said}"})
        else:
            caller.need("Add and remove cohort members", MANAGE, "moodle/cohort:assign")
            site.state.put_cohort({**cohort, "members": [*cohort["members"], user["id"]]})
    return {"warnings": warnings}


def _users_by(state: State, who: dict[str, Any]) -> Iterable[User]:
    if who["type"] == "username":
        return state.like("username", who["value"])
    number = int(who["value"]) if who["value"].isdigit() else 0
    return [state.users[number]] if number in state.users else []


def delete_cohort_members(site: Site, caller: Caller, arguments: dict[str, Any]) -> None:
    """Taking out who is not in is no error; a cohort or user that does not exist is."""
    pairs = []
    for row in rows(arguments, "members"):
        member = structure(row, {"cohortid": "int", "userid": "int"}, ("cohortid", "userid"), "members")
        user = site.state.users.get(member["userid"])
        if member["cohortid"] not in site.state.cohorts:
            raise no_record("cohort")
        if user is None or user["deleted"]:
            raise no_record("user")
        caller.need("Add and remove cohort members", MANAGE, "moodle/cohort:assign")
        pairs.append((member["cohortid"], member["userid"]))
    for number, user_id in pairs:
        cohort = site.state.cohorts[number]
        site.state.put_cohort({**cohort, "members": [member for member in cohort["members"] if member != user_id]})
