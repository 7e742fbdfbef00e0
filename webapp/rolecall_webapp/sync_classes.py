"""Pages of the sync about classes at one provider: what waits and why, another try, the plan (R60a, R61, R63)."""

from itertools import islice

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from rolecall.errors import Refused
from rolecall.work import changes
from rolecall.work.sync.classes.preview import ClassLine, preview_classes
from rolecall.work.sync.classes.waiting import WaitingClass, classes_with, waiting_classes
from rolecall.work.sync.status import ProviderStatus
from rolecall_webapp.frame import application, may, needs
from rolecall_webapp.notices import say
from rolecall_webapp.paging import SIZE, address, page_number, pager
from rolecall_webapp.parts import Button, Buttons, Cell, Empty, Facts, Head, Note, Part, Row, State, Table, Tile, Tiles, cell
from rolecall_webapp.sync import LOOKS, PLANNED, changed, draw, status_of

pages = Blueprint("sync_classes", __name__, url_prefix="/sync")


@pages.get("/<name>/classes")
@needs("integrations:view")
def index(name: str) -> ResponseReturnValue:
    """The classes at a provider: how many stand how, and those that wait, with the reason."""
    found = status_of(name)
    state = request.args.get("state", "")
    state = state if state in LOOKS else ""
    page = page_number(request.args)
    rows, total = waiting_classes(g.db, name, state=state or None, limit=SIZE, offset=(page - 1) * SIZE)
    figures = found.classes
    tiles = [
        Tile(
            label=word,
            number=figures.by_state[word],
            look=look,
            current=word == state,
            href=address("sync_classes.index", {"state": "" if word == state else word}, name=name),
        )
        for word, look in LOOKS.items()
    ]
    facts = [
        ("Classes", cell(f"{figures.linked:,}", plain=True)),
        ("In step", cell(f"{figures.by_state['done']:,}", plain=True)),
        ("Oldest that waits", Cell(at=figures.oldest) if figures.oldest else cell("nothing waits", plain=True)),
    ]
    table = Table(
        caption="Classes that wait",
        title=f"Classes that are {state}" if state else "Classes that wait",
        heads=[Head(label=label) for label in ("Class", "State", "Why", "Next try", "Since")],
        rows=[_waiting(each) for each in rows],
        pager=pager(page, total, "sync_classes.index", {"state": state}, name=name),
        empty=Empty(text=f"No class is {state}." if state else "No class waits."),
    )
    parts: list[Part] = [
        Note(text=_next(found), look="bad" if figures.by_state["blocked"] else "info"),
        Facts(facts=facts),
        Tiles(tiles=tiles),
    ]
    return draw(found, "classes", [*parts, *_again(found), table])


@pages.get("/<name>/classes/plan")
@needs("integrations:view")
def plan(name: str) -> ResponseReturnValue:
    """What a sync would do to classes: before → after, who comes and who goes. Nothing is sent (R63)."""
    found = status_of(name)
    try:
        lines = list(islice(preview_classes(application(), g.actor, name), PLANNED + 1))
    except Refused as error:
        return draw(found, "class-plan", [Note(look="bad", text=error.message, hint=error.hint)]), 409
    table = Table(
        caption="The plan for classes",
        heads=[Head(label=label) for label in ("Class", "What", "Before → after")],
        rows=[_line(each) for each in lines[:PLANNED]],
        empty=Empty(
            text="Nothing would be sent.", hint="Every class is at the provider as it should be, or none of its members is there yet."
        ),
    )
    cut = f"The first {PLANNED} classes. “rolecall sync plan {name} --json” has all of them."
    return draw(found, "class-plan", [Note(text=cut if len(lines) > PLANNED else "Nothing was sent."), table])


@pages.post("/<name>/classes/retry")
@needs("integrations:edit")
def retry(name: str) -> ResponseReturnValue:
    """Try again now what is blocked or waits: all classes, or those with the same trouble."""
    status_of(name)
    error = request.form.get("error", "")[:2_000]
    chosen = list(classes_with(g.db, name, error)) if error else [each.class_id for each in waiting_classes(g.db, name, limit=1_000_000)[0]]
    count = changes.retry_links(application(), g.actor, classes=chosen, providers=[name])
    say("One class is tried again now." if count == 1 else f"{count:,} classes are tried again now.", "ok" if count else "info")
    return redirect(url_for("sync_classes.index", name=name), 303)


def _next(found: ProviderStatus) -> str:
    blocked = found.classes.by_state["blocked"]
    if blocked:
        return f"{blocked:,} {'class needs' if blocked == 1 else 'classes need'} somebody: look at the reasons, mend them, retry."
    if found.classes.pending:
        return "Nothing to do: the changes are on their way."
    return "Nothing to do: every class is in step. A class of which no member is at the provider yet is made as soon as one is."


def _again(found: ProviderStatus) -> list[Part]:
    """A retry of everything, and of each kind of trouble where there are several."""
    if not may("integrations:edit"):
        return []
    where = url_for("sync_classes.retry", name=found.provider)
    waits = found.classes.by_state["blocked"] + found.classes.by_state["retrying"]
    buttons = [Button(label=f"Retry all {waits:,}" if waits > 1 else "Retry it", href=where, post=True)] if waits else []
    reasons = [each for each in found.reasons if each.of == "class"]
    if len(reasons) > 1:
        buttons += [
            Button(label=f"Retry {each.count:,}: {each.text[:60]}", href=where, post=True, values={"error": each.text}) for each in reasons
        ]
    return [Buttons(groups=[("", buttons)])] if buttons else []


def _waiting(each: WaitingClass) -> Row:
    tries = "1 attempt" if each.attempts == 1 else f"{each.attempts} attempts"
    state = State(word=each.state.capitalize(), look=LOOKS.get(each.state, "info"))
    return Row(
        cells=[
            cell(each.name, note=f"{each.code}, {each.period}"),
            Cell(states=[state], note="" if each.goal == "present" else f"to be {each.goal}"),
            cell(each.error, note=tries if each.attempts else ""),
            Cell(at=each.next_at) if each.next_at else cell("–", plain=True),
            Cell(at=each.since),
        ]
    )


def _line(line: ClassLine) -> Row:
    fields = [changed(name, before, after) for name, (before, after) in line.fields.items()]
    if "members" not in line.fields and (line.added or line.removed):
        fields.append(f"members: −{line.removed:,}, +{line.added:,}")
    what = State(word="No plan", look="bad") if line.error else State(word=line.verb.capitalize(), look="wait" if line.queued else "info")
    return Row(
        cells=[
            cell(line.name, note=f"{line.code}, {line.period}"),
            Cell(states=[what], note="due now" if line.queued else "with its next change"),
            cell(line.error or "; ".join(fields)),
        ]
    )
