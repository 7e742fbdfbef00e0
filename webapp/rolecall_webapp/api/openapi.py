"""The OpenAPI 3.1 document: every route with its schemas, one path per action that the enabled plugins register.

Made from the same declarations that the routes are checked by, so it cannot drift from them. Nothing in it depends on the institution's
data: it is public. Choices such as roles and periods are in the list of actions.
"""

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from flask import current_app
from marshmallow import INCLUDE, Schema
from marshmallow.exceptions import ValidationError

from rolecall.plugins.registry import View
from rolecall.store.cursors import LARGEST_ID
from rolecall.work.documents import Document
from rolecall_webapp.api import json_schema, shapes
from rolecall_webapp.api.actions import deed_schema, filter_schema
from rolecall_webapp.api.operation import CSV, JSON, Call, Operation, operation
from rolecall_webapp.api.reading import PARAMETER, is_number

_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
_KEY = {
    "name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
    "description": "The same key with the same body answers the same run, for seven days; with another body it is refused.",
}  # fmt: skip
_MATCH = {
    "name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"},
    "description": "The ETag that was read: the change is refused if the record has another version by now.",
}  # fmt: skip
_MEANINGS = {
    400: "The address or host cannot be meant.",
    401: "There is no valid token.",
    403: "The token's account may not do this.",
    404: "There is no such thing.",
    409: "It does not apply, needs consent, or is held.",
    412: "The record has another version by now.",
    413: "The body is too long.",
    415: "The body is not of the type that this takes.",
    422: "Values are missing, wrong or unknown; “fields” says which.",
    429: "Too many attempts; Retry-After says when to try again.",
    500: "Something went wrong; nothing was changed.",
    503: "The database cannot be reached; try again.",
}
_DONE = {200: "Done.", 201: "Added.", 202: "Under way."}


class AnyDocument(Schema):
    """A document in the words of OpenAPI."""

    class Meta:
        unknown = "include"


@operation("GET", "/openapi.json", "This document", tag="api", public=True, answer=AnyDocument)
def read_openapi(call: Call) -> Document:
    """Describes what the plugins that are enabled now offer."""
    kept: tuple[int, Document] | None = current_app.extensions.get("rolecall_openapi")
    if kept is None or kept[0] != call.view.generation:
        kept = (call.view.generation, document(call.view, OPERATIONS))
        current_app.extensions["rolecall_openapi"] = kept
    return kept[1]


def document(view: View, operations: Sequence[Operation]) -> Document:
    """Build the document for what is enabled."""
    spec = json_schema.new_spec(
        "Rolecall", version("rolecall"),
        info={"description": "Accounts, roles and their life in other systems.", "license": _LICENSE},
        servers=[{"url": "/api/v1"}],
        security=[{"token": []}],
        tags=[{"name": tag} for tag in dict.fromkeys(each.tag for each in operations)],
    )  # fmt: skip
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer", "bearerFormat": "rct_..."})
    for each in operations:
        if "{action_id}" in each.path:
            for action in view.actions.values():
                described = _describe(each, view) | {
                    "operationId": action.id, "summary": action.label, "description": f"{action.help} {each.description}".strip(),
                    "requestBody": _content(JSON, deed_schema(view, action)), "x-permissions": [action.permission],
                }  # fmt: skip
                spec.path(each.path.format(action_id=action.id), operations={each.method.lower(): described})
        else:
            spec.path(each.path, operations={each.method.lower(): _describe(each, view)})
    found: Document = json.loads(json.dumps(spec.to_dict(), default=sorted))
    _add_settings(found, view)
    return found


def _describe(each: Operation, view: View) -> Document:
    answers = {status: _content(JSON, _schema(shape), description=_DONE[status]) for status, shape in each.answers.items()}
    for media in each.also:
        answers[200]["content"][media] = {"schema": {}}
    for status in _refusals(each):
        answers[status] = _content("application/problem+json", "Problem", description=_MEANINGS[status])
    described: Document = {
        "operationId": each.name,
        "summary": each.summary,
        "description": each.description,
        "tags": [each.tag],
        "parameters": _parameters(each, view),
        "responses": {str(status): answer for status, answer in sorted(answers.items())},
        "x-permissions": list(each.permissions),
    }
    if each.public:
        described["security"] = []
    if each.others:
        described["description"] += f" For a run that somebody else began, the permission “{each.others}” is needed."
    if each.media == CSV:
        described["requestBody"] = _content(CSV, {"type": "string"}, required=True)
    elif each.body is not None:
        # What takes any field by its own rules is a component; everything else is told in full, so that nothing else is taken.
        shape = each.body if each.body().unknown == INCLUDE else json_schema.describe(each.body)
        described["requestBody"] = _content(JSON, shape, required=not _may_be_empty(each.body))
    return described


def _refusals(each: Operation) -> Sequence[int]:
    always = (400, 500, 503) if each.public else (400, 401, 403, 500, 503)
    sent = (413, 415, 422) if each.method in ("POST", "PATCH") else (422,)
    return sorted({*always, *sent, *each.refusals})


def _parameters(each: Operation, view: View) -> list[Any]:
    found: list[Any] = []
    for name in PARAMETER.findall(each.path):
        if name == "action_id":
            continue
        number = {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}
        shape = number if is_number(name) else {"type": "string", "minLength": 1, "maxLength": 120}
        found.append({"name": name, "in": "path", "required": True, "schema": shape})
    if each.query is not None:
        found.append({"in": "query", "schema": each.query})
    if each.extra_query:
        for word, shape in filter_schema(view)["properties"].items():
            found.append({"name": word, "in": "query", "required": False, "description": view.filters[word].help, "schema": shape})
    if each.keyed:
        found.append(_KEY)
    if each.versioned:
        found.append(_MATCH)
    return found


def _add_settings(found: Document, view: View) -> None:
    """Say what is in settings: of core, and of each plugin by its name."""
    schemas = found["components"]["schemas"]
    core = view.plugins["core"].settings
    if core is not None:
        change = json_schema.describe(core)
        schemas["SettingsChange"] = change | {"description": schemas["SettingsChange"].get("description", ""), "required": []}
        titles = {name: {"title": each.get("title", name)} for name, each in change["properties"].items()}
        schemas["Settings"] = {"type": "object", "properties": titles, "required": sorted(titles)}
    for name, plugin in view.plugins.items():
        schema = plugin.settings_schema
        if name != "core" and schema is not None:
            schemas[f"settings_{name}"] = json_schema.describe(schema) | {"description": f"The settings of {plugin.label}."}


def _schema(shape: type[Schema] | tuple[type[Schema], ...]) -> Any:
    return {"anyOf": list(shape)} if isinstance(shape, tuple) else shape


def _content(media: str, schema: Any, **more: Any) -> Document:
    return {**more, "content": {media: {"schema": schema}}}


def _may_be_empty(schema: type[Schema]) -> bool:
    try:
        schema().load({})
    except ValidationError:
        return False
    return True


#: All operations; set once, when the package has been read.
OPERATIONS: list[Operation] = []
#: The schema of every refusal is a component like the others.
PROBLEM = shapes.Problem
