"""Pages of the sync: how each provider is and what to do next, what waits and why, the plan; retry, pause, resume (R61, R63)."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.errors import Refused, Unknown
from rolecall.work import changes
from rolecall.work.sync import preview
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

pages = Blueprint("sync", __name__, url_prefix="/sync")

#: How each state of a link looks, in the order of the tiles.
_LOOKS = {"blocked": "bad", "retrying": "wait", "running": "wait", "queued": "wait"}
_WORDS = {"ok": ("Working", "ok"), "open": ("Not reachable", "bad"), "paused": ("Paused", "wait"), "held": ("Held", "wait")}
#: Accounts whose plan one page shows.
_PLANNED = 200


@pages.get("")
@needs("integrations:view")
def index() -> ResponseReturnValue:
    """One row per provider: its state in a word, what to do next, and the figures."""
    heads = [
        Head(label="Provider"),
        Head(label="State"),
        Head(label="What to do next"),
        Head(label="Pending", numeric=True),
        Head(label="Oldest"),
        Head(label="Blocked", numeric=True),
        Head(label="Last success"),
    ]
    link = Link(label="To the integrations", href=url_for("integrations.index"))
    empty = Empty(text="No provider is enabled.", hint="Set one up and enable it; its accounts are then kept in step.", links=[link])
    table = Table(caption="Providers", heads=heads, rows=[_row(each) for each in status(g.db, g.view)], empty=empty)
    return render_template("page.html", title="Sync", parts=[table])


@pages.get("/<name>")
@needs("integrations:view")
def provider(name: str) -> ResponseReturnValue:
    """One provider: what waits there, why, and since when."""
    found = _status(name)
    chosen = request.args.get("state", "")
    chosen = chosen if chosen in _LOOKS else ""
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
        for word, look in _LOOKS.items()
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
        Note(text=_next(found), look=_look(found)),
        Facts(facts=facts),
        Tiles(tiles=tiles),
        *_reasons(found),
        table,
    ]
    if may("integrations:edit"):
        parts.insert(1, Buttons(groups=[("", _verbs(found))]))
    return _draw(found, "provider", parts)


@pages.get("/<name>/plan")
@needs("integrations:view")
def plan(name: str) -> ResponseReturnValue:
    """What a sync would do, per account and field, before → after. Nothing is sent (R63)."""
    found = _status(name)
    try:
        lines = list(islice(preview.preview(application(), name), _PLANNED + 1))
    except Refused as error:
        return _draw(found, "plan", [Note(look="bad", text=error.message, hint=error.hint)]), 409
    table = Table(
        caption="The plan",
        heads=[Head(label=label) for label in ("Account", "What", "Before → after")],
        rows=[_line(each) for each in lines[:_PLANNED]],
        empty=Empty(text="Nothing would be sent.", hint="Every account is at the provider as it should be."),
    )
    cut = len(lines) > _PLANNED
    note = f"The first {_PLANNED} accounts. “rolecall sync plan {name} --json” has all of them." if cut else "Nothing was sent."
    return _draw(found, "plan", [Note(text=note), table])


@pages.post("/<name>/retry")
@needs("integrations:edit")
def retry(name: str) -> ResponseReturnValue:
    """Try again now what is blocked or waits: all of it, one account, or everybody with the same trouble."""
    _status(name)
    error = request.form.get("error", "")[:2_000]
    account = request.form.get("account", "")
    accounts: list[int] | None = None
    if error:
        accounts = list(accounts_with(g.db, name, error))
    elif account.isascii() and account.isdigit() and len(account) < 10:
        accounts = [int(account)]
    count = changes.retry_links(application(), g.actor, accounts=accounts, providers=[name])
    say("One account is tried again now." if count == 1 else f"{count:,} accounts are tried again now.", "ok" if count else "info")
    return redirect(url_for("sync.provider", name=name), 303)


@pages.post("/<name>/pause")
@needs("integrations:edit")
def pause(name: str) -> ResponseReturnValue:
    """Leave the provider alone; changes wait and none is lost."""
    label = _status(name).label
    changes.pause_provider(application(), g.actor, name)
    say(f"{label} is left alone until it is resumed. Changes wait; none is lost.")
    return redirect(url_for("sync.provider", name=name), 303)


@pages.post("/<name>/resume")
@needs("integrations:edit")
def resume(name: str) -> ResponseReturnValue:
    """Call the provider again."""
    label = _status(name).label
    changes.resume_provider(application(), g.actor, name)
    say(f"{label} is called again.")
    return redirect(url_for("sync.provider", name=name), 303)


def _status(name: str) -> ProviderStatus:
    found = next(iter(status(g.db, g.view, name)), None)
    if found is None:
        raise Unknown("There is no such provider.", hint="It must be enabled, or have accounts from the time when it was.")
    return found


def _draw(found: ProviderStatus, current: str, parts: Sequence[Part]) -> str:
    tabs = [
        Tab(label="What waits", href=url_for("sync.provider", name=found.provider), current=current == "provider", count=found.pending),
        Tab(label="Plan", href=url_for("sync.plan", name=found.provider), current=current == "plan"),
    ]
    return render_template("page.html", title=found.label, kicker="Sync", states=[_state(found)], tabs_=tabs, parts=parts)


def _row(each: ProviderStatus) -> Row:
    blocked = each.by_state.get("blocked", 0)
    where = address("sync.provider", {"state": "blocked"}, name=each.provider) if blocked else None
    return Row(
        off=not each.enabled,
        cells=[
            Cell(text=each.label, href=url_for("sync.provider", name=each.provider)),
            Cell(states=[_state(each)]),
            cell(_next(each)),
            cell(f"{each.pending:,}", plain=True, numeric=True),
            Cell(at=each.oldest) if each.oldest else cell("–", plain=True),
            Cell(text=f"{blocked:,}", href=where, plain=True, numeric=True),
            Cell(at=each.last_success_at) if each.last_success_at else cell("never", plain=True),
        ],
    )


def _state(each: ProviderStatus) -> State:
    if each.fault:
        return State(word="Cannot be used", look="bad")
    if not each.enabled:
        return State(word="Not enabled", look="off")
    word, look = _WORDS.get(each.state, (each.state.capitalize(), "info"))
    return State(word=word, look=look)


def _look(each: ProviderStatus) -> str:
    if each.fault or each.by_state.get("blocked"):
        return "bad"
    return "wait" if not each.enabled or each.state != "ok" else "info"


def _next(each: ProviderStatus) -> str:
    """What to do next, in a sentence."""
    if each.fault:
        return f"Mend its settings: {each.fault}"
    if not each.enabled:
        return "Nothing is sent. Enable the integration to go on."
    reason = each.reason or ""
    if each.state == "paused":
        return f"{reason} Resume it, or correct its settings: saving them resumes it too.".strip()
    if each.state == "open":
        return f"{reason} It is tried again by itself.".strip()
    blocked = each.by_state.get("blocked", 0)
    if blocked:
        return f"{blocked:,} {'account needs' if blocked == 1 else 'accounts need'} somebody: look at the reasons, mend them, retry."
    if each.pending:
        return "Nothing: the changes are on their way."
    return "Nothing: every account is in step."


def _verbs(found: ProviderStatus) -> list[Button]:
    name = found.provider
    waits = found.by_state.get("blocked", 0) + found.by_state.get("retrying", 0)
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
    if not found.reasons:
        return []
    heads = [Head(label="Why"), Head(label="Accounts", numeric=True)]
    rows = [Row(cells=[cell(each.text), cell(f"{each.count:,}", plain=True, numeric=True)]) for each in found.reasons]
    parts: list[Part] = [Table(title="What stands in the way", caption="What stands in the way", heads=heads, rows=rows)]
    if may("integrations:edit") and len(found.reasons) > 1:
        where = url_for("sync.retry", name=found.provider)
        again = [
            Button(label=f"Retry {each.count:,}: {_cut(each.text)}", href=where, post=True, values={"error": each.text})
            for each in found.reasons
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
                states=[State(word=each.state.capitalize(), look=_LOOKS.get(each.state, "info"))],
                note="" if each.goal == "present" else f"to be {each.goal}",
            ),
            cell(each.error, note=tries if each.attempts else ""),
            Cell(at=each.next_at) if each.next_at else cell("–", plain=True),
            Cell(at=each.since),
        ]
    )


def _line(line: preview.Line) -> Row:
    account = Cell(text=line.name or line.username, note=line.username, href=url_for("accounts.external", account_id=line.account_id))
    fields = "; ".join(_changed(name, before, after) for name, (before, after) in line.fields.items())
    what = State(word="No plan", look="bad") if line.error else State(word=line.verb.capitalize(), look="wait" if line.queued else "info")
    return Row(
        cells=[
            account if may("accounts:view") else cell(line.name or line.username, note=line.username),
            Cell(states=[what], note="due now" if line.queued else "with its next change"),
            cell(line.error or fields),
        ]
    )


def _changed(name: str, before: Any, after: Any) -> str:
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
