"""The calls about users and groups: list, read, create, replace, change, delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rolecall_scim.fake import filters
from rolecall_scim.fake.definitions import cleaned
from rolecall_scim.fake.patching import patched
from rolecall_scim.fake.quirks import Quirks
from rolecall_scim.fake.state import ENTERPRISE, GROUP, LIST, USER, Row, ScimError, State, invalid, new_id, not_found, taken


@dataclass(slots=True, kw_only=True)
class Reply:
    """What is answered."""

    status: int
    body: Any = None
    headers: Row = field(default_factory=dict)


class Resources:
    """Users and groups of one service."""

    def __init__(self, state: State, quirks: Quirks) -> None:
        self.state = state
        self.quirks = quirks
        #: The address before ``/Users``; known when the service has a port.
        self.base = ""

    def answer(self, method: str, endpoint: str, number: str, query: Mapping[str, str], body: Any, version: str | None) -> Reply:
        """Answer one call.

        :raises ScimError: for every answer that is an error.
        """
        if not number:
            if method == "POST":
                return self.create(endpoint, body)
            return Reply(status=200, body=self.search(endpoint, query))
        if number == ".search" and method == "POST":
            return Reply(status=200, body=self.search(endpoint, {name: str(value) for name, value in body.items()}))
        if method == "PATCH" and not self.quirks.patch:
            raise ScimError(501, "PATCH is not supported")
        row = self.state.table(endpoint).get(number)
        if row is None:
            raise not_found(endpoint[1:-1], number)
        if method == "GET":
            return self._shown(200, endpoint, row, query)
        if method == "DELETE":
            return self.delete(endpoint, row)
        if self.quirks.etag and version not in (None, "*", row["meta"]["version"]):
            raise ScimError(412, "Failed to update. Resource has changed on the server")
        return self.replace(endpoint, row, body) if method == "PUT" else self.change(endpoint, row, body)

    def create(self, endpoint: str, body: Any) -> Reply:
        """Create a resource."""
        version = self.state.version()
        kept = self._kept(endpoint, body)
        number, now = new_id(), _now()
        row = {"id": number, **kept, "meta": {"created": now, "lastModified": now, "version": version}}
        self.state.table(endpoint)[number] = row
        if isinstance(body, dict) and body.get("password"):
            self.state.passwords[number] = str(body["password"])
        return self._shown(201, endpoint, row)

    def replace(self, endpoint: str, row: Row, body: Any) -> Reply:
        """Replace a resource by another with the same id; an external id that is not mentioned is gone."""
        version = self.state.version()
        kept = self._kept(endpoint, body, but=row["id"])
        return self._shown(200, endpoint, self._store(endpoint, row, kept, version))

    def change(self, endpoint: str, row: Row, body: Any) -> Reply:
        """Change a resource by a PATCH."""
        version = self.state.version()
        operations = body.get("Operations") if isinstance(body, dict) else None
        if not isinstance(operations, list) or not operations:
            raise invalid("Operations are missing", "invalidSyntax")
        number = row["id"]
        if endpoint == "/Users" and (secret := next((each["value"] for each in operations if each.get("path") == "password"), None)):
            self.state.passwords[number] = str(secret)
        plain = {name: value for name, value in row.items() if name not in ("id", "meta")}
        kept = self._kept(
            endpoint, patched(endpoint, plain, operations, entra_only=self.quirks.entra_only, strict=self.quirks.strict_targets), but=number
        )
        shown = self._shown(200, endpoint, self._store(endpoint, row, kept, version))
        return shown if self.quirks.answers_patch else Reply(status=204, headers=shown.headers)

    def delete(self, endpoint: str, row: Row) -> Reply:
        """Delete a resource, or close it where the service deletes nothing."""
        if endpoint == "/Users" and self.quirks.deletes_softly:
            row["active"] = False
            return Reply(status=204)
        del self.state.table(endpoint)[row["id"]]
        return Reply(status=204)

    def search(self, endpoint: str, query: Mapping[str, str]) -> Row:
        """Return one page of a list."""
        rows = sorted(self.state.table(endpoint).values(), key=lambda row: row["id"])
        text = query.get("filter")
        if text is not None and not self.quirks.filter:
            raise ScimError(501, "Filters are not supported")
        if text is not None and not self.quirks.ignores_filter:
            named = filters.paths(text)
            if named & self.quirks.refuses_filter_by or (self.quirks.refuses_or and " or " in text):
                raise invalid("The filter is not supported", "invalidFilter")
            test = filters.parse(text)
            rows = [row for row in rows if test(row)]
        start = max(1, int(query.get("startIndex", "1")))
        count = min(int(query.get("count", "100")), self.quirks.page)
        first = 0 if self.quirks.ignores_start else start - 1
        shown = rows[first : first + count]
        if self.quirks.repeats and 0 < first < len(rows):
            shown = [rows[first - 1], *shown[: count - 1]]
        body: Row = {
            "schemas": [LIST],
            "totalResults": len(rows) + self.quirks.total_lies,
            "startIndex": start,
            "itemsPerPage": len(shown),
            "Resources": [self.view(endpoint, row, query) for row in shown],
        }
        return body

    def view(self, endpoint: str, row: Row, query: Mapping[str, str] | None = None) -> Row:
        """Return a resource as it is answered: the attributes that were asked for, written as this service writes them."""
        query = query or {}
        shown = {name: value for name, value in row.items() if value not in ([], {})}
        shown["meta"] = {"resourceType": endpoint[1:-1], **row["meta"], "location": f"{self.base}{endpoint}/{row['id']}"}
        if not self.quirks.etag:
            del shown["meta"]["version"]
        if "attributes" in query:
            wanted = {"id", *query["attributes"].lower().split(",")}
            shown = {name: value for name, value in shown.items() if name.lower() in wanted}
        left_out = query.get("excludedAttributes", "").lower().split(",")
        shown = {name: value for name, value in shown.items() if name.lower() not in left_out}
        schemas = [USER if endpoint == "/Users" else GROUP, *([ENTERPRISE] if ENTERPRISE in shown else [])]
        if self.quirks.text_booleans and "active" in shown:
            shown["active"] = str(shown["active"])
        return _small({"schemas": schemas, **shown}) if self.quirks.small_names else {"schemas": schemas, **shown}

    def _shown(self, status: int, endpoint: str, row: Row, query: Mapping[str, str] | None = None) -> Reply:
        headers = {"ETag": row["meta"]["version"]} if self.quirks.etag else {}
        return Reply(
            status=status, body=self.view(endpoint, row, query), headers={**headers, "Location": f"{self.base}{endpoint}/{row['id']}"}
        )

    def _kept(self, endpoint: str, body: Any, *, but: str = "") -> Row:
        if not isinstance(body, dict):
            raise invalid("The body is no resource", "invalidSyntax")
        kept = cleaned(endpoint, body)
        kept.pop("password", None)
        if self.quirks.forgets_external_id:
            kept.pop("externalId", None)
        if endpoint == "/Users" and self.state.holder(kept["userName"], but=but) is not None:
            raise taken()
        return kept

    def _store(self, endpoint: str, row: Row, kept: Row, version: str) -> Row:
        changed = {"id": row["id"], **kept, "meta": {**row["meta"], "lastModified": _now(), "version": version}}
        self.state.table(endpoint)[row["id"]] = changed
        return changed


def _small(value: Any) -> Any:
    if isinstance(value, dict):
        return {name if name.startswith("urn:") else name.lower(): _small(inner) for name, inner in value.items()}
    return [_small(each) for each in value] if isinstance(value, list) else value


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
