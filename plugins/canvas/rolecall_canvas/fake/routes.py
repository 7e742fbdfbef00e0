"""How a call reaches what answers it: the table of paths, what the token's user must be allowed, and the pages of lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rolecall_canvas.fake.state import Row, State, not_found, unauthorized

if TYPE_CHECKING:
    from rolecall_canvas.fake.app import FakeCanvas

Handler = Callable[..., Any]


@dataclass(slots=True, kw_only=True)
class Call:
    """One call."""

    site: FakeCanvas
    method: str
    path: str
    #: All values of each name, of the query and of the form.
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    #: The link to the next page, once a list has more.
    next_page: str | None = None

    @property
    def state(self) -> State:
        """What Canvas holds."""
        return self.site.state

    def asked(self, name: str, default: str = "") -> str:
        """Return the first value of a name in the query."""
        return next(iter(self.query.get(name, ())), default)

    def under(self, prefix: str) -> Row:
        """Return the fields of a form that stand in ``prefix[...]``."""
        return {name[len(prefix) + 1 : -1]: value for name, value in self.form.items() if name.startswith(f"{prefix}[")}


_ROUTES: list[tuple[str, re.Pattern[str], str | None, Handler]] = []


def route(method: str, path: str, permission: str | None = None) -> Callable[[Handler], Handler]:
    """Let a function answer a path, whose braces are ids, where the token's user holds the permission."""
    pattern = re.compile(re.escape(path).replace(r"\{\}", "([^/]+)"))

    def add(handler: Handler) -> Handler:
        _ROUTES.append((method, pattern, permission, handler))
        return handler

    return add


def answer(call: Call) -> Any:
    """Answer one call.

    :raises CanvasError: for every answer that is an error.
    """
    for method, pattern, permission, handler in _ROUTES:
        found = pattern.fullmatch(call.path)
        if found and method == call.method:
            if permission is not None and permission not in call.site.permissions:
                raise unauthorized()
            return handler(call, *found.groups())
    raise not_found()


def listed(call: Call, rows: Sequence[Row]) -> list[Row]:
    """Return one page of a list and set the link to the next; at the site's whim a row comes on two pages."""
    size = min(int(call.asked("per_page", "10")), call.site.page_size)
    start = int(call.asked("page", "bookmark:0").partition(":")[2])
    page = list(rows[start : start + size])
    if start and call.site.repeats:
        page.insert(0, rows[start - 1])
    if start + size < len(rows):
        call.next_page = f"bookmark:{start + size}"
    return page


def number_in(step: str, kind: str, find: Callable[[str], int | None]) -> int:
    """Return the id that a step of a path names: a number, ``kind:value``, or the same in hexadecimal digits."""
    if step.isdigit():
        return int(step)
    if step.startswith(f"hex:{kind}:"):
        step = f"{kind}:{bytes.fromhex(step.rpartition(':')[2]).decode()}"
    found = find(step.removeprefix(f"{kind}:")) if step.startswith(f"{kind}:") else None
    if found is None:
        raise not_found()
    return found


def truth(value: str) -> bool:
    """Tell whether a field of a form says yes."""
    return value in ("true", "1")
