"""Filters of the pretended service: comparisons, *and*, *or*, *not* and brackets (RFC 7644, section 3.4.2.2)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from rolecall_scim.fake.state import ENTERPRISE, Row, invalid

Test = Callable[[Row], bool]

_TOKEN = re.compile(r'\s*(?:(?P<mark>[()])|(?P<value>"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?)|(?P<word>[^\s()"]+))')
#: Attributes that are compared with their case.
_EXACT = frozenset({"id", "externalid", "value"})
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda have, want: have == want,
    "ne": lambda have, want: have != want,
    "co": lambda have, want: isinstance(have, str) and want in have,
    "sw": lambda have, want: isinstance(have, str) and have.startswith(want),
    "ew": lambda have, want: isinstance(have, str) and have.endswith(want),
}


def parse(text: str) -> Test:
    """Return the test that a filter asks for."""
    tokens = list(_tokens(text))
    test, rest = _either(tokens)
    if rest:
        raise _wrong(rest[0])
    return test


def paths(text: str) -> set[str]:
    """Return the attributes that a filter names, in lower case."""
    words = [word for kind, word in _tokens(text) if kind == "word"]
    return {word.lower() for word in words if word.lower() not in {*_COMPARISONS, "pr", "and", "or", "not", "true", "false"}}


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text.rstrip()):
        found = _TOKEN.match(text, position)
        if found is None:
            raise invalid(f"invalid syntax at column {position + 1}", "invalidFilter")
        yield str(found.lastgroup), found[str(found.lastgroup)]
        position = found.end()


def _wrong(token: tuple[str, str]) -> Exception:
    return invalid(f"invalid syntax at {token[1]!r}", "invalidFilter")


Tokens = list[tuple[str, str]]


def _either(tokens: Tokens) -> tuple[Test, Tokens]:
    left, rest = _both(tokens)
    while rest and rest[0][1].lower() == "or":
        right, rest = _both(rest[1:])
        left = (lambda one, two: lambda row: one(row) or two(row))(left, right)
    return left, rest


def _both(tokens: Tokens) -> tuple[Test, Tokens]:
    left, rest = _single(tokens)
    while rest and rest[0][1].lower() == "and":
        right, rest = _single(rest[1:])
        left = (lambda one, two: lambda row: one(row) and two(row))(left, right)
    return left, rest


def _single(tokens: Tokens) -> tuple[Test, Tokens]:
    if not tokens:
        raise invalid("the filter ends too early", "invalidFilter")
    if tokens[0][1].lower() == "not":
        inner, rest = _single(tokens[1:])
        return (lambda row: not inner(row)), rest
    if tokens[0][1] == "(":
        inner, rest = _either(tokens[1:])
        if not rest or rest[0][1] != ")":
            raise invalid("a bracket is not closed", "invalidFilter")
        return inner, rest[1:]
    return _comparison(tokens)


def _comparison(tokens: Tokens) -> tuple[Test, Tokens]:
    if len(tokens) < 2 or tokens[0][0] != "word":
        raise _wrong(tokens[0])
    path, operator = tokens[0][1], tokens[1][1].lower()
    if operator == "pr":
        return (lambda row: any(value not in (None, "") for value in values(row, path))), tokens[2:]
    compare = _COMPARISONS.get(operator)
    if compare is None or len(tokens) < 3 or tokens[2][0] == "mark":
        raise _wrong(tokens[1])
    try:
        want = json.loads(tokens[2][1])
    except ValueError:
        raise _wrong(tokens[2]) from None
    exact = path.rpartition(".")[2].rpartition(":")[2].lower() in _EXACT

    def test(row: Row) -> bool:
        return any(compare(*((have, want) if exact else (_small(have), _small(want)))) for have in values(row, path))

    return test, tokens[3:]


def _small(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def values(row: Row, path: str) -> list[Any]:
    """Return every value of a path; without any, that there is none."""
    extended = path.lower().startswith(f"{ENTERPRISE.lower()}:")
    steps = [ENTERPRISE, *path[len(ENTERPRISE) + 1 :].split(".")] if extended else path.split(".")
    found: list[Any] = [row]
    for step in steps:
        inner = [each.get(next((key for key in each if key.lower() == step.lower()), step)) for each in found if isinstance(each, dict)]
        found = [value for each in inner for value in (each if isinstance(each, list) else [each])]
    return found or [None]
