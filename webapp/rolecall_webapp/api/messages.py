"""Messages to people: what became of them, sending again, and deciding about those that are unknown (R19, R40, R42)."""

from marshmallow import Schema, fields

from rolecall.accounts.messages import EMAIL, PHONE, STATES
from rolecall.store import deliveries_query
from rolecall.store.deliveries_query import Filters
from rolecall.work.delivery import again
from rolecall.work.documents import Document
from rolecall_webapp.api import shapes
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


class MessageQuery(shapes.Paging):
    """Which messages."""

    state = shapes.one_of(STATES)
    kind = shapes.text(60)
    channel = shapes.one_of((EMAIL, PHONE))
    account = shapes.number_id(strict=False)
    run = shapes.number_id(strict=False)


@operation(
    "GET", "/messages", "List messages to people", tag="messages", permissions=("messages:view",), query=MessageQuery,
    answer=shapes.page_of(Message), refusals=(422,),
)  # fmt: skip
def list_messages(call: Call) -> Document:
    """Newest first."""
    query = call.query
    filters = Filters(
        state=query.get("state", ""), kind=query.get("kind", ""), channel=query.get("channel", ""), account_id=query.get("account"),
        run_id=query.get("run"),
    )  # fmt: skip
    session = call.session
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


def _document(call: Call, message_id: int) -> Document:
    with call.read() as session:
        return again.document(again.load(session, message_id), call.app.plugins.view(session))
