"""Goes on with a run until it ends, and shows how far it is.

Without a worker the command works the run off itself; with one it watches. Owns no rule: `advance` decides whose the run is.
"""

import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.cli.face import DONE, REFUSED, Face, finish, is_terminal
from rolecall.cli.output import count, plain, table
from rolecall.errors import Refused
from rolecall.store.tables import Run, RunItem
from rolecall.work.runs.advance import advance, due
from rolecall.work.runs.conclusion import KEY as CONCLUSION
from rolecall.work.runs.control import stop
from rolecall.work.runs.documents import Document, run_document
from rolecall.work.runs.secrets import count_secrets

UNDER_WAY = ("queued", "running")
#: Seconds between two looks at a run that somebody else works off.
_LOOK = 0.2
#: Reasons that are shown in full; the rest is in the run itself.
_MOST_REASONS = 20


def follow(call: Face, run_id: int) -> Document:
    """Wait until a run has ended, working it off where nobody else does, and return its document."""
    if read(call, run_id)["state"] in UNDER_WAY:
        worker = _Worker(call, run_id)
        worker.start()
        try:
            _watch(call, run_id, worker)
        except KeyboardInterrupt:
            worker.let_go()
            # It may have come to its end meanwhile.
            with suppress(Refused):
                stop(call.app, call.actor, run_id)
                # Whoever takes the run next finds that it is to stop; where there is no worker, that is this command.
                advance(call.app, run_id)
                click.echo(f"\nStopped. “rolecall runs resume {run_id}” goes on.", err=True)
        if worker.error is not None:
            raise worker.error
    return read(call, run_id)


def read(call: Face, run_id: int) -> Document:
    """The run as it is now."""
    with call.read() as session:
        return run_document(session, session.get_one(Run, run_id))


def answer_run(call: Face, run_id: int) -> None:
    """Wait for a run, print it, and end with its exit code: 1 when an account failed or the run did not reach its end."""
    document = follow(call, run_id)
    call.answer(document, lambda: lines(call, document))
    finish(exit_code(document))


def exit_code(document: Document) -> int:
    """The exit code of a run that has ended."""
    return REFUSED if document["state"] != "done" or document["counts"]["failed"] else DONE


def lines(call: Face, document: Document) -> Iterator[str]:
    """A run for people: what it did, and why it left accounts out."""
    counts = document["counts"]
    yield f"Run {document['id']}, {plain(document['action'])}: {document['state']}. " + ", ".join(
        f"{counts[outcome]:,} {outcome}" for outcome in counts if counts[outcome] or outcome == "done"
    )
    if document["error"]:
        yield plain(document["error"])
    yield from _conclusion(document["facts"].get(CONCLUSION, {}))
    with call.read() as session:
        reasons = _reasons(session, document["id"])
        waiting = count_secrets(session, document["id"])
        action = call.app.plugins.view(session).actions.get(document["action"]) if waiting else None
    if reasons:
        yield ""
        yield from table(["accounts", "", "because"], reasons)
    if action is not None and action.prints:
        yield f"“rolecall runs secrets {document['id']} --pdf FILE” or “--html FILE” makes {count(waiting, 'slip')}, once, within 24 hours."
    elif waiting:
        yield f"“rolecall runs secrets {document['id']}” shows {count(waiting, 'new password')}, once, within 24 hours."


def _conclusion(found: Document) -> Iterator[str]:
    for each in found.get("notes", ()):
        yield plain(each)
    for each in found.get("look_at", ()):
        words = " ".join(f"--{word} {shlex.quote(value)}" for word, value in each["filter"].items())
        yield f"{plain(each['text'])} “rolecall accounts list {plain(words)}” lists them."


def _reasons(session: Session, run_id: int) -> list[list[str]]:
    number = func.count()
    rows = session.execute(
        select(RunItem.outcome, RunItem.message, number)
        .where(RunItem.run_id == run_id, RunItem.outcome.in_(["skipped", "failed"]))
        .group_by(RunItem.outcome, RunItem.message)
        .order_by(number.desc(), RunItem.message)
        .limit(_MOST_REASONS)
    )
    return [[f"{found:,}", outcome, plain(message or "")] for outcome, message, found in rows]


def _watch(call: Face, run_id: int, worker: "_Worker") -> None:
    document = read(call, run_id)
    total = sum(document["counts"].values())
    with click.progressbar(length=total, label=f"Run {run_id}", file=sys.stderr, hidden=not is_terminal()) as bar:
        shown = 0
        while document["state"] in UNDER_WAY and worker.error is None:
            done = total - document["counts"]["waiting"]
            bar.update(done - shown)
            shown = done
            worker.join(_LOOK)
            document = read(call, run_id)
        bar.update(total - document["counts"]["waiting"] - shown)


class _Worker(threading.Thread):
    """Works the run off while nobody else holds it."""

    def __init__(self, call: Face, run_id: int) -> None:
        super().__init__(name=f"run {run_id}", daemon=True)
        self._call, self._run_id = call, run_id
        self._asked = threading.Event()
        self.error: Exception | None = None

    def let_go(self) -> None:
        """End after the batch that is under way, and leave the run to whoever goes on with it."""
        self._asked.set()
        self.join()

    def run(self) -> None:
        """Take the run whenever it is free, until it has ended."""
        try:
            while not self._asked.is_set() and self._under_way():
                if not self._free() or not advance(self._call.app, self._run_id, stop=self._asked.is_set):
                    self._asked.wait(_LOOK)
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
            self.error = error

    def _under_way(self) -> bool:
        return read(self._call, self._run_id)["state"] in UNDER_WAY

    def _free(self) -> bool:
        with self._call.read() as session:
            return self._run_id in due(session)


def run_cells() -> dict[str, Any]:
    """The columns of a table of runs."""
    return {
        "run": "id", "action": "action", "by": "actor", "state": "state",
        "done": lambda run: f"{run['counts']['done']:,}", "skipped": lambda run: f"{run['counts']['skipped']:,}",
        "failed": lambda run: f"{run['counts']['failed']:,}", "begun": lambda run: str(run["created_at"])[:16].replace("T", " "),
    }  # fmt: skip
