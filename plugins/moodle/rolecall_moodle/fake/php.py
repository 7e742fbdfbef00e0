"""The habits of PHP and of Moodle's parameter types that a client can notice: nested form fields, cut input, XML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

USERNAME = re.compile(r"[a-z0-9._@-]*")
KEY = re.compile(r"([^\[\]]+)|\[([^\[\]]*)\]")


class MoodleError(Exception):
    """What Moodle answers instead of a result, with status 200."""

    def __init__(self, exception: str, code: str, message: str, debug: str | None = None) -> None:
        super().__init__(message)
        self.exception = exception
        self.code = code
        self.message = message
        self.debug = debug

    def answer(self, *, debugging: bool) -> dict[str, str]:
        """Return the JSON object; the reason is shown on sites that debug and nowhere else."""
        body = {"exception": self.exception, "errorcode": self.code, "message": self.message}
        if debugging and self.debug is not None:
            body["debuginfo"] = self.debug
        return body


def invalid_parameter(debug: str) -> MoodleError:
    """A bad value, a missing one or a duplicate: all the same to the caller."""
    return MoodleError("invalid_parameter_exception", "invalidparameter", "Invalid parameter value detected", debug)


def write_failed(debug: str = "") -> MoodleError:
    """The database refused a value."""
    return MoodleError("dml_write_exception", "dmlwriteexception", "Error writing to database", debug)


def not_permitted(what: str) -> MoodleError:
    """The token's user lacks a right."""
    message = f"Sorry, but you do not currently have permissions to do that ({what})."
    return MoodleError("required_capability_exception", "nopermissions", message)


def no_record(table: str) -> MoodleError:
    """A row that must exist does not; for users there is a code of its own."""
    if table == "user":
        return MoodleError("dml_missing_record_exception", "invaliduser", "Invalid user")
    return MoodleError("dml_missing_record_exception", "invalidrecord", f"Can't find data record in database table {table}.")


def nested(fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Build PHP's nested arrays from names like ``users[0][username]``; a later value replaces an earlier one."""
    root: dict[str, Any] = {}
    for name, value in fields:
        keys = [first or inner for first, inner in KEY.findall(name)]
        if not keys or not keys[0]:
            continue
        node = root
        for key in keys[:-1]:
            child = node.get(key)
            if not isinstance(child, dict):
                child = node[key] = {}
            node = child
        node[keys[-1]] = value
    return root


def rows(arguments: Mapping[str, Any], name: str) -> list[Any]:
    """Return the elements of an array argument that must be there."""
    value = arguments.get(name)
    if not isinstance(value, dict):
        raise invalid_parameter(f"Missing required key in single structure: {name}")
    return list(value.values())


def structure(row: Any, types: Mapping[str, str], required: Sequence[str], within: str) -> dict[str, Any]:
    """Check one structure against Moodle's parameter types, as its server does before a function begins."""
    if not isinstance(row, dict):
        raise invalid_parameter(f"{within} => Invalid parameter value detected: Only arrays accepted.")
    for name in required:
        if name not in row:
            raise invalid_parameter(f"{within} => Invalid parameter value detected: Missing required key in single structure: {name}")
    unknown = [name for name in row if name not in types]
    if unknown:
        raise invalid_parameter(
            f"{within} => Invalid parameter value detected: Unexpected keys ({', '.join(unknown)}) detected in parameter array."
        )
    return {name: typed(value, types[name], f"{within} => Invalid parameter value detected: {name}") for name, value in row.items()}


def typed(value: Any, kind: str, within: str) -> Any:
    """Return a value as its parameter type has it, or refuse it."""
    if kind == "any":
        return value
    good = isinstance(value, str)
    if kind == "int":
        good = good and re.fullmatch(r"-?\d+", value) is not None
    elif kind == "bool":
        good = value in ("0", "1")
    elif kind == "username":
        good = good and USERNAME.fullmatch(value) is not None
    elif kind == "alpha":
        good = good and re.fullmatch(r"[A-Za-z]*", value) is not None
    elif kind == "notags":
        good = good and re.search(r"<[A-Za-z/!?]", value) is None
    elif ":" in kind:  # a login method or language: one of those that are installed
        kind, _, installed = kind.partition(":")
        good = value in installed.split("|")
    if not good:
        raise invalid_parameter(
            f'{within} => Invalid parameter value detected: Invalid external api parameter: the value is "{value}", '
            f'the server was expecting "{kind}" type'
        )
    return int(value) if kind == "int" else value == "1" if kind == "bool" else value


def xml(value: Any) -> str:
    """Return the answer as Moodle gives it to those who do not ask for JSON."""
    return f'<?xml version="1.0" encoding="UTF-8" ?>\n<RESPONSE>\n{_element(value)}</RESPONSE>\n'


def xml_error(error: MoodleError) -> str:
    """Return an error in XML."""
    return (
        f'<?xml version="1.0" encoding="UTF-8" ?>\n<EXCEPTION class={quoteattr(error.exception)}>\n'
        f"<ERRORCODE>{escape(error.code)}</ERRORCODE>\n<MESSAGE>{escape(error.message)}</MESSAGE>\n</EXCEPTION>\n"
    )


def _element(value: Any) -> str:
    if isinstance(value, list):
        return "<MULTIPLE>\n" + "".join(_element(item) for item in value) + "</MULTIPLE>\n"
    if isinstance(value, dict):
        keys = "".join(f"<KEY name={quoteattr(name)}>{_element(item)}</KEY>\n" for name, item in value.items())
        return f"<SINGLE>\n{keys}</SINGLE>\n"
    if value is None:
        return '<VALUE null="null"/>\n'
    return f"<VALUE>{escape(str(int(value) if isinstance(value, bool) else value))}</VALUE>\n"
