"""How a call reaches what answers it: the table of paths, the scope each needs, and the pages of lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rolecall_brightspace.fake.state import Row, State, ValenceError

if TYPE_CHECKING:
    from rolecall_brightspace.fake.app import FakeBrightspace

Handler = Callable[..., Any]


@dataclass(slots=True, kw_only=True)
class Call:
    """One call, its path as it stands behind the version."""

    site: FakeBrightspace
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    scopes: frozenset[str] = frozenset()

    @property
    def state(self) -> State:
        """What the site holds."""
        return self.site.state


_ROUTES: list[tuple[str, re.Pattern[str], str, Handler]] = []


def route(method: str, path: str, scope: str) -> Callable[[Handler], Handler]:
    """Let a function answer a path, whose braces are ids, for tokens with the scope."""
    pattern = re.compile(re.escape(path).replace(r"\{\}", "([^/]+)"))

    def add(handler: Handler) -> Handler:
        _ROUTES.append((method, pattern, scope, handler))
        return handler

    return add


def answer(call: Call) -> Any:
    """Answer one call.

    :raises ValenceError: for every answer that is an error.
    """
    for method, pattern, scope, handler in _ROUTES:
        found = pattern.fullmatch(call.path)
        if found and method == call.method:
            if scope not in call.scopes or scope in call.site.denied:
                raise ValenceError(403, "Insufficient scope or permission.")
            return handler(call, *found.groups())
    raise ValenceError(404, "No such route.")


def paged(call: Call, rows: list[Row]) -> Row:
    """Return one page of a list with the bookmark of the next; at the site's whim a row comes on two pages."""
    start = int(call.query.get("bookmark") or 0)
    size = call.site.page_size
    items = rows[start : start + size]
    if start and call.site.repeats:
        items = [rows[start - 1], *items]
    more = start + size < len(rows)
    return {"PagingInfo": {"Bookmark": str(start + size) if more else "", "HasMoreItems": more}, "Items": items}


def texts(body: Any, *names: str) -> None:
    """Refuse a body that lacks one of these texts."""
    for name in names:
        if not isinstance(body, dict) or not isinstance(body.get(name), str) or not body[name].strip():
            raise ValenceError(400, f"{name} is required.")
