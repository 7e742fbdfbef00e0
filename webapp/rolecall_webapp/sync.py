"""Pages of the sync: how each provider is and what to do next, what waits and why, the plan; retry, pause, resume (R61, R63)."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.errors import Refused, Unknown
from rolecall.store.engine import now
from rolecall.work import changes
from rolecall.work.sync import health, preview, samples
from rolecall.work.sync.health import Health
from rolecall.work.sync.samples import Span
from rolecall.work.sync.status import ProviderStatus, status
from rolecall.work.sync.waiting import Waiting, accounts_with, waiting
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import SIZE, address, page_number, pager
from rolecall_webapp.parts import (
    Button,
    Buttons,
    Cell,
    Empty,
    Facts,
    Head,
    Link,
    Note,
    Part,
    Row,
    State,
    Tab,
    Table,
    Tile,
    Tiles,
    cell,
)  # fmt: skip
from rolecall_webapp.sync_health import look_of, state_of, watch

pages = Blueprint("sync", __name__, url_prefix="/sync")

#: How each state of a link looks, in the order of the tiles.
LOOKS = {"blocked": "bad", "retrying": "wait", "running": "wait", "queued": "wait"}
#: Accounts whose plan one page shows.
PLANNED = 200


@pages.get("")
@needs("integrations:view")
def index() -> ResponseReturnValue:
    """Each provider: its state in a word, what to do next and whose job that is, what waits, and how that was over time."""
    span = next((each for each in Span if each.word == request.args.get("span")), Span.DAY)
    every = [
        Tab(label=label, href=address("sync.index", {"span": "" if each is Span.DAY else each.word}), current=each is span)
        for each, label in ((Span.DAY, "24 hours"), (Span.MONTH, "30 days"))
    ]
    found = health.in_order(health.health(g.db, g.view))
    if found:
        moment = now(g.db)
        parts: list[Part] = [watch(each, samples.history(g.db, each.provider, span, moment), span) for each in found]
        return render_template("page.html", title="Sync", tabs_=every, parts=parts)
    link = Link(label="To the integrations", href=url_for("integrations.index"))
    nothing = Empty(text="No provider is enabled.", hint="Set one up and enable it; its accounts are then kept in step.", links=[link])
    return render_template("page.html", title="Sync", parts=[nothing])


@pages.get("/<name>")
@needs("integrations:view")
def provider(name: str) -> ResponseReturnValue:
    """One provider: what waits there, why, and since when."""
    found, how = status_of(name), health_of(name)
    chosen = request.args.get("state", "")
    chosen = chosen if chosen in LOOKS else ""
    page = page_number(request.args)
    rows, total = waiting(g.db, name, state=chosen or None, limit=SIZE, offset=(page - 1) * SIZE)
    tiles = [
        Tile(
            label=word,
            number=found.by_state.get(word, 0),
            look=look,
            current=word == chosen,
            href=address("sync.provider", {"state": "" if word == chosen else word}, name=name),
        )
        for word, look in LOOKS.items()
    ]
    facts: list[tuple[str, Cell]] = [
        ("Linked accounts", cell(f"{found.linked:,}", plain=True)),
        ("In step", cell(f"{found.by_state.get('done', 0):,}", plain=True)),
        ("Oldest that waits", Cell(at=found.oldest) if found.oldest else cell("nothing waits", plain=True)),
        ("Last success", Cell(at=found.last_success_at) if found.last_success_at else cell("never", plain=True)),
    ]
    table = Table(
        caption="What waits",
        title="What waits" if not chosen else f"What is {chosen}",
        heads=[Head(label=label) for label in ("Account", "State", "Why", "Next try", "Since")],
        rows=[_waiting(each) for each in rows],
        pager=pager(page, total, "sync.provider", {"state": chosen}, name=name),
        empty=Empty(text="Nothing waits." if not chosen else f"Nothing is {chosen}."),
    )
    parts: list[Part] = [
        *_held(found),
        Note(text=how.advice, hint=how.who, look=look_of(how)),
        Facts(facts=facts),
        Tiles(tiles=tiles),
        *_reasons(found),
        table,
    ]
    if may("integrations:edit"):
        parts.insert(len(_held(found)) + 1, Buttons(groups=[("", _verbs(found))]))
    return draw(found, "provider", parts, how)


@pages.get("/<name>/plan")
@needs("integrations:view")
def plan(name: str) -> ResponseReturnValue:
    """What a sync would do, per account and field, before → after. Nothing is sent (R63)."""
    found = status_of(name)
    try:
        lines = list(islice(preview.preview(application(), g.actor, name), PLANNED + 1))
    except Refused as error:
        return draw(found, "plan", [Note(look="bad", text=error.message, hint=error.hint)]), 409
    table = Table(
        caption="The plan",
        heads=[Head(label=label) for label in ("Account", "What", "Before → after")],
        rows=[_line(each) for each in lines[:PLANNED]],
        empty=Empty(text="Nothing would be sent.", hint="Every account is at the provider as it should be."),
    )
    cut = len(lines) > PLANNED
    note = f"The first {PLANNED} accounts. “rolecall sync plan {name} --json” has all of them." if cut else "Nothing was sent."
    return draw(found, "plan", [Note(text=note), table])


@pages.post("/<name>/retry")
@needs("integrations:edit")
def retry(name: str) -> ResponseReturnValue:
    """Try again now what is blocked or waits: all of it, classes too; one account; or everybody with the same trouble."""
    what = "change" if status_of(name).classes.linked else "account"
    error = request.form.get("error", "")[:2_000]
    account = request.form.get("account", "")
    accounts: list[int] | None = None
    if error:
        accounts = list(accounts_with(g.db, name, error))
    elif account.isascii() and account.isdigit() and len(account) < 10:
        accounts = [int(account)]
    count = changes.retry_links(application(), g.actor, accounts=accounts, providers=[name])
    say(f"One {what} is tried again now." if count == 1 else f"{count:,} {what}s are tried again now.", "ok" if count else "info")
    return redirect(url_for("sync.provider", name=name), 303)


@pages.post("/<name>/pause")
@needs("integrations:edit")
def pause(name: str) -> ResponseReturnValue:
    """Leave the provider alone; changes wait and none is lost."""
    label = status_of(name).label
    changes.pause_provider(application(), g.actor, name)
    say(f"{label} is left alone until it is resumed. Changes wait; none is lost.")
    return redirect(url_for("sync.provider", name=name), 303)


@pages.post("/<name>/resume")
@needs("integrations:edit")
def resume(name: str) -> ResponseReturnValue:
    """Call the provider again."""
    label = status_of(name).label
    changes.resume_provider(application(), g.actor, name)
    say(f"{label} is called again.")
    return redirect(url_for("sync.provider", name=name), 303)


def status_of(name: str) -> ProviderStatus:
    """Return how one provider is.

    :raises Unknown: when there is none of this name.
    """
    found = next(iter(status(g.db, g.view, name)), None)
    if found is None:
        raise Unknown("There is no such provider.", hint="It must be enabled, or have accounts from the time when it was.")
    return found


def health_of(name: str) -> Health:
    """Return how one provider is, in a word."""
    found = health.health(g.db, g.view, name)
    return found[0] if found else health.absent(name)


def draw(found: ProviderStatus, current: str, parts: Sequence[Part], how: Health | None = None) -> str:
    """Draw a page about one provider, with the tabs of the others."""
    states = [state_of(how or health_of(found.provider))]
    return render_template("page.html", title=found.label, kicker="Sync", states=states, tabs_=tabs(found, current), parts=parts)


def tabs(found: ProviderStatus, current: str) -> list[Tab]:
    """The pages about one provider; those of classes where it keeps some, that of the comparison where it can list its accounts."""
    shown = [
        Tab(label="What waits", href=url_for("sync.provider", name=found.provider), current=current == "provider", count=found.pending),
        Tab(label="Plan", href=url_for("sync.plan", name=found.provider), current=current == "plan"),
    ]
    if found.held:
        where = url_for("sync_held.index", name=found.provider)
        shown.append(Tab(label="Held", href=where, current=current == "held", count=found.held))
    if found.classes.linked:
        where = url_for("sync_classes.index", name=found.provider)
        shown.append(Tab(label="Classes", href=where, current=current == "classes", count=found.classes.pending))
        where = url_for("sync_classes.plan", name=found.provider)
        shown.append(Tab(label="Plan for classes", href=where, current=current == "class-plan"))
    kind = g.view.providers.get(found.provider)
    if kind is not None and kind.can("accounts"):
        where = url_for("sync_comparison.index", name=found.provider)
        shown.append(Tab(label="Comparison", href=where, current=current == "comparison"))
    return shown


def _held(found: ProviderStatus) -> list[Note]:
    """Say what the safety limits hold, wherever somebody looks for what waits (R62)."""
    if not found.held:
        return []
    link = Link(label="See who, and decide", href=url_for("sync_held.index", name=found.provider))
    return [Note(text=found.held_because, look="wait", links=[link])]


def _verbs(found: ProviderStatus) -> list[Button]:
    name = found.provider
    waits = sum(each.get("blocked", 0) + each.get("retrying", 0) for each in (found.by_state, found.classes.by_state))
    buttons = [Button(label="Settings", href=url_for("integrations.page", name=name))]
    if waits:
        retry_all = Button(label=f"Retry all {waits:,}" if waits > 1 else "Retry it", href=url_for("sync.retry", name=name), post=True)
        buttons.insert(0, retry_all)
    if found.enabled and found.state in ("paused", "open"):
        buttons.insert(0, Button(label="Resume", href=url_for("sync.resume", name=name), post=True, look="main"))
    elif found.enabled:
        buttons.append(Button(label="Pause", href=url_for("sync.pause", name=name), post=True, help="Changes wait until it is resumed"))
    return buttons


def _reasons(found: ProviderStatus) -> list[Part]:
    """Each kind of trouble with its number and, for who may, a retry of just these."""
    reasons = [each for each in found.reasons if each.of == "account"]
    if not reasons:
        return []
    heads = [Head(label="Why"), Head(label="Accounts", numeric=True)]
    rows = [Row(cells=[cell(each.text), cell(f"{each.count:,}", plain=True, numeric=True)]) for each in reasons]
    parts: list[Part] = [Table(title="What stands in the way", caption="What stands in the way", heads=heads, rows=rows)]
    if may("integrations:edit") and len(reasons) > 1:
        where = url_for("sync.retry", name=found.provider)
        again = [
            Button(label=f"Retry {each.count:,}: {_cut(each.text)}", href=where, post=True, values={"error": each.text}) for each in reasons
        ]
        parts.append(Buttons(groups=[("", again)]))
    return parts


def _waiting(each: Waiting) -> Row:
    account = Cell(text=each.name or each.username, note=each.username, href=url_for("accounts.external", account_id=each.account_id))
    tries = "1 attempt" if each.attempts == 1 else f"{each.attempts} attempts"
    return Row(
        cells=[
            account if may("accounts:view") else cell(each.name or each.username, note=each.username),
            Cell(
                states=[State(word=each.state.capitalize(), look=LOOKS.get(each.state, "info"))],
                note="" if each.goal == "present" else f"held, to be {each.goal}" if each.held else f"to be {each.goal}",
            ),
            cell(each.error, note=tries if each.attempts else ""),
            Cell(at=each.next_at) if each.next_at else cell("–", plain=True),
            Cell(at=each.since),
        ]
    )


def _line(line: preview.Line) -> Row:
    account = Cell(text=line.name or line.username, note=line.username, href=url_for("accounts.external", account_id=line.account_id))
    fields = "; ".join(changed(name, before, after) for name, (before, after) in line.fields.items())
    what = State(word="No plan", look="bad") if line.error else State(word=line.verb.capitalize(), look="wait" if line.queued else "info")
    return Row(
        cells=[
            account if may("accounts:view") else cell(line.name or line.username, note=line.username),
            Cell(states=[what], note="due now" if line.queued else "with its next change"),
            cell(line.error or fields),
        ]
    )


def changed(name: str, before: Any, after: Any) -> str:
    """A field of a plan in words: of a set what is taken away and what is added."""
    if isinstance(after, list):
        parts = [*(f"−{each}" for each in before or ()), *(f"+{each}" for each in after)]
        return f"{name}: {', '.join(parts) or '–'}"
    return f"{name}: {_text(before)} → {_text(after)}"


def _text(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
