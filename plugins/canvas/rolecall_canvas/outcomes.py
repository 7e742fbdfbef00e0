"""Does something for each change of a plan, and gives each its own outcome; what would meet all alike is met once.

Knows nothing of what is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from rolecall.errors import Misconfigured
from rolecall.sdk import Change, Result
from rolecall_canvas.errors import Unreachable

Value = TypeVar("Value")


def stops(error: Exception) -> bool:
    """Tell whether an error would meet every other call just as well."""
    return isinstance(error, Misconfigured | Unreachable)


def carefully(changes: Sequence[Change], do: Callable[[Change], Value]) -> Iterator[tuple[Change, Value | None, Exception | None]]:
    """Do something for each change and yield what came of it; after an error that concerns all, the others get it uncalled."""
    halt: Exception | None = None
    for change in changes:
        value, error = None, halt
        if halt is None:
            try:
                value = do(change)
            except Exception as raised:  # noqa: BLE001 - each change has its own outcome; the sync sorts the errors
                error = raised
                halt = raised if stops(raised) else None
        yield change, value, error


def results(changes: Sequence[Change], do: Callable[[Change], Result]) -> Iterator[Result]:
    """Do something for each change and yield one result for it."""
    for change, result, error in carefully(changes, do):
        yield result if result is not None else Result(change=change, error=error)
