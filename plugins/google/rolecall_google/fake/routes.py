"""How a call reaches what answers it: the table of paths, what token and administrator must be allowed, and the pages of lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rolecall_google.fake.state import GoogleError, Row, State

if TYPE_CHECKING:
    from rolecall_google.fake.app import FakeGoogle

Handler = Callable[..., tuple[int, Any]]


@dataclass(slots=True, kw_only=True)
class Call:
    """One call, alone or a part of a batch. ``scopes`` are those of its token."""

    site: FakeGoogle
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Row = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()

    @property
    def state(self) -> State:
        """What the Workspace holds."""
        return self.site.state


_ROUTES: list[tuple[str, re.Pattern[str], str, str, Handler]] = []


def route(method: str, path: str, scope: str, right: str) -> Callable[[Handler], Handler]:
    """Let a function answer a path, whose braces are keys, for tokens of a scope and administrators with a right."""
    pattern = re.compile(re.escape(path).replace(r"\{\}", "([^/]+)"))

    def add(handler: Handler) -> Handler:
        _ROUTES.append((method, pattern, scope, right, handler))
        return handler

    return add


def answer(call: Call) -> tuple[int, Any]:
    """Answer one call.

    :raises GoogleError: for every answer that is an error.
    """
    for method, pattern, scope, right, handler in _ROUTES:
        found = pattern.fullmatch(call.path)
        if found and method == call.method:
            classroom = call.path.startswith("/v1/")
            if scope not in call.scopes:
                reason = "PERMISSION_DENIED" if classroom else "insufficientPermissions"
                raise GoogleError(403, reason, "Request had insufficient authentication scopes.")
            if right not in call.site.rights:
                if classroom:
                    raise GoogleError(403, "PERMISSION_DENIED", "The caller does not have permission")
                raise GoogleError(403, "forbidden", "Not Authorized to access this resource/api")
            return handler(call, *found.groups())
    raise GoogleError(404, "notFound", "Not Found")


def listed(call: Call, name: str, rows: list[Row], *, size: str, default: int) -> tuple[int, Any]:
    """Return one page of a list, with the token of the next; an empty list is left out. At Google's whim an object comes on two pages."""
    start = int(call.query.get("pageToken", "0"))
    most = min(int(call.query.get(size, str(default))), call.site.page_size)
    page = rows[start : start + most]
    if start and call.site.repeats:
        page = [rows[start - 1], *page]
    body: Row = {} if call.path.startswith("/v1/") else {"kind": f"google#{name}", "etag": "x"}
    if page:
        body[name] = page
    if start + most < len(rows):
        body["nextPageToken"] = str(start + most)
    return 200, body
