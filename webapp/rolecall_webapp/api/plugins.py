"""Plugins and their providers: enabling, settings, trying the connection, and leaving a provider alone."""

from marshmallow import Schema, fields

from rolecall.errors import Unknown
from rolecall.plugins.plugin import Plugin
from rolecall.work import changes
from rolecall.work.connection import check, works
from rolecall.work.documents import Document, plugin_document
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
    """Settings to try in place of the saved ones; nothing is stored."""

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
    "PATCH", "/plugins/{plugin}", "Change a plugin", tag="plugins", permissions=("integrations:edit",), body=PluginChange,
    answer=shapes.Plugin, refusals=(404, 409, 422),
)  # fmt: skip
def edit_plugin(call: Call) -> Document:
    """Works at once in every process."""
    plugin = installed(call)
    changes.set_plugin(call.app, call.actor, plugin.name, enabled=call.body.get("enabled"), values=call.body.get("settings"))
    return _now(call, plugin)


@operation(
    "POST", "/plugins/{plugin}/check", "Try the connection", tag="plugins", permissions=("integrations:edit",), body=Trial,
    answer=CheckResult, refusals=(404, 409, 422),
)  # fmt: skip
def check_plugin(call: Call) -> Document:
    """One line per permission, with how to mend it."""
    lines = check(call.app, installed(call).name, call.body["settings"])
    told = [{"label": each.label, "ok": each.ok, "detail": each.detail, "fix": each.fix, "required": each.required} for each in lines]
    return {"ok": works(lines), "lines": told}


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
    with call.app.db.read() as session:
        return plugin_document(session, plugin)
