"""Cursors of lists: the place after a row, as a word for an address.

Owns how they are written, and reads them with suspicion. They hold sort values and ids, no secrets.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rolecall.errors import Invalid

#: PostgreSQL's integer: a larger id cannot even be compared.
LARGEST_ID = 2**31 - 1
_LONGEST = 4_000


def write_cursor(values: Sequence[Any]) -> str:
    """Write texts, whole numbers and times as a cursor."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False)
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """Read a cursor back, one value of each of ``kinds`` (``str``, ``int`` or ``datetime``).

    :raises Invalid: when it is not one of ours.
    """
    if len(cursor) <= _LONGEST:
        try:
            values = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if isinstance(values, list) and len(values) == len(kinds):
                return [_value(value, kind) for value, kind in zip(values, kinds, strict=True)]
        except (ValueError, RecursionError):
            pass
    raise Invalid("This page of the list does not exist.", hint="Begin again at the first page.")


def _value(value: Any, kind: type) -> Any:
    if kind is int and type(value) is int and 0 <= value <= LARGEST_ID:
        return value
    if kind is str and isinstance(value, str) and "\0" not in value:
        # A lone surrogate raises here rather than in the driver; its error is a ValueError.
        value.encode()
        return value
    if kind is datetime and isinstance(value, str):
        time = datetime.fromisoformat(value)
        if time.tzinfo is not None:
            return time
    raise ValueError(kind)
