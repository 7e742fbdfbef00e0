"""Student statuses: their list, adding, editing and deleting, and what another type would mean for accounts (R3, R7)."""

from dataclasses import asdict

from marshmallow import Schema, fields, validate

from rolecall.accounts import statuses
from rolecall.sdk.words import PROVIDER_ACTIONS, STATUS_TYPES
from rolecall.work import status_changes
from rolecall.work.documents import Document, status_document
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Answer, Call, operation


class NewStatus(Schema):
    """A student status."""

    label = shapes.text(100, required=True)
    type = shapes.one_of(STATUS_TYPES, required=True)
    provider_action = shapes.one_of(PROVIDER_ACTIONS)


class StatusChange(Schema):
    """What may be changed of a student status."""

    label = shapes.text(100)
    type = shapes.one_of(STATUS_TYPES)
    provider_action = shapes.one_of(PROVIDER_ACTIONS)
    expected = fields.Integer(
        strict=True,
        validate=validate.Range(min=0, max=2**31 - 1),
        metadata={"description": "The number of accounts that the plan told; when others would follow by now, nothing is changed."},
    )


class EditedStatus(shapes.Status):
    """A student status after an edit."""

    run = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The run that tells what became of accounts; null where none followed."}
    )


class PlanQuery(Schema):
    """What the status would become."""

    type = shapes.one_of(STATUS_TYPES, required=True)


class StatusPlan(Schema):
    """What another type would mean for the students who have the status."""

    students = fields.Integer(required=True)
    deactivated = fields.Integer(required=True, metadata={"description": "Accounts that would be deactivated."})
    reactivated = fields.Integer(required=True, metadata={"description": "Accounts that would come back."})
    opened = fields.Integer(required=True, metadata={"description": "Accounts that would be opened."})
    accounts = fields.Integer(required=True, metadata={"description": "All of them together; send it as `expected`."})


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
    return _status(call, status_changes.add_status(call.app, call.actor, call.body), status=201)


@operation(
    "GET", "/statuses/{status_id}", "Read a student status", tag="statuses", permissions=("settings:view",), answer=shapes.Status,
    refusals=(404,),
)  # fmt: skip
def read_status(call: Call) -> Answer:
    """One status; the ETag is the version."""
    return _status(call, call.path["status_id"])


@operation(
    "GET", "/statuses/{status_id}/plan", "See what another type would mean", tag="statuses", permissions=("settings:edit",),
    query=PlanQuery, answer=StatusPlan, refusals=(404, 422),
)  # fmt: skip
def plan_status(call: Call) -> Document:
    """How many accounts would be deactivated, come back or be opened. Nothing is changed."""
    foreseen = status_changes.foresee(call.app, call.path["status_id"], call.query["type"])
    return {**asdict(foreseen), "accounts": foreseen.accounts}


@operation(
    "PATCH", "/statuses/{status_id}", "Edit a student status", tag="statuses", permissions=("settings:edit",), body=StatusChange,
    versioned=True, answer=EditedStatus, refusals=(404, 409, 412, 422),
)  # fmt: skip
def edit_status(call: Call) -> Answer:
    """Accounts of students with the status follow its new type at once; the run tells which."""
    values = dict(call.body)
    expected = values.pop("expected", None)
    run_id = status_changes.edit_status(call.app, call.actor, call.path["status_id"], values, version=call.version, expected=expected)
    return _status(call, call.path["status_id"], run=run_id)


@operation(
    "DELETE", "/statuses/{status_id}", "Delete a student status", tag="statuses", permissions=("settings:delete",), versioned=True,
    answer=shapes.Status, refusals=(404, 409, 412),
)  # fmt: skip
def delete_status(call: Call) -> Document:
    """Only one that no student has; answers what it was."""
    return status_changes.remove_status(call.app, call.actor, call.path["status_id"], version=call.version)


def _status(call: Call, status_id: int, *, status: int = 200, **more: int | None) -> Answer:
    with call.read() as session:
        document = {**status_document(statuses.get(session, status_id)), **more}
    return Answer(
        document=document, status=status, version=document["version"], location=f"/statuses/{status_id}" if status == 201 else None
    )
