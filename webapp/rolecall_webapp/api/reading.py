"""Reads requests strictly: one value per word, bounded JSON, no field that is not declared (A-14, X-11, Z-03).

Owns the limits of what arrives. Whatever is wrong is one of our errors with the sentences by field, never an exception of a library.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from flask import Request
from marshmallow import Schema, ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.routing import BaseConverter

from rolecall.errors import Invalid, Stale, Unknown
from rolecall.store.cursors import LARGEST_ID

#: Bytes of a JSON body: 5,000 ids and every parameter fit many times.
JSON_BYTES = 2**20
#: Bytes of a CSV of people: a million rows.
CSV_BYTES = 200 * 2**20
DEPTH = 20
PARAMETER = re.compile(r"\{(\w+)\}")
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_ETAG = re.compile(r'(?:W/)?"(\d{1,10})"')


class Number(BaseConverter):
    """Digits in an address. Whether they are an id is told by :func:`parameters`, so that the answer is 404 and not 405."""

    regex = "[0-9]{1,10}"


def rule(path: str) -> str:
    """The address as Flask's router wants it; ``digits`` is a :class:`Number`."""
    return PARAMETER.sub(lambda match: f"<{'digits' if is_number(match[1]) else 'string(maxlength=120)'}:{match[1]}>", path)


def parameters(sent: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of the address, with ids as numbers that a column can hold.

    :raises Unknown: for what can be nobody's id.
    """
    found: dict[str, Any] = {}
    for name, value in sent.items():
        found[name] = value
        if is_number(name):
            found[name] = int(value)
            if found[name] > LARGEST_ID:
                raise Unknown(f"There is nothing with the id {_short(value)}.")
    return found


def is_number(name: str) -> bool:
    """Whether a parameter of an address is a number."""
    return name.endswith("_id") and name != "action_id"


def query(sent: MultiDict[str, str], schema: type[Schema] | None, *, keep_others: bool = False) -> dict[str, Any]:
    """The words of the address, each once. Those that are not declared are kept as they are, or refused.

    :raises Invalid: with the sentences by word.
    """
    known = schema().fields if schema else {}
    twice = [name for name in sent if len(sent.getlist(name)) > 1]
    if twice:
        raise Invalid(f"“{_short(twice[0])}” is given twice.", fields={_short(name): ["Give it once."] for name in twice})
    unusable = {_short(name): ["It contains an unusable character."] for name, value in sent.items() if "\0" in value or "\0" in name}
    if unusable:
        raise Invalid("The address contains an unusable character.", fields=unusable)
    others = {name: value for name, value in sent.items() if name not in known}
    loaded = _load(schema, {name: value for name, value in sent.items() if name in known}) if schema else {}
    if keep_others:
        return loaded | others
    if others:
        raise Invalid("The address has words that this does not take.", fields={_short(name): ["Unknown word."] for name in others})
    return loaded


def body(request: Request, schema: type[Schema] | None) -> dict[str, Any]:
    """The JSON object that was sent, loaded by the schema; without one, nothing but an empty object may be sent.

    :raises Invalid: with the sentences by field.
    """
    request.max_content_length = JSON_BYTES
    if request.method in {"GET", "HEAD"}:
        return {}
    refuse_encoding(request)
    data = request.get_data(cache=False)
    if not data:
        return _load(schema, {}) if schema else {}
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send JSON, with the header Content-Type: application/json.")
    document = parse(data)
    if schema is None:
        if document:
            raise Invalid("This takes no fields.", fields={_short(name): ["Unknown field."] for name in document})
        return {}
    return _load(schema, document)


def parse(data: bytes) -> dict[str, Any]:
    """Read a JSON object: UTF-8, every name once, at most :data:`DEPTH` levels, no character that no database keeps.

    :raises Invalid: saying what is wrong.
    """
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse_constant)
    except Invalid:
        raise
    except RecursionError:
        raise Invalid(f"The body is nested more than {DEPTH} levels deep.") from None
    except ValueError:
        raise Invalid("The body is not JSON.", hint="Send one JSON object in UTF-8.") from None
    if not isinstance(document, dict):
        raise Invalid("The body is not a JSON object.", hint='Send {"name": value, ...}.')
    _check(document)
    return document


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key of the request.

    :raises Invalid: when it is empty, too long or not plain text.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid("The Idempotency-Key is not usable.", hint="Use 1 to 200 letters, digits and signs without spaces.")
    return key


def if_match(request: Request) -> int | None:
    """The version that the request was made for, from ``If-Match``; none where any will do.

    :raises Stale: when it can be no version of anything.
    """
    value = request.headers.get("If-Match", "").strip()
    if value in {"", "*"}:
        return None
    match = _ETAG.fullmatch(value)
    if match is None:
        raise Stale("The version in If-Match is not the present one.", hint="Read the record again; its ETag is the version.")
    return int(match[1])


def refuse_encoding(request: Request) -> None:
    """Take bodies as they are: what arrives compressed could be a thousand times as long."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise UnsupportedMediaType("Send the body as it is, without Content-Encoding.")


def check_length(request: Request, most: int) -> None:
    """Refuse a body that says it is longer than allowed, before any of it is read."""
    request.max_content_length = most
    if request.content_length is not None and request.content_length > most:
        raise RequestEntityTooLarge


def sentences(messages: Any) -> list[str]:
    """What marshmallow says of a value, flat."""
    if isinstance(messages, dict):
        return [sentence for each in messages.values() for sentence in sentences(each)]
    return [str(each) for each in messages] if isinstance(messages, list) else [str(messages)]


def _load(schema: type[Schema], given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema().load(dict(given))
    except ValidationError as error:
        found = error.messages if isinstance(error.messages, dict) else {"_schema": error.messages}
        fields = {"" if name == "_schema" else _short(str(name)): sentences(texts) for name, texts in found.items()}
        hint = " ".join(f"{name}: {' '.join(texts)}" if name else " ".join(texts) for name, texts in list(fields.items())[:5])
        raise Invalid("Some values are missing or wrong.", hint=hint, fields=fields) from None
    return loaded


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Invalid(f"“{_short(name)}” is in the body twice.", fields={_short(name): ["Give it once."]})
        found[name] = value
    return found


def _refuse_constant(name: str) -> None:
    raise Invalid(f"{name} is not a JSON number.")


def _check(document: dict[str, Any]) -> None:
    level: list[Any] = [document]
    depth = 0
    while level:
        depth += 1
        if depth > DEPTH:
            raise Invalid(f"The body is nested more than {DEPTH} levels deep.")
        below: list[Any] = []
        for container in level:
            inside = [*container, *container.values()] if isinstance(container, dict) else container
            for value in inside:
                if isinstance(value, str) and _UNUSABLE.search(value):
                    raise Invalid("The body contains a character that cannot be stored (NUL, or half of a surrogate pair).")
                if isinstance(value, dict | list):
                    below.append(value)
        level = below


def _short(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in text[:60])
