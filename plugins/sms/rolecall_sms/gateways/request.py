"""The request and the answer of a gateway that is described by settings: templates with fixed placeholders, and paths into answers. Pure.

A template is text with names in braces and nothing else; what is put in is never read as a template, a line or a field again.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

#: What may stand in braces, with what it says to people.
PLACEHOLDERS: Mapping[str, str] = {
    "to": "the number, such as +306912345678",
    "number": "the same without the plus",
    "text": "the message",
    "sender": "the sender",
    "id": "the message's own number at Rolecall",
    "unicode": "1 where the text needs Unicode, else 0",
    "account": "the account",
    "secret": "the secret",
    "basic": "account and secret, as HTTP Basic wants them",
    "receipts": "the address that the gateway may report to what becomes of the message; empty where nobody would believe it",
}
_NAME = re.compile(r"\{([a-z]+)\}")
_STATUSES = re.compile(r"\d{3}(?:-\d{3})?(?:\s*,\s*\d{3}(?:-\d{3})?)*")


def pairs(lines: Sequence[str], between: str) -> list[tuple[str, str]]:
    """Read lines such as ``name=value`` or ``Name: value``.

    :raises ValueError: with a sentence, for a line that is none.
    """
    found = []
    for line in lines:
        name, mark, value = line.partition(between)
        if not mark or not name.strip():
            raise ValueError(f"Write each line as name{between}value.")
        found.append((name.strip(), value.strip()))
    return found


def body(written: str, form: str) -> Any:
    """Read the template of a body: a JSON document, or the pairs of a form or an address.

    :raises ValueError: with a sentence, when it cannot be read or lacks the number or the text.
    """
    try:
        read = json.loads(written) if form == "json" else pairs([line for line in written.splitlines() if line.strip()], "=")
    except json.JSONDecodeError as wrong:
        raise ValueError(f"It is not JSON: {wrong.msg} in line {wrong.lineno}.") from None
    names = set(_NAME.findall(written))
    if unknown := sorted(names - PLACEHOLDERS.keys()):
        raise ValueError(f"There is no placeholder {{{unknown[0]}}}. There are: {', '.join(PLACEHOLDERS)}.")
    if "text" not in names or not names & {"to", "number"}:
        raise ValueError("It needs {text}, and {to} or {number}.")
    return read


def fill(template: Any, values: Mapping[str, str]) -> Any:
    """Put the values in: into every text of a JSON document, or the values of pairs."""
    if isinstance(template, str):
        return _NAME.sub(lambda match: values.get(match[1], match[0]), template)
    if isinstance(template, dict):
        return {name: fill(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [(each[0], fill(each[1], values)) if isinstance(each, tuple) else fill(each, values) for each in template]
    return template


def statuses(written: str) -> tuple[range, ...]:
    """Read a list such as ``200-299, 409``.

    :raises ValueError: with a sentence, when it is none.
    """
    if not written.strip():
        return ()
    if not _STATUSES.fullmatch(written.strip()):
        raise ValueError("Write numbers of three digits with commas between them, such as 200-299, 409.")
    ends = [each.strip().partition("-") for each in written.split(",")]
    return tuple(range(int(first), int(last or first) + 1) for first, _, last in ends)


def at(document: Any, path: str) -> str | None:
    """Return what stands in an answer at a path such as ``messages.0.status``, as text; none where there is nothing."""
    found = below(document, path)
    if isinstance(found, bool):
        return str(found).lower()
    return str(found) if isinstance(found, str | int | float) else None


def below(document: Any, path: str) -> Any:
    """Return the part of an answer at a path; none where there is nothing, all of it for an empty path."""
    for part in path.split(".") if path else ():
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document
