"""Trying a mapping before it is saved: what it comes to for one account, and how many accounts it would change (R54)."""

from marshmallow import Schema, fields

from rolecall.errors import Refused
from rolecall.work import mappings
from rolecall.work.documents import Document
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Call, operation
from rolecall_webapp.api.plugins import installed
from rolecall_webapp.api.sync import FieldChange


class MappingTrial(Schema):
    """A mapping to try in place of the saved one, attribute by attribute; what is absent stays as it is saved."""

    mapping = fields.Dict(keys=fields.String(), load_default=dict, metadata={"description": "{NAME: {template, mode}}, or {NAME: null}."})
    account = shapes.number_id(load_default=None, allow_none=True, metadata={"description": "Whom it is tried on."})


class MappingTried(Schema):
    """What a mapping comes to: nothing is saved or sent."""

    changing = fields.Integer(required=True, metadata={"description": "Accounts of which saving it would change something there."})
    account = fields.Nested(shapes.AccountName, required=True, allow_none=True)
    values = fields.Dict(
        keys=fields.String(), values=fields.String(allow_none=True), required=True, metadata={"description": "Each template, filled."}
    )
    attributes = fields.Dict(
        keys=fields.String(), values=shapes.Free(), required=True, metadata={"description": "All that the provider should hold."}
    )
    verb = shapes.one_of(("create", "update", "suspend", "resume", "delete", "none"), required=True)
    fields_ = fields.Dict(keys=fields.String(), values=fields.Nested(FieldChange), data_key="fields", required=True)
    error = fields.String(required=True, allow_none=True, metadata={"description": "Why no more can be shown."})


@operation(
    "POST", "/plugins/{plugin}/mapping/preview", "Try a mapping", tag="plugins", permissions=("integrations:edit", "accounts:view"),
    body=MappingTrial, answer=MappingTried, refusals=(404, 409, 422),
)  # fmt: skip
def preview_mapping(call: Call) -> Document:
    """What each attribute would be for an account, and what would be sent; nobody is called."""
    plugin = installed(call)
    if not mappings.attributes_of(plugin):
        raise Refused(f"{plugin.label} has nothing to map.", hint=plugin.fault or "")
    wanted = mappings.chosen(plugin, mappings.stored(call.session, plugin), call.body["mapping"])
    nobody: Document = {"account": None, "values": {}, "attributes": {}, "verb": "none", "fields": {}, "error": None}
    tried = nobody
    if call.body["account"] is not None:
        tried = mappings.tried_document(mappings.try_on(call.app, call.actor, plugin, call.body["account"], wanted))
    return {**tried, "changing": mappings.changing(call.app, call.actor, plugin, wanted).total}
