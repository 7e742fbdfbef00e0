"""``rolecall sync compare``: what is at a provider beside what is here, what was changed there, and decisions about it (R64, R65)."""

import time
from collections.abc import Iterator
from typing import Any

import click

from rolecall.cli.face import DONE, REFUSED, Face, Misused, face, find_account, finish, is_terminal
from rolecall.cli.output import count, plain, table
from rolecall.cli.plugins import find_plugin
from rolecall.cli.sync import sync
from rolecall.store.cursors import read_cursor, write_cursor
from rolecall.work.documents import Document
from rolecall.work.sync.comparison import job
from rolecall.work.sync.comparison.decisions import DECISIONS, decide, decide_all
from rolecall.work.sync.comparison.documents import comparison_document, match_document
from rolecall.work.sync.comparison.reading import VERDICTS, Wanted, lines

#: Seconds between two looks at a comparison that a worker carries out.
_LOOK = 0.5


@sync.command("compare")
@click.argument("provider", metavar="PROVIDER")
@click.option(
    "--changes", is_flag=True, help="Ask only what changed there since the last comparison; where it cannot tell, read everything."
)
def compare(provider: str, changes: bool) -> None:
    """Compare the accounts at a provider with those here: which belong together, and what was changed there. Nothing is sent."""
    call = face()
    actor = call.require("integrations:edit")
    name = find_plugin(call, provider).name
    job.start(call.app, actor, name, job.CHANGES if changes else job.FULL)
    document = _follow(call, name)
    call.answer(document, lambda: _summary(document))
    finish(DONE if document["state"] == "done" else REFUSED)


@sync.command("matches")
@click.argument("provider", metavar="PROVIDER")
@click.option("--verdict", type=click.Choice(list(VERDICTS)), help="Only lines that say this.")
@click.option("--drifted", is_flag=True, help="Only linked accounts that were changed at the provider.")
@click.option("--decided", type=click.Choice(["yes", "no"]), help="Only lines that somebody has decided about, or nobody has.")
@click.option("--q", metavar="TEXT", default="", help="A part of a name, user name or e-mail of either side.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Lines at most.")
@click.option("--cursor", help="Where the page before ended.")
def show_matches(provider: str, verdict: str | None, drifted: bool, decided: str | None, q: str, limit: int, cursor: str | None) -> None:
    """List the lines of the last comparison."""
    call = face()
    call.require("integrations:view")
    name = find_plugin(call, provider).name
    wanted = Wanted(verdict=verdict, drifted=drifted, decided=None if decided is None else decided == "yes", text=q)
    after = read_cursor(cursor, (int,))[0] if cursor else 0
    with call.read() as session:
        found, total = lines(session, name, wanted, after=after, limit=limit + 1)
        items = [match_document(each) for each in found[:limit]]
    more = write_cursor([items[-1]["id"]]) if len(found) > limit else None
    columns: dict[str, Any] = {"line": "id", "": "verdict", "here": _here, "there": _there, "decided": "decision", "because": _because}
    call.answer_list(items, columns, none="There is no such line.", total=total, following=more)


@sync.command("decide")
@click.argument("provider", metavar="PROVIDER")
@click.argument("decision", metavar="DECISION", type=click.Choice(list(DECISIONS)))
@click.option("--line", "ids", type=int, metavar="ID", multiple=True, help="About this line; may be given several times.")
@click.option("--all", "everything", is_flag=True, help="About all undecided lines that it applies to: adopt, repair and accept.")
@click.option("--overwrite", is_flag=True, help="Adopt: send at once what differs, instead of with the account's next change.")
@click.option("--account", metavar="USERNAME", help="Adopt: for this account, whoever the line names.")
def decide_about(provider: str, decision: str, ids: tuple[int, ...], everything: bool, overwrite: bool, account: str | None) -> None:
    """Decide about lines of the last comparison: adopt, ignore, separate, reopen; repair, accept; create."""
    call = face()
    actor = call.require("integrations:edit", *DECISIONS[decision].permissions)
    name = find_plugin(call, provider).name
    if bool(ids) == everything or (account is not None and len(ids) != 1):
        raise Misused("Give the lines with --line, or --all; and with --account exactly one line.")
    account_id = None
    if account is not None:
        with call.read() as session:
            account_id = find_account(session, account).id
    if everything:
        number = decide_all(call.app, actor, name, decision, overwrite=overwrite)
    else:
        for each in ids:
            decide(call.app, actor, name, each, decision, overwrite=overwrite, account_id=account_id)
        number = len(ids)
    call.answer({"decided": number}, f"{DECISIONS[decision].label}: {count(number, 'line')}.")


def _follow(call: Face, provider: str) -> Document:
    """Carry the comparison out, or watch whoever does, until it has ended."""
    if is_terminal():
        click.echo("The accounts there are read ...", err=True)
    while True:
        if not job.compare(call.app, provider):
            time.sleep(_LOOK)
        with call.read() as session:
            document = comparison_document(session, provider)
        if document["state"] in ("done", "failed"):
            return document


def _summary(document: Document) -> Iterator[str]:
    if document["state"] == "failed":
        yield f"The comparison failed: {plain(document['error'])}"
        if document["compared_at"]:
            yield f"What follows is of the one before, of {document['compared_at'][:16].replace('T', ' ')}."
    if document["warning"]:
        yield plain(document["warning"])
    if document["compared_at"]:
        yield from table(
            ["", "lines", "undecided"],
            [[label, f"{document['counts'][word]:,}", f"{document['undecided'][word]:,}"] for word, label in VERDICTS.items()],
        )
        yield f"{count(document['drifted'], 'linked account was', 'linked accounts were')} changed there. Nothing was sent."


def _here(item: Document) -> str:
    return item["account"]["username"] if item["account"] else ""


def _there(item: Document) -> str:
    names = [str(value) for value in item["remote"].values() if isinstance(value, str) and value]
    return f"{item['external_id']}: {', '.join(names[:3])}" if item["external_id"] else ""


def _because(item: Document) -> str:
    changed = "; ".join(f"{name}: {each['before']} → {each['after']}" for name, each in item["drift"].items())
    return item["reason"] or changed
