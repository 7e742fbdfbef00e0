"""What the safety limits hold at a provider: reading it, approving it, discarding it (R62)."""

from marshmallow import Schema, fields, validate

from rolecall.store.cursors import LARGEST_ID, read_cursor, write_cursor
from rolecall.work.documents import Document, plugin_document
from rolecall.work.runs.selection import MOST_IDS
from rolecall.work.sync import held
from rolecall.work.sync.held_groups import groups
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Call, operation
from rolecall_webapp.api.plugins import installed


class HeldChange(Schema):
    """One account that would be closed at the provider."""

    account = fields.Nested(shapes.AccountName, required=True)
    type = fields.String(required=True, metadata={"description": "The user type."})
    verb = shapes.one_of(("suspend", "delete"), required=True)
    guarded = fields.Boolean(
        required=True,
        metadata={
            "description": "An administrator's, the owner's or a protected account, for which nobody asked by itself; else above a limit."
        },
    )
    since = fields.DateTime(required=True)
    run = fields.Integer(required=True, allow_none=True, metadata={"description": "The run that asked for it; null: a rule or setting."})


class HeldChanges(Schema):
    """A page of what is held; ``total`` and ``shown_at`` are what a decision names."""

    items = fields.List(fields.Nested(HeldChange), required=True)
    next = fields.String(required=True, allow_none=True)
    total = fields.Integer(required=True)
    shown_at = fields.DateTime(required=True)


class Discarding(Schema):
    """What was shown to whoever decides; the decision is refused (409, ``count-changed``) when it is not what is held."""

    expected = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=0, max=LARGEST_ID),
        metadata={"description": "How many were shown: `total`."},
    )  # fmt: skip
    shown_at = fields.AwareDateTime(
        load_default=None, metadata={"description": "When they were shown; what was held since then is not decided about."}
    )
    accounts = fields.List(
        shapes.number_id(),
        load_default=None,
        validate=validate.Length(min=1, max=MOST_IDS),
        metadata={"description": "Only these, and `expected` is their number. Guarded ones are approved only when they are named here."},
    )


class Approval(Discarding):
    """As for discarding, and whether accounts are deleted."""

    without_deletions = shapes.Flag(load_default=False, metadata={"description": "Who would be deleted is suspended instead."})


@operation(
    "GET", "/plugins/{plugin}/held", "What the safety limits hold", tag="plugins", permissions=("integrations:view",), query=shapes.Paging,
    answer=HeldChanges, refusals=(404, 422),
)  # fmt: skip
def list_held(call: Call) -> Document:
    """Suspensions and deletions that wait for somebody: who, which verb, since when and by which run."""
    name = installed(call).name
    shown_at = held.moment_of(call.session)
    (after,) = read_cursor(call.query["cursor"], (int,)) if call.query["cursor"] else (0,)
    limit = call.query["limit"]
    rows = held.held_links(call.session, name, limit=limit + 1, after=after)
    more = write_cursor([rows[limit - 1].link_id]) if len(rows) > limit else None
    items = [
        {
            "account": {"id": each.account_id, "username": each.username, "name": each.name}, "type": each.user_type, "verb": each.verb,
            "guarded": each.guarded, "since": each.since, "run": each.run_id,
        }
        for each in rows[:limit]
    ]  # fmt: skip
    total = sum(each.number for each in groups(call.session, name))
    return {**shapes.page(items, next=more, total=total), "shown_at": shown_at}


@operation(
    "POST", "/plugins/{plugin}/approve", "Approve what is held", tag="plugins", permissions=("integrations:edit",), body=Approval,
    answer=shapes.Plugin, refusals=(404, 409, 422),
)  # fmt: skip
def approve_held(call: Call) -> Document:
    """The accounts are closed at the provider; who approved it is in the audit.

    Guarded ones stay held unless ``accounts`` names them.
    """
    plugin, body = installed(call), call.body
    shown = {"expected": body["expected"], "shown_at": body["shown_at"], "accounts": body["accounts"]}
    held.approve(call.app, call.actor, plugin.name, deletions=not body["without_deletions"], **shown)
    with call.read() as session:
        return plugin_document(session, plugin)


@operation(
    "POST", "/plugins/{plugin}/discard", "Discard what is held", tag="plugins", permissions=("integrations:edit",), body=Discarding,
    answer=shapes.Plugin, refusals=(404, 409, 422),
)  # fmt: skip
def discard_held(call: Call) -> Document:
    """The accounts stay at the provider as they are, and are not behind there any more; a later change of one counts anew."""
    plugin = installed(call)
    body = call.body
    held.discard(call.app, call.actor, plugin.name, expected=body["expected"], shown_at=body["shown_at"], accounts=body["accounts"])
    with call.read() as session:
        return plugin_document(session, plugin)
