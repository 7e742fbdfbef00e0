"""What can go wrong on a wire, as values, and the queue from which the wire takes them.

Owns which request a fault strikes. Knows nothing of sockets: what a fault does is the wire's to carry out.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from rolecall.testing.exchange import Exchange

#: A point of an exchange: before the application ran, after it ran and before a byte of its reply left, in the middle of the reply,
#: after the whole reply left.
Moment = Literal["before", "after", "mid", "end"]
#: Tells whether a fault is meant for this request.
Match = Callable[[Exchange], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """The reply is this one; the application never sees the request."""

    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """The connection is reset at that point; after it, nothing of the exchange happens."""

    when: Moment = "before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """The application answers as always, but only after this time."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drip:
    """The application's reply leaves byte by byte, ``seconds`` apart, from its first byte or from the first of its body."""

    seconds: float
    part: Literal["head", "body"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Something happens at that point of the exchange: another change is made, a process is killed."""

    action: Callable[[], object]
    when: Moment


Fault = Fail | Drop | Delay | Drip | Run


@dataclass(slots=True, kw_only=True)
class _Planned:
    fault: Fault
    left: int | None
    match: Match | None


class Faults:
    """A queue of faults, safe for several threads: each request takes the oldest one that is meant for it, at most one."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []
        self._lock = threading.Lock()

    def plan(self, fault: Fault, *, next: int | None, match: Match | None) -> None:
        """Add a fault for the next so many matching requests, or for all until :meth:`clear`.

        :raises ValueError: when ``next`` is less than one.
        """
        if next is not None and next < 1:
            raise ValueError("A fault strikes at least one request: next must be 1 or more, or None for all.")
        with self._lock:
            self._planned.append(_Planned(fault=fault, left=next, match=match))

    def take(self, request: Exchange) -> Fault | None:
        """Return the fault that strikes this request, and count it."""
        with self._lock:
            for planned in self._planned:
                if planned.match is None or planned.match(request):
                    if planned.left is not None:
                        planned.left -= 1
                        if planned.left == 0:
                            self._planned.remove(planned)
                    return planned.fault
        return None

    def clear(self) -> None:
        """Forget every fault that has not struck."""
        with self._lock:
            self._planned.clear()

    @property
    def waiting(self) -> int:
        """How many requests are still to be struck; a fault without an end counts as one."""
        with self._lock:
            return sum(1 if planned.left is None else planned.left for planned in self._planned)
