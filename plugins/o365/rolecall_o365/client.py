"""Speaks Graph: one call, the pages of a list, or a batch, each with a token and each answer checked.

Owns the wire form and nothing of what the objects mean. The status of a batch says nothing about its parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from rolecall.errors import ProviderError
from rolecall_o365.errors import Garbled, Unclear, classify, seconds
from rolecall_o365.permissions import Permission
from rolecall_o365.settings import addresses
from rolecall_o365.tokens import Tokens

if TYPE_CHECKING:
    from rolecall.sdk.http import Http, Response

#: The most that one batch may hold.
BATCH = 20
#: A list longer than this many pages goes round in circles.
MOST_PAGES = 5_000
#: What asks the index that knows every property; it lags behind by seconds.
EVENTUAL = {"ConsistencyLevel": "eventual"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One call: ``path`` with its query as it stands behind the version. ``repeatable``: sending it twice does no harm."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False
    #: What the app must be allowed for it; a refusal although it is allowed concerns this object alone.
    needs: Permission | None = None

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one call: the body of a success (empty where it has none), or the error."""

    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict)
    error: ProviderError | None = None

    def value(self) -> Mapping[str, Any]:
        """Return the body, or raise what went wrong."""
        if self.error is not None:
            raise self.error
        return self.body

    def rows(self) -> list[Mapping[str, Any]]:
        """Return the rows of a list, or raise."""
        return rows_of(self.value())


class Graph:
    """Microsoft Graph of one tenant."""

    def __init__(self, http: Http, settings: Mapping[str, Any]) -> None:
        self.http = http
        self.address = addresses(settings)[1]
        self.tokens = Tokens(http, settings)

    def call(self, part: Part) -> Mapping[str, Any]:
        """Make one call and return its body, or raise what went wrong."""
        response = self._send(part.method, self.address + part.path, part.body, part.headers, repeatable=part.repeatable or part.is_read)
        return self._answer(part, response.status, _json(response), response.retry_after()).value()

    def hand_over(self, path: str, text: bytes) -> None:
        """Send plain text that is taken once, such as a mail, or raise what went wrong."""
        part = Part(method="POST", path=path)
        response = self._send("POST", self.address + path, text, {"Content-Type": "text/plain"}, repeatable=False)
        self._answer(part, response.status, _json(response), response.retry_after()).value()

    def read(self, path: str, *, eventual: bool = False, **query: Any) -> Mapping[str, Any]:
        """Make one GET; names of the query come without their dollar sign."""
        return self.call(Part(method="GET", path=path + _query(query), headers=EVENTUAL if eventual else {}))

    def pages(self, path: str, *, eventual: bool = False, **query: Any) -> Iterator[Mapping[str, Any]]:
        """Yield every row of a list, following the links to its pages as they are; a row may come twice."""
        headers = EVENTUAL if eventual else {}
        url: str | None = path + _query(query)
        seen: set[str] = set()
        while url is not None:
            body = self.call(Part(method="GET", path=url, headers=headers))
            yield from rows_of(body)
            url = self._next(body, seen)

    def delta(self, path: str) -> Iterator[tuple[list[Mapping[str, Any]], str | None]]:
        """Yield each page of a delta with, on the last one, the path that tells the next time what changed since now."""
        url: str | None = path
        seen: set[str] = set()
        while url is not None:
            body = self.call(Part(method="GET", path=url))
            link = body.get("@odata.deltaLink")
            if link is not None and (not isinstance(link, str) or not link.startswith(f"{self.address}/")):
                raise Garbled("Microsoft 365 named a place for changes that is not its own.")
            yield rows_of(body), None if link is None else link.removeprefix(self.address)
            url = self._next(body, seen)

    def batch(self, parts: Sequence[Part]) -> list[Answer]:
        """Make many calls, twenty at a time; each has its own answer, in their order.

        :raises ProviderError: when a batch as a whole failed.
        """
        answers: list[Answer] = []
        for start in range(0, len(parts), BATCH):
            answers += self._batch(parts[start : start + BATCH])
        return answers

    def _batch(self, parts: Sequence[Part]) -> list[Answer]:
        requests = [_request(number, part) for number, part in enumerate(parts)]
        repeatable = all(part.is_read or part.repeatable for part in parts)
        # Each part counts for itself at Graph; of reads it takes many times more than we send.
        weight = max(1, sum(not part.is_read for part in parts))
        response = self._send("POST", f"{self.address}/$batch", {"requests": requests}, {}, repeatable=repeatable, weight=weight)
        whole = Part(method="POST", path="/$batch", repeatable=repeatable)
        body = self._answer(whole, response.status, _json(response), response.retry_after()).value()
        unusable = Garbled if repeatable else Unclear
        found = body.get("responses")
        if not isinstance(found, list):
            raise unusable("Microsoft 365 did not answer a batch with the answers to its parts.")
        by_id = {str(each.get("id")): each for each in found if isinstance(each, dict)}
        return [self._part(part, by_id.get(str(number))) for number, part in enumerate(parts)]

    def _part(self, part: Part, found: Mapping[str, Any] | None) -> Answer:
        status = found.get("status") if found is not None else None
        if found is None or not isinstance(status, int):
            unusable = Garbled if part.is_read or part.repeatable else Unclear
            return Answer(error=unusable("Microsoft 365 said nothing of a part of a batch."))
        headers = found.get("headers")
        return self._answer(part, status, found.get("body"), seconds(headers if isinstance(headers, dict) else {}))

    def _answer(self, part: Part, status: int, body: Any, wait: Any) -> Answer:
        repeatable = part.is_read or part.repeatable
        if status in (200, 201) and isinstance(body, dict) and "error" not in body:
            return Answer(status=status, body=body)
        if status in (202, 204):
            return Answer(status=status)
        permitted = status == 403 and part.needs is not None and part.needs.held(self.tokens.roles() or frozenset())
        return Answer(status=status, error=classify(status, body, wait=wait, repeatable=repeatable, permitted=permitted))

    def _send(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | bytes | None,
        headers: Mapping[str, str],
        *,
        repeatable: bool,
        weight: int = 1,
    ) -> Response:
        """Send with a token; one that is refused is exchanged once."""

        def send(token: str) -> Response:
            sent = {**headers, "Authorization": f"Bearer {token}"}
            content = {"data": body} if isinstance(body, bytes) else {"json": body}
            return self.http.request(method, url, headers=sent, idempotent=repeatable, weight=weight, **content)

        token = self.tokens.get()
        response = send(token)
        return send(self.tokens.get(instead_of=token)) if response.status == 401 else response

    def _next(self, body: Mapping[str, Any], seen: set[str]) -> str | None:
        """Return the path of the next page. A link that leads elsewhere is not followed: the token would go with it."""
        link = body.get("@odata.nextLink")
        if link is None:
            return None
        if not isinstance(link, str) or not link.startswith(f"{self.address}/"):
            raise Garbled("Microsoft 365 named a next page that is not its own.")
        if link in seen or len(seen) >= MOST_PAGES:
            raise Garbled("Microsoft 365 named the same page again.")
        seen.add(link)
        return link.removeprefix(self.address)


