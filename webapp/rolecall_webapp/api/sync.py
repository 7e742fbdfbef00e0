"""The sync: what has not reached a provider, trying it again, and what a sync would do."""

from collections import Counter
from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy import func, select

from rolecall.store.cursors import read_cursor, write_cursor
from rolecall.store.tables import Account, Link
from rolecall.work import changes, links
from rolecall.work.documents import Document, link_document
from rolecall.work.runs.selection import MOST_IDS
from rolecall.work.sync.preview import Line, preview
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Call, operation
from rolecall_webapp.api.plugins import Trial, installed


class PendingQuery(shapes.Paging):
    """Which links."""

    provider = shapes.text(40)
    state = shapes.one_of(("queued", "running", "retrying", "blocked"))


class Pending(shapes.Link):
    """A link that is not done."""

    id = fields.Integer(required=True)
    account = fields.Nested(shapes.AccountName, required=True)
    run = fields.Integer(required=True, allow_none=True)
    changed_at = fields.DateTime(required=True)


class Retry(Schema):
    """Which links are tried again; without anything, all that are blocked or wait."""

    accounts = fields.List(shapes.number_id(), validate=validate.Length(min=1, max=MOST_IDS))
    providers = fields.List(shapes.text(40), validate=validate.Length(min=1, max=100))


class Retried(Schema):
    """How many links are tried again."""

    links = fields.Integer(required=True)


class FieldChange(Schema):
    """A field before and after; of memberships, what is taken away and what is added."""

    before = shapes.Free(required=True, allow_none=True)
    after = shapes.Free(required=True, allow_none=True)


class PlanLine(Schema):
    """What a sync would do to one account."""

    account = fields.Nested(shapes.AccountName, required=True)
    verb = shapes.one_of(("create", "update", "suspend", "resume", "delete", "none"), required=True)
    queued = fields.Boolean(required=True, metadata={"description": "It is due; otherwise it would happen with the account's next sync."})
    fields_ = fields.Dict(keys=fields.String(), values=fields.Nested(FieldChange), data_key="fields", required=True)
    error = fields.String(required=True, allow_none=True, metadata={"description": "Why no plan could be made for the account."})


class SyncPlan(Schema):
    """A page of what a sync would do, and how much of what on all pages."""

    items = fields.List(fields.Nested(PlanLine), required=True)
    next = fields.String(required=True, allow_none=True)
    total = fields.Integer(required=True)
    verbs = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


@operation(
    "GET", "/pending", "What has not reached a provider", tag="sync", permissions=("integrations:view",), query=PendingQuery,
    answer=shapes.page_of(Pending), refusals=(422,),
)  # fmt: skip
def list_pending(call: Call) -> Document:
    """Every link that is not done, with what stands in its way."""
    wanted: list[Any] = [Link.synced < Link.wanted]
    if "provider" in call.query:
        wanted.append(Link.provider == call.query["provider"])
    if "state" in call.query:
        wanted.append(links.state(call.now) == call.query["state"])
    total = call.session.scalar(select(func.count()).select_from(Link).where(*wanted)) or 0
    limit = call.query["limit"]
    if call.query["cursor"]:
        wanted.append(Link.id > read_cursor(call.query["cursor"], (int,))[0])
    statement = select(Link, Account).join(Account, Account.id == Link.account_id).where(*wanted)
    found = call.session.execute(statement.order_by(Link.id).limit(limit + 1)).all()
    more = write_cursor([found[limit - 1][0].id]) if len(found) > limit else None
    return shapes.page([_pending(call, link, account) for link, account in found[:limit]], next=more, total=total)


@operation(
    "POST", "/pending/retry", "Try again", tag="sync", permissions=("integrations:edit",), body=Retry, answer=Retried, refusals=(422,)
)
def retry_pending(call: Call) -> Document:
    """What is blocked or waits for its next attempt is due now."""
    return {"links": changes.retry_links(call.app, call.actor, accounts=call.body.get("accounts"), providers=call.body.get("providers"))}


@operation(
    "POST", "/plugins/{plugin}/plan", "What a sync would do", tag="sync", permissions=("integrations:view",), query=shapes.Paging,
    body=Trial, answer=SyncPlan, refusals=(404, 409, 422),
)  # fmt: skip
def plan_sync(call: Call) -> Document:
    """Per account and field, before and after. Nothing is sent, and nobody is called."""
    after = read_cursor(call.query["cursor"], (int,))[0] if call.query["cursor"] else 0
    limit = call.query["limit"]
    verbs: Counter[str] = Counter()
    shown: list[Line] = []
    for line in preview(call.app, installed(call).name, values=call.body["settings"] or None):
        verbs[line.verb] += 1
        if line.account_id > after and len(shown) <= limit:
            shown.append(line)
    more = write_cursor([shown[limit - 1].account_id]) if len(shown) > limit else None
    return {**shapes.page([_line(each) for each in shown[:limit]], next=more, total=verbs.total()), "verbs": dict(verbs)}


def _line(line: Line) -> Document:
    return {
        "account": {"id": line.account_id, "username": line.username, "name": line.name},
        "verb": line.verb,
        "queued": line.queued,
        "fields": {name: {"before": before, "after": after} for name, (before, after) in line.fields.items()},
        "error": line.error,
    }


def _pending(call: Call, link: Link, account: Account) -> Document:
    name = f"{account.first_name} {account.last_name}".strip()
    return {
        "id": link.id,
        "account": {"id": account.id, "username": account.username, "name": name},
        **link_document(link, call.now),
        "run": link.run_id,
        "changed_at": link.changed_at,
    }
