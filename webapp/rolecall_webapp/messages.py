"""Pages of all messages to people: what waits, was sent, bounced and why, and what somebody decides about one (R19, R40, R42).

Owns words and looks. Which messages can be sent again is for ``work.delivery.again``; what a message says is shown nowhere.
"""

from collections.abc import Mapping

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.accounts import messages
from rolecall.errors import Invalid, Refused
from rolecall.store import deliveries_query
from rolecall.store.cursors import LARGEST_ID
from rolecall.store.deliveries_query import Filters, MessageRow
from rolecall.work.delivery import again
from rolecall_webapp.account_messages import STATES, called, why_they_wait
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import SIZE, address, asked, by_cursor
from rolecall_webapp.parts import (
    Button,
    Buttons,
    Cell,
    Chip,
    Empty,
    Facts,
    FilterBar,
    FilterField,
    Head,
    Link,
    Note,
    Part,
    Row,
    State,
    Table,
    Tile,
    Tiles,
    cell,
)  # fmt: skip

pages = Blueprint("messages", __name__, url_prefix="/messages")

_CHANNELS = {messages.EMAIL: "E-mail", messages.PHONE: "SMS"}
#: What a list of messages is narrowed by, as the address has it.
WORDS = {"state": "State", "kind": "Message", "channel": "By", "account": "Account number", "run": "Run number"}
_DECIDE = State(word="Somebody has to decide", look="wait")
_ASK = "Ask whether it arrived, or look for its name at the mail server or gateway. Then decide."
_TWICE = "Sent again, whoever got the first one gets another, and an older link stops working."
_FRESH = "Another one goes to the address as it is now, with a fresh link where it has one."


@pages.get("")
@needs("messages:view")
def index() -> ResponseReturnValue:
    """The messages, newest first, with how many there are in each state."""
    words = asked(request.args, WORDS)
    filters = filters_of(words)
    counted = deliveries_query.counts(g.db, filters)
    total = counted.get(filters.state, 0) if filters.state else sum(counted.values())
    cursor = request.args.get("after")
    found = deliveries_query.page(g.db, filters, related=again.RELATED, limit=SIZE, cursor=cursor)
    pager = by_cursor(cursor, found.next, "messages.index", words, name="after")
    heads = [Head(label=label) for label in ("Message", "Who", "To", "State", "When")]
    empty = Empty(
        kind="match" if words else "nothing",
        text="No message matches all of these filters." if words else "No message has been sent to anybody yet.",
        links=[Link(label="Clear all", href=url_for("messages.index"))] if words else [],
    )
    chips = [
        Chip(label=f"{WORDS[name]}: {spoken(name, value)}", remove=address("messages.index", {**words, name: ""}))
        for name, value in words.items()
    ]
    return render_template(
        "list.html",
        title="Messages",
        note="What people are sent, and what became of it. What a message says is not kept.",
        before=[_tiles(words, counted), *_waiting(found.rows), *_all_again(words, counted)],
        bar=_bar(words),
        sentence="1 message" if total == 1 else f"{total:,} messages",
        chips=chips,
        clear=url_for("messages.index"),
        rows=Table(caption="Messages", heads=heads, rows=[_row(each) for each in found.rows], pager=pager, empty=empty),
    )


@pages.get("/<int(max=2147483647):message_id>")
@needs("messages:view")
def page(message_id: int) -> ResponseReturnValue:
    """One message, and what can be done about it."""
    row = again.load(g.db, message_id)
    each = row.delivery
    waits = each.state == messages.QUEUED
    facts = [
        ("Who", _who(row)),
        ("To", cell(each.address)),
        ("By", cell(_CHANNELS.get(each.channel, each.channel), plain=True)),
        ("Queued", Cell(at=each.created_at)),
        *([("Ended", Cell(at=each.settled_at))] if each.settled_at else []),
        ("Attempts", cell(each.attempts, plain=True)),
        *([("Next attempt", Cell(at=each.not_before))] if waits and each.not_before else []),
        *([("Why", cell(each.error))] if each.error else []),
        *([("Run", _run(each.run_id))] if each.run_id else []),
        *([("Name of it at servers", cell(each.message_id, whole=True))] if each.message_id else []),
    ]
    parts: list[Part] = [*(why_they_wait([each.channel]) if waits else []), *_choices(row), Facts(title="Message", facts=facts)]
    states = [STATES[each.state], *([_DECIDE] if again.is_open(row) else [])]
    return render_template("page.html", title=called(each.kind), kicker=f"Message {each.id}", states=states, parts=parts)


@pages.post("/<int(max=2147483647):message_id>/again")
@needs("messages:edit")
def send_again(message_id: int) -> ResponseReturnValue:
    """Send it once more, or try it now where it waits."""
    try:
        number = again.send_one_again(application(), g.actor, message_id)
    except Refused as error:
        return _refused(message_id, error)
    say("It is tried now." if number == message_id else "It is sent again. This is the new message.")
    return redirect(url_for("messages.page", message_id=number), 303)


@pages.post("/<int(max=2147483647):message_id>/sent")
@needs("messages:edit")
def mark_sent(message_id: int) -> ResponseReturnValue:
    """Decide that an unknown one was sent."""
    try:
        again.mark_sent(application(), g.actor, message_id)
    except Refused as error:
        return _refused(message_id, error)
    say("It counts as sent.")
    return redirect(url_for("messages.page", message_id=message_id), 303)


