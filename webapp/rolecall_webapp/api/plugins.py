"""Plugins and their providers: enabling, settings, trying the connection, previewing and pausing the sync, and what is pending."""

from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy import func, select

from rolecall.errors import Unknown
from rolecall.plugins.plugin import Plugin
from rolecall.store.cursors import read_cursor, write_cursor
from rolecall.store.tables import Account, Link
from rolecall.work import changes, links
from rolecall.work.connection import check, works
from rolecall.work.documents import Document, link_document, plugin_document
from rolecall.work.runs.selection import MOST_IDS
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Call, operation


class PluginChange(Schema):
    """What may be changed of a plugin: both parts or nothing are saved."""

    enabled = shapes.Flag()
    settings = fields.Dict(
        keys=fields.String(),
        metadata={"description": "Values by name; what is absent stays. A secret is kept when empty and removed when null."},
    )


class Trial(Schema):
    """Settings to try the connection with, in place of the saved ones."""

    settings = fields.Dict(keys=fields.String(), load_default=dict)


class CheckLine(Schema):
    """One permission or property that was tried."""

    label = fields.String(required=True)
    ok = fields.Boolean(required=True)
    detail = fields.String(required=True)
    fix = fields.String(required=True)
    required = fields.Boolean(required=True)


class CheckResult(Schema):
    """Whether the connection works."""

    ok = fields.Boolean(required=True)
    lines = fields.List(fields.Nested(CheckLine), required=True)


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


@operation(
    "GET", "/plugins", "List plugins", tag="plugins", permissions=("integrations:view",), answer=shapes.page_of(shapes.Plugin)
)
def list_plugins(call: Call) -> Document:
    """All that are installed, with why one of them cannot be used."""
    return shapes.page([plugin_document(call.session, each) for each in call.app.plugins.installed.values()])


@operation(
    "GET", "/plugins/{plugin}", "Read a plugin", tag="plugins", permissions=("integrations:view",), answer=shapes.Plugin, refusals=(404,)
)
def read_plugin(call: Call) -> Document:
    """Secrets are never shown; ``secrets_set`` names those that are set."""
    return plugin_document(call.session, _installed(call))


@operation(
    "PATCH", "/plugins/{plugin}", "Change a plugin", tag="plugins", permissions=("integrations:edit",), body=PluginChange,
    answer=shapes.Plugin, refusals=(404, 409, 422),
)  # fmt: skip
def edit_plugin(call: Call) -> Document:
    """Works at once in every process."""
    plugin = _installed(call)
    changes.set_plugin(call.app, call.actor, plugin.name, enabled=call.body.get("enabled"), values=call.body.get("settings"))
    return _now(call, plugin)


@operation(
    "POST", "/plugins/{plugin}/check", "Try the connection", tag="plugins", permissions=("integrations:edit",), body=Trial,
    answer=CheckResult, refusals=(404, 409, 422),
)  # fmt: skip
def check_plugin(call: Call) -> Document:
    """One line per permission, with how to mend it."""
    lines = check(call.app, _installed(call).name, call.body["settings"])
    told = [{"label": each.label, "ok": each.ok, "detail": each.detail, "fix": each.fix, "required": each.required} for each in lines]
    return {"ok": works(lines), "lines": told}


@operation(
    "POST", "/plugins/{plugin}/pause", "Leave a provider alone", tag="plugins", permissions=("integrations:edit",), answer=shapes.Plugin,
    refusals=(404,),
)  # fmt: skip
def pause_plugin(call: Call) -> Document:
    """Changes wait until it is resumed; none is lost."""
    plugin = _installed(call)
    changes.pause_provider(call.app, call.actor, plugin.name)
    return _now(call, plugin)


@operation(
    "POST", "/plugins/{plugin}/resume", "Call a provider again", tag="plugins", permissions=("integrations:edit",), answer=shapes.Plugin,
    refusals=(404,),
)  # fmt: skip
def resume_plugin(call: Call) -> Document:
    """What has waited is done."""
    plugin = _installed(call)
    changes.resume_provider(call.app, call.actor, plugin.name)
    return _now(call, plugin)


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
    found = call.session.execute(statement.order_by(Link.id).limit(limit + 1)).tuples().all()
    more = write_cursor([found[limit - 1][0].id]) if len(found) > limit else None
    return shapes.page([_pending(call, link, account) for link, account in found[:limit]], next=more, total=total)


@operation(
    "POST", "/pending/retry", "Try again", tag="sync", permissions=("integrations:edit",), body=Retry, answer=Retried, refusals=(422,)
)
def retry_pending(call: Call) -> Document:
    """What is blocked or waits for its next attempt is due now."""
    return {"links": changes.retry_links(call.app, call.actor, accounts=call.body.get("accounts"), providers=call.body.get("providers"))}


def _installed(call: Call) -> Plugin:
    plugin = call.app.plugins.installed.get(call.path["plugin"])
    if plugin is None:
        raise Unknown("There is no such plugin.", hint="GET /api/v1/plugins lists what is installed.")
    return plugin


def _now(call: Call, plugin: Plugin) -> Document:
    with call.app.db.read() as session:
        return plugin_document(session, plugin)


def _pending(call: Call, link: Link, account: Account) -> Document:
    name = f"{account.first_name} {account.last_name}".strip()
    return {
        "id": link.id,
        "account": {"id": account.id, "username": account.username, "name": name},
        **link_document(link, call.now),
        "run": link.run_id,
        "changed_at": link.changed_at,
    }
