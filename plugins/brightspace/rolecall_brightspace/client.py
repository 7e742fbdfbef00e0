"""Speaks Valence: one call or the pages of a list, each with a token, within the credits, and each answer checked.

Owns the wire form and nothing of what the objects mean. Slashes at the end of a path are significant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rolecall.errors import NotFound, ProviderError
from rolecall_brightspace.budget import Budget
from rolecall_brightspace.errors import Garbled, Unclear, classify
from rolecall_brightspace.settings import site_of
from rolecall_brightspace.tokens import Tokens

if TYPE_CHECKING:
    from rolecall.sdk.http import Http, Response

#: A list longer than this many pages goes round in circles.
MOST_PAGES = 20_000

Row = dict[str, Any]


class Client:
    """The API of one site, as one app."""

    def __init__(self, http: Http, settings: Mapping[str, Any]) -> None:
        self._http = http
        self._site = site_of(settings)
        self._platform = f"/d2l/api/lp/{settings['lp_version']}/"
        self.tokens = Tokens(http, settings)
        self.budget = Budget(believed=bool(settings.get("credits", True)))

    def get(self, path: str, **query: Any) -> Any:
        """Ask the learning platform and return what it says."""
        return self.call("GET", path, query=query)

    def put(self, path: str, body: Mapping[str, Any]) -> Row:
        """Replace something, which does no harm when it is done twice, and return what it is now."""
        return _object(self.call("PUT", path, body=body, repeatable=True), Garbled)

    def post(self, path: str, body: Any, *, repeatable: bool = False) -> Any:
        """Send something new; ``repeatable``: sending it twice does no harm."""
        return self.call("POST", path, body=body, repeatable=repeatable)

    def delete(self, path: str) -> None:
        """Take something away; raise ``NotFound`` when it is not there."""
        self.call("DELETE", path, repeatable=True)

    def versions(self) -> list[Row]:
        """Return the products of the site with the versions of their API."""
        return rows_of(self._read(self._send("GET", "/d2l/api/versions/", None, {}, repeatable=True), repeatable=True))

    def call(self, method: str, path: str, *, body: Any = None, query: Mapping[str, Any] | None = None, repeatable: bool = False) -> Any:
        """Make one call to the learning platform and return its body, none where it has none, or raise what went wrong."""
        repeatable = repeatable or method == "GET"
        return self._read(self._send(method, self._platform + path, body, query or {}, repeatable=repeatable), repeatable=repeatable)

    def pages(self, path: str, **query: Any) -> Iterator[Row]:
        """Yield every row of a paged list, following its bookmarks; a row may come twice.

        :raises Garbled: when an answer is no page of a list, or its bookmark was given before.
        """
        bookmark = ""
        seen: set[str] = set()
        while True:
            page = object_of(self.get(path, **query, **({"bookmark": bookmark} if bookmark else {})))
            yield from rows_of(page.get("Items"))
            paging = object_of(page.get("PagingInfo"))
            if paging.get("HasMoreItems") is not True:
                return
            bookmark = str(paging.get("Bookmark") or "")
            if not bookmark or bookmark in seen or len(seen) >= MOST_PAGES:
                raise Garbled("Brightspace named the same page of a list again.")
            seen.add(bookmark)

    def _send(self, method: str, path: str, body: Any, query: Mapping[str, Any], *, repeatable: bool) -> Response:
        """Send with a token; one that is refused is exchanged once."""
        token = self.tokens.get()
        response = self._with(token, method, path, body, query, repeatable=repeatable)
        if response.status == 401:
            token = self.tokens.get(instead_of=token)
            response = self._with(token, method, path, body, query, repeatable=repeatable)
        return response

    def _with(self, token: str, method: str, path: str, body: Any, query: Mapping[str, Any], *, repeatable: bool) -> Response:
        self.budget.spend()
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        response = self._http.request(method, self._site + path, params=query or None, json=body, headers=headers, idempotent=repeatable)
        self.budget.note(response.status, response.headers, response.retry_after())
        return response

    def _read(self, response: Response, *, repeatable: bool) -> Any:
        if response.status not in (200, 201, 204):
            raise classify(response.status, response.content, wait=response.retry_after(), repeatable=repeatable)
        if not response.content.strip():
            return None
        try:
            return response.json()
        except ProviderError as error:
            raise (Garbled if repeatable else Unclear)(error.message, hint=error.hint) from None


def _object(value: Any, unusable: type[ProviderError]) -> Row:
    if not isinstance(value, dict):
        raise unusable("Brightspace gave an answer that cannot be used.")
    return value


def object_of(value: Any) -> Row:
    """Return an answer that must be one object, or raise."""
    return _object(value, Garbled)


def made_of(value: Any) -> Row:
    """Return the object that a creation answers with; anything else leaves open whether it was made."""
    return _object(value, Unclear)


def rows_of(value: Any) -> list[Row]:
    """Return an answer that must be a list of objects, or raise."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise Garbled("Brightspace did not answer with a list.")
    return value


def number_of(row: Mapping[str, Any], name: str, unusable: type[ProviderError] = Garbled) -> int:
    """Return an id, which is a number or its digits, or raise."""
    value = row.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise unusable(f"Brightspace named no usable {name}.")
    return value


def known_number(external_id: str, what: str) -> int:
    """Return the number in a link; what is no number never was an id there."""
    if not (external_id.isascii() and external_id.isdigit()):
        raise NotFound(f"The link holds no Brightspace {what} id.")
    return int(external_id)
