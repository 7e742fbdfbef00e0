"""How often something happened at each provider: changes by what came of them, requests by what was answered (R61).

Owns totals that only grow, kept in the database because the processes that count are not the ones that are asked. Counts, never who.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.errors import Misconfigured
from rolecall.store.bulk import insert_into
from rolecall.store.tables import SyncTotal
from rolecall.work.sync.outcome import LinkOutcome

CHANGE, REQUEST = "change", "request"
#: What comes of a change that worked; the others are classes of errors.
DONE = "done"

#: What was answered to a request: under 400, 429 or 503, another 4xx, another 5xx, or nothing complete.
ANSWERS = ("ok", "busy", "refused", "failed", "none")
_BUSY = frozenset({429, 503})


def answer(status: int) -> str:
    """Return what a status says, in a word of :data:`ANSWERS`."""
    return "busy" if status in _BUSY else "ok" if status < 400 else "refused" if status < 500 else "failed"


class Tally:
    """Requests that a process made and has not written down yet. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: Counter[tuple[str, str]] = Counter()

    def add(self, provider: str, answered: str) -> None:
        """Count a request."""
        with self._lock:
            self._counted[provider, answered] += 1

    def take(self) -> Counter[tuple[str, str]]:
        """Return what was counted and begin at nought; whoever cannot write it down gives it back with :meth:`give_back`."""
        with self._lock:
            taken, self._counted = self._counted, Counter()
            return taken

    def give_back(self, taken: Mapping[tuple[str, str], int]) -> None:
        """Count again what could not be written down."""
        with self._lock:
            self._counted.update(taken)


def add_changes(session: Session, provider: str, outcomes: Iterable[LinkOutcome]) -> None:
    """Count what came of changes. Refused credentials concern nobody in particular, so they count once, however many were to be sent."""
    numbers: Counter[str] = Counter()
    for each in outcomes:
        if isinstance(each.error, Misconfigured):
            numbers["misconfigured"] = 1
        elif not each.left and (each.change is not None or each.error is not None):
            numbers[each.error_class or DONE] += 1
    _add(session, {(provider, CHANGE, kind): number for kind, number in numbers.items()})


def add_requests(session: Session, taken: Mapping[tuple[str, str], int]) -> None:
    """Count requests by provider and answer."""
    _add(session, {(provider, REQUEST, answered): number for (provider, answered), number in taken.items()})


def read(session: Session) -> dict[str, dict[str, dict[str, int]]]:
    """Return all totals: by provider, then ``change`` or ``request``, then kind."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in session.scalars(select(SyncTotal).order_by(SyncTotal.provider, SyncTotal.what, SyncTotal.kind)):
        found.setdefault(row.provider, {CHANGE: {}, REQUEST: {}})[row.what][row.kind] = row.number
    return found


def done_and_failed(kinds: Mapping[str, int]) -> tuple[int, int]:
    """Return how many changes worked, and how many attempts did not."""
    done = kinds.get(DONE, 0)
    return done, sum(kinds.values()) - done


def _add(session: Session, numbers: Mapping[tuple[str, str, str], int]) -> None:
    if not numbers:
        return
    # In one order, so that two who count the same do not wait for each other for ever.
    rows = [{"provider": key[0], "what": key[1], "kind": key[2], "number": numbers[key]} for key in sorted(numbers)]
    statement = insert_into(session, SyncTotal).values(rows)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["provider", "what", "kind"], set_={"number": SyncTotal.number + statement.excluded.number}
        )
    )
