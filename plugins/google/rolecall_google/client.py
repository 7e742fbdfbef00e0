"""Speaks to Google's APIs: one call, the pages of a list, or a batch, each with a token and each answer checked.

Owns the wire form and nothing of what the objects mean. The status of a batch says nothing about its parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from rolecall.errors import ProviderError
from rolecall_google import multipart, scopes
from rolecall_google.errors import Denied, Garbled, Unclear, classify, seconds
from rolecall_google.multipart import Answered
from rolecall_google.scopes import Scope
from rolecall_google.settings import CLASSROOM, DIRECTORY, LICENSING, address
from rolecall_google.tokens import Tokens

if TYPE_CHECKING:
    from rolecall.sdk.http import Http, Response

#: Parts in one batch. With three calls a second, and two look-ups before each creation, ten make ten new users a second at most, which is
#: what a domain takes, and 1,800 queries a minute of the 2,400 that Google counts, part by part. Classroom takes 1,200 of one user.
BATCH: Mapping[str, int] = {DIRECTORY: 10, LICENSING: 10, CLASSROOM: 6}
#: A list longer than this many pages goes round in circles.
MOST_PAGES = 5_000
USERS = "/admin/directory/v1/users"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One call: ``path`` with its query as it stands behind the service's address. ``repeatable``: sending it twice does no harm."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    api: str = DIRECTORY
    repeatable: bool = False
    #: Whether a success may come without a body.
    bare: bool = False

    @property
    def is_safe(self) -> bool:
        """Whether sending it twice does no harm."""
        return self.repeatable or self.method == "GET"


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


class Google:
    """Google's APIs for one Workspace."""

    def __init__(self, http: Http, settings: Mapping[str, Any]) -> None:
        self.http = http
        self.tokens = Tokens(http, settings)
        self._scopes = {api: tuple(scopes.of(api, settings)) for api in BATCH}
        self._addresses = {api: address(settings, api) for api in BATCH}

    def with_scopes(self, *wanted: Scope) -> Google:
        """Return the same with tokens that carry only these scopes."""
        narrow = copy(self)
        narrow._scopes = dict.fromkeys(BATCH, wanted)
        return narrow

    def call(self, part: Part) -> Mapping[str, Any]:
        """Make one call and return its body, or raise what went wrong."""
        return self._single(part).value()

    def read(self, path: str, *, api: str = DIRECTORY, **query: Any) -> Mapping[str, Any]:
        """Make one GET."""
        return self.call(Part(method="GET", path=with_query(path, **query), api=api))

    def pages(self, path: str, rows: str, *, api: str = DIRECTORY, **query: Any) -> Iterator[Mapping[str, Any]]:
        """Yield every row of a list, page by page; a row may come twice."""
        token: str | None = None
        seen: set[str] = set()
        while True:
            body = self.read(path, api=api, pageToken=token, **query)
            yield from rows_of(body, rows, api=api)
            token = next_page(body)
            if token is None:
                return
            if token in seen or len(seen) >= MOST_PAGES:
                raise Garbled("Google named the same page again.")
            seen.add(token)

    def batch(self, parts: Sequence[Part]) -> list[Answer]:
        """Make many calls to one API, some at a time; each has its own answer, in their order. One alone needs no batch.

        :raises ProviderError: when a batch as a whole failed.
        """
        answers: list[Answer] = []
        size = BATCH[parts[0].api] if parts else 1
        for start in range(0, len(parts), size):
            some = parts[start : start + size]
            answers += self._batch(some) if len(some) > 1 else [self._single(some[0])]
        return answers

    def _single(self, part: Part) -> Answer:
        token = self.tokens.get(self._scopes[part.api])
        answer = self._alone(part, token)
        if isinstance(answer.error, Denied) and answer.status == 401:
            answer = self._alone(part, self.tokens.get(self._scopes[part.api], instead_of=token))
        return answer

    def _alone(self, part: Part, token: str) -> Answer:
        response = self.http.request(
            part.method,
            self._addresses[part.api] + part.path,
            json=part.body,
            headers={"Authorization": f"Bearer {token}"},
            idempotent=part.is_safe,
        )
        return _answer(part, Answered(status=response.status, body=_json(response)), response.retry_after())

    def _batch(self, parts: Sequence[Part]) -> list[Answer]:
        """Send a batch; a token that is refused, for the whole or for every part, is exchanged once."""
        wanted = self._scopes[parts[0].api]
        token = self.tokens.get(wanted)
        response = self._together(parts, token)
        if response.status == 401 or {each.status for each in _parts(response).values()} == {401}:
            response = self._together(parts, self.tokens.get(wanted, instead_of=token))
        repeatable = all(part.is_safe for part in parts)
        if response.status != 200:
            raise classify(response.status, _json(response), wait=response.retry_after(), repeatable=repeatable)
        found = _parts(response)
        if not found:
            raise (Garbled if repeatable else Unclear)("Google did not answer a batch with the answers to its parts.")
        return [self._part(part, found.get(number)) for number, part in enumerate(parts)]

    def _together(self, parts: Sequence[Part], token: str) -> Response:
        kind, content = multipart.write([(part.method, part.path, part.body) for part in parts])
        return self.http.request(
            "POST",
            f"{self._addresses[parts[0].api]}/batch",
            data=content,
            headers={"Authorization": f"Bearer {token}", "Content-Type": kind},
            idempotent=all(part.is_safe for part in parts),
        )

    def _part(self, part: Part, found: Answered | None) -> Answer:
        if found is None:
            return Answer(error=(Garbled if part.is_safe else Unclear)("Google said nothing of a part of a batch."))
        return _answer(part, found, seconds(found.headers.get("retry-after")))


