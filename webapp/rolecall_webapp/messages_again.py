"""The page on which everything that a filter of messages matches is sent again: counted first, and agreed to (R19, R40, R42).

Owns words and looks. Which messages that are is for ``work.delivery.again_many``.
"""

from collections.abc import Mapping, Sequence

from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from rolecall.errors import CountChanged, Refused
from rolecall.work.delivery import again_many, quotes
from rolecall_webapp.frame import application, needs
from rolecall_webapp.messages import WORDS, filters_of, spoken
from rolecall_webapp.notices import say
from rolecall_webapp.paging import address, asked, problems
from rolecall_webapp.parts import Confirm, Facts, Form, Note, Part, cell

pages = Blueprint("messages_again", __name__, url_prefix="/messages/again")


@pages.get("")
@needs("messages:edit")
def index() -> ResponseReturnValue:
    """Count what would go out again, what it costs, and why the others are left."""
    return _page(asked(request.args, WORDS))


@pages.post("")
@needs("messages:edit")
def send() -> ResponseReturnValue:
    """Send all of it again, if it is still as many as were shown."""
    words, expected = asked(request.args, WORDS), request.form.get("expected", "")
    filters = filters_of(words)
    if "agreed" not in request.form:
        return _page(words, {"agreed": ["Tick the box first."]}), 409
    number = int(expected) if expected.isascii() and expected.isdigit() and len(expected) < 10 else 0
    g.db.rollback()  # what is sent again is written in units of its own
    try:
        sent = again_many.send_all_again(application(), g.actor, filters, agreed=True, expected=number)
    except CountChanged as error:
        return _page(words, {"": [str(error)]}), 409
    except Refused as error:
        wrong, status = problems(error)
        return _page(words, wrong), status
    say("One message goes out again." if sent == 1 else f"{sent:,} messages go out again.")
    return redirect(address("messages.index", {**words, "state": ""}), 303)


def _page(words: Mapping[str, str], wrong: Mapping[str, Sequence[str]] | None = None) -> str:
    app = application()
    found = again_many.plan(app, g.db, g.view, g.actor, filters_of(words))
    left = None
    if found.quote is not None:
        g.db.rollback()  # no transaction stays open while the gateway takes its time
        left = quotes.funds(app, found.quote.channel)
    cost = quotes.quote_document(found.quote, left)
    facts = [("Filter", cell(", ".join(f"{WORDS[name]}: {spoken(name, value)}" for name, value in words.items()) or "all messages"))]
    facts += [("Messages that match", cell(f"{found.total:,}", plain=True)), ("Go out again", cell(f"{found.will:,}", plain=True))]
    facts += [(f"Left: {each.count:,}", cell(each.message)) for each in found.skipped]
    facts += [("What it costs", cell(cost["sentence"], whole=True))] if cost else []
    parts: list[Part] = [Facts(title="What would be sent", facts=facts)]
    back = address("messages.index", words)
    if cost and cost["enough"] is False:
        parts.append(Note(text="The credit is not enough.", look="bad", hint="Top the account at the gateway up, or choose fewer people."))
    if not found.will:
        hint = "What bounced or was not sent can be, unless a newer message followed."
        parts.append(Note(text="None of these can be sent again.", hint=hint))
        return render_template("page.html", title="Send messages again", parts=parts)
    form = Form(
        action=address("messages_again.send", words),
        fields=[],
        button="Send 1 message again" if found.will == 1 else f"Send {found.will:,} messages again",
        hidden={"expected": str(found.will)},
        errors=wrong or {},
        confirm=Confirm(grade="agree", text=f"{found.sentence} Older links of theirs stop working."),
        cancel=back,
    )
    return render_template("page.html", title="Send messages again", parts=[*parts, form])