def quoted(text: str) -> str:
    """Return a text as a literal of a filter."""
    return "'" + text.replace("'", "''") + "'"


def segment(text: str) -> str:
    """Return a text as one step of a path."""
    return quote(text, safe="@")


def list_path(path: str, **query: Any) -> str:
    """Return a path with a query, as parts of a batch need it."""
    return path + _query(query)


def rows_of(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the rows of a list's page, or raise: a wrong shape is an answer nobody can use."""
    rows = body.get("value")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Garbled("Microsoft 365 did not answer with a list.")
    return rows


def id_of(row: Mapping[str, Any], unusable: type[ProviderError] = Garbled) -> str:
    """Return an object's id, or raise."""
    value = row.get("id")
    if not isinstance(value, str) or not 0 < len(value) <= 100 or not value.isascii() or not value.replace("-", "").isalnum():
        raise unusable("Microsoft 365 named no usable id.")
    return value


def _query(query: Mapping[str, Any]) -> str:
    values = {f"${name}": ("true" if value is True else value) for name, value in query.items() if value is not None}
    return f"?{urlencode(values, quote_via=quote, safe='$,()/')}" if values else ""


def _request(number: int, part: Part) -> dict[str, Any]:
    request: dict[str, Any] = {"id": str(number), "method": part.method, "url": part.path}
    headers = dict(part.headers)
    if part.body is not None:
        request["body"] = dict(part.body)
        headers["Content-Type"] = "application/json"
    if headers:
        request["headers"] = headers
    return request


def _json(response: Response) -> Any:
    """Return the body of an answer; none where it is not JSON, whose status then decides."""
    if not response.content:
        return None
    try:
        return response.json()
    except ProviderError:
        return None
