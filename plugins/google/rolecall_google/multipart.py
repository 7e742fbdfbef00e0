"""Writes many calls into one multipart message, and reads their answers out of one (Directory API guide, *Send batch requests*).

Owns the form of a batch and nothing of what is in it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser, BytesParser
from typing import Any

_LINE = b"\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answer to one part: the body as JSON, none where there is none, an empty text where it is something else."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def write(calls: Iterable[tuple[str, str, Mapping[str, Any] | None]]) -> tuple[str, bytes]:
    """Return content type and body for calls of (method, path with query, JSON body)."""
    boundary = f"batch_{secrets.token_hex(12)}"
    lines: list[bytes] = []
    for number, (method, path, body) in enumerate(calls):
        lines += [f"--{boundary}".encode(), b"Content-Type: application/http", f"Content-ID: <item{number}>".encode(), b""]
        lines.append(f"{method} {path} HTTP/1.1".encode())
        if body is None:
            lines += [b"", b""]
        else:
            content = json.dumps(body).encode()
            lines += [b"Content-Type: application/json", f"Content-Length: {len(content)}".encode(), b"", content]
    lines += [f"--{boundary}--".encode(), b""]
    return f"multipart/mixed; boundary={boundary}", _LINE.join(lines)


def read(content_type: str, content: bytes) -> dict[int, Answered]:
    """Return the answers by the number of their call; what cannot be read is left out."""
    if not content_type.isascii() or not content_type.isprintable() or not content_type.lower().startswith("multipart/"):
        return {}
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + _LINE * 2 + content)
    found: dict[int, Answered] = {}
    for part in message.walk():
        if part.is_multipart():
            continue
        number = str(part.get("Content-ID") or "").strip("<> ").removeprefix("response-item")
        payload = part.get_payload(decode=True)
        answered = _answer(payload) if isinstance(payload, bytes) else None
        if number.isascii() and number.isdigit() and answered is not None:
            found[int(number)] = answered
    return found


def _answer(payload: bytes) -> Answered | None:
    head, _, body = payload.lstrip().replace(b"\r\n", b"\n").partition(b"\n\n")
    line, _, lines = head.partition(b"\n")
    words = line.split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return None
    headers = BytesHeaderParser().parsebytes(lines)
    try:
        content = json.loads(body) if body.strip() else None
    except (ValueError, RecursionError):
        content = ""
    return Answered(status=int(words[1]), body=content, headers={name.lower(): str(value) for name, value in headers.items()})
