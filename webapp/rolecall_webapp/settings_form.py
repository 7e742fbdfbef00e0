"""Forms for settings of core or of a plugin, generated from their schema: values, defaults, who changed them last; secrets only as "set".

Owns how a stored setting is shown and how what was sent becomes values to save. Knows no setting by name.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from flask import g, url_for
from marshmallow import Schema
from werkzeug.datastructures import MultiDict

from rolecall.accounts import settings
from rolecall.accounts.settings import Described
from rolecall.plugins.plugin import CORE
from rolecall.sdk.fields import FormField, describe
from rolecall.work import all_settings
from rolecall.work.runs.forms import Form as FormContext
from rolecall_webapp import forms, wording
from rolecall_webapp.frame import may
from rolecall_webapp.parts import Link


def fields_of(schema: type[Schema]) -> tuple[FormField, ...]:
    """The fields of a schema as a form shows them. A secret need not be typed again, so the browser does not insist on it."""
    return describe(schema, FormContext(session=g.db, view=g.view))


def stored(plugin: str, schema: type[Schema]) -> dict[str, Described]:
    """What is set, by name."""
    return {each.key: each for each in settings.describe(g.db, plugin, schema)}


def values_of(known: Mapping[str, Described]) -> dict[str, Any]:
    """What the form begins with; never a secret."""
    return {name: each.value for name, each in known.items() if not each.secret}


def relaxed(fields: Sequence[FormField], known: Mapping[str, Described]) -> list[FormField]:
    """The fields with secrets that are set already no longer required: left empty, they stay."""
    return [optional(each) if each.secret and known[each.name].is_set else each for each in fields]


def optional(each: FormField) -> FormField:
    """The same field, not required."""
    return replace(each, required=False)


def notes_of(fields: Sequence[FormField], known: Mapping[str, Described]) -> dict[str, str]:
    """A sentence beside each field: its default, and who changed it when."""
    return {each.name: _note(each, known[each.name]) for each in fields}


def resets_of(fields: Sequence[FormField], known: Mapping[str, Described]) -> list[str]:
    """The fields that are set and have a default to go back to."""
    return [each.name for each in fields if known[each.name].origin == "set" and not each.secret and not each.required]


def where(plugin: str, key: str = "", words: str = "") -> str | None:
    """The address of a setting, for whoever may open its page."""
    if plugin == CORE:
        return url_for("settings.index", q=words or key) if may("settings:view") else None
    return url_for("integrations.settings", name=plugin, _anchor=f"field-{key}" if key else None) if may("integrations:edit") else None


def governing(action_id: str) -> list[Link]:
    """The settings that decide something about an action, for its dialog; without an address where they may not be opened."""
    return [
        Link(label=f"{each.owner}: {each.label}" if each.owner else each.label, href=where(each.plugin, each.key, each.words) or "")
        for each in all_settings.governing(g.view, action_id)
    ]


def collect(sent: MultiDict[str, str], fields: Sequence[FormField]) -> dict[str, Any]:
    """What was sent, as the schema loads it. An empty number means the default; a text may be empty."""
    values = forms.collect(sent, fields, keep_empty=True)
    emptied = {each.name: each.default for each in fields if each.kind in ("number", "date", "choice") and values.get(each.name) == ""}
    return values | emptied


def matching(fields: Sequence[FormField], known: Mapping[str, Described], words: str) -> list[FormField]:
    """The fields that a search finds, by label, help, group, risk or name; all of them without one."""
    return [each for each in fields if all_settings.matches(words, all_settings.text_of(known[each.name]))]


def once(fields: Sequence[FormField]) -> list[FormField]:
    """The fields, each help said once where several in a row share it."""
    return [
        each if number == 0 or each.help != fields[number - 1].help else replace(each, help="") for number, each in enumerate(fields)
    ]  # fmt: skip


def only(fields: Sequence[FormField], names: Collection[str]) -> list[FormField]:
    """The fields with these names."""
    return [each for each in fields if each.name in names]


def _note(each: FormField, known: Described) -> str:
    who = f" {wording.ago(known.changed_at)} by {known.changed_by}" if known.changed_at else ""
    if each.secret:
        return f"It is set{who}. Leave it empty to keep it; it is never shown." if known.is_set else "It is not set yet."
    if known.origin == "default":
        return "This is the default." if each.kind != "choices" else ""
    if known.default is None:
        return f"Changed{who}."
    default = "By default it is empty." if known.default in ("", []) else f"The default is {spoken(known.default, each)}."
    return f"Changed{who}. {default}"


def spoken(value: Any, each: FormField) -> str:
    """A value as a person says it."""
    return plainly(value, dict(each.options))


def plainly(value: Any, labels: Mapping[str, str] = MappingProxyType({})) -> str:
    """A value as a person says it, with the labels of its choices where they are known."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(labels.get(str(one), str(one)) for one in value) or "nothing"
    return labels.get(str(value), str(value))