def _refused(message_id: int, error: Refused) -> ResponseReturnValue:
    say(" ".join(filter(None, (error.message, error.hint))), "bad")
    return redirect(url_for("messages.page", message_id=message_id), 303)


def _choices(row: MessageRow) -> list[Part]:
    """What can be done, as buttons with what follows; where nothing can, the reason."""
    each, why = row.delivery, again.why_not_again(row)
    if not may("messages:edit"):
        return []
    once_more = url_for("messages.send_again", message_id=each.id)
    if why is not None:
        button = Button(label="Send again", href="", why_not=why)
        return [Buttons(groups=[("", [button])], title="Not possible now (1)", folded=True)] if each.state != messages.SENT else []
    if each.state == messages.QUEUED:
        return [Buttons(groups=[("", [Button(label="Try now", href=once_more, post=True)])])]
    again_button = Button(label="Send again", href=once_more, post=True)
    if not again.is_open(row):
        note = Note(text="This message can be sent again.", hint=_FRESH)
        return [note, Buttons(groups=[("", [again_button])])]
    sent = Button(label="It was sent", href=url_for("messages.mark_sent", message_id=each.id), post=True)
    note = Note(text="Nobody knows whether this message was sent.", look="wait", hint=f"{_ASK} {_TWICE}")
    return [note, Buttons(groups=[("", [sent, again_button])])]


def _row(row: MessageRow) -> Row:
    each = row.delivery
    when = each.settled_at or each.created_at
    states = [STATES[each.state], *([_DECIDE] if again.is_open(row) else [])]
    return Row(
        cells=[
            Cell(text=called(each.kind), href=url_for("messages.page", message_id=each.id), plain=True),
            _who(row),
            cell(each.address, note=_CHANNELS.get(each.channel, "")),
            Cell(states=states, note=each.error or ""),
            Cell(at=when),
        ]
    )


def _who(row: MessageRow) -> Cell:
    href = url_for("accounts.overview", account_id=row.delivery.account_id) if may("accounts:view") else None
    return Cell(text=row.name or row.username, note=row.username, href=href)


def _run(run_id: int) -> Cell:
    return Cell(text=f"Run {run_id}", href=url_for("runs.page", run_id=run_id), plain=True)


def _tiles(words: Mapping[str, str], counted: Mapping[str, int]) -> Tiles:
    """A number for each state; the one that is chosen leads back to everything."""
    return Tiles(
        tiles=[
            Tile(
                label=state.word,
                number=counted.get(name, 0),
                href=address("messages.index", {**words, "state": "" if words.get("state") == name else name}),
                look=state.look,
                current=words.get("state") == name,
            )
            for name, state in STATES.items()
        ]
    )


def _all_again(words: Mapping[str, str], counted: Mapping[str, int]) -> list[Part]:
    """The way to sending all of these again, where some of them surely did not arrive."""
    state = words.get("state", "")
    lost = sum(counted.get(each, 0) for each in (messages.BOUNCED, messages.SKIPPED) if state in ("", each))
    if not lost or not may("messages:edit"):
        return []
    return [Buttons(groups=[("", [Button(label="Send all of these again …", href=address("messages_again.index", words))])])]


def _waiting(rows: tuple[MessageRow, ...]) -> list[Part]:
    return why_they_wait([each.delivery.channel for each in rows if each.delivery.state == messages.QUEUED])


def _bar(words: Mapping[str, str]) -> FilterBar:
    kinds = [(each.id, each.label) for each in g.view.templates.values()]
    fields = [
        FilterField(
            id="state", label=WORDS["state"], options=[(name, each.word) for name, each in STATES.items()], value=words.get("state", "")
        ),
        FilterField(id="kind", label=WORDS["kind"], options=kinds, value=words.get("kind", "")),
        FilterField(id="channel", label=WORDS["channel"], options=list(_CHANNELS.items()), value=words.get("channel", "")),
        FilterField(id="account", label=WORDS["account"], value=words.get("account", ""), advanced=True),
        FilterField(id="run", label=WORDS["run"], value=words.get("run", ""), advanced=True),
    ]
    return FilterBar(action=url_for("messages.index"), fields=fields)


def spoken(name: str, value: str) -> str:
    """Say a value of a filter in the words of the page."""
    if name == "state":
        return STATES[value].word
    return _CHANNELS[value] if name == "channel" else called(value) if name == "kind" else value


def filters_of(words: Mapping[str, str]) -> Filters:
    """Return what the address asks for.

    :raises Invalid: for a state, a channel or a number that there is not.
    """
    for name, known in (("state", list(STATES)), ("channel", list(_CHANNELS))):
        if words.get(name, known[0]) not in known:
            raise Invalid(f"{words[name][:40]} is no {name} of a message.", hint=f"There are {', '.join(known)}.")
    return Filters(
        state=words.get("state", ""),
        kind=words.get("kind", "")[:60],
        channel=words.get("channel", ""),
        account_id=_number(words, "account"),
        run_id=_number(words, "run"),
    )


def _number(words: Mapping[str, str], name: str) -> int | None:
    text = words.get(name, "")
    if text and not (text.isascii() and text.isdigit() and int(text[:11]) <= LARGEST_ID):
        raise Invalid(f"{WORDS[name]} is a whole number.", hint="It stands in the address of the account or the run.")
    return int(text) if text else None
