"""The preview of a staged import as people read it: row in the file, whom it is about, verdict, fields before -> after (R6).

Reads what ``stage`` wrote. A status is shown by its label, which is what the file said.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from rolecall.accounts.actors import Actor
from rolecall.store.tables import ImportRow, Person, Run, RunItem, StudentStatus
from rolecall.work.imports.stage import VERDICTS
from rolecall.work.runs.documents import changes_in_words

#: Rows that a download holds in memory at once.
_CHUNK = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRow:
    """One row. ``row`` is its number in the file, 0 for what is not in it. ``list`` is ``class`` for a class itself.

    ``changes`` are (field, before, after) in words.
    """

    n: int
    row: int
    verdict: str
    list: str
    code: str
    name: str
    message: str
    person_id: int | None = None
    changes: Sequence[tuple[str, str, str]] = field(default=())


def recent_imports(session: Session, actor: Actor, limit: int = 30) -> Sequence[Run]:
    """Return the newest imports that the actor may see, first those that wait for a confirmation."""
    statement = select(Run).where(Run.kind == "import").order_by(Run.state != "draft", Run.id.desc()).limit(limit)
    if not actor.may("runs:view"):
        statement = statement.where(Run.actor == actor.name)
    return session.scalars(statement).all()


def preview_page(session: Session, run_id: int, *, verdict: str | None = None, limit: int = 50, offset: int = 0) -> list[PreviewRow]:
    """Return one page of the preview, problems first; ``verdict`` narrows it to new, changed, unchanged, rejected or leaving."""
    # What stands in the way is read before what goes well.
    order = [ImportRow.verdict != "rejected", ImportRow.n] if verdict is None else [ImportRow.n]
    return _read(session, _statement(run_id, verdict).order_by(*order).limit(limit).offset(offset))


def preview_lines(session: Session, run_id: int) -> Iterator[list[str]]:
    """Yield the whole preview as lines of a table, its heading first, some at a time."""
    yield ["row", "list", "code", "name", "verdict", "problem or note", "changes"]
    last = 0
    while True:
        rows = _read(session, _statement(run_id, None).where(ImportRow.n > last).order_by(ImportRow.n).limit(_CHUNK))
        for each in rows:
            changes = "; ".join(f"{name}: {before} → {after}" for name, before, after in each.changes)
            yield [str(each.row or ""), each.list, each.code, each.name, each.verdict, each.message, changes]
        if len(rows) < _CHUNK:
            return
        last = rows[-1].n


def _statement(run_id: int, verdict: str | None) -> Select[*tuple[Any, ...]]:
    statement = (
        select(
            ImportRow.n, ImportRow.row, ImportRow.verdict, ImportRow.list, ImportRow.class_key, ImportRow.data, RunItem.message,
            RunItem.person_id, RunItem.before, RunItem.after, Person.code, Person.first_name, Person.last_name,
        )
        .join(RunItem, (RunItem.run_id == ImportRow.run_id) & (RunItem.n == ImportRow.n))
        .outerjoin(Person, Person.id == RunItem.person_id)
        .where(ImportRow.run_id == run_id)
    )  # fmt: skip
    return statement.where(ImportRow.verdict == verdict) if verdict in VERDICTS else statement


def _read(session: Session, statement: Select[*tuple[Any, ...]]) -> list[PreviewRow]:
    statuses = dict(session.execute(select(StudentStatus.id, StudentStatus.label)).all())
    rows = []
    for each in session.execute(statement):
        said = each.data
        # A cleared name is none here; the person who is there still has one.
        names = (said.get("first_name") or each.first_name, said.get("last_name") or each.last_name)
        is_class = each.class_key is not None and each.list is None
        rows.append(
            PreviewRow(
                n=each.n,
                row=each.row,
                verdict=each.verdict,
                list="class" if is_class else each.list or "",
                code=said.get("code") or each.code or each.class_key or "",
                name=str(said.get("name", "")) if is_class else " ".join(part for part in names if part),
                message=(each.message or "").removeprefix(f"Row {each.row}: "),
                person_id=each.person_id,
                changes=changes_in_words(_labelled(each.before, statuses), _labelled(each.after, statuses)) if _shows(each) else (),
            )
        )
    return rows


def _shows(each: Any) -> bool:
    return each.verdict in ("new", "changed", "leaving")


def _labelled(values: Mapping[str, Any] | None, statuses: Mapping[int, str]) -> dict[str, Any] | None:
    """The values with the status by its label, and without the code, which stands in a column of its own."""
    if values is None:
        return None
    return {
        ("status" if name == "status_id" else name): (statuses.get(value, value) if name == "status_id" else value)
        for name, value in values.items()
        if name != "code"
    }
