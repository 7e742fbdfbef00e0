"""Plugins and their providers: enabling, settings, trying the connection, and leaving a provider alone."""

from marshmallow import Schema, fields

from rolecall.errors import Unknown
from rolecall.plugins.plugin import Plugin
from rolecall.work import changes
from rolecall.work.connection import check, documents, works
from rolecall.work.delivery import usage
from rolecall.work.documents import Document, plugin_document
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Call, operation


class PluginChange(Schema):
    """What may be changed of a plugin: both parts or nothing are saved."""

    enabled = shapes.Flag()
    settings = fields.Dict(
        keys=fields.String(),
        metadata={
            "description": "Values by name; what is absent stays. A secret is kept when empty and removed when null. “mapping” is changed "
            "attribute by attribute: {NAME: {template, mode}}, and null gives an attribute the plugin's own again."
        },
    )
    untested = shapes.Flag(
        load_default=False,
        metadata={"description": "Settings are saved only if the connection works with them; true saves them without that test."},
    )


class Trial(Schema):
    """Settings to try in place of the saved ones; nothing is stored."""

    settings = fields.Dict(keys=fields.String(), load_default=dict)


class CheckResult(Schema):
    """Whether the connection works."""

    ok = fields.Boolean(required=True)
    lines = fields.List(fields.Nested(shapes.CheckLine), required=True)


class UsageSum(Schema):
    """Messages that were taken or may have been, their parts, and what they cost as far as that is known."""

    messages = fields.Integer(required=True)
    parts = fields.Integer(required=True, metadata={"description": "What they were sent and paid in."})
    cost = fields.String(required=True, metadata={"description": "A decimal number as text, by the prices of their time."})


class UsageShape(Schema):
    """What the messages of a channel came to."""

    counted = fields.Integer(required=True, metadata={"description": "How many count for the day's limit."})
    limit = fields.Integer(required=True)
    currency = fields.String(required=True, allow_none=True, metadata={"description": "Null where the settings do not say it."})
    day = fields.Nested(UsageSum, required=True, metadata={"description": "Of 24 hours."})
    month = fields.Nested(UsageSum, required=True, metadata={"description": "Of 30 days."})


@operation("GET", "/plugins", "List plugins", tag="plugins", permissions=("integrations:view",), answer=shapes.page_of(shapes.Plugin))
def list_plugins(call: Call) -> Document:
    """All that are installed, with why one of them cannot be used."""
    return shapes.page([plugin_document(call.session, each) for each in call.app.plugins.installed.values()])


@operation(
    "GET", "/plugins/{plugin}", "Read a plugin", tag="plugins", permissions=("integrations:view",), answer=shapes.Plugin, refusals=(404,)
)
def read_plugin(call: Call) -> Document:
    """Secrets are never shown; ``secrets_set`` names those that are set."""
    return plugin_document(call.session, installed(call))


@operation(
    "GET", "/plugins/{plugin}/usage", "What a channel's messages came to", tag="plugins", permissions=("integrations:view",),
    answer=UsageShape, refusals=(404,),
)  # fmt: skip
def read_usage(call: Call) -> Document:
    """Messages, parts and cost of a day and of a month; 404 for a plugin whose messages cost nothing, or that is not enabled."""
    return usage.usage_document(usage.require(call.session, call.view, installed(call).name))


@operation(
    "PATCH", "/plugins/{plugin}", "Change a plugin", tag="plugins", permissions=("integrations:edit",), body=PluginChange,
    answer=shapes.Plugin, refusals=(404, 409, 422),
)  # fmt: skip
def edit_plugin(call: Call) -> Document:
    """Works at once in every process. Settings of a connection that does not work are refused with what was tried (``not-connected``)."""
    plugin = installed(call)
    enabled, values = call.body.get("enabled"), call.body.get("settings")
    changes.set_plugin(call.app, call.actor, plugin.name, enabled=enabled, values=values, untested=call.body["untested"])
    return _now(call, plugin)


@operation(
    "POST", "/plugins/{plugin}/check", "Try the connection", tag="plugins", permissions=("integrations:edit",), body=Trial,
    answer=CheckResult, refusals=(404, 409, 422),
)  # fmt: skip
def check_plugin(call: Call) -> Document:
    """One line per permission, with how to mend it."""
    lines = check(call.app, installed(call).name, call.body["settings"])
    return {"ok": works(lines), "lines": documents(lines)}


@operation(
    "POST", "/plugins/{plugin}/pause", "Leave a provider alone", tag="plugins", permissions=("integrations:edit",), answer=shapes.Plugin,
    refusals=(404,),
)  # fmt: skip
def pause_plugin(call: Call) -> Document:
    """Changes wait until it is resumed; none is lost."""
    plugin = installed(call)
    changes.pause_provider(call.app, call.actor, plugin.name)
    return _now(call, plugin)


@operation(
    "POST", "/plugins/{plugin}/resume", "Call a provider again", tag="plugins", permissions=("integrations:edit",), answer=shapes.Plugin,
    refusals=(404,),
)  # fmt: skip
def resume_plugin(call: Call) -> Document:
    """What has waited is done."""
    plugin = installed(call)
    changes.resume_provider(call.app, call.actor, plugin.name)
    return _now(call, plugin)


def installed(call: Call) -> Plugin:
    """The plugin that the address names.

    :raises Unknown: when no such plugin is installed.
    """
    plugin = call.app.plugins.installed.get(call.path["plugin"])
    if plugin is None:
        raise Unknown("There is no such plugin.", hint="GET /api/v1/plugins lists what is installed.")
    return plugin


def _now(call: Call, plugin: Plugin) -> Document:
    with call.read() as session:
        return plugin_document(session, plugin)
