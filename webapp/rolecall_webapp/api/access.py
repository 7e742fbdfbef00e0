"""Roles and student statuses: their lists, adding and editing."""

from typing import Any

from marshmallow import Schema, fields, validate

from rolecall.accounts import roles
from rolecall.sdk.words import MENUS, USER_TYPES
from rolecall.work import changes
from rolecall.work.documents import Document, role_document
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Answer, Call, operation

_MOST_PERMISSIONS = 1_000


class RolesQuery(Schema):
    """Which roles."""

    user_type = shapes.one_of(USER_TYPES)


class RoleChange(Schema):
    """What may be changed of a role."""

    name = shapes.text(100)
    active = shapes.Flag()
    is_default = shapes.Flag(metadata={"description": "Given to new accounts of the type."})
    permissions = fields.List(
        shapes.text(120), validate=validate.Length(max=_MOST_PERMISSIONS), metadata={"description": "All that it holds from now on."}
    )
    limited_to = fields.List(
        shapes.one_of(USER_TYPES), allow_none=True, validate=validate.Length(min=1, max=len(USER_TYPES)),
        metadata={"description": "The user types that the permissions reach; null reaches all."},
    )  # fmt: skip
    menus = fields.List(
        fields.Nested(shapes.MenuChange), validate=validate.Length(max=len(MENUS)),
        metadata={"description": "Every entry of the menu that it hides or renames; the others are as their pages are called."},
    )  # fmt: skip


class RoleName(Schema):
    """What a copy is called."""

    name = shapes.text(100, metadata={"description": "By default the role's name and (copy)."})


class NewRole(RoleChange):
    """A role of one user type."""

    name = shapes.text(100, required=True)
    user_type = shapes.one_of(USER_TYPES, required=True)


@operation(
    "GET", "/roles", "List roles", tag="roles", permissions=("roles:view",), query=RolesQuery, answer=shapes.page_of(shapes.Role),
    refusals=(422,),
)  # fmt: skip
def list_roles(call: Call) -> Document:
    """All of them, by user type and name."""
    return shapes.page([role_document(row) for row in roles.every(call.session, user_type=call.query.get("user_type"))])


@operation(
    "POST", "/roles", "Add a role", tag="roles", permissions=("roles:create",), body=NewRole, answers={201: shapes.Role}, refusals=(422,)
)
def add_role(call: Call) -> Answer:
    """Nobody can grant more than they hold."""
    return _role(call, changes.add_role(call.app, call.actor, call.body), status=201)


@operation("GET", "/roles/{role_id}", "Read a role", tag="roles", permissions=("roles:view",), answer=shapes.Role, refusals=(404,))
def read_role(call: Call) -> Answer:
    """One role; the ETag is the version."""
    return _role(call, call.path["role_id"])


@operation(
    "PATCH", "/roles/{role_id}", "Edit a role", tag="roles", permissions=("roles:edit",), body=RoleChange, versioned=True,
    answer=shapes.Role, refusals=(404, 409, 412, 422),
)  # fmt: skip
def edit_role(call: Call) -> Answer:
    """Works for everybody who has the role, at their next request."""
    changes.edit_role(call.app, call.actor, call.path["role_id"], call.body, version=call.version)
    return _role(call, call.path["role_id"])


@operation(
    "POST", "/roles/{role_id}/copy", "Copy a role", tag="roles", permissions=("roles:create",), body=RoleName, answers={201: shapes.Role},
    refusals=(404, 422),
)  # fmt: skip
def copy_role(call: Call) -> Answer:
    """The same type, permissions, reach and menu under another name; nobody grants more than they hold."""
    return _role(call, changes.copy_role(call.app, call.actor, call.path["role_id"], call.body.get("name")), status=201)


@operation(
    "DELETE", "/roles/{role_id}", "Delete a role", tag="roles", permissions=("roles:delete",), answer=shapes.Role, refusals=(404, 409)
)
def delete_role(call: Call) -> Document:
    """Only one that nobody has and that is not the default; answers what it was. Any other can be made inactive."""
    document = dict(_role(call, call.path["role_id"]).document or {})
    changes.remove_role(call.app, call.actor, call.path["role_id"])
    return document


def _role(call: Call, role_id: int, status: int = 200) -> Answer:
    with call.read() as session:
        roles.get(session, role_id)
        document = next(role_document(row) for row in roles.every(session) if row.id == role_id)
    return _answer(document, f"/roles/{role_id}", status)


def _answer(document: dict[str, Any], location: str | None, status: int) -> Answer:
    return Answer(document=document, status=status, version=document.get("version"), location=location if status == 201 else None)
