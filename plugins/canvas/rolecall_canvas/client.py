"""Speaks Canvas's REST API: one call, or the pages of a list, with the token and each answer checked.

Owns the wire form and nothing of what the objects mean. The link to a next page is opaque and is followed as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rolecall.errors import ProviderError
from rolecall_canvas.errors import Garbled, Unclear, classify
from rolecall_canvas.throttle import Bucket

if TYPE_CHECKING:
    from rolecall.sdk.http import Http, Response

#: The most that Canvas puts on a page.
PAGE = 100
#: A list longer than this many pages goes round in circles.
MOST_PAGES = 10_000

#: Fields of a form or a query, with the names that Canvas gives them.
Fields = Mapping[str, str | int | bool]
Query = Sequence[tuple[str, str | int]]

_PLAIN = re.compile(r"[0-9A-Za-z_-]+")
_NEXT = re.compile(r"<([^>]*)>\s*;[^,]*\brel=\"?next\"?", re.IGNORECASE)


class Client:
    """The API of one Canvas. ``sleep`` waits so many seconds."""

    def __init__(self, http: Http, base_url: str, token: str, *, sleep: Callable[[float], object] | None = None) -> None:
        self.http = http
        self.address = f"{base_url.strip().rstrip('/')}/api/v1"
        self.token = token
        self.bucket = Bucket(sleep) if sleep else Bucket()

    def read(self, path: str, query: Query = ()) -> Any:
        """Make one GET and return what it answers."""
        return self._value(self._send("GET", self.address + path, repeatable=True, params=list(query)), Garbled)

    def write(self, method: str, path: str, fields: Fields | None = None, *, repeatable: bool = False) -> dict[str, Any]:
        """Make one call that changes something and return the object it answers; ``repeatable``: sending it twice does no harm."""
        data = [(name, _text(value)) for name, value in fields.items()] if fields is not None else None
        response = self._send(method, self.address + path, repeatable=repeatable, data=data)
        return self._object(response, Garbled if repeatable else Unclear)

    def upload(self, path: str, query: Fields, content: bytes, kind: str) -> dict[str, Any]:
        """Send a file and return the object that Canvas answers."""
        response = self._send(
            "POST",
            self.address + path,
            repeatable=False,
            params=[(name, _text(value)) for name, value in query.items()],
            data=content,
            headers={"Content-Type": kind},
        )
        return self._object(response, Unclear)

    def pages(self, path: str, query: Query = ()) -> Iterator[dict[str, Any]]:
        """Yield every row of a list, page by page; a row may come twice."""
        response = self._send("GET", self.address + path, repeatable=True, params=list(query))
        seen: set[str] = set()
        while True:
            yield from rows_of(self._value(response, Garbled))
            url = self._next(response, seen)
            if url is None:
                return
            response = self._send("GET", url, repeatable=True)

    def _next(self, response: Response, seen: set[str]) -> str | None:
        """Return the address of the next page. One that leads elsewhere is not followed: the token would go with it."""
        found = _NEXT.search(response.headers.get("Link", ""))
        if found is None:
            return None
        url = found[1]
        if not url.startswith(f"{self.address}/"):
            raise Garbled("Canvas named a next page that is not its own.", hint="Enter the address of Canvas as its own pages show it.")
        if url in seen or len(seen) >= MOST_PAGES:
            raise Garbled("Canvas named the same page again.")
        seen.add(url)
        return url

    def _send(self, method: str, url: str, *, repeatable: bool, headers: Mapping[str, str] | None = None, **options: Any) -> Response:
        self.bucket.wait()
        sent = {"Accept": "application/json", "Authorization": f"Bearer {self.token}", **(headers or {})}
        response = self.http.request(method, url, headers=sent, idempotent=repeatable, **options)
        self.bucket.noted(response.headers)
        if response.status not in (200, 201):
            raise classify(response.status, response.content, wait=response.retry_after(), repeatable=repeatable)
        return response

    def _value(self, response: Response, unusable: type[ProviderError]) -> Any:
        try:
            return response.json()
        except ProviderError:
            raise unusable(
                "Canvas gave an answer that is not JSON.", hint="Check that the address in the settings is Canvas itself."
            ) from None

    def _object(self, response: Response, unusable: type[ProviderError]) -> dict[str, Any]:
        value = self._value(response, unusable)
        if not isinstance(value, dict):
            raise unusable("Canvas did not answer with what it did.")
        return value


def by_sis(kind: str, value: str) -> str:
    """Return one step of a path that names an object by another id; what an address would change travels as hexadecimal digits."""
    if _PLAIN.fullmatch(value):
        return f"{kind}:{value}"
    return f"hex:{kind}:{value.encode().hex()}"


def segment(text: str) -> str:
    """Return a text as one step of a path."""
    return quote(text, safe=":")


def rows_of(value: Any) -> list[dict[str, Any]]:
    """Return the rows of a list, or raise: a wrong shape is an answer nobody can use."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise Garbled("Canvas did not answer with a list.")
    return value


def id_of(row: Any, name: str = "id", unusable: type[ProviderError] = Garbled) -> str:
    """Return an id as text, or raise: Canvas writes ids as numbers, and as text where it was asked to."""
    value = row.get(name) if isinstance(row, dict) else None
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 19 and int(text)):
        raise unusable("Canvas named no usable id.")
    return text


def _text(value: str | int | bool) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