def _parts(response: Response) -> dict[int, Answered]:
    return multipart.read(response.headers.get("Content-Type", ""), response.content) if response.status == 200 else {}


def _answer(part: Part, found: Answered, wait: Any) -> Answer:
    if found.status == 200 and isinstance(found.body, dict) and "error" not in found.body:
        return Answer(status=found.status, body=found.body)
    if found.status in (200, 204) and found.body is None and (part.bare or part.method == "DELETE"):
        return Answer(status=found.status)
    return Answer(status=found.status, error=classify(found.status, found.body, wait=wait, repeatable=part.is_safe))


def segment(text: str) -> str:
    """Return a text as one step of a path."""
    return quote(text, safe="@:")


def with_query(path: str, **query: Any) -> str:
    """Return a path with a query; what is none is left out."""
    values = {name: ("true" if value is True else value) for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(values, quote_via=quote)}" if values else path


def rows_of(body: Mapping[str, Any], name: str, *, api: str = DIRECTORY) -> list[Mapping[str, Any]]:
    """Return the rows of a list's page, or raise. An empty list is left out; all but Classroom then still say what kind of answer it is."""
    rows = body.get(name, [] if api == CLASSROOM or isinstance(body.get("kind"), str) else None)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Garbled("Google did not answer with a list.")
    return rows


def next_page(body: Mapping[str, Any]) -> str | None:
    """Return the token of the next page, none after the last."""
    token = body.get("nextPageToken")
    if token is not None and not isinstance(token, str):
        raise Garbled("Google named a next page that is none.")
    return token or None


def id_of(row: Mapping[str, Any], unusable: type[ProviderError] = Garbled) -> str:
    """Return an object's id, or raise."""
    value = row.get("id")
    if not isinstance(value, str) or not 0 < len(value) <= 100 or not value.isascii() or not value.isalnum():
        raise unusable("Google named no usable id.")
    return value


def _json(response: Response) -> Any:
    """Return the body of an answer: none where there is none, an empty text where it is not JSON, whose status then decides."""
    if not response.content.strip():
        return None
    try:
        return response.json()
    except ProviderError:
        return ""
