"""The sync: what has not reached a provider, trying it again, and what a sync would do."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy import func, select

from rolecall.store.cursors import read_cursor, write_cursor
from rolecall.store.tables import Account, ClassLink, Link, Period, SchoolClass
from rolecall.work import changes, links
from rolecall.work.documents import Document, link_document
from rolecall.work.runs.selection import MOST_IDS
from rolecall.work.sync.claim import Table
from rolecall.work.sync.classes.documents import class_line_document
from rolecall.work.sync.classes.preview import ClassLine, preview_classes
from rolecall.work.sync.preview import Line, preview
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Call, operation
from rolecall_webapp.api.plugins import Trial, installed


class PendingQuery(shapes.Paging):
    """Which links."""

    provider = shapes.text(40)
    state = shapes.one_of(("queued", "running", "retrying", "blocked"))
    type = shapes.one_of(("account", "class"), metadata={"description": "Only accounts, or only classes."})


class Pending(shapes.Standing):
    """A link that is not done: of an account or of a class, one of which is null. Ids are told apart by the type."""

    id = fields.Integer(required=True)
    type = shapes.one_of(("account", "class"), required=True)
    account = fields.Nested(shapes.AccountName, required=True, allow_none=True)
    class_ = fields.Nested(shapes.ClassName, data_key="class", required=True, allow_none=True)
    run = fields.Integer(required=True, allow_none=True)
    changed_at = fields.DateTime(required=True)


class Retry(Schema):
    """Which links are tried again; without anything, all that are blocked or wait. With accounts alone, no classes, and vice versa."""

    classes = fields.List(shapes.number_id(), validate=validate.Length(min=1, max=MOST_IDS))
    accounts = fields.List(shapes.number_id(), validate=validate.Length(min=1, max=MOST_IDS))
    providers = fields.List(shapes.text(40), validate=validate.Length(min=1, max=100))


class Retried(Schema):
    """How many links are tried again."""

    links = fields.Integer(required=True)


class FieldChange(Schema):
    """A field before and after; of memberships, what is taken away and what is added."""

    before = shapes.Free(required=True, allow_none=True)
    after = shapes.Free(required=True, allow_none=True)


class Moved(Schema):
    """How many people come into a class and leave it."""

    added = fields.Integer(required=True)
    removed = fields.Integer(required=True)


class PlanLine(Schema):
    """What a sync would do to one account or one class; the other of the two is null."""

    account = fields.Nested(shapes.AccountName, required=True, allow_none=True)
    class_ = fields.Nested(shapes.ClassName, data_key="class", required=True, allow_none=True)
    verb = shapes.one_of(("create", "update", "suspend", "resume", "delete", "archive", "none"), required=True)
    queued = fields.Boolean(required=True, metadata={"description": "It is due; otherwise it would happen with its next sync."})
    members = fields.Nested(Moved, metadata={"description": "Of classes."})
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
    """Every link that is not done, of accounts and then of classes, with what stands in its way."""
    limit = call.query["limit"]
    place, after = read_cursor(call.query["cursor"], (int, int)) if call.query["cursor"] else (0, 0)
    items: list[tuple[list[int], Document]] = []
    total = 0
    for number, (name, table, read) in enumerate(_KINDS):
        if call.query.get("type", name) != name:
            continue
        wanted = _behind(call, table)
        total += call.session.scalar(select(func.count()).select_from(table).where(*wanted)) or 0
        if number >= place and len(items) <= limit:
            since = after if number == place else 0
            rows = read(call, [*wanted, table.id > since], limit + 1 - len(items))
            items += [([number, each["id"]], each) for each in rows]
    more = write_cursor(items[limit - 1][0]) if len(items) > limit else None
    return shapes.page([each for _, each in items[:limit]], next=more, total=total)


@operation(
    "POST", "/pending/retry", "Try again", tag="sync", permissions=("integrations:edit",), body=Retry, answer=Retried, refusals=(422,)
)
def retry_pending(call: Call) -> Document:
    """What is blocked or waits for its next attempt is due now."""
    chosen = {name: call.body.get(name) for name in ("accounts", "classes", "providers")}
    return {"links": changes.retry_links(call.app, call.actor, **chosen)}


@operation(
    "POST", "/plugins/{plugin}/plan", "What a sync would do", tag="sync", permissions=("integrations:view",), query=shapes.Paging,
    body=Trial, answer=SyncPlan, refusals=(404, 409, 422),
)  # fmt: skip
def plan_sync(call: Call) -> Document:
    """Per account and field, before and after. Nothing is sent, and nobody is called."""
    after = read_cursor(call.query["cursor"], (int, int)) if call.query["cursor"] else [0, 0]
    limit = call.query["limit"]
    verbs: Counter[str] = Counter()
    shown: list[tuple[list[int], Document]] = []
    name, values = installed(call).name, call.body["settings"] or None
    accounts = (([0, line.account_id], line.verb, partial(_line, line)) for line in preview(call.app, call.actor, name, values=values))
    classes = (
        ([1, line.class_id], line.verb, partial(_class_line, line)) for line in preview_classes(call.app, call.actor, name, values=values)
    )
    for place, verb, told in chain(accounts, classes):
        verbs[verb] += 1
        if place > after and len(shown) <= limit:
            shown.append((place, told()))
    more = write_cursor(shown[limit - 1][0]) if len(shown) > limit else None
    return {**shapes.page([each for _, each in shown[:limit]], next=more, total=verbs.total()), "verbs": dict(verbs)}


def _class_line(line: ClassLine) -> Document:
    return {"account": None, **class_line_document(line)}


def _line(line: Line) -> Document:
    return {
        "class": None,
        "account": {"id": line.account_id, "username": line.username, "name": line.name},
        "verb": line.verb,
        "queued": line.queued,
        "fields": {name: {"before": before, "after": after} for name, (before, after) in line.fields.items()},
        "error": line.error,
    }


def _behind(call: Call, table: Table) -> list[Any]:
    wanted: list[Any] = [table.synced < table.wanted]
    if "provider" in call.query:
        wanted.append(table.provider == call.query["provider"])
    if "state" in call.query:
        wanted.append(links.state(call.now, table) == call.query["state"])
    return wanted


def _accounts(call: Call, wanted: list[Any], limit: int) -> list[Document]:
    statement = select(Link, Account).join(Account, Account.id == Link.account_id).where(*wanted)
    return [_pending(call, link, account) for link, account in call.session.execute(statement.order_by(Link.id).limit(limit))]


def _classes(call: Call, wanted: list[Any], limit: int) -> list[Document]:
    statement = select(ClassLink, SchoolClass, Period.code).join(SchoolClass, SchoolClass.id == ClassLink.class_id)
    rows = statement.join(Period, Period.id == SchoolClass.period_id).where(*wanted).order_by(ClassLink.id).limit(limit)
    return [
        {
            "id": link.id,
            "type": "class",
            "account": None,
            "class": {"id": each.id, "code": each.code, "name": each.name, "period": period},
            **link_document(link, call.now),
            "run": None,
            "changed_at": link.changed_at,
        }
        for link, each, period in call.session.execute(rows)
    ]


_KINDS: tuple[tuple[str, Table, Callable[[Call, list[Any], int], list[Document]]], ...] = (
    ("account", Link, _accounts),
    ("class", ClassLink, _classes),
)


def _pending(call: Call, link: Link, account: Account) -> Document:
    name = f"{account.first_name} {account.last_name}".strip()
    return {
        "id": link.id,
        "type": "account",
        "class": None,
        "account": {"id": account.id, "username": account.username, "name": name},
        **link_document(link, call.now),
        "run": link.run_id,
        "changed_at": link.changed_at,
    }
