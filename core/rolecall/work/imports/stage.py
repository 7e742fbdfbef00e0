"""Stages an import: a draft run whose items are the preview, written in chunks so that no file has to fit into memory.

Nothing of the roster is changed here. A stage that is killed leaves a draft without its mark of completeness, which cannot be confirmed.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from rolecall.accounts import audit
from rolecall.accounts.actors import Actor
from rolecall.errors import Invalid
from rolecall.sdk.roster import BadRecord, PersonRecord
from rolecall.store.bulk import among_texts, chunks
from rolecall.store.engine import now
from rolecall.store.tables import ImportRow, Run, RunItem, StudentStatus
from rolecall.work.application import Application
from rolecall.work.imports import extras
from rolecall.work.imports.brake import stage_leaving
from rolecall.work.imports.class_leaving import stage_class_leaving
from rolecall.work.imports.class_rows import staged_classes, staged_memberships
from rolecall.work.imports.class_verdicts import class_verdicts, membership_verdicts
from rolecall.work.imports.compare import Key, Verdict, compare, existing
from rolecall.work.imports.guard import guarded
from rolecall.work.imports.records import Staged, key_of, shown, stage_record
from rolecall.work.imports.source import Source
from rolecall.work.memory import uncollected
from rolecall.work.runs.start import known_run, new_run, unique

#: Rows per transaction while staging: others can write in between, and a chunk is a few megabytes.
CHUNK = 2_000
#: Sentences about what was not read that a preview shows.
NOTES = 50
VERDICTS = ("new", "changed", "unchanged", "rejected", "leaving")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a file is meant. ``complete``: people of its lists who are missing from it have left (R6).

    ``body_digest`` tells the files of one idempotency key apart.
    """

    complete: bool = False
    lists: tuple[str, ...] = ()
    idempotency_key: str | None = None
    body_digest: str = ""


@dataclass(slots=True)
class _Progress:
    n: int = 0
    people: int = 0
    #: Rows that cannot be read so far as to tell whom they name.
    nameless: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    lists: set[str] = field(default_factory=set)
    #: Rows that are no people, those among them about members of classes, and those about classes that cannot be read.
    others: int = 0
    memberships: int = 0
    nameless_of_classes: int = 0


def stage(app: Application, actor: Actor, source: Source, options: Options) -> int:
    """Read the source, compare and write the preview; returns the id of the draft run.

    :raises Invalid: when the file as a whole cannot be used; nothing is left behind then but a failed draft. Also when the
        idempotency key was used for another file.
    :raises Forbidden: without the permissions to create and edit people.
    """
    actor.require("people:create")
    actor.require("people:edit")
    if options.complete and source.is_delta:
        raise Invalid(
            f"{source.label} holds only what changed since another export, so it cannot be declared complete.",
            hint="Import it without that, or export everything (bulk).",
        )
    params: dict[str, Any] = {"source": source.label, "complete": options.complete}
    run_id, is_new = unique(app, lambda session: _new_draft(session, actor, params, options))
    if not is_new:
        return run_id
    progress = _Progress()
    try:
        for part in chunks(extras.staged_periods(source), CHUNK):
            app.db.attempt(partial(_write_extras, actor=actor, run_id=run_id, progress=progress, staged=part))
        for records in _in_chunks(source.people()):
            app.db.attempt(partial(_write_people, actor=actor, run_id=run_id, progress=progress, records=records))
        for part in chunks(extras.staged_relations(source), CHUNK):
            app.db.attempt(partial(_write_extras, actor=actor, run_id=run_id, progress=progress, staged=part))
        for part in chunks(staged_classes(source), CHUNK):
            app.db.attempt(partial(_write_classes, actor=actor, run_id=run_id, progress=progress, staged=part))
        for part in chunks(staged_memberships(source), CHUNK):
            app.db.attempt(partial(_write_memberships, actor=actor, run_id=run_id, progress=progress, staged=part))
        # A source knows only at its end what it had to leave unread.
        notes = [shown(note, 500) for note in islice(source.notes(), NOTES)]
    except BaseException:
        app.db.attempt(lambda session: _abandon(session, run_id))
        raise
    app.db.attempt(lambda session: _complete(session, actor, run_id, progress, options, notes))
    return run_id


