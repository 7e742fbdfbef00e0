"""Why can't they sign in (R34), for programs."""

from marshmallow import Schema, fields

from rolecall.work.doctor.diagnose import diagnose, diagnosis_document
from rolecall.work.doctor.finding import DONE_BY, PAGES, STATES
from rolecall.work.documents import Document
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Call, operation


class Place(Schema):
    """Where something is mended that is no action on the account."""

    name = shapes.one_of(PAGES, required=True)
    id = shapes.Free(required=True, allow_none=True, metadata={"description": "The record's number, or the plugin's id."})


class Finding(Schema):
    """One thing that was looked at."""

    code = fields.String(required=True, metadata={"description": "A word for a program."})
    subject = fields.String(required=True)
    state = shapes.one_of(STATES, required=True, metadata={"description": "A problem alone is enough to keep them out."})
    sentence = fields.String(required=True)
    detail = fields.String(required=True, allow_none=True)
    action = fields.String(required=True, allow_none=True, metadata={"description": "The action that mends it."})
    page = fields.Nested(Place, required=True, allow_none=True)
    done_by = shapes.one_of(DONE_BY, required=True, allow_none=True, metadata={"description": "Who mends it."})
    until = fields.DateTime(required=True, allow_none=True, metadata={"description": "When it ends by itself, where that is known."})


class Diagnosis(Schema):
    """Whether somebody can sign in, and everything that was looked at."""

    account = fields.Integer(required=True)
    username = fields.String(required=True)
    can_sign_in = fields.Boolean(required=True, metadata={"description": "Whether the right password is let in now."})
    sentence = fields.String(required=True)
    findings = fields.List(fields.Nested(Finding), required=True)
    sign_ins = fields.List(fields.Nested(shapes.SignIn), required=True, metadata={"description": "The last attempts, newest first."})


@operation(
    "GET", "/accounts/{account_id}/diagnosis", "Why can't they sign in", tag="accounts", permissions=("accounts:view",), answer=Diagnosis,
    refusals=(404,),
)  # fmt: skip
def read_diagnosis(call: Call) -> Document:
    """Whether the person can sign in now, why not, and what mends it. Changes nothing, and calls no provider."""
    return diagnosis_document(diagnose(call.app, call.session, call.path["account_id"], now=call.now))
