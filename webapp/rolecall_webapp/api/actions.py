"""Actions: what the enabled plugins register, what one would do, and doing it. Knows no particular action."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from rolecall.plugins.registry import View
from rolecall.sdk.action import Action
from rolecall.work.delivery import quotes
from rolecall.work.documents import Document
from rolecall.work.runs.foresee import foresee
from rolecall.work.runs.forms import Form, load_params
from rolecall.work.runs.plan import find_action
from rolecall.work.runs.selection import MOST_IDS, Selection, of_ids, of_words
from rolecall.work.runs.start import Request, start
from rolecall_webapp.api import json_schema, shapes
from rolecall_webapp.api.answers import run_answer
from rolecall_webapp.api.operation import Answer, Call, operation


class Requirement(Schema):
    """What an account must fulfil, with the sentence for those that do not."""

    code = fields.String(required=True)
    message = fields.String(required=True)


class ActionShape(Schema):
    """Something that can be done with accounts."""

    id = fields.String(required=True)
    label = fields.String(required=True)
    help = fields.String(required=True)
    plugin = fields.String(required=True)
    group = fields.String(required=True)
    bulk = fields.Boolean(required=True, metadata={"description": "Whether several accounts can be chosen."})
    grade = shapes.one_of(("plain", "agree", "retype"), required=True)
    confirm = fields.String(required=True, allow_none=True, metadata={"description": "The consequence that has to be agreed to."})
    undo = fields.Boolean(required=True)
    permission = fields.String(required=True)
    allowed = fields.Boolean(required=True, metadata={"description": "Whether this token may do it."})
    requires = fields.List(fields.Nested(Requirement), required=True)
    params = fields.Dict(required=True, metadata={"description": "JSON Schema of the parameters, with the choices there are now."})


class Deed(Schema):
    """What is to be done with which accounts."""

    EITHER = ("accounts", "filter")

    accounts = fields.List(shapes.number_id(), validate=validate.Length(min=1, max=MOST_IDS), metadata={"description": "Ids."})
    filter = fields.Dict(keys=fields.String(), values=fields.String(), metadata={"description": "Filter words with their values."})
    params = fields.Dict(load_default=dict, metadata={"description": "The action's parameters."})
    agreed = shapes.Flag(load_default=False, metadata={"description": "Consent to the consequence."})
    expected = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(min=0, max=2**31 - 1),
        metadata={"description": "The number of accounts that was shown; another number now is refused."},
    )  # fmt: skip
    reason = shapes.text(500, load_default=None, allow_none=True, metadata={"description": "Kept in the history."})
    dry_run = shapes.Flag(load_default=False, metadata={"description": "Answer what would happen, and change nothing."})

    @validates_schema
    def one_selection(self, data: dict[str, object], **_: object) -> None:
        """Ids or a filter, because nobody should act on everybody by leaving something out."""
        if ("accounts" in data) == ("filter" in data):
            raise ValidationError("Give either accounts or a filter.")


class SkippedShape(Schema):
    """Accounts that the action does not apply to."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    count = fields.Integer(required=True)
    examples = fields.List(fields.Nested(shapes.AccountName), required=True, metadata={"description": "The first 20 of them."})


class CostShape(Schema):
    """What the messages of a run cost, as each is written, and what is left to pay with. Amounts are decimal numbers as text."""

    messages = fields.Integer(required=True)
    parts = fields.Integer(required=True, metadata={"description": "What they are sent and paid in."})
    total = fields.String(required=True, allow_none=True, metadata={"description": "Null where the settings have no price."})
    credit = fields.String(required=True, allow_none=True, metadata={"description": "Null where the gateway cannot tell."})
    currency = fields.String(required=True, allow_none=True)
    enough = fields.Boolean(required=True, allow_none=True, metadata={"description": "What is not enough is refused (no-credit)."})
    sentence = fields.String(required=True)


class PlanShape(Schema):
    """What an action would do."""

    dry_run = fields.Boolean(required=True)
    total = fields.Integer(required=True)
    will = fields.Integer(required=True)
    skipped = fields.List(fields.Nested(SkippedShape), required=True)
    examples = fields.List(fields.Nested(shapes.AccountName), required=True)
    cost = fields.Nested(CostShape, required=True, allow_none=True, metadata={"description": "Null where nothing is sent that costs."})


