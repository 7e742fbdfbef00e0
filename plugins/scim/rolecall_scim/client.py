"""Speaks SCIM over HTTP: one call, or the pages of a list, each with a token and each answer checked (RFC 7644).

Owns the wire form and nothing of what users and groups mean. A 404 is believed only where the service answers otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode

from rolecall.errors import Misconfigured, NotFound, ProviderError
from rolecall_scim.errors import Elsewhere, Garbled, Unclear, classify, field_of, is_error, scrubbed
from rolecall_scim.settings import base_of
from rolecall_scim.tokens import Tokens

if TYPE_CHECKING:
    from rolecall.sdk.http import Http, Response

USERS, GROUPS = "/Users", "/Groups"
MEDIA_TYPE = "application/scim+json"
#: Resources on a page, where the service does not allow fewer.
PAGE = 100
#: A list longer than this many pages goes round in circles.
MOST_PAGES = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call, alone or within a bulk: ``path`` as it stands behind the base. ``repeatable``: sending it twice does no harm."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    repeatable: bool = False
    #: The version that the resource must still have (``If-Match``).
    version: str | None = None

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"

    @property
    def password(self) -> str | None:
        """The password in the body, which must not be in any text."""
        value = (self.body or {}).get("password")
        return value if isinstance(value, str) else None

    @property
    def names_one(self) -> bool:
        """Whether it is about one resource that has an id."""
        return self.path.partition("?")[0].count("/") == 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one call: the body of a success (empty where it has none), or the error."""

    body: Mapping[str, Any] = field(default_factory=dict)
    #: The address of the resource, where the answer names it.
    location: str = ""
    error: ProviderError | None = None

    def value(self) -> Mapping[str, Any]:
        """Return the body, or raise what went wrong."""
        if self.error is not None:
            raise self.error
        return self.body


class Client:
    """The HTTP side of one SCIM service."""

    def __init__(self, http: Http, settings: Mapping[str, Any]) -> None:
        self.base = base_of(settings)
        self._http = http
        self._tokens = Tokens(http, settings)

    def ask(self, operation: Operation) -> Answer:
        """Make one call.

        :raises ProviderError: when no complete answer came; what the service refused is in the answer.
        """
        answer = self._answer(operation, self._send(operation))
        if isinstance(answer.error, NotFound):
            return Answer(error=self._missing(answer.error, operation))
        return answer

    def read(self, path: str, **query: Any) -> Mapping[str, Any]:
        """Make one GET and return its body, or raise what went wrong."""
        return self.ask(Operation(method="GET", path=path + query_of(query))).value()

    def page(self, path: str, **query: Any) -> Page:
        """Return one page of a list, or raise."""
        return page_of(self.read(path, **query), start=int(query.get("startIndex", 1)))

    def pages(self, path: str, *, count: int = PAGE, **query: Any) -> Iterator[Mapping[str, Any]]:
        """Yield every resource of a list, each once, by ``startIndex`` (RFC 7644, section 3.4.2.4).

        The total is only believed when it says that there is more. Where it shrinks between two pages, somebody was deleted and what
        follows has moved forward: the walk steps back by as many.

        :raises Garbled: when the service ignores ``startIndex``, so that the list would be incomplete.
        """
        seen: set[str] = set()
        start, total = 1, 0
        for _ in range(MOST_PAGES):
            page = self.page(path, startIndex=start, count=count, **query)
            if page.total is not None and page.total < total and start > 1:
                start = max(1, start - (total - page.total))
                total = page.total
                continue
            fresh = [row for row in page.rows if id_of(row) not in seen]
            seen |= {id_of(row) for row in fresh}
            yield from fresh
            total = page.total or 0
            start += len(page.rows)
            if not page.rows or (not fresh and len(seen) >= total):
                return
            if not fresh and start > total:
                break
        raise Garbled("The SCIM service named the same page of a list again.")

    def probe(self) -> None:
        """Raise unless a list of users is to be had: the proof that the address is the service's."""
        page_of(self.read(USERS, count=1))

    def _missing(self, error: NotFound, operation: Operation) -> ProviderError:
        """Tell a resource that is gone from an address that is wrong: everything is *not found* there."""
        if not operation.names_one:
            return elsewhere(404)
        try:
            self.probe()
        except ProviderError as wrong:
            return wrong
        return error

    def _send(self, operation: Operation) -> Response:
        """Send with a token; one that is refused is exchanged once, where it can be."""
        token = self._tokens.get()
        response = self._with(token, operation)
        if response.status == 401 and self._tokens.renewable:
            response = self._with(self._tokens.get(instead_of=token), operation)
        return response

    def _with(self, token: str, operation: Operation) -> Response:
        headers = {"Authorization": f"Bearer {token}", "Accept": MEDIA_TYPE}
        if operation.body is not None:
            headers["Content-Type"] = MEDIA_TYPE
        if operation.version is not None:
            headers["If-Match"] = operation.version
        return self._http.request(
            operation.method,
            self.base + operation.path,
            json=operation.body,
            headers=headers,
            idempotent=operation.repeatable or operation.is_read,
        )

    def _answer(self, operation: Operation, response: Response) -> Answer:
        location = response.headers.get("Location", "")
        if response.status in (202, 204) or (response.status in (200, 201) and not response.content and not operation.is_read):
            return Answer(location=location)
        try:
            body = response.json()
        except ProviderError:
            body = None
        if response.status in (200, 201) and isinstance(body, dict) and not is_error(body) and _usable(operation, body):
            return Answer(body=body, location=location)
        repeatable = operation.repeatable or operation.is_read
        error = classify(response.status, body, wait=response.retry_after(), repeatable=repeatable)
        return Answer(error=self.scrubbed(error, operation))

    def scrubbed(self, error: ProviderError, operation: Operation) -> ProviderError:
        """Return an error without the secrets that were sent with the call."""
        return scrubbed(error, operation.password, self._tokens.current)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list. ``total`` is what the service claims there is in all, none where it says nothing."""

    rows: list[Mapping[str, Any]]
    total: int | None


def page_of(body: Mapping[str, Any], *, start: int = 1) -> Page:
    """Return the page in an answer; without rows it must at least say that there are none at this place of the list."""
    rows, total = field_of(body, "Resources"), field_of(body, "totalResults")
    number = total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None
    if rows is None and number is not None and (number == 0 or start > number):
        rows = []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Garbled("The SCIM service did not answer with a list.")
    return Page(rows=rows, total=number)


def id_of(row: Mapping[str, Any], unusable: type[ProviderError] = Garbled) -> str:
    """Return a resource's id, or raise."""
    value = field_of(row, "id")
    if not isinstance(value, str) or not 0 < len(value) <= 255 or not value.isprintable():
        raise unusable("The SCIM service named no usable id.")
    return value


