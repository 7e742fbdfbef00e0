"""Messages to an account's person, waiting, sent and refused, as a part of the account's page (R22, R40)."""

from flask import g, url_for

from rolecall.accounts import messages
from rolecall.store.tables import Delivery
from rolecall.work.delivery.channels import serving
from rolecall_webapp.frame import may
from rolecall_webapp.parts import Button, Buttons, Cell, Head, Note, Part, Row, State, Table, cell

#: How each state is called and looks.
STATES = {
    messages.QUEUED: State(word="Waits", look="wait"),
    messages.SENT: State(word="Sent", look="ok"),
    messages.DELIVERED: State(word="Delivered", look="ok"),
    messages.BOUNCED: State(word="Bounced", look="bad"),
    messages.SKIPPED: State(word="Not sent", look="off"),
    messages.UNKNOWN: State(word="Unknown", look="bad"),
}
#: The account's page shows the last ones; the rest is history.
_SHOWN = 10
_NEEDS = {"email": "No e-mail channel is set up, so messages wait.", "phone": "No channel to phones is set up, so messages wait."}


def recent(account_id: int) -> list[Part]:
    """The last messages and what became of them, with the reason why some wait; nothing where there are none."""
    found = messages.of_account(g.db, account_id, limit=_SHOWN)
    if not found:
        return []
    heads = [Head(label="Message"), Head(label="To"), Head(label="State"), Head(label="When")]
    table = Table(title="Messages", caption="Messages to this person", heads=heads, rows=[row(each) for each in found])
    every = Button(label="All messages to this person", href=url_for("messages.index", account=account_id))
    more = [Buttons(groups=[("", [every])])] if may("messages:view") else []
    return [table, *more, *why_they_wait([each.channel for each in found if each.state == messages.QUEUED])]


def row(each: Delivery) -> Row:
    """One message: what it says, to whom, how it is and why."""
    return Row(
        cells=[
            cell(called(each.kind), plain=True, href=url_for("messages.page", message_id=each.id) if may("messages:view") else None),
            cell(each.address),
            Cell(states=[STATES[each.state]], note=each.error or ""),
            Cell(at=each.settled_at or each.created_at),
        ]
    )


def called(kind: str) -> str:
    """What a kind of message is called; one whose plugin is not enabled by its id."""
    known = g.view.templates.get(kind)
    return known.label if known is not None else kind


def why_they_wait(channels: list[str]) -> list[Part]:
    """A sentence for each kind of address that messages wait for and nobody sends to."""
    served = serving(g.view)
    missing = [each for each in dict.fromkeys(channels) if each not in served]
    return [Note(text=_NEEDS[each], hint="They are sent as soon as there is one.", look="wait") for each in missing]
