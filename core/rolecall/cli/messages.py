"""``rolecall messages``: what became of messages to people, sending again, and deciding about those that are unknown (R19, R40, R42)."""

from collections.abc import Callable, Iterator
from typing import Any

import click

from rolecall.accounts.messages import EMAIL, PHONE, STATES
from rolecall.cli.face import REFUSED, Face, face, find_account, finish, is_terminal
from rolecall.cli.frame import Words
from rolecall.cli.output import count, plain, table
from rolecall.store import deliveries_query
from rolecall.store.deliveries_query import Filters
from rolecall.work.delivery import again, again_many, quotes

_MOST = 1_000
_NUMBER = click.IntRange(1, 2**31 - 1)


@click.group(cls=Words, default="list")
def messages() -> None:
    """Messages to people: list, send again, decide."""


_FILTERS = (
    click.option("--state", type=click.Choice(STATES), help="Only these."),
    click.option("--kind", default="", metavar="KIND", help="Such as invitation.account; “rolecall templates” lists them."),
    click.option("--channel", type=click.Choice([EMAIL, PHONE]), help="Only to e-mails, or to phones."),
    click.option("--account", "username", metavar="USERNAME", help="Only to the person of this account."),
    click.option("--run", "run_id", type=_NUMBER, metavar="ID", help="Only of one run."),
)


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that narrow messages."""
    for each in reversed(_FILTERS):
        command = each(command)
    return command


def _chosen(call: Face, *, state: str | None, kind: str, channel: str | None, username: str | None, run_id: int | None) -> Filters:
    account_id = None
    if username:
        with call.read() as session:
            account_id = find_account(session, username).id
    return Filters(state=state or "", kind=kind, channel=channel or "", account_id=account_id, run_id=run_id)


@messages.command("list")
@_filtered
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, _MOST), help="Rows of a page.")
@click.option("--cursor", help="Go on where an earlier page ended.")
def list_messages(limit: int, cursor: str | None, **words: Any) -> None:
    """List messages, the newest first."""
    call = face()
    call.require("messages:view")
    chosen = _chosen(call, **words)
    with call.read() as session:
        found = deliveries_query.page(session, chosen, related=again.RELATED, limit=limit, cursor=cursor)
        counted = deliveries_query.counts(session, chosen)
        view = call.app.plugins.view(session)
        items = [again.document(each, view) for each in found.rows]
    columns: dict[str, Any] = {
        "id": "id", "at": lambda each: str(each["created_at"])[:19].replace("T", " "), "account": lambda each: each["account"]["username"],
        "to": "address", "message": "kind", "state": lambda each: f"{each['state']} (decide)" if each["to_decide"] else each["state"],
        "why": lambda each: each["error"] or "",
    }  # fmt: skip
    total = counted.get(chosen.state, 0) if chosen.state else sum(counted.values())
    call.answer_list(items, columns, none="No message matches.", total=total, following=found.next)


@messages.command("again")
@click.argument("ids", nargs=-1, required=True, type=_NUMBER, metavar="ID...")
def send_again(ids: tuple[int, ...]) -> None:
    """Send messages again that bounced, were not sent or are unknown, with a fresh link; those that wait are tried now."""
    call = face()
    actor = call.require("messages:edit")
    done = again.send_again(call.app, actor, ids)
    items = [{"id": each.id, "again_as": each.again_as, "why_not": each.why_not} for each in done]
    columns: dict[str, Any] = {"id": "id", "again as": "again_as", "why not": lambda each: each["why_not"] or ""}
    call.answer_list(items, columns, none="")
    finish(REFUSED if any(each.again_as is None for each in done) else 0)


@messages.command("again-all")
@_filtered
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--yes", is_flag=True, help="Agree, and ask nothing.")
@click.option("--expected", metavar="N", type=click.IntRange(min=0), help="Only if so many go out again.")
def send_all_again(dry_run: bool, yes: bool, expected: int | None, **words: Any) -> None:
    """Send everything again that matches and bounced or was not sent; those that are unknown are decided one by one."""
    call = face()
    actor = call.require("messages:edit")
    chosen = _chosen(call, **words)
    with call.read() as session:
        found = again_many.plan(call.app, session, call.app.plugins.view(session), actor, chosen)
    left = quotes.funds(call.app, found.quote.channel) if found.quote is not None and not yes else None
    document = again_many.plan_document(found, quotes.quote_document(found.quote, left))
    if dry_run:
        call.answer({**document, "sent": 0}, lambda: _plan_lines(found))
        return
    if found.will:
        if not yes and is_terminal():
            for line in _plan_lines(found):
                click.echo(line, err=True)
        call.agree(found.sentence, yes=yes)
    shown = found.will if expected is None else expected
    sent = again_many.send_all_again(call.app, actor, chosen, agreed=True, expected=shown)
    call.answer({**document, "sent": sent}, f"{count(sent, 'message')} of {found.total:,} will go out again.")


def _plan_lines(found: again_many.Plan) -> Iterator[str]:
    yield f"{count(found.total, 'message')} matched. {found.sentence}"
    if found.skipped:
        yield ""
        yield from table(["left", "because"], [[f"{each.count:,}", plain(each.message)] for each in found.skipped])


@messages.command("sent")
@click.argument("message_id", type=_NUMBER, metavar="ID")
def mark_sent(message_id: int) -> None:
    """Decide that an unknown message was sent."""
    call = face()
    actor = call.require("messages:edit")
    again.mark_sent(call.app, actor, message_id)
    _answer(call, message_id)


def _answer(call: Face, message_id: int) -> None:
    with call.read() as session:
        document = again.document(again.load(session, message_id), call.app.plugins.view(session))
    call.answer(document, f"Message {message_id} counts as sent.")