@operation("GET", "/actions", "List actions", tag="actions", permissions=("accounts:view",), answer=shapes.page_of(ActionShape))
def list_actions(call: Call) -> Document:
    """Exactly what the enabled plugins register, in the order of the menus."""
    form = Form(session=call.session, view=call.view)
    return shapes.page([_describe(call, each, form) for each in call.view.actions.values()])


@operation(
    "POST", "/actions/{action_id}", "Do something with accounts", tag="actions", permissions=("act:{action_id}",), body=Deed, keyed=True,
    answers={200: (shapes.Run, PlanShape), 202: shapes.Run}, refusals=(404, 409, 422),
)  # fmt: skip
def act(call: Call) -> Answer:
    """Answers the run: finished (200) or under way (202); with ``dry_run`` the plan. One account that the action does not apply to is
    409 with the reason; among several it is a skipped item."""
    action = find_action(call.view, call.actor, call.path["action_id"])
    selection = _selection(call.body)
    if call.body["dry_run"]:
        return Answer(document=_plan(call, action, selection))
    run_id = start(
        call.app,
        call.actor,
        Request(
            action=action.id,
            selection=selection,
            params=call.body["params"],
            agreed=call.body["agreed"],
            expected=call.body["expected"],
            reason=call.body["reason"],
            idempotency_key=call.key,
        ),
    )
    return run_answer(call, run_id)


def deed_schema(view: View, action: Action) -> dict[str, Any]:
    """The JSON Schema of the body for one action: its own parameters in place of any."""
    described = json_schema.describe(Deed)
    params = json_schema.describe(action.params)
    described["properties"]["params"] = params
    if params.get("required"):
        described["required"] = [*described.get("required", ()), "params"]
    if action.grade != "plain":
        described["properties"]["agreed"] = described["properties"]["agreed"] | {"description": action.confirm}
    described["properties"]["filter"] = filter_schema(view)
    return described


def filter_schema(view: View) -> dict[str, Any]:
    """The JSON Schema of a filter: every word that is registered."""
    words = {each.id: {"type": "string", "title": each.label, "maxLength": 200} for each in view.filters.values()}
    return {"type": "object", "description": "Filter words with their values.", "properties": words, "additionalProperties": False}


def _selection(body: Mapping[str, Any]) -> Selection:
    return of_ids(body["accounts"]) if "accounts" in body else of_words(body["filter"])


def _plan(call: Call, action: Action, selection: Selection) -> Document:
    params = None
    if call.body["params"]:
        form = Form(session=call.session, view=call.view, account_ids=selection.ids or ())
        params = load_params(action.params, call.body["params"], form).all
    foreseen = foresee(call.app, call.session, call.view, call.actor, action.id, selection, params)
    plan, left = foreseen.plan, None
    if foreseen.quote is not None:
        call.session.rollback()  # no transaction stays open while the gateway takes its time
        left = quotes.funds(call.app, foreseen.quote.channel)
    return {
        "dry_run": True,
        "total": plan.total,
        "will": plan.will,
        "skipped": [
            {"code": each.code, "message": each.message, "count": each.count, "examples": _names(each.examples)} for each in plan.skipped
        ],
        "examples": _names(plan.examples),
        "cost": quotes.quote_document(foreseen.quote, left),
    }


def _names(found: Sequence[tuple[int, str, str]]) -> list[Document]:
    return [{"id": account_id, "name": name, "username": username} for account_id, name, username in found]


def _describe(call: Call, action: Action, form: Form) -> Document:
    return {
        "id": action.id,
        "label": action.label,
        "help": action.help,
        "plugin": call.view.owner(action.id),
        "group": action.group,
        "bulk": action.bulk,
        "grade": action.grade.value,
        "confirm": action.consequence(form),
        "undo": action.undo is not None,
        "permission": action.permission,
        "allowed": call.actor.may(action.permission),
        "requires": [{"code": each.code, "message": each.message} for each in action.requires],
        "params": json_schema.describe(action.params, form),
    }
