"""Academic periods: their list, adding, editing, making one current, closing and deleting. Roles in them are given by actions."""

from marshmallow import Schema, fields

from rolecall.accounts import periods
from rolecall.work import period_changes
from rolecall.work.documents import Document, period_document
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Answer, Call, operation


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
    return _period(call, period_changes.add_period(call.app, call.actor, values, current=values.pop("is_current")), status=201)


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
    period_changes.edit_period(call.app, call.actor, call.path["period_id"], values, version=call.version, **switches)
    return _period(call, call.path["period_id"])


@operation(
    "DELETE", "/periods/{period_id}", "Delete a period", tag="periods", permissions=("periods:delete",), versioned=True,
    answer=shapes.Period, refusals=(404, 409, 412),
)  # fmt: skip
def delete_period(call: Call) -> Document:
    """Only one in which nobody has a role, remembered ones included; answers what it was. Any other can be closed."""
    return period_changes.remove_period(call.app, call.actor, call.path["period_id"], version=call.version)


def _period(call: Call, period_id: int, status: int = 200) -> Answer:
    with call.read() as session:
        document = period_document(periods.get(session, period_id))
    return Answer(
        document=document, status=status, version=document["version"], location=f"/periods/{period_id}" if status == 201 else None
    )
