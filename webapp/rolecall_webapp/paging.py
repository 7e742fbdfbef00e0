"""Pages of long lists: reads the number of a page from the address, and says where the others are.

Also what a form shows again after core refused it. Owns no list.
"""

from collections.abc import Collection, Mapping
from urllib.parse import urlencode

from flask import url_for
from werkzeug.datastructures import MultiDict

from rolecall.errors import Invalid, Refused
from rolecall_webapp.errors import status_of
from rolecall_webapp.parts import Pager

SIZE = 50
#: Nobody turns so many pages; and a number must fit into the database.
_LAST = 1_000_000


def page_number(args: MultiDict[str, str]) -> int:
    """The page that an address asks for, from 1 on.

    :raises Invalid: when it is no such number.
    """
    text = args.get("page") or "1"
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= _LAST:
        raise Invalid("There is no such page of the list.", hint="Begin again at the first page.")
    return int(text)


def asked(args: MultiDict[str, str], known: Collection[str]) -> dict[str, str]:
    """The words of a list that an address has, without those that filter nothing."""
    return {name: value.strip() for name, value in args.items() if name in known and value.strip() not in ("", "all")}


def address(endpoint: str, words: Mapping[str, str], **values: object) -> str:
    """The address of a list with these words in its query, without those that are empty."""
    query = urlencode({name: value for name, value in words.items() if value})
    return url_for(endpoint, **values) + (f"?{query}" if query else "")  # type: ignore[arg-type]


def pager(page: int, total: int, endpoint: str, words: Mapping[str, str], *, size: int = SIZE, **values: object) -> Pager | None:
    """Where a page is among the others; none where one page holds everything."""
    if total <= size and page == 1:
        return None

    def of(number: int) -> str:
        return address(endpoint, {**words, "page": str(number) if number > 1 else ""}, **values)

    first, last = (page - 1) * size + 1, min(page * size, total)
    return Pager(
        first=min(first, last),
        last=last,
        total=total,
        previous=of(page - 1) if page > 1 else None,
        next=of(page + 1) if last < total else None,
    )


def beside(previous: str | None, following: str | None) -> Pager | None:
    """Where a page is whose list is not counted: what comes before and after it; none where it is all there is."""
    return Pager(first=0, last=0, total=0, previous=previous, next=following) if previous or following else None


def by_cursor(cursor: str | None, following: str | None, endpoint: str, words: Mapping[str, str], *, name: str) -> Pager | None:
    """Where a page of a list by cursor is: back to the first one, and on to the one whose cursor is ``following``, as the word ``name``."""
    newest = address(endpoint, words) if cursor else None
    return beside(newest, address(endpoint, {**words, name: following}) if following else None)


def problems(error: Refused) -> tuple[dict[str, list[str]], int]:
    """What a form shows after a refusal, by field, and the status of the answer."""
    if isinstance(error, Invalid) and error.fields:
        return {("" if name == "_schema" else name): list(sentences) for name, sentences in error.fields.items()}, status_of(error)
    return {"": [str(error)]}, status_of(error)
