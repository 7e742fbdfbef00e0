"""``rolecall audit``: who did what, all of it for a file, and the proof that it was not rewritten (R67)."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from rolecall.accounts import audit as rules
from rolecall.cli.face import REFUSED, face, find_account, finish
from rolecall.cli.frame import Words
from rolecall.cli.output import plain, print_csv
from rolecall.store.tables import AuditEntry, AuditHead
from rolecall.work.documents import Document, audit_document
from rolecall.work.runs.evidence import alarm, verify_all

_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
_MOST = 1_000


@click.group(cls=Words, default="list")
def audit() -> None:
    """Who did what: list, export, verify."""


@audit.command("list")
@click.option("--kind", default="", metavar="WORD", help="Such as run.action, settings or sign-in.")
@click.option("--actor", default="", metavar="TEXT", help="Who did it: their name or a part of it.")
@click.option("--account", "username", metavar="USERNAME", help="Only what is about this account alone.")
@click.option("--run", "run_id", type=int, metavar="ID", help="Only of one run.")
@click.option("--since", type=_DAY, metavar="YYYY-MM-DD", help="In UTC.")
@click.option("--until", type=_DAY, metavar="YYYY-MM-DD", help="Before this day, in UTC.")
@click.option("--q", "text", default="", metavar="TEXT", help="Anything that stands in an entry.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, _MOST), help="Rows of a page.")
@click.option("--cursor", help="Go on where an earlier page ended.")
def list_entries(
    kind: str, actor: str, username: str | None, run_id: int | None, since: datetime | None, until: datetime | None, text: str, limit: int,
    cursor: str | None,
) -> None:  # fmt: skip
    """List the entries, the newest first."""
    call = face()
    call.require("audit:view")
    with call.read() as session:
        chosen = rules.Filters(
            kind=kind, actor=actor, account_id=find_account(session, username).id if username else None, run_id=run_id, text=text,
            since=_utc(since), until=_utc(until),
        )  # fmt: skip
        page = rules.entries(session, chosen, cursor=cursor, limit=limit)
        total = rules.count(session, chosen)
        items = [audit_document(entry) for entry in page.items]
    columns: dict[str, Any] = {
        "entry": "seq", "at": lambda each: str(each["at"])[:19].replace("T", " "), "who": "actor", "kind": "kind",
        "what": lambda each: _short(each["payload"]),
    }  # fmt: skip
    call.answer_list(items, columns, none="No entry matches.", total=total, following=page.next)


@audit.command("export")
@click.option("--csv", "as_csv", is_flag=True, help="CSV instead of one JSON document a line.")
@click.option("--since", type=_DAY, metavar="YYYY-MM-DD", help="In UTC.")
@click.option("--until", type=_DAY, metavar="YYYY-MM-DD", help="Before this day, in UTC.")
def export(as_csv: bool, since: datetime | None, until: datetime | None) -> None:
    """Print every entry, the oldest first, with digest and chain."""
    call = face()
    actor = call.require("audit:view")
    chosen = rules.Filters(since=_utc(since), until=_utc(until))

    def note(session: Session) -> None:
        payload = {"since": chosen.since, "until": chosen.until, "csv": as_csv, "entries": rules.count(session, chosen)}
        rules.append(session, actor=actor, kind="audit.export", payload=payload)

    call.app.db.attempt(note)
    with call.read() as session:
        if call.as_json:
            items = list(_entries(session, _utc(since), _utc(until)))
            call.answer({"items": items, "next": None, "total": len(items)}, "")
        elif as_csv:
            print_csv(_rows(session, _utc(since), _utc(until)))
        else:
            for entry in _entries(session, _utc(since), _utc(until)):
                click.echo(json.dumps(entry))


@audit.command("verify")
def verify() -> None:
    """Compute the whole chain again and name the first entry, or line of a run, that was changed, removed or added."""
    call = face()
    actor = call.require("audit:view")
    # The chain is one: also whoever sees only some of its entries can have all of it checked.
    with call.app.db.read() as session:
        verdict = verify_all(session)
        head = session.scalar(select(AuditHead.chain))
    alarm(call.app, actor, verdict)
    document = {"ok": verdict.ok, "checked": verdict.checked, "seq": verdict.seq, "message": verdict.message, "chain": head}
    call.answer(document, lambda: [verdict.message, *([f"The chain ends in {head}"] if verdict.ok else [])])
    finish(0 if verdict.ok else REFUSED)


def _entries(session: Session, since: datetime | None, until: datetime | None) -> Iterator[Document]:
    statement = select(AuditEntry).order_by(AuditEntry.seq)
    if since is not None:
        statement = statement.where(AuditEntry.at >= since)
    if until is not None:
        statement = statement.where(AuditEntry.at < until)
    for entries in session.scalars(statement.execution_options(yield_per=_MOST)).partitions():
        for entry in entries:
            yield {**audit_document(entry), "salt": entry.salt, "digest": entry.digest, "chain": entry.chain}


def _rows(session: Session, since: datetime | None, until: datetime | None) -> Iterator[list[str]]:
    names: list[str] = []
    for entry in _entries(session, since, until):
        if not names:
            names = list(entry)
            yield names
        yield [_text(entry[name]) for name in names]


def _text(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _short(payload: Any) -> str:
    return "(erased)" if payload is None else plain(json.dumps(payload, ensure_ascii=False))[:120]


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at else None