def created_id(answer: Answer) -> str:
    """Return the id of what was just created, from the answer's body or the address it names.

    :raises Ambiguous: when neither says it.
    """
    if field_of(answer.body, "id") is not None or not answer.location:
        return id_of(answer.body, Unclear)
    from_address = answer.location.partition("?")[0].rstrip("/").rpartition("/")[2]
    return id_of({"id": unquote(from_address)}, Unclear)


def version_of(row: Mapping[str, Any]) -> str | None:
    """Return the version of a resource, as ``If-Match`` takes it; none where it has none."""
    version = field_of(field_of(row, "meta"), "version")
    return version if isinstance(version, str) and version.isascii() and version.isprintable() and version.strip() else None


def literal(text: str) -> str:
    """Return a text as a value of a filter, which is a JSON string (RFC 7644, section 3.4.2.2)."""
    return json.dumps(text, ensure_ascii=False)


def one(endpoint: str, external_id: str) -> str:
    """Return the path of one resource."""
    return f"{endpoint}/{quote(external_id, safe='')}"


def query_of(query: Mapping[str, Any]) -> str:
    """Return a query as it stands behind a path; what is none is left out."""
    given = {name: value for name, value in query.items() if value is not None}
    return f"?{urlencode(given, quote_via=quote, safe='')}" if given else ""


def elsewhere(status: int) -> Misconfigured:
    """Return the error for an address where no SCIM service is."""
    return Elsewhere(
        f"There is no SCIM service at this address (HTTP {status}).",
        hint="Correct the address in the settings: the one after which /Users comes.",
    )


def _usable(operation: Operation, body: Mapping[str, Any]) -> bool:
    """Tell whether a success looks like one: what answers a change is a resource or a message."""
    return operation.is_read or field_of(body, "id") is not None or isinstance(field_of(body, "schemas"), list)
