"""The institution's own settings, by their names."""

from marshmallow import Schema

from rolecall.work import changes
from rolecall.work.documents import Document, core_settings_document
from rolecall_webapp.api.operation import Call, operation


class Settings(Schema):
    """Settings by name; which there are is in the document of this API."""

    class Meta:
        unknown = "include"


class SettingsChange(Schema):
    """Any of the settings; what is absent stays as it is."""

    class Meta:
        unknown = "include"


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
    with call.app.db.read() as session:
        return core_settings_document(session, call.view)
