"""The institution's own settings, by their names."""

from marshmallow import Schema, fields

from rolecall.errors import Unknown
from rolecall.plugins.plugin import CORE
from rolecall.work import all_settings, changes
from rolecall.work.documents import Document, core_settings_document
from rolecall_webapp.api import shapes
from rolecall_webapp.api.operation import Call, operation


class Settings(Schema):
    """Settings by name; which there are is in the document of this API."""

    class Meta:
        unknown = "include"


class SettingsChange(Schema):
    """Any of the settings; what is absent stays as it is, and null gives a setting its default again."""

    class Meta:
        unknown = "include"


class SettingDetails(Schema):
    """One setting with what is said about it. Of a secret, only whether it is set."""

    plugin = fields.String(required=True, metadata={"description": "Whose it is; “core” for the institution's own."})
    key = fields.String(required=True)
    label = fields.String(required=True)
    help = fields.String(required=True)
    group = fields.String(required=True)
    risk = fields.String(required=True, metadata={"description": "What can go wrong with it."})
    governs = fields.List(fields.String(), required=True, metadata={"description": "Actions that it decides something about."})
    secret = fields.Boolean(required=True)
    is_set = fields.Boolean(required=True)
    value = shapes.Free(required=True, allow_none=True)
    default = shapes.Free(required=True, allow_none=True)
    origin = shapes.one_of(("default", "set"), required=True)
    changed_at = fields.DateTime(required=True, allow_none=True)
    changed_by = fields.String(required=True, allow_none=True)


class DetailsQuery(Schema):
    """Which settings are wanted."""

    q = fields.String(load_default="", metadata={"description": "Words that stand in a label, help, group or name."})
    plugin = fields.String(metadata={"description": "Only those of this plugin; “core” for the institution's own."})


@operation(
    "GET", "/settings/details", "Describe settings", tag="settings", permissions=("settings:view",), query=DetailsQuery,
    answer=shapes.page_of(SettingDetails), refusals=(404,),
)  # fmt: skip
def describe_settings(call: Call) -> Document:
    """With default, origin, and who changed them when; those of plugins too for whoever may see integrations."""
    installed = call.app.plugins.installed
    wanted = call.query.get("plugin")
    if wanted is not None and wanted not in installed:
        raise Unknown(f"There is no plugin called {wanted}.")
    seen = [each for each in installed.values() if each.name == CORE or call.actor.may("integrations:view")]
    found = all_settings.every(call.session, [each for each in seen if wanted in (None, each.name)])
    return shapes.page([all_settings.document(each) for each in all_settings.search(found, call.query["q"])])


@operation("GET", "/settings", "Read the settings", tag="settings", permissions=("settings:view",), answer=Settings)
def read_settings(call: Call) -> Document:
    """Defaults are filled in."""
    return core_settings_document(call.session, call.view)


@operation(
    "PATCH", "/settings", "Change settings", tag="settings", permissions=("settings:edit",), body=SettingsChange, answer=Settings,
    refusals=(422,),
)  # fmt: skip
def edit_settings(call: Call) -> Document:
    """All of them or none are saved."""
    changes.set_plugin(call.app, call.actor, "core", values=call.body)
    with call.read() as session:
        return core_settings_document(session, call.view)
