"""Speaks Moodle's REST protocol: one call in, one checked JSON value or one classed error out.

Owns the wire form (flattened form fields, errors inside HTTP 200) and nothing of what the functions mean.
The format field travels last: PHP drops the fields beyond ``max_input_vars`` from the end, so a request that was cut is
answered in XML instead of JSON and cannot pass for a complete one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import unescape
from typing import TYPE_CHECKING, Any, TypeVar

from rolecall.errors import Ambiguous, Misconfigured, NotFound, Permanent, ProviderError, Transient

if TYPE_CHECKING:
    from rolecall.sdk.http import Http, Response

#: PHP's ``max_input_vars`` is 5,000 by default and 1,000 on careful hosts; three fields are the protocol's own.
FIELDS = 900

#: An error that ends the whole service's work, not one account's: the token, the service or a right is missing.
MISCONFIGURED = frozenset(
    {
        "invalidtoken",
        "accessexception",
        "nopermissions",
        "wsusercannotassign",
        "requireloginerror",
        "errorcoursecontextnotvalid",
        "errorcatcontextnotvalid",
        "servicenotavailable",
    }
)

#: A code that may be passed on.
CODE = re.compile(r"[a-z][a-z0-9]{2,60}")

#: The site is closed for a while.
CLOSED = frozenset({"sitemaintenance", "upgraderunning", "dbconnectionfailed"})

Row = TypeVar("Row")


class Denied(Misconfigured):
    """Moodle answered, and what it says is that the token or its user may not."""


class BadData(Permanent):
    """Moodle refused a value or found a duplicate: it answers both with the same code and keeps the reason to itself."""


class ServerFault(Transient):
    """The server failed while it worked on a call, perhaps over one of its rows."""


class Garbled(Transient):
    """The answer to a question cannot be used; asking again costs nothing."""

    code = "bad-response"


class Unclear(Ambiguous):
    """The answer to a change cannot be used, so nobody knows what was done."""

    code = "bad-response"


class Unreachable(Transient):
    """The site is closed or asks to wait: no other call would fare better now."""


class Client:
    """The web service of one Moodle site."""

    def __init__(self, http: Http, base_url: str, token: str) -> None:
        self.http = http
        self.address = f"{base_url.strip().rstrip('/')}/webservice/rest/server.php"
        self.token = token

    def read(self, function: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Call a function that changes nothing; whatever goes wrong on the way may simply be tried again."""
        return self._call(function, arguments or {}, idempotent=True)

    def write(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """Call a function that changes something; an answer that cannot be used is ``Ambiguous``."""
        return self._call(function, arguments, idempotent=False)

    def _call(self, function: str, arguments: Mapping[str, Any], *, idempotent: bool) -> Any:
        form = [("wstoken", self.token), ("wsfunction", function), *flatten(arguments), ("moodlewsrestformat", "json")]
        response = self.http.post(self.address, data=form, idempotent=idempotent)
        check_status(response)
        unusable: type[ProviderError] = Garbled if idempotent else Unclear
        value = parse(response.content, unusable)
        if isinstance(value, dict) and "exception" in value:
            raise classify(value, function, unusable)
        return value


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield PHP form fields: ``users[0][preferences][0][type]=...``; truth values as 1 and 0."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from flatten(item, f"{prefix}[{key}]" if prefix else str(key))
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from flatten(item, f"{prefix}[{number}]")
    elif isinstance(value, bool):
        yield prefix, "1" if value else "0"
    else:
        yield prefix, str(value)


def portions(rows: Sequence[Row], shape: Callable[[Row], Any], limit: int = FIELDS) -> Iterator[list[Row]]:
    """Split rows so that each call stays within ``limit`` form fields; ``shape`` gives the value that a row becomes."""
    portion: list[Row] = []
    used = 0
    for row in rows:
        fields = sum(1 for _ in flatten(shape(row), "x"))
        if portion and used + fields > limit:
            yield portion
            portion, used = [], 0
        portion.append(row)
        used += fields
    if portion:
        yield portion


def check_status(response: Response) -> None:
    """Raise for every status but 200: Moodle itself answers errors with 200, so others come from PHP or the web server."""
    status = response.status
    if status == 200:
        return
    if status in (401, 403):
        raise Denied(
            f"Moodle refused the web service call (HTTP {status}).",
            hint="Switch on web services and the REST protocol in Moodle's site administration.",
        )
    if status in (408, 425, 429, 503):
        raise Unreachable(f"Moodle is not available just now (HTTP {status}).", retry_after=response.retry_after())
    if status >= 500:
        raise ServerFault(f"Moodle failed while answering (HTTP {status}).", retry_after=response.retry_after())
    raise Misconfigured(
        f"There is no Moodle web service at this address (HTTP {status}).",
        hint="The address of the site belongs into the settings, exactly as the browser shows it on the front page.",
    )


def parse(content: bytes, unusable: type[ProviderError]) -> Any:
    """Return the JSON value of an answer; XML means that the server cut the request, anything else is ``unusable``."""
    if content.lstrip()[:5] == b"<?xml":
        raise Misconfigured(
            "Moodle received only a part of the request.",
            hint="Raise max_input_vars in the PHP settings of the Moodle server to 5000.",
        )
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise unusable("Moodle's answer is not JSON, so nobody knows what it did.") from None


def _no_constant(word: str) -> None:
    raise ValueError(word)


def classify(answer: Mapping[str, Any], function: str, unusable: type[ProviderError]) -> ProviderError:
    """Turn Moodle's ``{exception, errorcode, message}`` into the error that says how the sync goes on (R65)."""
    code = str(answer.get("errorcode", ""))
    said = plain(answer.get("message", "")) or code or "no reason given"
    more = plain(answer.get("debuginfo", ""))
    if code in MISCONFIGURED or code.startswith("wsaccessuser") or (code == "invalidrecord" and "external_functions" in said):
        return Denied(f"Moodle refuses {function}: {said}", hint="Test the connection on the integration's page: it says what is missing.")
    if code in CLOSED:
        return Unreachable(f"Moodle is closed at the moment: {said}")
    if code == "invaliduser":
        return NotFound("Moodle has no such user any more.")
    if code == "invalidrecord":
        return Transient(f"Something was deleted in Moodle during the call: {said}")
    if code == "invalidparameter":
        return BadData(f"Moodle refused a value without saying which one: {more or said}")
    if code == "invalidresponse":
        return unusable("Moodle could not put its answer together, so nobody knows what it did.")
    if "<" in code:
        return Permanent(f"Moodle's password policy refused the password: {plain(code)}")
    if code == "dmlwriteexception":
        return BadData("Moodle could not store a value: it is too long or already taken.")
    if str(answer.get("exception", "")).startswith("dml_") and code.startswith("dml"):
        return ServerFault(f"Moodle's database failed: {said}")
    return Permanent(f"Moodle refused: {said} ({plain(code)}).", code=code if CODE.fullmatch(code) else None)


def plain(text: object, longest: int = 300) -> str:
    """Return the first lines of a text that may be HTML or SQL, as one short line without markup."""
    words = re.sub(r"<[^>]*>", " ", str(text)[:4000].split("\nINSERT")[0].split("\n[array")[0])
    line = " ".join(unescape(words).split())
    return line if len(line) <= longest else f"{line[:longest]}…"


def rows_of(value: Any, what: str, unusable: type[ProviderError] = Garbled) -> list[dict[str, Any]]:
    """Return the list of objects that an answer must be, or raise: a wrong shape is an answer nobody can use."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise unusable(f"Moodle's answer is no list of {what}.")
    return value


def number_of(row: Mapping[str, Any], name: str = "id", unusable: type[ProviderError] = Garbled) -> int:
    """Return a row's whole positive number, or raise: an id that cannot be stored must not be believed."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise unusable(f"Moodle's answer has no usable {name}.")
    return value
