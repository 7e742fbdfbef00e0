"""How a call reaches what answers it: the table of paths, what the app must be allowed, and the pages of lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from rolecall_o365.fake.state import GraphError, Row, State

if TYPE_CHECKING:
    from rolecall_o365.fake.app import FakeMicrosoft

Handler = Callable[..., tuple[int, Any]]


@dataclass(slots=True, kw_only=True)
class Call:
    """One call, alone or a part of a batch."""

    site: FakeMicrosoft
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    #: Names in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Row = field(default_factory=dict)

    @property
    def state(self) -> State:
        """What the tenant holds."""
        return self.site.state


_ROUTES: list[tuple[str, re.Pattern[str], tuple[str, ...], Handler]] = []


def route(method: str, path: str, roles: tuple[str, ...]) -> Callable[[Handler], Handler]:
    """Let a function answer a path, whose braces are ids, for apps that hold one of the roles."""
    pattern = re.compile(re.escape(path).replace(r"\{\}", "([^/]+)"))

    def add(handler: Handler) -> Handler:
        _ROUTES.append((method, pattern, roles, handler))
        return handler

    return add


def answer(call: Call) -> tuple[int, Any]:
    """Answer one call.

    :raises GraphError: for every answer that is an error.
    """
    for method, pattern, roles, handler in _ROUTES:
        found = pattern.fullmatch(call.path)
        if found and method == call.method:
            if call.site.roles.isdisjoint(roles):
                raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
            return handler(call, *found.groups())
    raise GraphError(400, "BadRequest", f"Resource not found for the segment '{call.path}'.")


def selected(call: Call, row: Row, default: str) -> Row:
    """Return what a call asked for of an object."""
    names = call.query.get("$select", default).split(",")
    return {name: row.get(name) for name in ("id", *names)}


def listed(call: Call, rows: list[Row]) -> tuple[int, Any]:
    """Return one page of a list, with the link to the next; at the tenant's whim an object comes on two pages."""
    start = int(call.query.get("$skiptoken", "0"))
    size = min(int(call.query.get("$top", "100")), call.site.page_size)
    body: Row = {"value": rows[start : start + size]}
    if start and call.site.repeats:
        body["value"] = [rows[start - 1], *body["value"]]
    if start + size < len(rows):
        query = {name: value for name, value in call.query.items() if name != "$skiptoken"} | {"$skiptoken": str(start + size)}
        body["@odata.nextLink"] = f"{call.site.base_url}/v1.0{quote(call.path)}?{urlencode(query, quote_via=quote, safe='$,()')}"
    return 200, body
