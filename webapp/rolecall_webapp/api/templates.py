"""The texts of messages: their list, and writing one's own (R55)."""

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from rolecall.accounts import message_texts
from rolecall.sdk.template import LONGEST_BODY, TemplateText
from rolecall.work import message_texts as changes
from rolecall.work.documents import Document
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Call, operation


class Template(Schema):
    """The text of one kind of message in one language as it counts now."""

    kind = fields.String(required=True)
    label = fields.String(required=True)
    help = fields.String(required=True)
    address = shapes.one_of(("email", "phone"), required=True)
    language = fields.String(required=True)
    subject = fields.String(required=True)
    body = fields.String(required=True)
    own = fields.Boolean(required=True, metadata={"description": "Whether the institution wrote it."})
    version = fields.Integer(required=True, metadata={"description": "0 for a text that came with the kind."})
    placeholders = fields.Dict(
        keys=fields.String(), values=fields.String(), required=True, metadata={"description": "What may stand in braces, with its meaning."}
    )
    required = fields.List(fields.String(), required=True, metadata={"description": "Placeholders that the body must have."})
    changed_at = fields.DateTime(required=True, allow_none=True)
    changed_by = fields.String(required=True, allow_none=True)


class TemplateChange(Schema):
    """Subject and body of a kind in a language; both null to have the text again that came with the kind."""

    kind = shapes.text(60, required=True)
    language = shapes.text(20, required=True)
    subject = fields.String(required=True, allow_none=True, validate=validate.Length(max=1000))
    body = fields.String(required=True, allow_none=True, validate=validate.Length(max=2 * LONGEST_BODY))
    version = fields.Integer(
        strict=True,
        validate=validate.Range(min=0, max=2**31 - 1),
        metadata={"description": "What it was when it was read; when somebody changed it since, nothing is saved."},
    )

    @validates_schema
    def _both_or_none(self, data: dict[str, object], **_: object) -> None:
        if (data.get("subject") is None) != (data.get("body") is None):
            raise ValidationError({"body": ["Give subject and body, or null for both."]})


@operation("GET", "/templates", "List texts of messages", tag="templates", permissions=("templates:view",), answer=shapes.page_of(Template))
def list_templates(call: Call) -> Document:
    """Every kind of message in every language that there is a text in."""
    with call.read() as session:
        found = message_texts.every(session, call.app.plugins.view(session).templates)
    return shapes.page([changes.text_document(each) for each in found])


@operation(
    "PATCH", "/templates", "Write a text of a message", tag="templates", permissions=("templates:edit",), body=TemplateChange,
    answer=Template, refusals=(404, 409, 422),
)  # fmt: skip
def edit_template(call: Call) -> Document:
    """A text with a mistake is refused with the sentences."""
    body = call.body
    text = None if body["subject"] is None else TemplateText(subject=body["subject"], body=body["body"])
    return changes.text_document(changes.save(call.app, call.actor, body["kind"], body["language"], text=text, version=body.get("version")))
