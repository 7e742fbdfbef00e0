"""Forms for settings of core or of a plugin, generated from their schema: values, defaults, who changed them last; secrets only as "set".

Owns how a stored setting is shown and how what was sent becomes values to save. Knows no setting by name.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import g
from marshmallow import Schema
from werkzeug.datastructures import MultiDict

from rolecall.accounts import settings
from rolecall.accounts.settings import Described
from rolecall.sdk.fields import FormField, describe
from rolecall.work.runs.forms import Form as FormContext
from rolecall_webapp import forms, wording


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


def collect(sent: MultiDict[str, str], fields: Sequence[FormField]) -> dict[str, Any]:
    """What was sent, as the schema loads it. An empty number means the default; a text may be empty."""
    values = forms.collect(sent, fields, keep_empty=True)
    emptied = {each.name: each.default for each in fields if each.kind in ("number", "date", "choice") and values.get(each.name) == ""}
    return values | emptied


def matching(fields: Sequence[FormField], words: str) -> list[FormField]:
    """The fields that a search finds, by label, help or name; all of them without one."""
    parts = words.casefold().split()
    return [each for each in fields if all(part in f"{each.label} {each.help} {each.group} {each.name}".casefold() for part in parts)]


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
    default = "" if known.default in (None, "") else f" The default is {spoken(known.default, each)}."
    return f"Changed{who}.{default}"


def spoken(value: Any, each: FormField) -> str:
    """A value as a person says it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    labels = dict(each.options)
    if isinstance(value, list | tuple):
        return ", ".join(labels.get(str(one), str(one)) for one in value) or "nothing"
    return labels.get(str(value), str(value))
