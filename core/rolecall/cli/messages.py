"""``rolecall messages``: what became of messages to people, sending again, and deciding about those that are unknown (R19, R40, R42)."""

from typing import Any

import click

from rolecall.accounts.messages import EMAIL, PHONE, STATES
from rolecall.cli.face import REFUSED, Face, face, find_account, finish
from rolecall.cli.frame import Words
from rolecall.store import deliveries_query
from rolecall.store.deliveries_query import Filters
from rolecall.work.delivery import again

_MOST = 1_000
_NUMBER = click.IntRange(1, 2**31 - 1)


@click.group(cls=Words, default="list")
def messages() -> None:
    """Messages to people: list, send again, decide."""


@messages.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--kind", default="", metavar="KIND", help="Such as invitation.account; “rolecall templates” lists them.")
@click.option("--channel", type=click.Choice([EMAIL, PHONE]), help="Only to e-mails, or to phones.")
@click.option("--account", "username", metavar="USERNAME", help="Only to the person of this account.")
@click.option("--run", "run_id", type=_NUMBER, metavar="ID", help="Only of one run.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, _MOST), help="Rows of a page.")
@click.option("--cursor", help="Go on where an earlier page ended.")
def list_messages(
    state: str | None, kind: str, channel: str | None, username: str | None, run_id: int | None, limit: int, cursor: str | None
) -> None:
    """List messages, the newest first."""
    call = face()
    call.require("messages:view")
    with call.read() as session:
        chosen = Filters(
            state=state or "", kind=kind, channel=channel or "", account_id=find_account(session, username).id if username else None,
            run_id=run_id,
        )  # fmt: skip
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
