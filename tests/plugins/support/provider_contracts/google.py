"""Requests against a Google discovery document: method, parameters, body."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft7Validator

from provider_contracts.openapi import SCHEMAS

#: What a discovery schema says besides the shape.
_NOT_CHECKED = frozenset({"id", "readOnly", "annotations", "format", "default"})
#: Parameters that every method of Google's takes.
_COMMON = frozenset({"alt", "fields", "key", "prettyPrint", "quotaUser", "uploadType"})


class GoogleContract:
    """One discovery document of ``schemas``."""

    def __init__(self, file: str) -> None:
        self.document = json.loads((SCHEMAS / file).read_text("utf-8"))
        self._schemas = {name: _json_schema(schema) for name, schema in self.document["schemas"].items()}
        methods = sorted(self.document["methods"].values(), key=lambda method: method["flatPath"].count("{"))
        self._methods = [(self._pattern(method), method) for method in methods]

    def covers(self, path: str) -> bool:
        """Whether the document has this path."""
        return any(pattern.match(path) for pattern, _ in self._methods)

    def check(self, method: str, path: str, query: Sequence[tuple[str, str]], content_type: str, body: bytes) -> None:
        """Compare one request with the document."""
        declared = next((each for pattern, each in self._methods if pattern.match(path) and each["httpMethod"] == method), None)
        assert declared is not None, f"The contract has no {method} {path}."
        where = declared["id"]
        parameters = {name: each for name, each in declared.get("parameters", {}).items() if each["location"] == "query"}
        for name, value in query:
            assert name in parameters or name in _COMMON, f"{where} has no parameter {name}."
            self._check_value(where, name, value, parameters.get(name, {}))
        missing = {name for name, each in parameters.items() if each.get("required")} - {name for name, _ in query}
        assert not missing, f"{where} needs {', '.join(sorted(missing))}."
        self._check_body(where, declared.get("request"), content_type, body)

    def _pattern(self, method: Mapping[str, Any]) -> re.Pattern[str]:
        path = "/" + self.document.get("servicePath", "") + method["flatPath"]
        return re.compile(re.sub(r"\\\{[^}]*\\\}", r"([^/]+)", re.escape(path)) + r"\Z")

    def _check_value(self, where: str, name: str, value: str, parameter: Mapping[str, Any]) -> None:
        allowed = parameter.get("enum")
        assert not allowed or value in allowed, f"{where}: {name} is one of {allowed}, not {value}."
        if parameter.get("type") == "integer":
            assert value.lstrip("-").isdigit(), f"{where}: {name} is a number, not {value}."
            for bound, right in (("minimum", int.__ge__), ("maximum", int.__le__)):
                assert bound not in parameter or right(int(value), int(parameter[bound])), f"{where}: {name}={value} is out of range."

    def _check_body(self, where: str, request: Mapping[str, Any] | None, content_type: str, body: bytes) -> None:
        if not body:
            return
        assert request is not None, f"{where} takes no body, and got {body[:200]!r}."
        assert content_type.split(";")[0] == "application/json", f"{where} takes JSON, not {content_type}."
        value = json.loads(body)
        schema = {"$ref": f"#/definitions/{request['$ref']}", "definitions": self._schemas}
        error = next(iter(Draft7Validator(schema).iter_errors(value)), None)
        assert error is None, f"{where}: {error.message if error else ''} in {str(value)[:300]}"
        written = [name for name in value if self.document["schemas"][request["$ref"]]["properties"].get(name, {}).get("readOnly")]
        assert not written, f"{where}: {', '.join(written)} can only be read."


def _json_schema(schema: Any) -> Any:
    """A discovery schema as JSON schema: references, ``any``, and no property that is not named."""
    if isinstance(schema, list):
        return [_json_schema(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {
        name: _json_schema(value) for name, value in schema.items() if name not in ("id", "readOnly", "annotations", "format", "default")
    }
    if isinstance(made.get("$ref"), str):
        return {"$ref": f"#/definitions/{made['$ref']}"}
    if made.get("type") == "any":
        del made["type"]
    if isinstance(made.get("required"), bool):
        del made["required"]
    if isinstance(schema.get("properties"), Mapping):
        made["properties"] = {name: _json_schema(value) for name, value in schema["properties"].items()}
        made.setdefault("additionalProperties", False)
    if schema.get("format") == "int64" and schema.get("type") == "string":
        made["type"] = ["string", "integer"]
    return made
