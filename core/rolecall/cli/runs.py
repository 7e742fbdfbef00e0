"""``rolecall runs``: what was done, with the result of every account; go on, stop, take back, hand out what was generated."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rolecall.cli.face import Face, Misused, face
from rolecall.cli.frame import Words
from rolecall.cli.output import count, plain, print_csv, table
from rolecall.cli.progress import answer_run, lines, run_cells
from rolecall.cli.slips import write_slips
from rolecall.store.tables import Run, RunItem
from rolecall.work.runs import control
from rolecall.work.runs.documents import Document, changes_in_words, item_documents, items_query, run_document, run_documents
from rolecall.work.runs.secrets import fetch_secrets
from rolecall.work.runs.undo import start_undo

_LIMIT = 50
_MOST = 1_000
#: Results that are shown without --csv or --json.
_SHOWN = 50


@click.group(cls=Words, default="list", numbered="show")
def runs() -> None:
    """What was done to accounts and people; a number shows one run with the result of every account."""


@runs.command("list")
@click.option("--limit", default=_LIMIT, show_default=True, type=click.IntRange(1, _MOST), help="Rows of a page.")
@click.option("--cursor", help="Go on where an earlier page ended.")
def list_runs(limit: int, cursor: str | None) -> None:
    """List the runs, the newest first."""
    call = face()
    actor = call.actor
    before = _number(cursor)
    with call.read() as session:
        statement = select(Run)
        if not actor.may("runs:view"):
            statement = statement.where(Run.actor == actor.name)
        total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
        if before:
            statement = statement.where(Run.id < before)
        found = session.scalars(statement.order_by(Run.id.desc()).limit(limit + 1)).all()
        items = run_documents(session, found[:limit])
    following = str(items[-1]["id"]) if len(found) > limit else None
    call.answer_list(items, run_cells(), none="Nothing was done yet.", total=total, following=following)


@runs.command("show")
@click.argument("run_id", metavar="ID", type=int)
@click.option("--csv", "as_csv", is_flag=True, help="Print the result of every account as CSV.")
@click.option("--items", "as_items", is_flag=True, help="List the results instead of the run.")
@click.option("--limit", default=_LIMIT, show_default=True, type=click.IntRange(1, _MOST), help="Results of a page.")
@click.option("--cursor", help="Go on where an earlier page of results ended.")
def show_run(run_id: int, as_csv: bool, as_items: bool, limit: int, cursor: str | None) -> None:
    """Show a run. “rolecall runs 12” does the same."""
    call = face()
    with call.read() as session:
        run = control.find_run(session, call.actor, run_id)
        if as_csv:
            print_csv(_export(session, run_id))
            return
        document = run_document(session, run)
        found = item_documents(session, _after(run_id, _number(cursor)).limit(limit + 1)) if as_items else []
    if as_items:
        _answer_items(call, document, found, limit)
        return
    call.answer(document, lambda: [*lines(call, document), *_items(call, run_id)])


@runs.command("resume")
@click.argument("run_id", metavar="ID", type=int)
@click.option("--failed", is_flag=True, help="Try the failed accounts again too.")
def resume_run(run_id: int, failed: bool) -> None:
    """Go on with a run that was stopped, failed or was left behind by a process that died."""
    call = face()
    with call.read() as session:
        run = control.find_run(session, call.actor, run_id, verb="edit")
    if run.state not in ("queued", "running") or run.stop_requested:
        control.resume(call.app, call.actor, run_id, failed=failed)
    answer_run(call, run_id)


@runs.command("stop")
@click.argument("run_id", metavar="ID", type=int)
def stop_run(run_id: int) -> None:
    """Stop a run after the batch it is in; what is done stays done."""
    call = face()
    control.stop(call.app, call.actor, run_id)
    with call.read() as session:
        document = run_document(session, session.get_one(Run, run_id))
    call.answer(document, f"Run {run_id} will stop." if document["state"] == "running" else f"Run {run_id} is stopped.")


@runs.command("undo")
@click.argument("run_id", metavar="ID", type=int)
@click.option("--yes", is_flag=True, help="Ask nothing.")
def undo_run(run_id: int, yes: bool) -> None:
    """Take a run back, for the accounts that still are as it left them."""
    call = face()
    with call.read() as session:
        document = run_document(session, control.find_run(session, call.actor, run_id))
    call.agree(f"Take run {run_id} ({document['action']}) back for {count(document['counts']['done'], 'account')}?", yes=yes)
    answer_run(call, start_undo(call.app, call.actor, run_id))


@runs.command("secrets")
@click.argument("run_id", metavar="ID", type=int)
@click.option("--csv", "as_csv", is_flag=True, help="Print them as CSV.")
@click.option("--pdf", "pdf_file", type=click.Path(path_type=Path), help="Write slips to print into a new PDF.")
@click.option("--html", "html_file", type=click.Path(path_type=Path), help="Write slips to print into a new HTML file.")
def show_secrets(run_id: int, as_csv: bool, pdf_file: Path | None, html_file: Path | None) -> None:
    """Show what a run generated for its author, new passwords for example. It can be shown once, within 24 hours."""
    call = face()
    if sum((as_csv, pdf_file is not None, html_file is not None)) > 1:
        raise Misused("--csv, --pdf and --html exclude each other: what a run generated is handed out once.")
    if file := pdf_file or html_file:
        slips = write_slips(call.app, call.actor, run_id, file, form="html" if pdf_file is None else "pdf")
        call.answer({"file": str(file), "slips": slips}, f"Wrote {count(slips, 'slip')} into {plain(file)}, which only you can read.")
        return
    handed = fetch_secrets(call.app, call.actor, run_id)
    if as_csv:
        rows = [["name", "username", "secret"], *([each.name, each.username, each.secret] for each in handed)]
        print_csv(rows)
        return
    items = [
        {"n": each.n, "account": {"id": each.account_id, "username": each.username, "name": each.name}, "secret": each.secret}
        for each in handed
    ]
    columns: dict[str, Any] = {
        "name": lambda each: each["account"]["name"], "user name": lambda each: each["account"]["username"], "secret": "secret",
    }  # fmt: skip
    call.answer_list(items, columns, none="There is nothing to show.")


def _answer_items(call: Face, document: Document, found: Sequence[Document], limit: int) -> None:
    columns: dict[str, Any] = {"": "n", "who": _who, "outcome": "outcome", "what": _what}
    following = str(found[limit - 1]["n"]) if len(found) > limit else None
    call.answer_list(found[:limit], columns, none="It has no items.", total=sum(document["counts"].values()), following=following)


def _items(call: Face, run_id: int) -> Iterator[str]:
    with call.read() as session:
        found = item_documents(session, items_query(run_id).limit(_SHOWN + 1))
    if not found:
        return
    yield ""
    rows = [[str(item["n"]), _who(item), item["outcome"], _what(item)] for item in found[:_SHOWN]]
    yield from table(["", "who", "outcome", "what"], rows)
    if len(found) > _SHOWN:
        yield f"The first {_SHOWN}; “rolecall runs {run_id} --csv” has all of them."


def _who(item: Mapping[str, Any]) -> str:
    if item["account"]:
        return plain(item["account"]["username"])
    return plain(f"{item['person']['list']}/{item['person']['code']}") if item["person"] else ""


def _what(item: Mapping[str, Any]) -> str:
    changes = "; ".join(f"{field}: {before} → {after}" for field, before, after in changes_in_words(item["before"], item["after"]))
    return plain(" ".join(part for part in (item["message"], changes) if part))


def _export(session: Session, run_id: int) -> Iterator[list[str]]:
    yield ["n", "username", "list", "code", "name", "outcome", "reason", "message", "changes"]
    after = 0
    while found := item_documents(session, _after(run_id, after).limit(_MOST)):
        for item in found:
            account, person = item["account"] or {}, item["person"] or {}
            changes = "; ".join(f"{field}: {before} → {now}" for field, before, now in changes_in_words(item["before"], item["after"]))
            yield [
                str(item["n"]), account.get("username") or "", person.get("list") or "", person.get("code") or "",
                account.get("name") or person.get("name") or "", item["outcome"], item["code"] or "", item["message"] or "", changes,
            ]  # fmt: skip
        after = found[-1]["n"]


def _after(run_id: int, n: int) -> Any:
    return items_query(run_id).where(RunItem.n > n)


def _number(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise Misused("This page of the list does not exist.", hint="Begin again at the first page.")
    return int(cursor)
