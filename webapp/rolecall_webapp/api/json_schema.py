"""Describes marshmallow schemas as JSON Schema, for the OpenAPI document and for the list of actions.

Owns how our own field types and validators read there. Knows no particular schema.
"""

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields, validate

from rolecall.sdk.fields import Choice, Choices, FormContext, Lines, is_offered, is_secret
from rolecall_webapp.api.shapes import YesNo

VERSION = "3.1.0"


def new_spec(title: str, version: str, **info: Any) -> APISpec:
    """An empty OpenAPI document whose components are read from our marshmallow schemas."""
    plugin = _plugin(lambda schema: (schema if isinstance(schema, type) else type(schema)).__name__.removesuffix("Shape"))
    spec = APISpec(title=title, version=version, openapi_version=VERSION, plugins=[plugin], **info)
    _prepare(plugin)
    return spec


def describe(schema: type[Schema], context: FormContext | None = None) -> dict[str, Any]:
    """The JSON Schema of an object, in full. With a form context, choices that depend on data are listed as they are now.

    A schema that takes exactly one of several fields names them in ``EITHER``.
    """
    plugin = _plugin(lambda _schema: None)
    APISpec(title="", version="", openapi_version=VERSION, plugins=[plugin])
    converter = _prepare(plugin)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for name, each in schema().fields.items():
        if each.dump_only or (context is not None and not is_offered(each, context)):
            continue
        properties[name] = converter.field2property(each)
        if context is not None and isinstance(each, Choice | Choices):
            _list_choices(properties[name], each, context)
        if each.required:
            required.append(name)
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        found["required"] = required
    either = getattr(schema, "EITHER", ())
    return found | ({"oneOf": [{"required": [name]} for name in either]} if either else {})


def _plugin(resolver: Any) -> MarshmallowPlugin:
    return MarshmallowPlugin(schema_name_resolver=resolver)


def _prepare(plugin: MarshmallowPlugin) -> OpenAPIConverter:
    converter = plugin.converter
    if converter is None:
        raise AssertionError("apispec gives a plugin its converter when the document is made.")
    for function in (_kind, _texts, _pattern):
        converter.add_attribute_function(function)  # type: ignore[no-untyped-call]  # apispec has no types here
    return converter


def _kind(_converter: OpenAPIConverter, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    if isinstance(field, YesNo):
        return {"type": "string", "enum": ["yes", "no"], "default": "yes" if field.load_default else "no"}
    if type(field) is fields.Boolean and (field.load_only or not field.required):
        # What an action or a settings page takes is also written by hand, as yes and no.
        return {"type": ["boolean", "string"], "enum": [True, False, "yes", "no"]}
    if isinstance(field, Choices | Lines):
        return {"type": ["array", "string"]}
    return {}


def _texts(_converter: OpenAPIConverter, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"title": field.metadata["label"]} if field.metadata.get("label") else {}
    if field.metadata.get("help"):
        told["description"] = field.metadata["help"]
    if is_secret(field):
        told |= {"writeOnly": True, "format": "password"}
    return told


def _pattern(_converter: OpenAPIConverter, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """Python matches from the beginning and writes the end as \\Z; the standard searches anywhere and writes it as $."""
    found = [each.regex.pattern for each in field.validators if isinstance(each, validate.Regexp)]
    if len(found) != 1 or not isinstance(found[0], str):
        return {}
    return {"pattern": f"^(?:{found[0].replace(chr(92) + 'Z', '$')})"}


def _list_choices(described: dict[str, Any], each: Choice | Choices, context: FormContext) -> None:
    values = [value for value, _label in each.choices(context)]
    if isinstance(each, Choices):
        described["items"] = {"type": "string", "enum": values}
    else:
        described["enum"] = values if each.required else ["", *values]
