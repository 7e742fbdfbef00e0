"""Keeps classes: an education class, which is a group with teachers, and the team on it (R60a).

A class is known again by the nickname of its group, which the tenant holds only once. A group can become a team when it has a teacher,
and up to a quarter of an hour after it was made; until then the class is tried again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rolecall.errors import Conflict, NotFound, ProviderError, Transient
from rolecall.sdk import Attributes, ClassSnapshot, Member, Remote
from rolecall_o365.client import Part, id_of, quoted, segment
from rolecall_o365.errors import Refused, Taken, settled
from rolecall_o365.groups import is_already, joining
from rolecall_o365.permissions import ARCHIVE, CLASS, TEAM
from rolecall_o365.tenant import Tenant

#: What a class holds besides its members.
FIELDS = ("displayName", "classCode", "externalId")
TEACHER, STUDENT = "teacher", "student"


def nickname(key: str) -> str:
    """Return the nickname of a class's group."""
    return f"rolecall-c-{key.replace('-', '').lower()}"[:64]


def attributes(school_class: ClassSnapshot) -> Attributes:
    """Return what Microsoft 365 should hold of a class."""
    return {
        "displayName": f"{school_class.name} ({school_class.period.code})"[:120],
        "classCode": school_class.code,
        "externalId": school_class.key,
    }


def find(tenant: Tenant, school_class: ClassSnapshot) -> Remote | None:
    """Look a class up by the nickname of its group."""
    wanted = nickname(school_class.key)
    rows = tenant.graph.pages("/groups", filter=f"mailNickname eq {quoted(wanted)}", select="id,mailNickname")
    number = next((id_of(row) for row in rows if row.get("mailNickname") == wanted), None)
    if number is None:
        return None
    try:
        row = tenant.graph.read(_path(number))
    except NotFound:
        raise Transient("Microsoft 365 has the group of this class, but does not show the class yet.") from None
    held = {name: row.get(name) if isinstance(row.get(name), str) else None for name in FIELDS}
    return Remote(external_id=number, key=held["externalId"], attributes=held, suspended=is_archived(tenant, number))


def create(tenant: Tenant, school_class: ClassSnapshot, wanted: Attributes) -> Remote:
    """Create a class without members and without a team, which needs a teacher first."""
    body = {name: wanted[name] for name in FIELDS} | {"mailNickname": nickname(school_class.key), "externalSource": "sis"}
    try:
        made = tenant.graph.call(Part(method="POST", path="/education/classes", body=body, needs=CLASS))
    except Taken as error:
        raise Conflict("Microsoft 365 has this class already.", hint=error.hint) from None
    return Remote(external_id=id_of(made), key=school_class.key, attributes=wanted)


def update(tenant: Tenant, external_id: str, changes: Attributes) -> None:
    """Change a class, and open its team again."""
    body = {name: changes[name] for name in FIELDS if name in changes}
    if body:
        tenant.graph.call(Part(method="PATCH", path=_path(external_id), body=body, repeatable=True, needs=CLASS))
    if is_archived(tenant, external_id):
        tenant.graph.call(Part(method="POST", path=f"/teams/{segment(external_id)}/unarchive", repeatable=True, needs=ARCHIVE))


def archive(tenant: Tenant, external_id: str) -> None:
    """Archive the team of a class; a class without a team has nothing that could be closed."""
    try:
        tenant.graph.call(Part(method="POST", path=f"/teams/{segment(external_id)}/archive", body={}, repeatable=True, needs=ARCHIVE))
    except NotFound:
        return


def is_archived(tenant: Tenant, external_id: str) -> bool:
    """Tell whether the class has a team that is archived."""
    try:
        return tenant.graph.read(f"/teams/{segment(external_id)}", select="id,isArchived").get("isArchived") is True
    except NotFound:
        return False


def members(tenant: Tenant, external_id: str) -> frozenset[Member]:
    """Return who is in a class. Microsoft knows teachers and students: an assistant is one of the two."""
    teachers = {id_of(row) for row in tenant.graph.pages(f"{_path(external_id)}/teachers")}
    others = {id_of(row) for row in tenant.graph.pages(f"{_path(external_id)}/members")} - teachers
    return frozenset({Member(each, TEACHER) for each in teachers} | {Member(each, STUDENT) for each in others})


def add(tenant: Tenant, external_id: str, people: Collection[Member]) -> None:
    """Put people into a class; teachers stand in both of its lists. With the first teacher comes the team."""
    teachers = [each for each in people if _teaches(tenant, each)]
    graph = tenant.graph
    parts = [_join(tenant, f"{_path(external_id)}/members", each) for each in people]
    parts += [_join(tenant, f"{_path(external_id)}/teachers", each) for each in teachers]
    answers = graph.batch(parts)
    errors = [settled(answer.error) for answer in answers if answer.error is not None and not is_already(answer)]
    if errors:
        raise _worst(errors)
    if teachers and tenant.settings.get("teams", True):
        make_team(tenant, external_id)


def remove(tenant: Tenant, external_id: str, people: Collection[Member]) -> None:
    """Take people out of a class; who is not in it is no error."""
    paths = [f"{_path(external_id)}/teachers/{segment(each.external_id)}/$ref" for each in people if _teaches(tenant, each)]
    paths += [f"{_path(external_id)}/members/{segment(each.external_id)}/$ref" for each in people]
    answers = tenant.graph.batch([Part(method="DELETE", path=path, repeatable=True, needs=CLASS) for path in paths])
    errors = [answer.error for answer in answers if answer.error is not None and not isinstance(answer.error, NotFound)]
    if errors:
        raise _worst(errors)


def make_team(tenant: Tenant, external_id: str) -> None:
    """Make the team of a class; that it has one already is no error."""
    part = Part(method="PUT", path=f"/groups/{segment(external_id)}/team", body={}, repeatable=True, needs=TEAM)
    try:
        tenant.graph.call(part)
    except Taken:
        return
    except NotFound:
        raise Transient(
            "Microsoft 365 cannot make the team of this class yet.", hint="A group takes up to 15 minutes until it can become a team."
        ) from None


def kept_role(tenant: Tenant, role: str) -> str:
    """Return what somebody with this role is in a class there: an assistant is a teacher or a student, as the settings say."""
    return str(tenant.settings.get("assistants", TEACHER)) if role == "assistant" else role


def _teaches(tenant: Tenant, member: Member) -> bool:
    return kept_role(tenant, member.role) == TEACHER


def _join(tenant: Tenant, path: str, member: Member) -> Part:
    joins = joining(path, member.external_id, tenant.graph.address)
    body: dict[str, Any] = {"@odata.id": f"{tenant.graph.address}/education/users/{member.external_id}"}
    return Part(method=joins.method, path=joins.path, body=body, repeatable=True, needs=CLASS)


def _worst(errors: list[ProviderError]) -> ProviderError:
    """Return the error that says most: one that a person must mend before one that passes."""
    return next((error for error in errors if isinstance(error, Refused)), errors[0])


def _path(external_id: str) -> str:
    return f"/education/classes/{segment(external_id)}"
