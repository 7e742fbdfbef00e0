"""Roles, academic periods and student statuses: their lists, adding and editing."""

from typing import Any

from marshmallow import Schema, fields, validate

from rolecall.accounts import periods, roles, statuses
from rolecall.sdk.words import PROVIDER_ACTIONS, STATUS_TYPES, USER_TYPES
from rolecall.work import changes
from rolecall.work.documents import Document, period_document, role_document, status_document
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


class NewRole(RoleChange):
    """A role of one user type."""

    name = shapes.text(100, required=True)
    user_type = shapes.one_of(USER_TYPES, required=True)


class PeriodChange(Schema):
    """What may be changed of a period."""

    code = shapes.text(60)
    name = shapes.text(200)
    starts_on = fields.Date()
    ends_on = fields.Date()
    is_open = shapes.Flag(metadata={"description": "Nobody is given a role in a closed period."})
    is_current = shapes.Flag(metadata={"description": "True makes it the current one; there always is one."})


class NewPeriod(Schema):
    """An academic period; it is open."""

    code = shapes.text(60, required=True)
    name = shapes.text(200, required=True)
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)
    is_current = shapes.Flag(load_default=False)


class StatusChange(Schema):
    """What may be changed of a student status."""

    label = shapes.text(100)
    type = shapes.one_of(STATUS_TYPES)
    provider_action = shapes.one_of(PROVIDER_ACTIONS)


class NewStatus(StatusChange):
    """A student status."""

    label = shapes.text(100, required=True)
    type = shapes.one_of(STATUS_TYPES, required=True)


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


@operation("GET", "/periods", "List periods", tag="periods", permissions=("periods:view",), answer=shapes.page_of(shapes.Period))
def list_periods(call: Call) -> Document:
    """The current one, then the newest."""
    return shapes.page([period_document(each) for each in periods.every(call.session)])


@operation(
    "POST", "/periods", "Add a period", tag="periods", permissions=("periods:create",), body=NewPeriod, answers={201: shapes.Period},
    refusals=(422,),
)  # fmt: skip
def add_period(call: Call) -> Answer:
    """It is open, and current only if that is said."""
    values = dict(call.body)
    return _period(call, changes.add_period(call.app, call.actor, values, current=values.pop("is_current")), status=201)


@operation(
    "GET", "/periods/{period_id}", "Read a period", tag="periods", permissions=("periods:view",), answer=shapes.Period, refusals=(404,)
)
def read_period(call: Call) -> Answer:
    """One period; the ETag is the version."""
    return _period(call, call.path["period_id"])


@operation(
    "PATCH", "/periods/{period_id}", "Edit a period", tag="periods", permissions=("periods:edit",), body=PeriodChange, versioned=True,
    answer=shapes.Period, refusals=(404, 409, 412, 422),
)  # fmt: skip
def edit_period(call: Call) -> Answer:
    """Dates end nothing by themselves: a period is current until another one is made so."""
    values = dict(call.body)
    switches = {name: values.pop(name) for name in ("is_open", "is_current") if name in values}
    changes.edit_period(call.app, call.actor, call.path["period_id"], values, version=call.version, **switches)
    return _period(call, call.path["period_id"])


@operation(
    "GET", "/statuses", "List student statuses", tag="statuses", permissions=("settings:view",), answer=shapes.page_of(shapes.Status)
)
def list_statuses(call: Call) -> Document:
    """In the order in which they were made."""
    return shapes.page([status_document(each) for each in statuses.every(call.session)])


@operation(
    "POST", "/statuses", "Add a student status", tag="statuses", permissions=("settings:create",), body=NewStatus,
    answers={201: shapes.Status}, refusals=(422,),
)  # fmt: skip
def add_status(call: Call) -> Answer:
    """Rules look at the type, never at the label."""
    return _status(call, changes.add_status(call.app, call.actor, call.body), status=201)


@operation(
    "PATCH", "/statuses/{status_id}", "Edit a student status", tag="statuses", permissions=("settings:edit",), body=StatusChange,
    answer=shapes.Status, refusals=(404, 422),
)  # fmt: skip
def edit_status(call: Call) -> Answer:
    """Students with the status follow its new type at once."""
    changes.edit_status(call.app, call.actor, call.path["status_id"], call.body)
    return _status(call, call.path["status_id"])


def _role(call: Call, role_id: int, status: int = 200) -> Answer:
    with call.app.db.read() as session:
        roles.get(session, role_id)
        document = next(role_document(row) for row in roles.every(session) if row.id == role_id)
    return _answer(document, f"/roles/{role_id}", status)


def _period(call: Call, period_id: int, status: int = 200) -> Answer:
    with call.app.db.read() as session:
        return _answer(period_document(periods.get(session, period_id)), f"/periods/{period_id}", status)


def _status(call: Call, status_id: int, status: int = 200) -> Answer:
    with call.app.db.read() as session:
        return _answer(status_document(statuses.get(session, status_id)), None, status)


def _answer(document: dict[str, Any], location: str | None, status: int) -> Answer:
    return Answer(document=document, status=status, version=document.get("version"), location=location if status == 201 else None)
