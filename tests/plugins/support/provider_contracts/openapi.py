"""Requests against an OpenAPI 3.0 document: path, parameters, body."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

SCHEMAS = Path(__file__).parent.parent / "schemas"
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class OpenApiContract:
    """One document of ``schemas``; ``base`` is what stands before its paths at the fake."""

    def __init__(self, file: str, *, base: str = "") -> None:
        self.document = json.loads((SCHEMAS / file).read_text("utf-8"))
        self._base = base
        self._registry: Any = Registry().with_resource("", Resource(contents=self.document, specification=DRAFT4))
        paths = sorted(self.document["paths"], key=lambda path: path.count("{"))
        self._paths = [(re.compile(re.sub(r"\\\{[^}]*\\\}", r"([^/]+)", re.escape(path)) + r"\Z"), path) for path in paths]

    def covers(self, path: str) -> bool:
        """Whether the document has this path."""
        return self._find(path) is not None

    def check(self, method: str, path: str, query: Sequence[tuple[str, str]], content_type: str, body: bytes) -> None:
        """Compare one request with the document."""
        known = self._find(path)
        assert known is not None, f"The contract has no path {path}."
        item = self.document["paths"][known]
        operation = item.get(method.lower())
        assert operation is not None, f"The contract has no {method} {known}."
        declared = {(each["in"], each["name"]): each for each in (*item.get("parameters", ()), *operation.get("parameters", ()))}
        self._check_query(f"{method} {known}", declared, query)
        self._check_body(f"{method} {known}", operation.get("requestBody"), content_type, body)

    def _find(self, path: str) -> str | None:
        if not path.startswith(self._base):
            return None
        rest = path[len(self._base) :]
        return next((known for pattern, known in self._paths if pattern.match(rest)), None)

    def _check_query(self, where: str, declared: Mapping[tuple[str, str], Any], query: Sequence[tuple[str, str]]) -> None:
        for name, value in query:
            parameter = declared.get(("query", name))
            assert parameter is not None, f"{where} has no parameter {name}."
            self._validate(f"{where}: {name}", parameter.get("schema", {}), _typed(value, parameter.get("schema", {})))
        given = {name for name, _ in query}
        missing = [name for (place, name), each in declared.items() if place == "query" and each.get("required") and name not in given]
        assert not missing, f"{where} needs {', '.join(missing)}."

    def _check_body(self, where: str, declared: Mapping[str, Any] | None, content_type: str, body: bytes) -> None:
        if not body:
            assert not (declared or {}).get("required"), f"{where} needs a body."
            return
        assert declared is not None, f"{where} takes no body, and got {body[:200]!r}."
        kind = content_type.split(";")[0].strip()
        media = declared["content"].get(kind)
        assert media is not None, f"{where} takes {', '.join(declared['content'])}, not {kind or 'nothing'}."
        if kind == "application/json":
            self._validate(where, media.get("schema", {}), json.loads(body))
        elif kind == "application/x-www-form-urlencoded":
            fields = parse_qsl(body.decode(), keep_blank_values=True)
            known = media.get("schema", {}).get("properties", {})
            missing = set(media.get("schema", {}).get("required", ())) - {name for name, _ in fields}
            assert not missing, f"{where} needs the fields {', '.join(sorted(missing))}."
            for name, value in fields:
                assert name in known, f"{where} has no field {name}."
                self._validate(f"{where}: {name}", known[name], _typed(value, known[name]))

    def _validate(self, where: str, schema: Mapping[str, Any], value: Any) -> None:
        if not schema:
            return
        absolute = json.loads(json.dumps(schema).replace('"$ref": "#/', '"$ref": "/#/'))
        registry = self._registry.with_resource("/", Resource(contents=self.document, specification=DRAFT4))
        errors = [*OAS30Validator(absolute, registry=registry).iter_errors(value), *self._unknown(schema, value, "")]
        assert not errors, f"{where}: {errors[0] if isinstance(errors[0], str) else errors[0].message} in {str(value)[:300]}"

    def _unknown(self, schema: Mapping[str, Any], value: Any, at: str) -> list[str]:
        """Properties that no schema on the way names: services ignore or refuse them, and either way it is a mistake."""
        schema = self._resolve(schema)
        if isinstance(value, list):
            return [each for item in value for each in self._unknown(schema.get("items", {}), item, f"{at}[]")]
        if not isinstance(value, dict) or schema.get("additionalProperties"):
            return []
        known = self._properties(schema)
        if not known:
            return []
        found = []
        for name, inner in value.items():
            if name.startswith("@odata.") or "@odata." in name:
                continue
            if name not in known:
                found.append(f"there is no property {at}.{name}")
            else:
                found += self._unknown(known[name], inner, f"{at}.{name}")
        return found

    def _properties(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        schema = self._resolve(schema)
        known = dict(schema.get("properties", {}))
        for part in (*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())):
            known |= self._properties(part)
        return known

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            found: Any = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            schema = found
        return schema


def _typed(value: str, schema: Mapping[str, Any]) -> Any:
    """A text of an address or form as the schema's type wants it, if it can be read as one."""
    kind = schema.get("type")
    if kind in ("integer", "number") and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    if kind == "boolean" and value in ("true", "false", "0", "1"):
        return value in ("true", "1")
    if kind == "array":
        return [_typed(each, schema.get("items", {})) for each in value.split(",")]
    return value