def _in_chunks(records: Iterable[PersonRecord | BadRecord]) -> Iterator[list[PersonRecord | BadRecord]]:
    walk = chunks(records, CHUNK)
    while True:
        with uncollected():
            part = next(walk, None)
            if part is None:
                return
            yield part


def _new_draft(session: Session, actor: Actor, params: dict[str, Any], options: Options) -> tuple[int, bool]:
    known = known_run(session, actor, options.idempotency_key, options.body_digest)
    if known is not None:
        return known, False
    run = new_run(session, actor, kind="import", action="people.import", params=params)
    run.state, run.idempotency_key, run.body_digest = "draft", options.idempotency_key, options.body_digest
    return run.id, True


def _write_people(session: Session, actor: Actor, run_id: int, progress: _Progress, records: Iterable[PersonRecord | BadRecord]) -> None:
    statuses, default = _statuses(session)
    about = [(record, key_of(record)) for record in records]
    keys = [key for _, key in about if key]
    there = existing(session, keys)
    staged = [stage_record(record, statuses, there.get(key) if key else None) for record, key in about]
    rows_of = _rows_of(session, run_id, keys)
    start, counts = progress.n, Counter[str]()
    pairs: list[tuple[Staged, Verdict]] = []
    compared = [(each, compare(each, there.get((each.list or "", each.code_key or "")), default)) for each in staged]
    for each, verdict in zip(staged, guarded(session, actor, compared), strict=True):
        key = (each.list, each.code_key) if each.list and each.code_key else None
        if key is not None and key in rows_of:
            verdict = Verdict(verdict="rejected", person_id=verdict.person_id, message=f"The code is in row {rows_of[key]} already.")
        elif key is not None and verdict.verdict != "rejected":
            rows_of[key] = each.row
        pairs.append((each, verdict))
        counts[verdict.verdict] += 1
    _write(session, run_id, start, pairs)
    # Only a chunk that was written counts: the database may have had to try it twice.
    progress.n = start + len(pairs)
    progress.counts += counts
    progress.people += len(pairs)
    progress.nameless += sum(verdict.verdict == "rejected" and each.code_key is None for each, verdict in pairs)
    progress.lists.update(each.list for each in staged if each.list)


def _write_extras(session: Session, actor: Actor, run_id: int, progress: _Progress, staged: Iterable[Staged]) -> None:
    _write_judged(session, actor, run_id, progress, extras.verdicts(session, run_id, list(staged)))


def _write_classes(session: Session, actor: Actor, run_id: int, progress: _Progress, staged: Sequence[Staged]) -> None:
    _write_judged(session, actor, run_id, progress, class_verdicts(session, actor, run_id, staged))
    progress.nameless_of_classes += sum(each.class_key is None for each in staged)


def _write_memberships(session: Session, actor: Actor, run_id: int, progress: _Progress, staged: Sequence[Staged]) -> None:
    _write_judged(session, actor, run_id, progress, membership_verdicts(session, run_id, staged))
    progress.memberships += len(staged)
    progress.nameless_of_classes += sum(each.class_key is None for each in staged)


def _write_judged(session: Session, actor: Actor, run_id: int, progress: _Progress, judged: Sequence[tuple[Staged, Verdict]]) -> None:
    pairs = list(zip((each for each, _ in judged), guarded(session, actor, judged), strict=True))
    _write(session, run_id, progress.n, pairs)
    progress.n += len(pairs)
    progress.others += len(pairs)
    progress.counts.update(verdict.verdict for _, verdict in pairs)


