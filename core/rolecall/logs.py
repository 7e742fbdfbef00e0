"""Configures logging, once per process: JSON lines on standard error, or readable text when that is a terminal.

Owns what must never be in a log: values under secret names, and secrets that are part of a text. Knows nobody who logs.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

HIDDEN = "***"
#: Names under which a value is not for a log, wherever they stand in it.
_SECRET_NAME = re.compile(r"passw|secret|token|cookie|authorization|credential|api_?key|encryption|private_?key|sealed", re.IGNORECASE)
#: Secrets inside a text: our tokens, Fernet keys and values, bearer headers, passwords in addresses, secret parameters of forms.
_SECRET_TEXT = re.compile(
    r"""
    \brct_[\w-]{8,}
    | \bgAAAA[\w-]{20,}={0,2}
    | (?<![\w-])[\w-]{43}=(?!\w)
    | (?<=://)[^\s/@:]*:[^\s/@]+(?=@)
    | (?i:(?<=bearer\ )[\w.~+/-]+=*)
    | (?i:(?<=token=)|(?<=password=)|(?<=passwd=)|(?<=secret=)|(?<=key=))[^\s&"',;)\]}]+
    """,
    re.VERBOSE,
)
#: What the readable form shows in its own way.
_HEAD = ("timestamp", "level", "event", "logger")
#: Characters that would end a line, move a cursor or turn a line around.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def configure(level: int = logging.INFO) -> None:
    """Send every logger of the process, those of libraries too, through the same processors. Calling it again changes the level only."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _StandardError)]:
        root.removeHandler(handler)
    handler = _StandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                _render,
            ],
        )
    )
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("rolecall").setLevel(level)
    logging.getLogger("rolecall_webapp").setLevel(level)


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide what is secret by its name or by its looks, at any depth."""
    return {name: _redacted(name, value) for name, value in event.items()}


def redact_text(text: str) -> str:
    """Hide the secrets that stand inside a text."""
    return _SECRET_TEXT.sub(HIDDEN, text)


def escape(text: str, *, keep: str = "") -> str:
    """Write control characters as ``\\x1b``, so that no text can forge a line or steer a terminal; those in ``keep`` stay."""
    return _CONTROL.sub(lambda match: match[0] if match[0] in keep else _escaped(match[0]), text)


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def _redacted(name: str, value: Any) -> Any:
    if value is not None and not isinstance(value, bool) and _SECRET_NAME.search(name):
        return HIDDEN
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", each) for each in value]
    return value


def _render(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    if not _is_terminal():
        # ASCII only: JSON then escapes every character that is not plain.
        return str(structlog.processors.JSONRenderer(ensure_ascii=True, default=str)(logger, method, event)).replace("\x7f", "\\u007f")
    trace = event.pop("exception", None)
    facts = " ".join(f"{name}={escape(str(value))}" for name, value in event.items() if name not in _HEAD)
    line = f"{event['timestamp'][11:19]} {event['level']:<7} {escape(str(event['event']))} {facts}".rstrip()
    return line if trace is None else f"{line}\n{escape(str(trace), keep=chr(10))}"


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what standard error is now, not to what it was when logging was configured."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        """Standard error."""
        return sys.stderr

    @stream.setter
    def stream(self, _stream: TextIO) -> None:
        raise AttributeError("Logs go to standard error.")
