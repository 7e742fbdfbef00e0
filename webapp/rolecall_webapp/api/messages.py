"""Messages to people: what became of them, sending again, and deciding about those that are unknown (R19, R40, R42)."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate

from rolecall.accounts.messages import EMAIL, PHONE, STATES
from rolecall.store import deliveries_query
from rolecall.store.cursors import LARGEST_ID
from rolecall.store.deliveries_query import Filters
from rolecall.work.delivery import again, again_many, quotes
from rolecall.work.documents import Document
from rolecall_webapp.api import shapes
from rolecall_webapp.api.actions import CostShape
from rolecall_webapp.api.operation import Call, operation


class Message(Schema):
    """One message to one account's person. What it says is not kept."""

    id = fields.Integer(required=True)
    kind = fields.String(required=True)
    label = fields.String(required=True)
    channel = shapes.one_of((EMAIL, PHONE), required=True)
    account = fields.Nested(shapes.AccountName, required=True)
    address = fields.String(required=True)
    state = shapes.one_of(STATES, required=True)
    attempts = fields.Integer(required=True)
    next_attempt_at = fields.DateTime(required=True, allow_none=True)
    error_class = fields.String(required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True, metadata={"description": "Why it bounced, waits or was not sent, in words."})
    run = fields.Integer(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    settled_at = fields.DateTime(required=True, allow_none=True)
    to_decide = fields.Boolean(
        required=True, metadata={"description": "Nobody knows whether it was sent, none followed, and somebody has to decide."}
    )
    can_be_sent_again = fields.Boolean(required=True)
    why_not = fields.String(required=True, allow_none=True)


class MessageFilter(Schema):
    """Which messages."""

    state = shapes.one_of(STATES)
    kind = shapes.text(60)
    channel = shapes.one_of((EMAIL, PHONE))
    account = shapes.number_id(strict=False)
    run = shapes.number_id(strict=False)


class MessageQuery(MessageFilter, shapes.Paging):
    """Which messages, and which page of them."""


class AgainDeed(Schema):
    """Everything that a filter matches is to be sent again."""

    filter = fields.Nested(MessageFilter, required=True, metadata={"description": "Empty: all messages."})
    agreed = shapes.Flag(load_default=False)
    expected = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(min=0, max=LARGEST_ID),
        metadata={"description": "How many were to go out again (`will`); with another number it is refused (409, `count-changed`)."},
    )  # fmt: skip
    dry_run = shapes.Flag(load_default=False, metadata={"description": "Only count."})


class LeftShape(Schema):
    """Messages that are left for one reason."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    count = fields.Integer(required=True)


class AgainShape(Schema):
    """How many match, how many go out again, and why the others do not."""

    total = fields.Integer(required=True)
    will = fields.Integer(required=True)
    skipped = fields.List(fields.Nested(LeftShape), required=True)
    cost = fields.Nested(CostShape, required=True, allow_none=True, metadata={"description": "Null where none costs anything."})
    sent = fields.Integer(required=True, metadata={"description": "How many go out now; 0 with `dry_run`."})


@operation(
    "GET", "/messages", "List messages to people", tag="messages", permissions=("messages:view",), query=MessageQuery,
    answer=shapes.page_of(Message), refusals=(422,),
)  # fmt: skip
def list_messages(call: Call) -> Document:
    """Newest first."""
    query, session = call.query, call.session
    filters = _filters(query)
    found = deliveries_query.page(session, filters, related=again.RELATED, limit=query["limit"], cursor=query["cursor"])
    counted = deliveries_query.counts(session, filters)
    total = counted.get(filters.state, 0) if filters.state else sum(counted.values())
    view = call.app.plugins.view(session)
    return shapes.page([again.document(each, view) for each in found.rows], next=found.next, total=total)


@operation(
    "GET", "/messages/{message_id}", "Read a message's state", tag="messages", permissions=("messages:view",), answer=Message,
    refusals=(404,),
)  # fmt: skip
def read_message(call: Call) -> Document:
    """What became of it, and whether it can be sent again."""
    return _document(call, call.path["message_id"])


@operation(
    "POST", "/messages/{message_id}/again", "Send a message again", tag="messages", permissions=("messages:edit",), answer=Message,
    refusals=(404, 409),
)  # fmt: skip
def send_again(call: Call) -> Document:
    """One that bounced, was not sent or is unknown goes to the address as it is now, with a fresh link; answers the new message.

    One that waits for its next attempt is tried now. Repeated, it is one message.
    """
    return _document(call, again.send_one_again(call.app, call.actor, call.path["message_id"]))


@operation(
    "POST", "/messages/{message_id}/sent", "Decide that an unknown message was sent", tag="messages", permissions=("messages:edit",),
    answer=Message, refusals=(404, 409),
)  # fmt: skip
def mark_sent(call: Call) -> Document:
    """It counts as sent, and an invitation's account as invited."""
    again.mark_sent(call.app, call.actor, call.path["message_id"])
    return _document(call, call.path["message_id"])


@operation(
    "POST", "/messages/again", "Send everything that matches again", tag="messages", permissions=("messages:edit",), body=AgainDeed,
    answer=AgainShape, refusals=(409, 422),
)  # fmt: skip
def send_all_again(call: Call) -> Document:
    """What bounced or was not sent goes to the address as it is now, with a fresh link; only the newest of its kind to an account.

    About those that are unknown somebody decides one by one. Needs consent (409, ``consent-required``). Repeated, nothing is sent twice.
    """
    body, filters = call.body, _filters(call.body["filter"])
    with call.read() as session:
        found = again_many.plan(call.app, session, call.app.plugins.view(session), call.actor, filters)
    left = quotes.funds(call.app, found.quote.channel) if found.quote is not None and body["dry_run"] else None
    sent = 0
    if not body["dry_run"]:
        sent = again_many.send_all_again(call.app, call.actor, filters, agreed=body["agreed"], expected=body["expected"])
    return {**again_many.plan_document(found, quotes.quote_document(found.quote, left)), "sent": sent}


def _filters(words: Mapping[str, Any]) -> Filters:
    return Filters(
        state=words.get("state", ""), kind=words.get("kind", ""), channel=words.get("channel", ""), account_id=words.get("account"),
        run_id=words.get("run"),
    )  # fmt: skip


def _document(call: Call, message_id: int) -> Document:
    with call.read() as session:
        return again.document(again.load(session, message_id), call.app.plugins.view(session))