def _write(session: Session, run_id: int, start: int, pairs: Iterable[tuple[Staged, Verdict]]) -> None:
    rows, items = [], []
    for n, (staged, verdict) in enumerate(pairs, start + 1):
        rows.append(
            {
                "run_id": run_id,
                "n": n,
                "row": staged.row,
                "list": staged.list,
                "code_key": staged.code_key,
                "period_key": staged.period_key,
                "class_key": staged.class_key,
                "verdict": verdict.verdict,
                "data": {} if verdict.verdict == "unchanged" else dict(staged.data),
            }
        )
        items.append(item_values(run_id, n, staged, verdict))
    if rows:
        session.connection().execute(insert(ImportRow), rows)
        session.connection().execute(insert(RunItem), items)


_OUTCOMES = {"new": "waiting", "changed": "waiting", "leaving": "waiting", "unchanged": "skipped", "rejected": "failed"}


def item_values(run_id: int, n: int, staged: Staged, verdict: Verdict) -> dict[str, Any]:
    """The preview item of a staged row. A rejected one names its row in the file."""
    message = verdict.message
    if verdict.verdict == "rejected":
        message = f"Row {staged.row}: {message}" if staged.row else message
    elif verdict.verdict == "unchanged":
        message = "Nothing differs."
    before, after = (dict(fields) if fields else None for fields in (verdict.before, verdict.after))
    return {
        "run_id": run_id, "n": n, "person_id": verdict.person_id, "outcome": _OUTCOMES[verdict.verdict], "code": verdict.verdict,
        "message": message, "before": before, "after": after,
    }  # fmt: skip


def _rows_of(session: Session, run_id: int, keys: list[Key]) -> dict[Key, int]:
    """Rows of this import that have these keys already, from the chunks before."""
    found: dict[Key, int] = {}
    for people_list in {key[0] for key in keys}:
        codes = [code for of_list, code in keys if of_list == people_list]
        statement = select(ImportRow.list, ImportRow.code_key, ImportRow.row).where(
            ImportRow.run_id == run_id,
            ImportRow.list == people_list,
            ImportRow.class_key.is_(None),
            ImportRow.code_key.in_(among_texts(session, codes)),
            ImportRow.verdict != "rejected",
        )
        found.update({(row.list, row.code_key): row.row for row in session.execute(statement)})
    return found


def _statuses(session: Session) -> tuple[dict[str, int], int | None]:
    rows = session.execute(select(StudentStatus.id, StudentStatus.label, StudentStatus.type).order_by(StudentStatus.id)).all()
    registered = [row.id for row in rows if row.type == "registered"]
    return {row.label.casefold(): row.id for row in rows}, registered[0] if registered else None


def _abandon(session: Session, run_id: int) -> None:
    run = session.get_one(Run, run_id)
    run.state, run.error, run.idempotency_key = "failed", "The file could not be read to its end; nothing was imported.", None
    run.finished_at = now(session)
    for table in (ImportRow, RunItem):
        session.execute(delete(table).where(table.run_id == run_id), execution_options={"synchronize_session": False})


def _complete(session: Session, actor: Actor, run_id: int, progress: _Progress, options: Options, notes: list[str]) -> None:
    run = session.get_one(Run, run_id)
    held: list[str] = []
    counts = Counter(progress.counts)
    if options.complete:
        # Whoever names the lists means these alone, whatever else a stray row is about.
        lists = sorted(options.lists or progress.lists)
        leaving = 0
        # A file about something else says nothing of who is here.
        if progress.people or not progress.others:
            leaving, held = stage_leaving(session, actor, run_id, progress.n, lists, people=progress.people, nameless=progress.nameless)
        start, nameless = progress.n + leaving, progress.nameless_of_classes
        going, also_held = stage_class_leaving(session, actor, run_id, start, memberships=progress.memberships, nameless=nameless)
        counts["leaving"], held = leaving + going, [*held, *also_held]
    run.facts = {"staged": True, "counts": {name: counts[name] for name in VERDICTS}, "held": held, "notes": notes}
    payload = {"source": run.params["source"], "counts": json.loads(json.dumps(run.facts["counts"])), "complete": options.complete}
    audit.append(session, actor=actor, kind="import.stage", payload=payload, run_id=run_id)
